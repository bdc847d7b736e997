"""The form of a verdict, as it was sent; whether it counts is for the services to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from ledger.errors import BadInput
from reviews import services
from reviews.models import ReviewItem
from reviews.pages import reading_time

REASONS = ("Not true", "Tone", "Too long", "Missing source")
NOUNS = {"approve": "approval", "reject": "rejection", "correct": "correction"}


@dataclass(frozen=True)
class VerdictForm:
    """A verdict, ready reasons and words for the agent, and the digest of what the page showed.

    A missing digest reads "", which fits no item: such a page is answered as out of date.
    """

    verdict: str = ""
    words: str = ""
    reasons: tuple[str, ...] = ()
    digest: str = ""
    opened: str = ""

    @classmethod
    def read(cls, sent: QueryDict) -> VerdictForm:
        """Browsers send line ends as CRLF; what is stored has LF."""
        return cls(
            verdict=sent.get("verdict", ""),
            words=sent.get("feedback", "").replace("\r\n", "\n"),
            reasons=tuple(reason for reason in REASONS if reason in sent.getlist("reason")),
            digest=sent.get("digest", ""),
            opened=sent.get("opened", ""),
        )

    @property
    def feedback(self) -> str:
        """The reasons first, then the person's own words."""
        ready = f"{'. '.join(self.reasons)}." if self.reasons else ""
        return f"{ready} {self.words}".strip() if self.words.strip() else ready

    @property
    def noun(self) -> str:
        """What was meant, for sentences."""
        return NOUNS.get(self.verdict, "verdict")

    def decide(self, pk: int, by: Any) -> ReviewItem:
        """Call the verb. Raises what the services raise; nothing has changed then."""
        verbs = {"approve": services.approve, "reject": services.reject}
        verb = verbs.get(self.verdict)
        if verb is None:
            raise BadInput("verdict", "There is no such verdict; accepted are approve, reject.")
        return verb(
            pk,
            by=by,
            feedback=self.feedback,
            digest=self.digest,
            looked=reading_time.seconds(self.opened, pk, by),
        )
