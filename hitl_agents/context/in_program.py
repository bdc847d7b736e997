"""The journal for programs that use an agent's class outside the runner: written, never replayed.

Such a program waits in memory, as the class promises. If it dies in the middle of an action, its
run is in doubt; the lease tells, and any runner notices.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection

from approvals.actions import ActionContext, ActionFailed, OutcomeUnknown, evidence_of
from approvals.models import ApprovalRequest
from hitl_agents.journal import action_entries, entries
from hitl_agents.journal.actions import Effect, idempotency_key, make_storable
from hitl_agents.journal.entries import Hold, Question, Step
from ledger import canonical, leases
from ledger.errors import LostLease
from ledger.models import EntryKind, JournalEntry

log = logging.getLogger(__name__)


class LibraryRun:
    """One call of execute_with_approval in a program of somebody else's."""

    def __init__(self, agent_id: str) -> None:
        self._agent_id = agent_id
        self._steps = 0
        self._hold: Hold | None = None
        self._stopped = threading.Event()

    async def __aenter__(self) -> LibraryRun:
        name = f"{socket.gethostname()}-{os.getpid()}-library"
        lease = settings.HITL_LEASE_SECONDS
        run = await sync_to_async(leases.start_library)(self._agent_id, name, lease)
        self._hold = Hold(run.pk, run.fence, run.generation, name)
        keep = threading.Thread(target=self._keep_lease, args=(lease,), daemon=True)
        keep.start()
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._stopped.set()
        if error is None:
            return
        said = f"{type(error).__name__}: {error}"
        with suppress(LostLease):  # in doubt, cancelled, or swept: that stands, as does the error
            await sync_to_async(leases.fail)(self.hold.run_id, self.hold.fence, said)

    @property
    def hold(self) -> Hold:
        if self._hold is None:
            raise RuntimeError("The run has not been started.")
        return self._hold

    async def complete(self, result: Any) -> None:
        await sync_to_async(leases.complete)(self.hold.run_id, self.hold.fence, result)

    async def ask(self, question: Question) -> ApprovalRequest:
        """Store the question and its journal row; the program then waits at its own gate."""
        step = self._step(EntryKind.QUESTION, question.name, question.about)
        self._entry, request = await self._db(entries.ask, step, question)
        return request

    async def note_delivered(self) -> None:
        """Note that the program has taken up the decision on its last question."""
        await self._db(entries.take_decision, self._entry)

    async def act(self, name: str, details: Any, effect: Effect, request_id: int) -> Any:
        """Start, effect, result: committed in that order. Errors reach the program as they are."""
        step = self._step(EntryKind.ACTION, name, details)
        entry = await self._db(action_entries.start_action, step, None, request_id)
        key = idempotency_key(self.hold, step)
        try:
            result = await effect(ActionContext(key, self.hold.run_id, request_id))
        except ActionFailed as failure:
            await self._db(action_entries.fail_action, entry, str(failure))
            raise
        except (OutcomeUnknown, asyncio.CancelledError) as error:
            await self._leave_in_doubt(entry, evidence_of(error))
            raise
        except Exception as error:
            await self._db(action_entries.fail_action, entry, f"{type(error).__name__}: {error}")
            raise
        await self._db(action_entries.finish_or_leave_evidence, entry, make_storable(result))
        return result

    async def _leave_in_doubt(self, entry: JournalEntry, why: str) -> None:
        about = {"kind": "action", "entry": entry.pk, "name": entry.name, "why": why}
        with suppress(LostLease):
            await sync_to_async(leases.doubt)(self.hold.run_id, self.hold.fence, about)

    def _step(self, kind: EntryKind, name: str, about: Any) -> Step:
        self._steps += 1
        return Step(kind, name, f"{kind}/{name}/{self._steps}", canonical.canonical(about))

    async def _db(self, function: Callable[..., Any], *args: Any) -> Any:
        return await sync_to_async(function)(self.hold, *args)

    def _keep_lease(self, lease: float) -> None:
        """Runs in a thread of its own: a program that blocks its loop is not gone."""
        try:
            while not self._stopped.wait(lease / 3):
                try:
                    leases.renew(self.hold.runner, [self.hold.run_id], lease)
                except Exception:
                    log.exception("The lease of run %s was not renewed.", self.hold.run_id)
        finally:
            connection.close()
