"""Actions: what a run does outside, at most once. Their start is noted before, their end after."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from approvals.actions import ActionContext, ActionFailed, evidence_of
from hitl_agents.journal import action_entries
from hitl_agents.journal.activity import Activity, DatabaseAway, Doubt, Ended, GiveBack, diverge
from hitl_agents.journal.entries import Hold, Status, Step
from hitl_agents.journal.rows import Rows
from hitl_agents.journal.steps import Steps
from ledger import canonical
from ledger.errors import BadInput, LostLease
from ledger.models import EntryKind, JournalEntry

log = logging.getLogger(__name__)

Effect = Callable[[ActionContext], Awaitable[Any]]


class Actions:
    """Effects outside: started once, and in doubt where nobody knows how they ended."""

    def __init__(self, activity: Activity, rows: Rows, steps: Steps) -> None:
        self._activity = activity
        self._rows = rows
        self._steps = steps

    async def act(
        self,
        name: str,
        details: Any,
        effect: Effect,
        *,
        idempotent: bool = False,
        request_id: int | None = None,
        key: str | None = None,
    ) -> Any:
        """Do something outside, at most once. Its result, or ActionFailed with the known reason.

        Shielded: an agent that stops waiting for an action cannot undo that it was started.
        """
        step = self._rows.identify_step(EntryKind.ACTION, name, details, key)
        doing = asyncio.ensure_future(self._act(step, effect, idempotent, request_id))
        doing.add_done_callback(_take_note)
        return await self._steps.repeat_giving_up(step, lambda: asyncio.shield(doing))

    async def _act(
        self, step: Step, effect: Effect, idempotent: bool, request_id: int | None
    ) -> Any:
        async with self._activity.in_flight():
            entry = self._rows.find(step.key)
            if entry is not None:
                if entry.input_digest != step.digest:
                    await diverge(self._activity, step.key, entry.input, step.input)
                if entry.status == Status.DONE:
                    return entry.result
                if entry.status == Status.FAILED:
                    raise ActionFailed(entry.error)
                if entry.status == Status.STARTED and not idempotent:
                    self._doubt(entry, "No result was noted before the runner was gone.")
                    await self._activity.halt()
            started = await self._rows.write(action_entries.start_action, step, entry, request_id)
            self._rows.keep(step, started)
            return await self._run_effect(started, step, effect, request_id)

    async def _run_effect(
        self, entry: JournalEntry, step: Step, effect: Effect, request_id: int | None
    ) -> Any:
        context = ActionContext(
            idempotency_key=idempotency_key(self._rows.hold, step),
            run_id=self._rows.hold.run_id,
            request_id=request_id,
        )
        try:
            result = make_storable(await effect(context))
        except ActionFailed as failure:
            said = str(failure)
            await self._note_end(
                action_entries.fail_or_leave_evidence,
                entry,
                said,
                action_entries.describe_failure(said),
            )
            raise
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            # It had begun. What it cancelled itself, and a wish to exit, tell as little as an error.
            self._doubt(entry, evidence_of(error))
            if _is_being_cancelled():
                raise
            await self._activity.halt()
        await self._note_end(
            action_entries.finish_or_leave_evidence,
            entry,
            result,
            action_entries.describe_result(result),
        )
        return result

    async def _note_end(
        self, write: Callable[..., None], entry: JournalEntry, end: Any, words: str
    ) -> None:
        """Write down how it ended, `words` in short. If that cannot be done, a person has to.

        The agent must not take it for the action's own failure, and do something else instead.
        """
        try:
            await self._rows.write(write, entry, end, patiently=True)
        except (DatabaseAway, LostLease):
            raise  # no bug of ours; the journal knows these
        except Exception as error:
            log.exception("How an action of run %s ended was not noted.", self._rows.hold.run_id)
            self._doubt(entry, f"{words}; this could not be noted: {evidence_of(error)}")
            await self._activity.halt()

    def _doubt(self, entry: JournalEntry, why: str) -> None:
        """Also where the run is being given back, or its agent has returned: a person is asked."""
        about = {"kind": "action", "entry": entry.pk, "name": entry.name, "why": why}
        self._activity.close(Doubt(about), over=(GiveBack, Ended))


def _take_note(done: asyncio.Future[Any]) -> None:
    """Its error is journaled; if the agent has stopped waiting, nobody else asks for it."""
    if not done.cancelled():
        done.exception()


def _is_being_cancelled() -> bool:
    """Whether somebody ends the very task that asks this."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def make_storable(result: Any) -> Any:
    """What an action returned, as it can be stored: what is not JSON is kept as its text."""
    try:
        canonical.canonical(result, "result")
    except BadInput:
        return {"text": repr(result)}
    return canonical.normalize(result)


def idempotency_key(hold: Hold, step: Step) -> str:
    """Stable over every retry of this step of this run, and of no other."""
    text = f"{hold.run_id}:{hold.generation}:{step.key}:{step.digest}"
    return canonical.digest(text, "hitl-idempotency/v1")
