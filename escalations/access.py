"""The permission that shows the pages of escalations. escalations.rules say who may answer."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs(
    "escalations.view_escalation", "Escalations are shown to reviewers, auditors and operators."
)
