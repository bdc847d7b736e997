"""The cards of escalations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Q

from escalations.lookup import RELATED
from escalations.models import Escalation, EscalationStatus
from escalations.pages.listing import LANE
from pages.cards import Card, Kind, Subjects, Touched, fragments, plain
from pages.inbox.rows import draw_head

MOST_TOUCHED = 200  # escalations of the runs that changed at once, newest first
READ_OUT = 80  # characters of a question


def _escalations(keys: Iterable[int]) -> Mapping[int, Escalation]:
    return Escalation.objects.select_related(*RELATED).in_bulk(list(keys))


def _card(escalation: Escalation, listed: bool, paged: bool) -> Card:
    """What a person may do about it is for the page to ask for: `renew` names where it stands."""
    pk, context = escalation.pk, {"escalation": escalation}
    is_open = escalation.shown_status == EscalationStatus.PENDING
    facts = {
        "row": f"escalation-{pk}",
        "lists": ["escalations", "pending"] if is_open else ["escalations"],
        "open": is_open,
        "label": _label(escalation, is_open),
        "renew": [f"claim-{pk}"] if is_open else [f"mark-{pk}"],
    }
    parts = {name: f"{name}-{pk}" for name in ("title", "outcome", "history")}
    row = fragments("escalations", {"row": f"escalation-{pk}"}, context, listed)
    own = fragments("escalations", parts, context, paged)
    return Card(escalation.subject, facts, row, own)


def _label(escalation: Escalation, is_open: bool) -> str:
    """What is read out: "Which VAT rate applies?, asked by research-desk"."""
    question = plain(" ".join(escalation.question.split()))[:READ_OUT]
    if is_open:
        return f"{question}, asked by {plain(escalation.agent_id)}"
    return f"{question}: {escalation.shown_status}"


def _find_touched(changed: Subjects) -> Iterable[Touched]:
    """Escalations that look different because their runs changed."""
    pages = changed.open_pages
    if not changed.moved and not pages:
        return []
    rows = Escalation.objects.filter(
        Q(run__in=changed.moved) | Q(run__in=changed.runs, pk__in=pages)
    )
    newest = rows.order_by("-pk").values_list("pk", "run_id")[:MOST_TOUCHED]
    return [(pk, [f"ledger.run:{run}"]) for pk, run in newest]


ESCALATIONS = Kind(
    needs=LANE.needs,
    lists=frozenset({"escalations", "pending"}),
    wide=frozenset(
        {
            "escalations.asked",
            "escalations.answered",
            "escalations.dismissed",
            "escalations.handled",
            "escalations.expired",
            "escalations.cancelled",
            "escalations.deadline_shortened",
        }
    ),
    load=_escalations,
    draw=_card,
    counts=LANE.figures,
    beside=draw_head,
    touched=_find_touched,
)
