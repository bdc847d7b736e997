"""The app that runs agents."""

from __future__ import annotations

import importlib

from django.apps import AppConfig

BUILT_IN_ACTIONS = ("files", "mail", "web")


class HitlAgentsConfig(AppConfig):
    """Registers the actions and the agents, so that every process knows them."""

    name = "hitl_agents"
    verbose_name = "Agents"

    def ready(self) -> None:
        for module in BUILT_IN_ACTIONS:
            importlib.import_module(f"hitl_agents.actions.{module}")
        importlib.import_module("hitl_agents.catalogue").register_all()
