"""The cards of plans, and of the turns in which an agent waits for people with one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pages.cards import Card, Kind, Subjects, Touched, fragments, plain
from pages.inbox.rows import draw_head
from plans.models import Plan, PlanTurn
from plans.pages.listing import LANE
from plans.pages.page import build_shared, find_pending_turn

MOST_TOUCHED = 200  # of the runs that changed at once, newest first
LONGEST = 80  # characters of a goal that is read out


def _plans(keys: Iterable[int]) -> Mapping[int, Plan]:
    return Plan.objects.select_related("run").in_bulk(list(keys))


def _plan_card(plan: Plan, listed: bool, paged: bool) -> Card:
    """What a person may do about a plan is for the page to ask for: `version` tells it to."""
    pk = plan.pk
    facts = {
        "row": f"plan-row-{pk}",
        "lists": ["plans"],
        "open": not plan.over,
        "label": f"Plan {pk}: {plan.shown_status.replace('_', ' ')}, version {plan.version}",
        "plan": {
            "id": pk,
            "version": plan.version,
            "status": plan.shown_status,
            "turn": _turn(plan),
        },
    }
    parts = {name: f"plan-{name}-{pk}" for name in ("title", "talk", "versions")}
    row = fragments("plans", {"row": f"plan-row-{pk}"}, {"plan": plan}, listed)
    own = fragments("plans", parts, build_shared(plan)) if paged else {}
    return Card(plan.subject, facts, row, own)


def _turn(plan: Plan) -> str:
    """The subject of the turn that its page offers; empty if there is none."""
    turn = find_pending_turn(plan)
    return turn.subject if turn else ""


def _plans_touched(changed: Subjects) -> Iterable[Touched]:
    """Open pages of plans whose run asks or does something else now."""
    rows = Plan.objects.filter(pk__in=changed.open_pages, run__in=changed.runs)
    return [(pk, [f"ledger.run:{run}"]) for pk, run in rows.values_list("pk", "run_id")]


def _turns(keys: Iterable[int]) -> Mapping[int, PlanTurn]:
    return PlanTurn.objects.select_related(*LANE.related).in_bulk(list(keys))


def _turn_card(turn: PlanTurn, listed: bool, paged: bool) -> Card:
    is_open, name = turn.status == "pending", f"turn-{turn.pk}"
    facts = {
        "row": name,
        "lists": ["pending"] if is_open else [],
        "open": is_open,
        "label": _label(turn, is_open),
    }
    row = fragments("plans", {"turn_row": name}, {"turn": turn}, listed)
    return Card(turn.subject, facts, row, {})


def _label(turn: PlanTurn, is_open: bool) -> str:
    """What is read out: "Plan “…”: version 2 awaits feedback, medium risk"."""
    goal = plain(" ".join(turn.plan.goal.split())[:LONGEST])
    said = plain(turn.preview)
    return (
        f"Plan “{goal}”: {said}, {turn.risk_level} risk" if is_open else f"Plan “{goal}”: answered"
    )


def _turns_touched(changed: Subjects) -> Iterable[Touched]:
    """Open turns of runs of which anything changed: the version, the risk, whether it is alive."""
    rows = PlanTurn.objects.filter(run__in=changed.runs, status="pending").order_by("-pk")
    found = rows.values_list("pk", "run_id")[:MOST_TOUCHED]
    return [(pk, [f"ledger.run:{run}"]) for pk, run in found]


PLANS = Kind(
    needs=LANE.needs,
    lists=frozenset({"plans"}),
    wide=frozenset(),
    load=_plans,
    draw=_plan_card,
    counts=dict,
    touched=_plans_touched,
)
TURNS = Kind(
    needs=LANE.needs,
    lists=frozenset({"pending"}),
    wide=frozenset({"plans.asked", "plans.answered", "plans.cancelled"}),
    load=_turns,
    draw=_turn_card,
    counts=LANE.figures,
    beside=draw_head,
    touched=_turns_touched,
)
