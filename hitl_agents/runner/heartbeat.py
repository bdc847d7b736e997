"""A runner's sign of life, and the leases of what it drives."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import connection

from ledger import leases

log = logging.getLogger(__name__)

SIGN_EVERY = 5.0  # seconds, at most, between two signs of life


class Heart:
    """Renews leases from a thread of its own: a blocked loop must not look like a dead runner."""

    def __init__(self, runner: str, lease: float, driven: Callable[[], list[int]]) -> None:
        self._runner = runner
        self._lease = lease
        self._driven = driven
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="hitl-heart", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(timeout=30)

    def _beat(self) -> None:
        try:
            while not self._stopped.wait(min(SIGN_EVERY, self._lease / 3)):
                self._renew()
        finally:
            connection.close()

    def _renew(self) -> None:
        try:
            leases.renew(self._runner, self._driven(), self._lease)
        except Exception:
            log.exception("The leases of %s were not renewed.", self._runner)
            connection.close()
