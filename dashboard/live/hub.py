"""Everybody who listens in this process: hands them frames, and sends away who may no longer.

The follower's thread draws a frame once; then the loop hands that one text to every listener
itself. There is no group and no channel layer between: each process follows the log. A third
thread, the keeper, asks every two seconds who may still listen, for all listeners at once.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from itertools import chain

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.template.loader import render_to_string

from dashboard.frame.context import Shell
from dashboard.live import rendering
from dashboard.live.admission import find_admitted
from dashboard.live.changes import Shown
from dashboard.live.closing import Closing
from dashboard.live.listener import Listener
from ledger import tail
from ledger.models import Event

log = logging.getLogger(__name__)

CHECK_EVERY = 2.0  # seconds between two looks at all sessions and permissions
BEAT_EVERY = 20.0  # seconds; a page that hears nothing for 45 takes its connection for dead


class Hub:
    """The listeners of this process. Methods may be called from any thread."""

    def __init__(self) -> None:
        self._listeners: frozenset[Listener] = frozenset()  # replaced, never changed
        self._lock = threading.Lock()
        self._following: tail.Follower | None = None
        self._end = 0  # the last event that was handed on
        self._keeper: threading.Thread | None = None
        self._empty = threading.Event()

    def enter(self, listener: Listener) -> None:
        """Hand it all frames from here on. Blocks until the log is followed."""
        following = tail.follower()
        with self._lock:
            if following is not self._following:
                following.subscribe(self.tell)
                self._following, self._end = following, 0
            self._listeners |= {listener}
            self._empty.clear()
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="hitl-live", daemon=True)
                self._keeper.start()

    def leave(self, listener: Listener) -> None:
        """Forget it."""
        with self._lock:
            self._listeners -= {listener}
            if not self._listeners:
                self._empty.set()

    def __len__(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def stop(self) -> None:
        """Forget everybody, and wait for the keeper to end."""
        with self._lock:
            self._listeners, keeper = frozenset(), self._keeper
            self._empty.set()
        if keeper is not None:
            keeper.join(timeout=10)

    def tell(self, events: list[Event]) -> None:
        """Draw what those events changed, once, and hand it to everybody. For the follower."""
        listeners = self._listeners
        if not listeners:
            return
        jumped_back = events[0].id <= self._end
        rows = [(event.id, event.kind, event.subject, event.run_id) for event in events]
        try:
            frames = rendering.frames(rows, merge_shown(listeners))
        except Exception:
            log.exception("Frames cannot be drawn; the pages come back and catch up.")
            call_in_loops(listeners, lambda one: one.end(Closing.TRY_AGAIN))
            return
        if jumped_back or len(frames) > rendering.MOST_CARDS:
            call_in_loops(listeners, lambda one: one.say(rendering.RELOAD))
        else:
            call_in_loops(listeners, lambda one: one.offer(frames))
        self._end = events[-1].id

    # The keeper's thread ---------------------------------------------------------------------

    def _keep(self) -> None:
        beaten = due = time.monotonic()
        try:
            while not self._over():
                due += CHECK_EVERY
                self._empty.wait(max(0.0, due - time.monotonic()))
                self.check()
                if time.monotonic() - beaten >= BEAT_EVERY:
                    beaten = time.monotonic()
                    self.beat()
        finally:
            connection.close()

    def _over(self) -> bool:
        """Whether nobody listens any more; then the next one who does starts a new keeper."""
        with self._lock:
            if not self._listeners:
                self._keeper = None
            return not self._listeners

    def check(self) -> None:
        """Look up all sessions and permissions; who has lost them gets nothing more."""
        listeners = self._listeners
        try:
            may = find_admitted({one.session_key for one in listeners})
        except Exception:
            log.exception("Nobody can say who may still listen, so everybody has to come back.")
            connection.close()
            call_in_loops(listeners, lambda one: one.end(Closing.TRY_AGAIN))
            return
        refused = [one for one in listeners if one.session_key not in may]
        for one in listeners:
            one.may = may.get(one.session_key, frozenset())
        call_in_loops(refused, lambda one: one.end(Closing.NOT_ALLOWED))

    def beat(self) -> None:
        """Tell everybody that the connection lives, how far the log was read, who runs agents."""
        try:
            text = beat_text(self._end)
        except Exception:
            log.exception("There is no beat this time.")
            return
        call_in_loops(self._listeners, lambda one: one.beat(text))


def beat_text(end: int) -> str:
    """The frame that says: still here."""
    shell = Shell(AnonymousUser())  # how many runners live is the same for everybody
    runners = render_to_string("_runners.html", {"shell": shell})
    said = {
        "beat": time.time(),
        "cursor": end,
        "runners": shell.runners["alive"],
        "html": {
            "runners": f'<span id="runners">{runners}</span>',
            "no-runner": render_to_string("_no_runner.html", {"shell": shell}),
        },
    }
    return json.dumps(said, ensure_ascii=False)


def merge_shown(listeners: Iterable[Listener]) -> Shown:
    """What all their pages show together; None if one of them wants everything."""
    shown = [one.on for one in listeners]
    return None if None in shown else frozenset(chain.from_iterable(filter(None, shown)))


def call_in_loops(listeners: Collection[Listener], act: Callable[[Listener], None]) -> None:
    """Do that with each listener in its own loop: one call into each loop, however many there are."""
    loops = defaultdict(list)
    for one in listeners:
        loops[one.loop].append(one)
    for loop, those in loops.items():
        try:
            loop.call_soon_threadsafe(_call_each, those, act)
        except RuntimeError:
            log.debug("A loop has closed before its listeners.")


def _call_each(listeners: list[Listener], act: Callable[[Listener], None]) -> None:
    for one in listeners:
        try:
            act(one)
        except Exception:
            log.exception("A listener failed; the others go on.")


hub = Hub()
