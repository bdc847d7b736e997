"""Who may see the pages of plans. Who may do what there is a matter of plans.rules."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs("plans.view_plan", "Plans are shown to reviewers, auditors and operators.")
