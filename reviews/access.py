"""The permission that shows the pages of reviews. reviews.rules say who may decide."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs(
    "reviews.view_reviewitem", "Outputs are shown to reviewers, auditors and operators."
)
