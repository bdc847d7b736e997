"""Compares the version of this code with that of a database."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from django.apps import apps
from django.conf import settings
from django.core.management import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from packaging.version import Version

from ledger.package.models import ONLY, DatabaseVersion

Migration = tuple[str, str]  # the app and the name


def refuse_newer(connection: BaseDatabaseWrapper) -> None:
    """CommandError, with both versions, if a newer version of this project migrated that database."""
    if why := explain_newer(connection):
        raise CommandError(why)


def explain_newer(connection: BaseDatabaseWrapper) -> str:
    """Why this code must leave that database alone, in a sentence; "" when it may use it."""
    ours, theirs = settings.HITL_VERSION, read_version(connection)
    if theirs and Version(theirs) > Version(ours):
        return (
            f"This database was last migrated by hitl {theirs}; this is hitl {ours}, which is "
            f"older. Install {theirs} or newer, or restore a backup."
        )
    if unknown := find_unknown(connection):
        return (
            f"This database was migrated by a newer version than hitl {ours}, which does not know "
            f"{', '.join('.'.join(each) for each in sorted(unknown))}. The last version that "
            f"finished was {theirs or 'older than 0.2.0'}. Install the newer one, or restore a backup."
        )
    return ""


def is_current(connection: BaseDatabaseWrapper) -> bool:
    """Whether this very version has migrated that database, to the end."""
    return read_version(connection) == settings.HITL_VERSION


def read_version(connection: BaseDatabaseWrapper) -> str | None:
    """The version that migrated that database last, to the end; None before 0.2.0."""
    if not _has_table(connection):
        return None
    rows = DatabaseVersion.objects.using(connection.alias)
    return rows.values_list("version", flat=True).first()


def write_version(connection: BaseDatabaseWrapper) -> None:
    """Note that this version has migrated that database."""
    if _has_table(connection):  # it is not there after `migrate ledger zero`
        rows = DatabaseVersion.objects.using(connection.alias)
        rows.update_or_create(pk=ONLY, defaults={"version": settings.HITL_VERSION})


def find_unknown(connection: BaseDatabaseWrapper) -> set[Migration]:
    """The applied migrations of our apps that this code does not have."""
    ours = {config.label for config in apps.get_app_configs() if config.name in settings.HITL_APPS}
    applied = MigrationRecorder(connection).applied_migrations()
    unknown = {each for each in applied if each[0] in ours} - set(_list_on_disk(ours))
    return unknown - _find_replaced() if unknown else set()


def _list_on_disk(labels: set[str]) -> list[Migration]:
    """The migrations of those apps by their file names: loading them takes a runner megabytes."""
    return [
        (label, module.name) for label in labels for module in pkgutil.iter_modules(_folders(label))
    ]


def _folders(label: str) -> list[str]:
    name = f"{apps.get_app_config(label).name}.migrations"
    try:
        return list(import_module(name).__path__)
    except ModuleNotFoundError:
        return []


def _find_replaced() -> set[Migration]:
    """Those that are gone from the disk because a squashed one stands for them."""
    there = MigrationLoader(None).disk_migrations.values()
    return {pair for migration in there for pair in migration.replaces}


def _has_table(connection: BaseDatabaseWrapper) -> bool:
    return DatabaseVersion._meta.db_table in connection.introspection.table_names()
