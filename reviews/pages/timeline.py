"""Lines about outputs under review in a run's timeline."""

from __future__ import annotations

from functools import partial

from pages.timeline import Timeline, decision, tell_question

TIMELINE = Timeline(
    events={
        "reviews.approved": decision("yes", "check", "approved"),
        "reviews.rejected": decision("no", "x", "rejected"),
        "reviews.corrected": decision("revise", "pencil-line", "corrected and approved"),
        "reviews.released": decision("quiet", "shield-check", "let through without a review"),
        "reviews.cancelled": decision("quiet", "ban", "cancelled"),
    },
    question=partial(tell_question, title="Output for review"),
)
