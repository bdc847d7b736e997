"""kill -9 of the runner before and after every write of a run that waits, but not for ever."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from typing import Any

import openai.types.chat  # noqa: F401  # loaded before the forks: it takes longer than a life
import pytest
from django.contrib.auth.models import User

from approvals.models import ApprovalRequest
from hitl_agents.context.run_context import RunContext
from hitl_agents.journal import entries
from ledger.log import verify
from ledger.models import Event, JournalEntry
from tests.process.victim import Lives, LivesHere, twice
from tests.support import people
from tests.support.activations import ask, begun, let_time_pass, scripts, wait_or_leave, waits
from tests.support.driving import again, approve_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

RESULT = ["given up", "left", "approved"]
LIVES = 12  # more than any run needs


async def body(context: RunContext) -> Any:
    """Waits twice at once: one it gives up itself, nobody answers the other; a third is answered."""
    pk = await ask(context, "given up")

    async def hurried() -> str:
        try:
            waiting = context.journal.wait_or_leave(ApprovalRequest, pk, 3600)
            return str(await asyncio.wait_for(waiting, 0.02))
        except TimeoutError:
            return "given up"

    first = await asyncio.gather(hurried(), wait_or_leave(context, "first"))
    await context.now()
    return [*first, await wait_or_leave(context, "second")]


@pytest.fixture(autouse=True)
def rita() -> Iterator[User]:
    people.gate("shapes")
    with scripts():
        yield people.rita()


class Story:
    """A run from its start to its end, with deaths in it. Whoever answers the first question
    answers it when the run has gone on without: too late, whatever died in between."""

    def __init__(self, rita: User, lives: Lives) -> None:
        self.run = begun(body)
        for _ in range(LIVES):
            lives.live()
            if again(self.run).over:
                break
            self.somebody_acts(rita)

    def somebody_acts(self, rita: User) -> None:
        """Not before it is noted that the hurried wait was given up: an answer would still count."""
        journal = JournalEntry.objects.filter(run=self.run)
        if not journal.filter(kind="wait", status="done").exists():
            let_time_pass(self.run, "first")
        elif any(entries.read_given_up(asked) for asked in journal.filter(kind="question")):
            approve_all(self.run, rita)


def test_a_kill_at_any_write_changes_neither_what_was_answered_nor_what_was_not(
    rita: User,
) -> None:
    Story(rita, LivesHere())
    lives = Lives()
    clean = Story(rita, lives)
    assert again(clean.run).result == RESULT
    assert {"begin_wait", "end_wait", "give_up", "suspend", "complete"} <= set(lives.writes)
    twice(lives.writes, functools.partial(tell, rita))
    assert verify.verify().broken is None


def tell(rita: User, at: Lives) -> None:
    """Whoever died when: each question is asked once, and answered as without a death."""
    story = Story(rita, at)
    run = again(story.run)
    assert (run.status, run.result) == ("completed", RESULT), f"{at}: {run.error}"
    assert ApprovalRequest.objects.filter(run=run).count() == len(RESULT), str(at)
    waited_for = [entry.request_id for entry in waits(run)]
    assert len(set(waited_for)) == len(waited_for), str(at)
    assert Event.objects.filter(run=run, kind="runs.completed").count() == 1, str(at)
    # How often some steps look, and how far the hurried one comes, is a matter of time.
    assert at.died or at.to_die[0].number > 1, f"{at.to_die[0]}: nothing died"
