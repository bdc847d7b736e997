"""The three groups and their permissions: each app grants its own in a migration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.contrib.auth.management import create_permissions
from django.db import migrations

Grants = Mapping[str, Sequence[str]]  # by the group's name: permissions, as "app.codename"


def granting(groups: Grants, *labels: str) -> migrations.RunPython:
    """A migration's step: make those groups, and grant; what an administrator granted besides stays.

    `labels` are the apps whose permissions are granted. They are made here: Django itself makes
    permissions after all migrations, and these are needed now.
    """
    return migrations.RunPython(partial(grant, groups, labels), migrations.RunPython.noop)


def grant(groups: Grants, labels: Sequence[str], apps: Any, schema_editor: Any) -> None:
    """What granting() does, for a migration that decides itself whether to."""
    alias = schema_editor.connection.alias
    for label in labels:
        _make_permissions(apps, label, alias)
    permissions = apps.get_model("auth", "Permission").objects.using(alias)
    for name, granted in groups.items():
        group, _ = apps.get_model("auth", "Group").objects.using(alias).get_or_create(name=name)
        for permission in granted:
            label, codename = permission.split(".")
            group.permissions.add(permissions.get(content_type__app_label=label, codename=codename))


def _make_permissions(apps: Any, label: str, alias: str) -> None:
    config = apps.get_app_config(label)
    kept, config.models_module = getattr(config, "models_module", None), True
    create_permissions(config, apps=apps, verbosity=0, using=alias)
    config.models_module = kept
