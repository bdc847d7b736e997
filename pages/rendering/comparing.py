"""difflib with a limit: on bad input it takes cubic time, and the input is an agent's."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import Match, SequenceMatcher


class TooMuch(Exception):
    """Comparing on would take more than is left."""


@dataclass
class Work:
    """How many pairs of things may still be compared."""

    left: int

    def take(self, pairs: int) -> None:
        """Use some; TooMuch when so many are not left."""
        self.left -= pairs
        if self.left < 0:
            raise TooMuch


class Matcher(SequenceMatcher[str]):
    """A SequenceMatcher that says before each look at a stretch how many pairs it looks at."""

    a: list[str]  # both are difflib's own
    b2j: dict[str, list[int]]

    def __init__(self, old: list[str], new: list[str], work: Work, *, autojunk: bool) -> None:
        self.work = work
        super().__init__(None, old, new, autojunk)

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> Match:
        """As difflib has it. TooMuch when that would be more work than is left."""
        places = self.b2j
        stretch = self.a[alo:ahi]
        self.work.take(len(stretch) + sum(len(places.get(each, ())) for each in stretch))
        return super().find_longest_match(alo, ahi, blo, bhi)
