"""Which subjects have cards: a new kind of question is one line here."""

from __future__ import annotations

from collections.abc import Mapping

from dashboard.live.approval_cards import APPROVALS
from dashboard.live.escalation_cards import ESCALATIONS
from dashboard.live.plan_cards import PLANS, TURNS
from dashboard.live.review_cards import REVIEWS
from dashboard.live.run_cards import DOUBTS, RUNS
from pages.cards import Kind

KINDS: Mapping[str, Kind] = {
    "approvals.approvalrequest": APPROVALS,
    "escalations.escalation": ESCALATIONS,
    "reviews.reviewitem": REVIEWS,
    "plans.plan": PLANS,
    "plans.planturn": TURNS,
    "ledger.run": RUNS,
    "doubt": DOUBTS,
}
LISTS = frozenset().union(*(kind.lists for kind in KINDS.values()))


def split(subject: str) -> tuple[str, int] | None:
    """The table and the key of a subject that has a card, else None."""
    label, _, pk = subject.partition(":")
    known = label in KINDS and pk.isascii() and pk.isdigit() and len(pk) < 19
    return (label, int(pk)) if known else None


def kind_of(subject: str) -> Kind:
    """The kind of a subject that has a card."""
    return KINDS[subject.partition(":")[0]]
