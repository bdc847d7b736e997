"""The permission that shows the pages of plans. plans.rules say who may do what there."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs("plans.view_plan", "Plans are shown to reviewers, auditors and operators.")
