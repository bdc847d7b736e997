"""Who stands around a gate in the tests: rita decides, otto may not, olga operates."""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from typing import Any

from django.contrib.auth.models import Group, Permission, User

from approvals import services
from approvals.models import ApprovalRequest, Gate
from ledger.models import Run

# What the migration grants; a test with threads finds its database flushed and grants it again.
GRANTED: dict[str, list[str]] = defaultdict(list)
for _module in (
    "approvals.migrations.0002_groups",
    "escalations.migrations.0003_groups",
    "reviews.migrations.0002_groups",
    "plans.migrations.0002_groups",
):
    for _name, _granted in import_module(_module).GROUPS.items():
        GRANTED[_name] += _granted


def person(name: str, *groups: str, **fields: Any) -> User:
    """A user in these groups, made if missing."""
    user, _ = User.objects.get_or_create(username=name, defaults=fields)
    for group in set(groups) - {group.name for group in user.groups.all()}:
        user.groups.add(group_named(group))
    return user


def group_named(name: str) -> Group:
    group, made = Group.objects.get_or_create(name=name)
    if made or not group.permissions.exists():
        group.permissions.add(*_granted_to(name))
    return group


def _granted_to(name: str) -> list[int]:
    """The ids of what the migrations grant that group, by one query."""
    granted = GRANTED.get(name, ())
    codenames = [permission.partition(".")[2] for permission in granted]
    found = Permission.objects.filter(codename__in=codenames)
    rows = found.values_list("content_type__app_label", "codename", "pk")
    ids = {f"{label}.{codename}": pk for label, codename, pk in rows}
    return [ids[permission] for permission in granted]


def rita() -> User:
    """May decide."""
    return person("rita", "Reviewers")


def otto() -> User:
    """Is signed in and may nothing."""
    return person("otto")


def root() -> User:
    """A superuser."""
    return person("root", is_superuser=True)


def gate(name: str = "mail", **fields: Any) -> Gate:
    """A gate that Reviewers decide at; `fields` change its rule. It stands there from the start:

    no event tells of it, so that a test's log holds only what the test did.
    """
    found, made = Gate.objects.get_or_create(name=name)
    if made:
        found.deciders.add(group_named("Reviewers"))
    if fields:
        Gate.objects.filter(pk=found.pk).update(**fields)
        found.refresh_from_db()
    return found


def asked(run: Run | None = None, /, **changes: Any) -> ApprovalRequest:
    """A pending request."""
    wanted: dict[str, Any] = {
        "agent_id": "gated",
        "action": "tell",
        "details": {"to": "ana@example.org"},
        "risk_level": "medium",
    }
    wanted |= changes
    if "gate" not in wanted:
        wanted["gate"] = gate()
    return services.ask(run=run, **wanted)


def a_run(**fields: Any) -> Run:
    """A run that some runner drives."""
    return Run.objects.create(
        **{"agent": "gated", "agent_id": "gated", "status": "running", "fence": 1, **fields}
    )
