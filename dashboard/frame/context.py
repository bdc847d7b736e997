"""The context of every page's frame: what waits, which runners live, where one can go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from dashboard.statistics import query
from ledger.clock import DbNow, read_local_clock
from ledger.models import RUNNER_SILENT_AFTER, Run, Runner
from ledger.statements.prepared import Values, whole
from pages.addresses import address
from pages.inbox.lanes import Figures, IdleLane, Lane, figures_of
from pages.inbox.rows import Waiting, idle_lanes_for, lanes_for


@dataclass(frozen=True)
class MenuEntry:
    """One line of the menu. `risk` colours the count: the highest risk that is open."""

    name: str
    icon: str
    address: str
    count: int = 0
    risk: str = ""
    key: str = ""  # the count's element is #count-<key>
    current: bool = False
    waits: bool = False  # the inbox's figure has these in it


@dataclass(frozen=True)
class Group:
    """Lines of the menu that belong together, under a title of their own or none."""

    title: str
    entries: list[MenuEntry]


IN_DOUBT = Q(status=Run.Status.IN_DOUBT)
ALIVE = Q(seen_at__gt=DbNow() - RUNNER_SILENT_AFTER, stopped=False)
_runs = Values(
    lambda: whole(
        Run.objects.filter(status__in=Run.GOING_ON), Count("pk"), Count("pk", filter=IN_DOUBT)
    )
)
_runners = Values(lambda: whole(Runner.objects.all(), Count("pk", filter=ALIVE), Max("seen_at")))


class Shell:
    """The frame's figures. Each is one query, asked only when a template prints it."""

    def __init__(self, user: User | AnonymousUser, path: str = "") -> None:
        self.user = user
        self.path = path
        self.now = read_local_clock()
        self.demo_model: bool = settings.HITL_DEMO_MODEL

    @cached_property
    def lanes(self) -> list[Lane]:
        """The kinds of questions that this person may see."""
        return lanes_for(self.user)

    @cached_property
    def figures(self) -> dict[Lane, Figures]:
        """What can be decided in each lane."""
        return figures_of(self.lanes)

    @cached_property
    def waiting(self) -> Waiting:
        """Whom people keep waiting, as the inbox's head says it."""
        return Waiting.of(self.figures, self.runs["in_doubt"])

    @cached_property
    def runs(self) -> dict[str, int]:
        """Runs that are not over (`active`), and those of them `in_doubt`."""
        if not self.user.has_perm("ledger.view_run"):
            return {"active": 0, "in_doubt": 0}
        ((active, in_doubt),) = _runs()
        return {"active": active, "in_doubt": in_doubt}

    @cached_property
    def runners(self) -> dict[str, Any]:
        """How many runners are `alive`, and the `last` sign of any (None: there never was one)."""
        ((alive, last),) = _runners()
        return {"alive": alive, "last": last}

    @property
    def last_sign(self) -> datetime | None:
        """When any runner last gave a sign."""
        found: datetime | None = self.runners["last"]
        return found

    @cached_property
    def pending(self) -> int:
        """What waits for a person: questions that can still be decided, and runs in doubt."""
        return sum(each.number for each in self.figures.values()) + self.runs["in_doubt"]

    @cached_property
    def idle_lanes(self) -> list[IdleLane]:
        """What this person may look at though nobody waits for it."""
        return idle_lanes_for(self.user)

    @cached_property
    def idle_open(self) -> dict[IdleLane, int]:
        """How much there is to look at in each of them."""
        return {lane: lane.open() for lane in self.idle_lanes}

    @cached_property
    def groups(self) -> list[Group]:
        """The menu."""
        groups = [
            Group("", [self._entry("Inbox", "inbox", "inbox", self.pending, key="inbox")]),
            Group("An agent is waiting", [self._lane_entry(lane) for lane in self.lanes]),
            Group("Nobody waits", [self._idle_entry(lane) for lane in self.idle_lanes]),
            Group("Record", list(self._record(self.runs["active"]))),
        ]
        return [group for group in groups if group.entries]

    def _lane_entry(self, lane: Lane) -> MenuEntry:
        count, risk = self.figures[lane].number, self.figures[lane].risk
        entry = self._entry(lane.name, lane.icon, lane.index, count, risk=risk, key=lane.key)
        return replace(entry, waits=True)

    def _idle_entry(self, lane: IdleLane) -> MenuEntry:
        return self._entry(lane.name, lane.icon, lane.index, self.idle_open[lane], key=lane.key)

    def _record(self, active: int) -> Iterable[MenuEntry]:
        if self.user.has_perm("ledger.view_run"):
            yield self._entry("Runs", "activity", "runs:index", active, key="runs")
        if query.visible(self.user):
            yield self._entry("Statistics", "chart-column", "statistics:page")
        # Auditors and Operators enter by their group; both may see runners, reviewers may not.
        if self.user.is_staff or self.user.has_perm("ledger.view_runner"):
            yield self._entry("Admin", "sliders-horizontal", "admin:index")

    def _entry(
        self, name: str, icon: str, url_name: str, count: int = 0, *, risk: str = "", key: str = ""
    ) -> MenuEntry:
        at = address(url_name)
        current = self.path == at or (at != "/" and self.path.startswith(at))
        return MenuEntry(name, icon, at, count, risk, key, current)


def shell_of(request: Any) -> Shell:
    """The frame of this request's page: one for view and templates, so that nothing is asked twice."""
    if not hasattr(request, "hitl_shell"):
        request.hitl_shell = Shell(request.user, request.path)
    found: Shell = request.hitl_shell
    return found


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `shell` for signed-in people, `pending_count` for the tab's title."""
    if getattr(request, "user", None) is None:
        return {}
    frame = shell_of(request)  # lazily: nothing is asked until a template prints it
    return {"shell": frame, "pending_count": SimpleLazyObject(lambda: frame.pending)}
