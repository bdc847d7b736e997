"""Deadlines of requests: one past its own ends, and a waiter may bring a deadline forward.

A deadline never approves, and never overrides a decision that is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError
from django.db.models import Q, Value

from ledger import patterns
from ledger.clock import DbNow, now
from ledger.errors import BadInput, Refused, quoted
from ledger.requests.models import HumanRequest
from ledger.statements.prepared import Values, union
from ledger.transitions import move, record, verb

log = logging.getLogger(__name__)

R = TypeVar("R", bound=HumanRequest)

AT_ONCE = 200  # deadlines noticed at one look
LONGEST = 10 * 365 * 24 * 60 * 60  # seconds; who waits longer waits for the request's own deadline


@verb
def expire(
    find_by_id: Callable[[Any], R],
    request_id: object,
    to: str,
    *,
    kind: str,
    changes: dict[str, Any],
    **data: Any,
) -> R:
    """Move a request whose deadline has passed to `to`. Anything else about it: as it is."""
    request, at = find_by_id(request_id), now()
    if request.deadline is None or at < request.deadline:
        return request  # so that no row says that it ended before its deadline
    changes = {"resolved_at": at, **changes}
    due = Q(deadline__lte=DbNow())
    try:
        move(request, to, kind=kind, actor="deadline", changes=changes, where=due, **data)
    except Refused:
        return find_by_id(request_id)  # somebody was first, or it is not due yet
    return request


@verb
def shorten(find_by_id: Callable[[Any], R], request_id: object, seconds: float) -> R:
    """Bring the deadline forward to `seconds` from now: once, and never backward.

    Infinity leaves it where it is. Raises BadInput for what is no number.
    """
    request = find_by_id(request_id)
    if not isinstance(seconds, int | float) or seconds != seconds:
        raise BadInput("timeout", f"{quoted(seconds)} is no number of seconds.")
    if seconds > LONGEST:
        return request
    deadline = now() + timedelta(seconds=max(0.0, seconds))
    later = Q(deadline=None) | Q(deadline__gt=deadline)
    rows = type(request).objects.filter(later, pk=request.pk, status="pending", shortened=False)
    if rows.update(deadline=deadline, shortened=True):
        record(
            f"{request._meta.app_label}.deadline_shortened",
            request.subject,
            actor=f"agent:{request.agent_id}",
            run_id=request.run_id,
            deadline=deadline.isoformat(),
        )
    return find_by_id(request_id)


def expire_due() -> int:
    """End questions whose deadline has passed, of every kind; how many, AT_ONCE at most."""
    expire = {each.label: each.expire for each in patterns.list_patterns() if each.expire}
    overdue = _overdue(tuple(expire))()
    for label, pk, _ in overdue:
        try:
            expire[label](pk)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # a bug must not keep all others from their ends, each time again
            log.exception("The deadline of %s:%s could not be noticed.", label, pk)
    return len(overdue)


# Who looks at each tick asks one query for all tables, not one for each, and writes it once.


@cache
def _overdue(labels: tuple[str, ...]) -> Values:
    def overdue(label: str) -> Any:
        model = patterns.get(label).model
        return model.objects.overdue().values_list(Value(label), "pk", "deadline")

    return Values(lambda: union(map(overdue, labels), all=True).order_by("deadline")[:AT_ONCE])
