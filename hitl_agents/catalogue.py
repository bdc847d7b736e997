"""The catalogue of agents: the built-in ones and those that the setting HITL_AGENTS names.

An agent is an `async def agent(task: str, context: RunContext)` that returns JSON. Its function
name is the agent's name, the first line of its docstring what people read about it; an attribute
`owner` (a username) names somebody who may not approve what it asks.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from hitl_agents.context.run_context import RunContext
from ledger import catalogue
from ledger.catalogue import AgentSpec

AgentFunction = Callable[[str, RunContext], Awaitable[Any]]

BUILT_IN = (
    "hitl_agents.patterns.builtin.gated",
    "hitl_agents.patterns.escalating.escalating",
    "hitl_agents.patterns.reviewed.reviewed",
    "hitl_agents.patterns.interactive.interactive",
)


def register_all() -> None:
    """Fill the catalogue. ImproperlyConfigured names a path that is no agent."""
    for path in (*BUILT_IN, *settings.HITL_AGENTS):
        catalogue.register(_spec(path))


def load(name: str) -> AgentFunction:
    """The function of the agent of that name. LookupError if there is none any more."""
    spec = catalogue.get(name)
    if spec is None:
        raise LookupError(f"There is no agent {name!r} in this installation any more.")
    function: AgentFunction = import_string(spec.path)
    return function


def _spec(path: str) -> AgentSpec:
    try:
        function = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(f"HITL_AGENTS: {path} cannot be imported: {error}") from error
    if not inspect.iscoroutinefunction(function):
        raise ImproperlyConfigured(f"HITL_AGENTS: {path} is no `async def agent(task, context)`.")
    name = function.__name__
    return AgentSpec(
        name=name,
        title=name.replace("_", " ").capitalize(),
        description=(inspect.getdoc(function) or "").split("\n")[0],
        path=path,
        owner=str(getattr(function, "owner", "")),
    )
