"""The query of the statistics page: the range, the pattern, and one thing to narrow to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser, User
from django.http import QueryDict

from figures import ranges
from figures.declared import collect_declared
from figures.ranges import OWN, Range
from ledger.log.event_kinds import EventKinds

MAX_TEXT = 250  # characters
NARROWING = ("agent", "type", "risk", "rule", "reviewer")
ZONE = "zone"  # the cookie in which the browser says where it is
SEES_REVIEWERS = "figures.view_reviewers"

Reader = User | AnonymousUser


def visible(user: Reader) -> list[EventKinds]:
    """The patterns whose questions this person may see."""
    return [each for each in collect_declared().patterns if user.has_perm(each.needs)]


@dataclass(frozen=True)
class Asked:
    """What the address asks for; what it cannot mean counts as not given."""

    range: Range
    zone: tzinfo
    patterns: Sequence[EventKinds]  # that are counted
    pattern: str = ""
    dimension: str = ""  # what is narrowed to, and to which of it
    value: str = ""

    @classmethod
    def read(cls, query: QueryDict, user: User, now: datetime, zone: tzinfo) -> Asked:
        seen = visible(user)
        pattern = query.get("pattern", "")
        chosen = [each for each in seen if each.pattern == pattern]
        days = [_day(query.get(name, "")) for name in ("from", "to")]
        own = (days[0], days[1]) if days[0] and days[1] else None
        dimension, value = _parse_narrowing(query, user)
        return cls(
            range=ranges.make(query.get("range", ""), now, zone, own),
            zone=zone,
            patterns=chosen or seen,
            pattern=pattern if chosen else "",
            dimension=dimension,
            value=value,
        )

    def query(self, **other: str) -> str:
        """This as a query string, with some of it otherwise; "" leaves a thing out."""
        named = {"range": self.range.key, "pattern": self.pattern}
        if self.range.key == OWN == other.get("range", OWN):
            named |= {"from": str(self.range.first), "to": str(self.range.last)}
        if self.dimension:
            named[self.dimension] = self.value
        return urlencode({name: value for name, value in (named | other).items() if value})

    @property
    def zone_name(self) -> str:
        return str(self.zone)

    @property
    def judges(self) -> list[str]:
        """The patterns whose decisions are a yes or a no."""
        return [each.pattern for each in self.patterns if each.judges]

    @property
    def answers(self) -> list[str]:
        """The patterns of whose decisions some are answers."""
        return [each.pattern for each in self.patterns if each.answers]

    @property
    def only_answers(self) -> list[str]:
        """The patterns whose decisions are nothing but answers, or none."""
        return [each.pattern for each in self.patterns if not each.judges]


def may_see_reviewer(user: User, name: str) -> bool:
    """Whether somebody may see the figures of that reviewer by name: everybody their own."""
    return name == user.get_username() or user.has_perm(SEES_REVIEWERS)


def _parse_narrowing(query: QueryDict, user: User) -> tuple[str, str]:
    for dimension in NARROWING:
        value = query.get(dimension, "").replace("\0", "")[:MAX_TEXT]
        if value and (dimension != "reviewer" or may_see_reviewer(user, value)):
            return dimension, value
    return "", ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
