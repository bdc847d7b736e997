"""The gate as agents and programs use it: ask, wait, decide. Works in any process with Django."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async

from approvals import gates, outcome, services
from approvals.models import ApprovalRequest, ApprovalStatus, Gate
from ledger.clock import now
from ledger.requests import timeouts
from ledger.requests.asking import check_name
from ledger.risk import RiskLevel
from ledger.tail import wait_until

log = logging.getLogger(__name__)

REVIEWERS = "Reviewers"
Callback = Callable[[ApprovalRequest], Awaitable[Any] | Any]


def gate_named(name: str, risk_threshold: object = RiskLevel.MEDIUM) -> Gate:
    """The gate's row; made with this threshold, decided by Reviewers, if there is none yet."""
    check_name("name", name)
    threshold = RiskLevel.parse(risk_threshold, "risk_threshold")
    gate = Gate.objects.filter(name=name).first()
    return gate or gates.create_on_first_use(name, threshold, REVIEWERS)


class ApprovalGate:
    """A named gate. An existing row of that name wins over `risk_threshold`."""

    def __init__(self, name: str, risk_threshold: str = "medium") -> None:
        self.name = name
        self._row = gate_named(name, risk_threshold)
        self._callback: Callback | None = None

    @property
    def risk_threshold(self) -> str:
        """The threshold as the row says now; an administrator may have edited it."""
        return str(Gate.objects.values_list("risk_threshold", flat=True).get(pk=self._row.pk))

    @property
    def pending_requests(self) -> Mapping[int, ApprovalRequest]:
        """What waits at this gate now: id → request. Read-only, a snapshot."""
        waiting = ApprovalRequest.objects.open().filter(gate=self._row).by_urgency()
        return MappingProxyType({request.pk: request for request in waiting})

    def set_approval_callback(self, callback: Callback | None) -> None:
        """Have `callback(request)` (async or sync) called once for each later request."""
        self._callback = callback

    async def request_approval(
        self, agent_id: str, action: str, details: Any, risk_level: Any = "medium"
    ) -> ApprovalRequest:
        """Ask. The request is stored first and returned at once; see wait_for_approval().

        Below the threshold it comes back approved by the rule. Raises BadInput for an unknown
        risk level or details that are not JSON within the limits; then nothing is stored.
        """
        request = await sync_to_async(self._ask)(agent_id, action, details, risk_level)
        await self.call_back(request)
        return request

    def _ask(self, agent_id: str, action: str, details: Any, risk_level: Any) -> ApprovalRequest:
        self._row.refresh_from_db()
        return services.ask(
            gate=self._row,
            agent_id=agent_id,
            action=action,
            details=details,
            risk_level=risk_level,
        )

    async def call_back(self, request: ApprovalRequest) -> None:
        """Call the callback; one that raises is logged and changes nothing."""
        await call_back(self._callback, request)

    async def wait_for_approval(
        self, request_id: object, timeout: float | None = timeouts.DEFAULT
    ) -> ApprovalRequest:
        """Wait until the request is decided and return it; an edit returns what was approved.

        When `timeout` (seconds) or the gate's deadline passes first, the waiter itself rejects
        the request with the feedback of services.TIMEOUT_FEEDBACK. A timeout shortens the deadline
        once; in the code of a run the default leaves it alone. Raises UnknownId.
        """
        timeout = timeouts.resolve_timeout(timeout)
        request = await sync_to_async(services.find_by_id)(request_id)
        if timeout is not None and request.status == ApprovalStatus.PENDING:
            request = await sync_to_async(services.shorten)(request.pk, timeout)
        pk, subject = request.pk, request.subject
        while True:
            seconds = await sync_to_async(_seconds_left)(pk)
            decided = await wait_until(lambda: _find_decided(pk), subject=subject, timeout=seconds)
            if decided is not None:
                return decided
            await sync_to_async(services.expire)(pk)

    def approve(self, request_id: object, reviewer: Any, feedback: str = "") -> ApprovalRequest:
        """Approve the current revision. `reviewer` is a user or a username."""
        return services.approve(request_id, by=reviewer, feedback=feedback)

    def reject(self, request_id: object, reviewer: Any, feedback: str) -> ApprovalRequest:
        """Reject with a reason (required)."""
        return services.reject(request_id, by=reviewer, feedback=feedback)

    def request_revision(self, request_id: object, reviewer: Any, feedback: str) -> ApprovalRequest:
        """Ask for a changed request (feedback required)."""
        return services.request_revision(request_id, by=reviewer, feedback=feedback)


async def call_back(callback: Callback | None, request: ApprovalRequest) -> None:
    """Call `callback(request)`; one that raises is logged and changes nothing.

    A sync one runs in a thread, so that it may decide or read: the ORM refuses a loop's thread.
    """
    try:
        if callback is None:
            return
        if iscoroutinefunction(callback) or iscoroutinefunction(type(callback).__call__):
            answer = callback(request)
        else:
            answer = await sync_to_async(callback)(request)
        if inspect.isawaitable(answer):
            await answer
    except Exception:
        log.exception("The approval callback failed for %s.", request.subject)


def _find_decided(pk: int) -> ApprovalRequest | None:
    request = services.find_by_id(pk)
    return None if request.status == ApprovalStatus.PENDING else outcome.effective(request)


def _seconds_left(pk: int) -> float | None:
    """Until the deadline, which somebody may have shortened meanwhile; None without one."""
    deadline = ApprovalRequest.objects.values_list("deadline", flat=True).get(pk=pk)
    return None if deadline is None else max(0.0, (deadline - now()).total_seconds())
