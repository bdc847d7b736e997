"""Runs in any state, made step by step through the services that a runner uses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.context.gate import GateQuestion
from hitl_agents.journal import action_entries, entries
from hitl_agents.journal.entries import Hold, Step
from hitl_agents.llm.completions import completion
from ledger import canonical, leases, runs
from ledger.models import JournalEntry, Run, Runner
from tests.support import people
from tests.support.claims import claim_waiting

MAIL = {"to": "ana@example.org", "subject": "Thank you", "body": "Thank you for order 1042."}


class Story:
    """A run and the runner that drives it. Each method is one thing that happens."""

    def __init__(
        self,
        task: str = "Write to Ana",
        *,
        agent: str = "gated",
        requester: User | None = None,
        runner: str = "runner-1",
        **more: Any,
    ) -> None:
        people.gate("gated")
        self.runner = runner
        signs = {"host": "here", "pid": 1, "started_at": timezone.now()}
        Runner.objects.update_or_create(name=runner, defaults={**signs, "seen_at": timezone.now()})
        self.pk = runs.submit(agent, task, requester=requester, **more).pk
        self.entry: JournalEntry
        self.timed: JournalEntry
        self.request: ApprovalRequest

    @property
    def run(self) -> Run:
        return Run.objects.select_related("requester", "owner").get(pk=self.pk)

    @property
    def hold(self) -> Hold:
        run = self.run
        return Hold(run.pk, run.fence, run.generation, self.runner)

    def claim(self) -> Story:
        """Start, or go on after a decision."""
        waiting = self.run.status == Run.Status.WAITING
        claimed = (
            claim_waiting(self.pk, self.runner) if waiting else leases.claim_next(self.runner, 60)
        )
        assert claimed is not None
        assert claimed.pk == self.pk
        return self

    def model(self, said: str = "", *, messages: Any = None, key: str = "plan", **more: Any) -> Any:
        """A model call that answered."""
        asked = {"model": "demo", "messages": messages or [{"role": "user", "content": "Go."}]}
        step = _step("model", "demo", asked, key)
        answer = completion(said, asked=asked, **more)
        self.entry = entries.note_done(self.hold, step, answer, timezone.now())
        return self

    def model_failed(self, error: str) -> Story:
        """A model call that ended with an error."""
        step = _step("model", "demo", {"model": "demo", "messages": []}, "failed")
        self.entry = entries.note_failed(self.hold, step, error, timezone.now())
        return self

    def read(self, name: str, result: Any) -> Story:
        """Something read once, such as earlier answers."""
        step = _step("read", name, {"name": name})
        self.entry = entries.note_done(self.hold, step, result, timezone.now())
        return self

    def ask(self, details: Any = None, *, action: str = "send_email", **more: Any) -> Story:
        """A question that the run then waits for."""
        wanted = {"agent_id": self.run.agent_id, "risk_level": "medium", **more}
        question = GateQuestion("gated", "medium", action=action, details=details or MAIL, **wanted)
        step = _step("question", action, question.about)
        self.entry, self.request = entries.ask(self.hold, step, question)
        return self

    def wait(self) -> Story:
        """Suspend until the last question is decided."""
        leases.suspend(self.pk, self.run.fence, [self.entry.pk])
        return self

    def wait_until(self, seconds: float = 3600) -> Story:
        """Suspend until the last question is decided, or so many seconds have passed."""
        step = _step("wait", self.entry.name, {"seconds": seconds})
        self.timed = entries.begin_wait(self.hold, step, self.entry, seconds)
        wake_at = entries.wakes_at(self.timed)
        leases.suspend(self.pk, self.run.fence, [self.timed.pk], wake_at=wake_at)
        return self

    def time_is_up(self) -> Story:
        """Nobody has answered: the run is woken, and goes on without."""
        over = timezone.now() - timedelta(seconds=1)
        self.timed.result = {"until": over.isoformat()}
        Run.objects.filter(pk=self.pk).update(wake_at=over)
        self.claim()
        assert entries.end_wait(self.hold, self.timed) == (True, None)
        return self

    def answer_in_time(self, by: User | None = None) -> Story:
        """A person approves the last question, and the run takes it up in that wait."""
        services.approve(self.request.pk, by=by or people.rita())
        self.claim()
        assert entries.end_wait(self.hold, self.timed)[0]
        return self

    def approve(self, by: User | None = None, **more: Any) -> Story:
        """A person approves the last question, and the run takes it up."""
        services.approve(self.request.pk, by=by or people.rita(), **more)
        self.claim()
        entries.take_decision(self.hold, self.entry)
        self.request.refresh_from_db()
        return self

    def start(self, details: Any = None, *, action: str = "send_email") -> Story:
        """An action is begun; with the last question's approval if it is the same."""
        asked = getattr(self, "request", None)
        known = self.run.journal.filter(kind="action", name=action).first()
        step = _step("action", action, details or MAIL)
        self.entry = action_entries.start_action(
            self.hold, step, known, asked.pk if asked else None
        )
        return self

    def finish(self, result: Any = None) -> Story:
        """It has happened."""
        action_entries.finish_action(self.hold, self.entry, result)
        return self

    def fail(self, error: str) -> Story:
        """It is known not to have happened."""
        action_entries.fail_action(self.hold, self.entry, error)
        return self

    def doubt(self, **about: Any) -> Story:
        """Nobody knows whether the last action happened (or as `about` says)."""
        action = {"kind": "action", "entry": self.entry.pk, "name": self.entry.name}
        leases.doubt(self.pk, self.run.fence, about or action)
        return self

    def complete(self, result: Any = None) -> Story:
        leases.complete(self.pk, self.run.fence, result)
        return self


def _step(kind: str, name: str, about: Any, key: str = "") -> Step:
    step = Step(kind, name, "", canonical.envelope_text(about))
    return Step(kind, name, f"{kind}/{name}/{key or step.digest[:16]}", step.input)


def in_doubt(**more: Any) -> Story:
    """A run whose approved email has an unknown outcome."""
    return Story(**more).claim().ask().wait().approve().start().doubt()
