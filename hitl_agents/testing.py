"""Help for the tests of agents: a model that says what a script says, and a person who decides so.

    model = ScriptedModel("medium", wants(("send_email", {"to": "ana@example.org", ...})), "Done.")
    with ScriptedDecider(rita, revise("Shorter, please."), approve()) as decider:
        ...run the agent...
    assert [call["messages"][-1]["content"] for call in model.calls] == [...]

Neither needs a network, a key or a browser. The decisions go through the same services as a
person's, so what the gate refuses (a stranger, one's own request, no feedback) is refused here too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace, TracebackType
from typing import Any

from django.db import connection

from approvals import services
from approvals.models import ApprovalRequest
from hitl_agents.llm.completions import Call, completion
from ledger.errors import Refused
from ledger.models import Event
from ledger.tail import follower

Answer = str | BaseException | type[BaseException] | Mapping[str, Any]
Script = Answer | Callable[[dict[str, Any]], Answer]
LOOK_AGAIN = 1.0  # seconds, should no event of the log arrive


def wants(*calls: Call, said: str = "") -> dict[str, Any]:
    """An answer that wants tools called: each a name with its arguments, or their raw text."""
    return completion(said, calls)


def refuses(reason: str) -> dict[str, Any]:
    """An answer by which the model refuses."""
    return completion(refusal=reason)


def cut_off(said: str = "") -> dict[str, Any]:
    """An answer that ends at the model's length limit."""
    return completion(said, finish_reason="length")


class ScriptedModel:
    """An `llm_client` that gives scripted answers in order and records what it was asked.

    An answer is text, a completion (`wants`, `refuses`, `cut_off`, or any dict of that form), an
    exception to raise, or a function of the request's keyword arguments that returns one of
    these: that one is for agents whose calls have no fixed order. When the script is used up,
    `then` answers; without it AssertionError is raised. `calls` holds the requests in order.
    """

    def __init__(self, *answers: Script, then: Script | None = None) -> None:
        self._left = list(answers)
        self._then = then
        self.calls: list[dict[str, Any]] = []
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    @property
    def left(self) -> int:
        """How many scripted answers nobody has asked for yet."""
        return len(self._left)

    async def _create(self, **asked: Any) -> Any:
        self.calls.append(asked)
        answer = self._left.pop(0) if self._left else self._then
        if answer is None:
            raise AssertionError(f"The script has no answer to call {len(self.calls)}: {asked}")
        return self._said(answer, asked)

    def _said(self, answer: Script, asked: dict[str, Any]) -> Any:
        from openai.types.chat import ChatCompletion

        if isinstance(answer, BaseException | type):
            raise answer
        if isinstance(answer, str):
            answer = completion(answer, key=str(len(self.calls)))
        if isinstance(answer, Mapping):
            return ChatCompletion.model_validate(answer)
        return self._said(answer(asked), asked)


@dataclass(frozen=True)
class Decision:
    """One verdict on one request. `details` is for edit() alone."""

    verdict: str
    feedback: str = ""
    details: Any = None


def approve(feedback: str = "") -> Decision:
    return Decision("approve", feedback)


def reject(feedback: str) -> Decision:
    return Decision("reject", feedback)


def revise(feedback: str) -> Decision:
    return Decision("revise", feedback)


def edit(details: Any, feedback: str = "") -> Decision:
    """Edit and approve: what runs is `details`."""
    return Decision("edit", feedback, details)


class ScriptedDecider:
    """A person who decides pending requests by a script, oldest first.

    `reviewer` is a user or a username. A decision is approve(), reject(why), revise(how) or
    edit(details), or a function of the request that returns one, or None to leave it pending.
    When the script is used up, `then` decides; without it requests stay pending.

    Call `decide_pending()` where the test wants the decisions to happen, or use it as a context
    manager: then a thread follows the log and decides as requests come in (the test needs
    `django_db(transaction=True)`), and leaving the block raises what went wrong meanwhile.
    `decided` holds the requests as they were after each decision, in order.
    """

    def __init__(
        self,
        reviewer: Any,
        *decisions: Decision | Callable[[ApprovalRequest], Decision | None],
        then: Decision | Callable[[ApprovalRequest], Decision | None] | None = None,
    ) -> None:
        self._reviewer = reviewer
        self._left = list(decisions)
        self._then = then
        self._passed_over: set[int] = set()
        self._woken = threading.Event()
        self._stopped = False
        self._error: BaseException | None = None
        self.decided: list[ApprovalRequest] = []

    @property
    def left(self) -> int:
        """How many scripted decisions have not been made yet."""
        return len(self._left)

    def decide_pending(self) -> int:
        """Decide what is pending now, as far as the script goes; how many were decided."""
        before = len(self.decided)
        for request in ApprovalRequest.objects.filter(status="pending").order_by("pk"):
            if request.pk in self._passed_over:
                continue
            if not self._left and self._then is None:
                break
            self._decide(request)
        return len(self.decided) - before

    def __enter__(self) -> ScriptedDecider:
        self._unsubscribe = follower().subscribe(self._wake)
        self._woken.set()  # what is pending already
        self._thread = threading.Thread(target=self._follow, name="scripted-decider", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._unsubscribe()
        self._stopped = True
        self._woken.set()
        self._thread.join(timeout=30)
        if self._error is not None and error is None:
            raise self._error

    def _wake(self, events: list[Event]) -> None:
        if any(event.kind == "approvals.asked" for event in events):
            self._woken.set()

    def _follow(self) -> None:
        try:
            while not self._stopped:
                self._woken.wait(LOOK_AGAIN)
                self._woken.clear()
                self.decide_pending()
        except BaseException as error:
            self._error = error
        finally:
            connection.close()

    def _decide(self, request: ApprovalRequest) -> None:
        decision = self._left[0] if self._left else self._then
        if callable(decision):
            decision = decision(request)
        if decision is None:
            self._passed_over.add(request.pk)
            return
        verb, more = _VERBS[decision.verdict], {}
        if decision.verdict == "edit":
            more["details"] = decision.details
        try:
            after = verb(request.pk, by=self._reviewer, feedback=decision.feedback, **more)
        except Refused:
            self._passed_over.add(request.pk)  # somebody else, or the deadline, was first
            return
        del self._left[:1]
        self.decided.append(after)


_VERBS: dict[str, Callable[..., ApprovalRequest]] = {
    "approve": services.approve,
    "reject": services.reject,
    "revise": services.request_revision,
    "edit": services.edit_and_approve,
}
