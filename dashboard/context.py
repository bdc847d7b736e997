"""What the frame of every page shows: what waits, which runners live, where one can go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from approvals.models import ApprovalRequest
from ledger.clock import DbNow, shown_now
from ledger.models import RUNNER_SILENT_AFTER, Event, Run, Runner
from ledger.risk import RiskLevel

_RANKS = {level.rank: level.value for level in RiskLevel}


def cursor() -> int:
    """The newest event's id, 0 for an empty log. A view reads it first, then its rows."""
    return Event.objects.order_by("-id").values_list("id", flat=True).first() or 0


@dataclass(frozen=True)
class Entry:
    """One line of the menu. `risk` colours the count: the highest risk that is open."""

    name: str
    icon: str
    address: str
    count: int = 0
    risk: str = ""
    key: str = ""  # the count's element is #count-<key>
    current: bool = False


@dataclass(frozen=True)
class Group:
    """Lines of the menu that belong together, under a title of their own or none."""

    title: str
    entries: list[Entry]


class Shell:
    """The frame's figures. Each is one query, asked only when a template prints it."""

    def __init__(self, user: User | AnonymousUser, path: str = "") -> None:
        self.user = user
        self.path = path
        self.now = shown_now()
        self.demo_model: bool = settings.HITL_DEMO_MODEL

    @cached_property
    def approvals(self) -> dict[str, Any]:
        """Pending approvals before their deadline: `open`, and the highest `risk` among them."""
        if not self.user.has_perm("approvals.view_approvalrequest"):
            return {"open": 0, "risk": ""}
        found = ApprovalRequest.objects.open().aggregate(open=Count("pk"), rank=Max("risk_rank"))
        return {"open": found["open"], "risk": _RANKS.get(found["rank"], "")}

    @cached_property
    def runs(self) -> dict[str, int]:
        """Runs that are not over (`active`), and those of them `in_doubt`."""
        if not self.user.has_perm("ledger.view_run"):
            return {"active": 0, "in_doubt": 0}
        rows = Run.objects.exclude(status__in=Run.OVER)
        return rows.aggregate(
            active=Count("pk"), in_doubt=Count("pk", filter=Q(status=Run.Status.IN_DOUBT))
        )

    @cached_property
    def runners(self) -> dict[str, Any]:
        """How many runners are `alive`, and the `last` sign of any (None: there never was one)."""
        alive = Q(seen_at__gt=DbNow() - RUNNER_SILENT_AFTER, stopped=False)
        return Runner.objects.aggregate(alive=Count("pk", filter=alive), last=Max("seen_at"))

    @property
    def last_sign(self) -> datetime | None:
        """When any runner last gave a sign."""
        found: datetime | None = self.runners["last"]
        return found

    @cached_property
    def pending(self) -> int:
        """What waits for a person: requests that can still be decided, and runs in doubt."""
        open_requests: int = self.approvals["open"]
        return open_requests + self.runs["in_doubt"]

    @cached_property
    def groups(self) -> list[Group]:
        """The menu. A new lane is one entry here."""
        approvals, runs = self.approvals, self.runs
        may = self.user.has_perm
        groups = [
            Group("", [self._entry("Inbox", "inbox", "inbox", self.pending, key="inbox")]),
            Group(
                "An agent is waiting",
                [
                    self._entry(
                        "Approvals",
                        "shield-check",
                        "approvals:index",
                        approvals["open"],
                        risk=approvals["risk"],
                        key="approvals",
                    )
                ]
                if may("approvals.view_approvalrequest")
                else [],
            ),
            Group("Record", list(self._record(runs["active"]))),
        ]
        return [group for group in groups if group.entries]

    def _record(self, active: int) -> Iterable[Entry]:
        if self.user.has_perm("ledger.view_run"):
            yield self._entry("Runs", "activity", "runs:index", active, key="runs")
        # Auditors and Operators enter by their group; both may see gates, reviewers may not.
        if self.user.is_staff or self.user.has_perm("approvals.view_gate"):
            yield self._entry("Admin", "sliders-horizontal", "admin:index")

    def _entry(
        self, name: str, icon: str, url_name: str, count: int = 0, *, risk: str = "", key: str = ""
    ) -> Entry:
        address = reverse(url_name)
        current = self.path == address or (address != "/" and self.path.startswith(address))
        return Entry(name, icon, address, count, risk, key, current)


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell` for signed-in people, `pending_count` for the tab's title."""
    user = getattr(request, "user", None)
    if user is None:
        return {}
    frame = Shell(user, request.path)  # lazily: nothing is asked until a template prints it
    return {"shell": frame, "pending_count": SimpleLazyObject(lambda: frame.pending)}
