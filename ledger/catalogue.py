"""The agents that exist, by name. Filled when Django starts, read by runners and by pages.

It stands in this layer because pages offer the agents and runners drive them, and neither may
import the other. It holds where an agent's code is, not the code.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AgentSpec:
    """An agent: what people call it, and the dotted path of its function."""

    name: str
    title: str
    description: str
    path: str
    owner: str = ""  # a username: the owner may not approve what the agent asks


_specs: dict[str, AgentSpec] = {}


def register(spec: AgentSpec) -> None:
    """Make an agent known. The same name twice with another path is an error."""
    known = _specs.get(spec.name)
    if known is not None and known != spec:
        raise ValueError(f"The agent name {spec.name!r} is taken by {known.path}.")
    _specs[spec.name] = spec


def get(name: str) -> AgentSpec | None:
    return _specs.get(name)


def names() -> list[str]:
    return sorted(_specs)


def specs() -> list[AgentSpec]:
    return [_specs[name] for name in names()]
