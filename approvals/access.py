"""The permission that shows the pages of approvals. approvals.rules say who may decide."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs(
    "approvals.view_approvalrequest", "Requests are shown to reviewers, auditors and operators."
)
