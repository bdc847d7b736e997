"""The form of a decision, as it was sent; whether it counts is for the services to say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from approvals import services
from approvals.models import ApprovalRequest
from ledger.errors import BadInput

VERBS: dict[str, Callable[..., ApprovalRequest]] = {
    "approve": services.approve,
    "reject": services.reject,
    "revise": services.request_revision,
}
# What the person meant to do, for sentences: "Your rejection did not count."
NOUNS = {"approve": "approval", "reject": "rejection", "revise": "request for a revision"}


@dataclass(frozen=True)
class DecisionForm:
    """A verdict, the words for the agent, and the digest of what the page showed.

    A missing digest reads "", which fits no request: such a page is answered as out of date.
    """

    verdict: str = ""
    feedback: str = ""
    digest: str = ""

    @classmethod
    def read(cls, sent: QueryDict) -> DecisionForm:
        """Browsers send line ends as CRLF; what is stored has LF."""
        feedback = sent.get("feedback", "").replace("\r\n", "\n")
        return cls(sent.get("verdict", ""), feedback, sent.get("digest", ""))

    @property
    def noun(self) -> str:
        """What was meant, for sentences."""
        return NOUNS.get(self.verdict, "decision")

    def decide(self, pk: int, by: Any) -> ApprovalRequest:
        """Call the verb. Raises what the services raise; nothing has changed then."""
        verb = VERBS.get(self.verdict)
        if verb is None:
            accepted = ", ".join(VERBS)
            raise BadInput("verdict", f"There is no such verdict; accepted are {accepted}.")
        return verb(pk, by=by, feedback=self.feedback, digest=self.digest)
