"""The start: the first login, example tasks, and the processes that `up` watches."""

from __future__ import annotations
