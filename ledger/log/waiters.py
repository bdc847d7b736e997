"""The waiters of this process, by the subject of the log that each waits for."""

from __future__ import annotations

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable

from ledger.models import Event

log = logging.getLogger(__name__)

_by_subject: dict[str, set[Callable[[], None]]] = defaultdict(set)
_lock = threading.Lock()


def add(subject: str, callback: Callable[[], None]) -> None:
    """Have `callback` called, in the follower's thread, after events of this subject."""
    with _lock:
        _by_subject[subject].add(callback)


def remove(subject: str, callback: Callable[[], None]) -> None:
    """Undo add()."""
    with _lock:
        callbacks = _by_subject[subject]
        callbacks.discard(callback)
        if not callbacks:
            del _by_subject[subject]


def tell(events: list[Event]) -> None:
    """Wake those who wait for the subjects of these events, and nobody else."""
    _wake({event.subject for event in events})


def tell_all() -> None:
    """Wake everybody: something may have happened that the log does not tell any more."""
    with _lock:
        subjects = set(_by_subject)
    _wake(subjects)


def _wake(subjects: set[str]) -> None:
    with _lock:
        callbacks = [one for name in subjects for one in _by_subject.get(name, ())]
    for callback in callbacks:
        try:
            callback()
        except RuntimeError:  # a loop that was closed under its waiter
            log.debug("A waiter is gone.", exc_info=True)


def _forget() -> None:
    """After a fork: nobody waits in the child yet, and a lock that was held then stays held."""
    global _lock
    _lock = threading.Lock()
    _by_subject.clear()


os.register_at_fork(after_in_child=_forget)
