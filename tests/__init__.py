"""The tests: fast ones here, real processes in process/, the browser in e2e/."""

from __future__ import annotations
