"""The documents say what the code has: every status, every kind of event, every public name."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from approvals.gate import ApprovalGate
from approvals.models import ApprovalRequest, ApprovalStatus, Resolution
from escalations import models as escalations
from escalations.manager import EscalationManager
from hitl_agents.context.gate import BoundGate
from hitl_agents.context.manager import BoundManager
from hitl_agents.context.queue import BoundQueue
from hitl_agents.patterns.escalating import EscalatingAgent
from hitl_agents.patterns.gated import ApprovalGatedAgent
from hitl_agents.patterns.interactive import InteractiveAgent
from hitl_agents.patterns.reviewed import ReviewedAgent
from ledger.models import EntryStatus, RunStatus
from plans.models import PlanStatus
from reviews.models import ReviewItem, ReviewStatus
from reviews.queue import ReviewQueue

ROOT = Path(__file__).parents[2]
STATES = (ROOT / "docs/states.md").read_text()
SEMANTICS = (ROOT / "docs/semantics.md").read_text()
KIND = re.compile(
    r'kind="([a-z]+\.[a-z_]+)"|"((?:runs|approvals|escalations|reviews|plans|thresholds|knowledge|actions|gates)\.[a-z_]+)"'
)
PERMISSIONS = re.compile(r"\.(?:view|add|change|delete|decide|answer|cancel|resolve)_[a-z]+$")

MODELS = (
    "approvalrequest",
    "escalation",
    "threshold",
    "knowledge",
    "reviewitem",
    "outputtype",
    "trylimit",
    "plan",
    "planturn",
)
STATUSES = (
    RunStatus,
    ApprovalStatus,
    EntryStatus,
    escalations.EscalationStatus,
    ReviewStatus,
    PlanStatus,
)


@pytest.mark.parametrize("status", [value for each in STATUSES for value in each.values])
def test_the_page_of_states_names_every_status(status: str) -> None:
    assert f"`{status}`" in STATES


def test_the_page_of_states_names_every_kind_of_event_that_services_write() -> None:
    written = set()
    for app in ("ledger", "approvals", "escalations", "reviews", "plans", "hitl_agents"):
        for path in (ROOT / app).rglob("*.py"):
            if "migrations" not in path.parts:
                found = KIND.findall(path.read_text())
                written |= {one or other for one, other in found}
    kinds = {
        kind
        for kind in written
        if not PERMISSIONS.search(kind) and kind.partition(".")[2] not in MODELS
    }
    missing = {kind for kind in kinds if f"`{kind}`" not in STATES}
    assert not missing


@pytest.mark.parametrize(
    "resolution",
    [value for each in (Resolution, escalations.Resolution) for value in each.values if value],
)
def test_the_semantics_name_every_way_to_be_resolved(resolution: str) -> None:
    assert resolution in SEMANTICS


@pytest.mark.parametrize(
    ("function", "signature"),
    [
        (ApprovalGate.__init__, "name, risk_threshold='medium'"),
        (ApprovalGate.request_approval, "agent_id, action, details, risk_level='medium'"),
        (ApprovalGate.wait_for_approval, "request_id, timeout=300.0"),
        (ApprovalGate.approve, "request_id, reviewer, feedback=''"),
        (ApprovalGate.reject, "request_id, reviewer, feedback"),
        (ApprovalGate.request_revision, "request_id, reviewer, feedback"),
        (EscalationManager.register_handler, "type, handler"),
        (
            EscalationManager.escalate,
            "agent_id, reason, context, escalation_type='general', *, threshold=None",
        ),
        (EscalationManager.wait_for_answer, "escalation_id, timeout=300.0"),
        (
            EscalatingAgent.__init__,
            "agent_id, llm_client, escalation_manager, confidence_threshold=0.7",
        ),
        (EscalatingAgent.execute_task, "task"),
        (ApprovalGatedAgent.__init__, "agent_id, llm_client, approval_gate"),
        (ApprovalGatedAgent.execute_with_approval, "action, details"),
        (ReviewQueue.add, "agent_id, output_type, content, context=None"),
        (ReviewQueue.get_pending, "limit=10"),
        (ReviewQueue.review, "item_id, reviewer, approved, feedback=''"),
        (ReviewQueue.correct, "item_id, reviewer, content, feedback=''"),
        (ReviewQueue.get_review_result, "item_id"),
        (ReviewedAgent.__init__, "agent_id, llm_client, review_queue"),
        (ReviewedAgent.generate_for_review, "task, output_type='general'"),
        (ReviewedAgent.generate_and_wait, "task, output_type='general', timeout=300.0"),
        (InteractiveAgent.__init__, "agent_id, llm_client, approval_gate=None"),
        (InteractiveAgent.propose_plan, "goal"),
        (InteractiveAgent.incorporate_feedback, "feedback"),
        (InteractiveAgent.execute_step, "step, human_input=None"),
    ],
)
def test_signatures_are_as_the_semantics_say(function: object, signature: str) -> None:
    assert callable(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters]
    written = str(inspect.Signature(plain))
    assert written.strip("()") == signature
    assert signature.replace("'", '"') in SEMANTICS


@pytest.mark.parametrize("name", ["request_approval", "wait_for_approval"])
def test_what_waits_is_async(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(ApprovalGate, name))
    assert inspect.iscoroutinefunction(getattr(BoundGate, name))


@pytest.mark.parametrize("name", ["approve", "reject", "request_revision"])
def test_a_gate_inside_a_run_cannot_decide(name: str) -> None:
    assert not hasattr(BoundGate, name)


@pytest.mark.parametrize("name", ["escalate", "wait_for_answer"])
def test_what_escalates_is_async(name: str) -> None:
    assert inspect.iscoroutinefunction(getattr(EscalationManager, name))
    assert inspect.iscoroutinefunction(getattr(BoundManager, name))


def test_an_escalation_has_the_fields_of_the_pattern() -> None:
    names = {field.name for field in escalations.Escalation._meta.get_fields()}
    named = {"agent_id", "reason", "context", "type", "created_at", "status", "response"}
    assert names >= named


def test_the_queue_is_sync_and_the_agent_is_async() -> None:
    for name in ("add", "get_pending", "review", "correct", "get_review_result", "get_statistics"):
        assert not inspect.iscoroutinefunction(getattr(ReviewQueue, name))
    for name in ("generate_for_review", "generate_and_wait"):
        assert inspect.iscoroutinefunction(getattr(ReviewedAgent, name))
    assert not hasattr(BoundQueue, "review")


def test_an_item_has_the_fields_of_the_pattern() -> None:
    names = {field.name for field in ReviewItem._meta.get_fields()}
    wanted = ("agent_id", "output_type", "content", "context", "created_at", "reviewed")
    assert names >= {*wanted, "reviewer", "approved", "feedback"}


def test_a_request_has_the_fields_of_the_pattern() -> None:
    names = {field.name for field in ApprovalRequest._meta.get_fields()}
    assert names >= {
        "agent_id",
        "action",
        "details",
        "risk_level",
        "created_at",
        "status",
        "reviewer",
        "feedback",
        "resolved_at",
    }


def test_no_document_is_empty_of_a_heading() -> None:
    for path in ROOT.glob("docs/*.md"):
        assert path.read_text().startswith("# "), path
