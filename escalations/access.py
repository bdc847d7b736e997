"""Who may see the pages of escalations. Who may answer is a matter of escalations.rules."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs(
    "escalations.view_escalation", "Escalations are shown to reviewers, auditors and operators."
)
