"""Daphne with our pages, for `up`: `python -m hitl_site.serve`, then Daphne's own arguments.

Daphne looks into the current folder before all others. Our packages are imported before it does,
so that a folder of somebody's own called `reviews` or `plans` does not stand in for one of ours.
"""

from __future__ import annotations

from daphne.cli import CommandLineInterface  # first: it settles which reactor Twisted uses

from hitl_site.command import find_own_agents

if __name__ == "__main__":
    find_own_agents()
    import hitl_site.asgi  # noqa: F401

    CommandLineInterface.entrypoint()
