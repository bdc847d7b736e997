"""How a run's timeline tells of outputs under review."""

from __future__ import annotations

LABEL = "reviews.reviewitem"
TITLE = "Output for review"
DECISIONS = {  # colour, icon, word
    "reviews.approved": ("yes", "check", "approved"),
    "reviews.rejected": ("no", "x", "rejected"),
    "reviews.corrected": ("revise", "pencil-line", "corrected and approved"),
    "reviews.released": ("quiet", "shield-check", "let through without a review"),
    "reviews.cancelled": ("quiet", "ban", "cancelled"),
}
