"""The context of an agent: model, gate, manager, queue and plan, inside a run or in a program."""

from __future__ import annotations
