"""Who may see the pages of approvals. Who may decide is a matter of approvals.rules."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs(
    "approvals.view_approvalrequest", "Requests are shown to reviewers, auditors and operators."
)
