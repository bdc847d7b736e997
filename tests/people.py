"""Who stands around a gate in the tests: rita decides, otto may not, olga operates."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission, User

from approvals import services
from approvals.gate import gate_named
from approvals.models import ApprovalRequest, Gate
from ledger.models import Run

# The groups of the migration; a test with threads finds its database flushed and remakes them.
GROUPS = {
    "Reviewers": ("view_approvalrequest", "decide_approvalrequest", "resolve_run"),
    "Operators": ("view_approvalrequest", "add_run", "cancel_run", "resolve_run"),
}


def person(name: str, *groups: str, **fields: Any) -> User:
    """A user in these groups, made if missing."""
    user, _ = User.objects.get_or_create(username=name, defaults=fields)
    for group in groups:
        user.groups.add(group_named(group))
    return user


def group_named(name: str) -> Group:
    group, _ = Group.objects.get_or_create(name=name)
    group.permissions.add(*Permission.objects.filter(codename__in=GROUPS.get(name, ())))
    return group


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
    """A gate that Reviewers decide at; `fields` change its rule."""
    group_named("Reviewers")
    found = gate_named(name)
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
