"""Claims on items, so that two people at the queue do not read the same one.

A claim ends by itself. It changes no status and stops nobody: whoever decides first wins, also
somebody who opened the item from a list.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from ledger.clock import DbNow, now
from ledger.errors import Refused
from ledger.requests.checks import check_permitted
from ledger.requests.claims import CLAIM, NO_CLAIM, name_holder
from ledger.requests.models import NOT_CLAIMED
from ledger.runs import actor_for
from ledger.transitions import record, verb
from reviews import rules
from reviews.adding import facts
from reviews.lookup import find_by_id
from reviews.models import ReviewItem, ReviewItemQuerySet, ReviewStatus

TRIED = 20  # candidates that are looked at before the queue is asked again


@verb
def claim(item_id: object, *, by: Any) -> ReviewItem:
    """Take an item in hand for 15 minutes, or for 15 more. Refused when somebody else has it."""
    item, user = check_permitted(find_by_id, item_id, by, rules.refusal)
    if not _take(item, user):
        current = find_by_id(item.pk)
        raise Refused(_explain_holder(current), current)
    return find_by_id(item.pk)


@verb
def give_back(item_id: object, *, by: Any) -> ReviewItem:
    """Give an item back to the queue. What somebody else has, or nobody, stays as it is."""
    item = find_by_id(item_id)
    _drop(ReviewItem.objects.filter(pk=item.pk), by)
    return find_by_id(item.pk)


@verb
def take_next(
    user: Any,
    *,
    rows: ReviewItemQuerySet | None = None,
    after: int | None = None,
    before: int | None = None,
) -> ReviewItem | None:
    """Hand out an item, claimed: what this person has in hand already, else the oldest free one.

    `after` and `before` an id go on from there and back. `rows` narrows the queue. Whatever else
    the person had in hand goes back to the queue. None when nothing is left.
    """
    queue = ReviewItem.objects.all() if rows is None else rows
    queue = queue.filter(_independent_of(user))
    stepping = after is not None or before is not None
    if after is not None:
        queue = queue.filter(pk__gt=after)
    if before is not None:
        queue = queue.filter(pk__lt=before)
    found = _find_and_take(queue, user, backwards=before is not None, mine_first=not stepping)
    if found is not None:
        _drop(ReviewItem.objects.exclude(pk=found.pk), user)
    return found


def _find_and_take(
    queue: Any, user: Any, *, backwards: bool, mine_first: bool
) -> ReviewItem | None:
    order = ["-id" if backwards else "id"]
    if mine_first:
        mine = queue.filter(claimed_by=user, claimed_until__gt=DbNow(), status="pending")
        held = mine.order_by(*order).first()
        if held is not None and _take(held, user):
            return find_by_id(held.pk)
    tried: set[int] = set()
    while True:
        free = queue.free_for(user).exclude(pk__in=tried).order_by(*order)
        candidates = list(free.light()[:TRIED])
        if not candidates:
            return None
        for item in candidates:
            if _take(item, user):
                return find_by_id(item.pk)
            tried.add(item.pk)  # somebody was faster


def _take(item: ReviewItem, user: Any) -> bool:
    """The compare-and-set of a claim; one that is held is made longer, without an event."""
    at = now()
    pending = ReviewItem.objects.filter(pk=item.pk, status=ReviewStatus.PENDING)
    mine = Q(claimed_by=user, claimed_until__gt=DbNow())
    if pending.filter(mine).update(claimed_until=at + CLAIM):
        return True
    taken = pending.filter(NOT_CLAIMED).update(
        claimed_by=user, claimed_at=at, claimed_until=at + CLAIM
    )
    if taken:
        _record("reviews.claimed", item, user, age=(at - item.created_at).total_seconds())
    return bool(taken)


def _drop(rows: Any, user: Any) -> None:
    """Give back those of the rows that this person has."""
    held = rows.filter(claimed_by=user, status=ReviewStatus.PENDING)
    for item in held.light().order_by("id"):
        if held.filter(pk=item.pk).update(**NO_CLAIM, claimed_at=None):
            _record("reviews.unclaimed", item, user)


def _record(kind: str, item: ReviewItem, user: Any, age: float | None = None) -> None:
    more = {} if age is None else {"age": round(age, 3)}
    record(kind, item.subject, actor=actor_for(user), run_id=item.run_id, **facts(item), **more)


def _independent_of(user: Any) -> Q:
    """What somebody asked for themselves, or owns the agent of, is not handed out to them."""
    return Q(run=None) | ~(Q(run__requester=user) | Q(run__owner=user))


def _explain_holder(item: ReviewItem) -> str:
    if item.status != ReviewStatus.PENDING:
        return "This item is decided already."
    return (
        f"{name_holder(item) or 'Somebody'} has this item until {item.claimed_until:%H:%M:%S} UTC."
    )
