"""Plans as the tests tell them: offered by an agent without a model, worked on by rita and sam."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from approvals.models import ApprovalRequest
from ledger.models import Run
from plans import asking, services
from plans.models import Plan, PlanTurn
from plans.versions.steps import Step
from plans.versions.storing import Draft
from tests.support import people

ACTIONS = [
    {"name": "write_file", "risk": "low", "undoable": True},
    {"name": "send_email", "risk": "medium", "undoable": False},
]
STEPS = (
    Step("", "Collect the figures", "Read orders and refunds."),
    Step("", "Write the report", "Two pages.", actions=("write_file",)),
    Step("", "Show it to a person", "Go on with what they say.", person=True, asks="Is it fit?"),
    Step("", "Email it to ana@example.org", "Three lines.", actions=("send_email",), risk="medium"),
)
GOAL = "Prepare and send the monthly report to ana@example.org"


def begun(run: Run | None = None, **fields: Any) -> Plan:
    """A plan that is being drawn up."""
    return asking.begin(agent_id="interactive", goal=GOAL, actions=ACTIONS, run=run, **fields)


def offered(run: Run | None = None, *steps: Step, questions: tuple[str, ...] = ()) -> Plan:
    """A plan whose first version awaits feedback."""
    plan = begun(run)
    asking.offer(plan.pk, Draft(steps or STEPS, questions=questions), based_on=0)
    return again(plan)


def accepted(run: Run | None = None, *steps: Step) -> Plan:
    plan = offered(run, *steps)
    return services.accept(plan.pk, by=people.rita(), version=plan.version)


def again(plan: Plan) -> Plan:
    """The plan as the database has it now."""
    return Plan.objects.select_related("run").get(pk=plan.pk)


def turn(plan: Plan) -> PlanTurn:
    """The open turn of the people's."""
    found: PlanTurn = plan.turns.get(status="pending")
    return found


def of_run(run: Run) -> Plan:
    return Plan.objects.select_related("run").get(run=run)


def waiting_approval(run: Run) -> ApprovalRequest:
    return ApprovalRequest.objects.get(run=run, status="pending")


def sam() -> User:
    """May decide, as rita."""
    return people.person("sam", "Reviewers")
