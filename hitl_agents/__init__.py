"""Agents at work: the journal, the runner, the actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ledger.package.exports import import_lazily

__all__ = [
    "ApprovalGatedAgent",
    "EscalatingAgent",
    "InteractiveAgent",
    "ReviewedAgent",
    "RunContext",
]

if TYPE_CHECKING:
    from hitl_agents.context.run_context import RunContext
    from hitl_agents.patterns.escalating import EscalatingAgent
    from hitl_agents.patterns.gated import ApprovalGatedAgent
    from hitl_agents.patterns.interactive import InteractiveAgent
    from hitl_agents.patterns.reviewed import ReviewedAgent
else:
    __getattr__ = import_lazily(
        __name__,
        {
            "ApprovalGatedAgent": "patterns.gated",
            "EscalatingAgent": "patterns.escalating",
            "InteractiveAgent": "patterns.interactive",
            "ReviewedAgent": "patterns.reviewed",
            "RunContext": "context.run_context",
        },
    )
