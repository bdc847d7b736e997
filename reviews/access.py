"""Who may see the pages of reviews. Who may decide is a matter of reviews.rules."""

from __future__ import annotations

from pages.access import needs

for_viewers = needs(
    "reviews.view_reviewitem", "Outputs are shown to reviewers, auditors and operators."
)
