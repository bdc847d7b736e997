"""The form of an escalation, as it was sent; whether it counts is for the services to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from escalations import services
from escalations.models import Escalation
from escalations.pages.page import TypedAnswer
from ledger.errors import BadInput

# What the person meant to do, for sentences: "Your answer did not count."
NOUNS = {
    "answer": "answer",
    "dismiss": "dismissal",
    "claim": "claim",
    "release": "release",
    "hand_over": "hand-over",
}


@dataclass(frozen=True)
class AnswerForm:
    """A verb, the words for the agent, and the digest of what the page showed.

    A missing digest reads "", which fits no escalation: such a page is answered as out of date.
    """

    verdict: str
    digest: str
    answer: str
    keep: bool
    attempt_was: str
    to: str | None  # None: the fields for handing over were not shown yet
    note: str
    use: str

    @classmethod
    def read(cls, sent: QueryDict) -> AnswerForm:
        """Browsers send line ends as CRLF, and nothing for a box that is not ticked."""
        return cls(
            verdict=sent.get("verdict", ""),
            digest=sent.get("digest", ""),
            answer=sent.get("answer", "").replace("\r\n", "\n"),
            keep="keep" in sent or "keep_asked" not in sent,
            attempt_was=sent.get("attempt_was", ""),
            to=sent.get("to"),
            note=sent.get("note", "").replace("\r\n", "\n"),
            use=sent.get("use", ""),
        )

    @property
    def noun(self) -> str:
        """What was meant, for sentences."""
        return NOUNS.get(self.verdict, "answer")

    def make_typed(self, error: BadInput | None = None, **more: Any) -> TypedAnswer:
        """What is given back, with what is wrong beside its field."""
        errors = {} if error is None else {error.field: error.message}
        found: dict[str, Any] = {
            "answer": self.answer,
            "keep": self.keep,
            "attempt_was": self.attempt_was,
            "handing": self.to is not None,
            "to": self.to or "",
            "note": self.note,
            "errors": errors,
            "focus": next(iter(errors), ""),
        }
        return TypedAnswer(**{**found, **more})

    def decide(self, pk: int, by: Any) -> Escalation:
        """Call the verb. Raises what the services raise; nothing has changed then."""
        if self.verdict == "answer":
            return services.answer(
                pk,
                by=by,
                answer=self.answer,
                digest=self.digest,
                keep=self.keep,
                attempt_was=self.attempt_was,
            )
        if self.verdict == "dismiss":
            was = self.attempt_was
            return services.dismiss(pk, by=by, digest=self.digest, attempt_was=was)
        if self.verdict == "hand_over":
            to, note = self.to or "", self.note
            return services.hand_over(pk, by=by, to=to, note=note, digest=self.digest)
        verb = {"claim": services.claim, "release": services.give_back}.get(self.verdict)
        if verb is None:
            raise BadInput("verdict", f"There is no such verdict; accepted are {', '.join(NOUNS)}.")
        return verb(pk, by=by, digest=self.digest)
