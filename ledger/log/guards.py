"""Triggers by which the database itself refuses to change the log, whoever asks.

Those against UPDATE come with a migration. Those against DELETE and TRUNCATE are installed when
`up` or `run_agents` starts, because the flush between Django's tests deletes rows.
"""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from ledger.transitions import LOG_LOCK

TABLE = "ledger_event"
REFUSAL = "The log is append-only."

# Trigger → the statement that it refuses. On SQLite, REPLACE takes a row away without firing
# triggers against DELETE, so an INSERT with an id that is taken is refused as well.
SQLITE = {
    "ledger_event_no_update": "BEFORE UPDATE ON ledger_event",
    "ledger_event_no_replace": "BEFORE INSERT ON ledger_event"
    " WHEN EXISTS (SELECT 1 FROM ledger_event WHERE id = NEW.id)",
    "ledger_event_no_delete": "BEFORE DELETE ON ledger_event",
}
POSTGRES = {
    "ledger_event_no_update": "BEFORE UPDATE ON ledger_event",
    "ledger_event_no_delete": "BEFORE DELETE ON ledger_event",
    "ledger_event_no_truncate": "BEFORE TRUNCATE ON ledger_event",
}
WHILE_RUNNING = ("ledger_event_no_delete", "ledger_event_no_truncate")


def install() -> None:
    """Install what is missing; nothing happens, and nothing is locked, when nothing is."""
    if not find_missing():
        return
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Two processes that start at once take turns, and no append is under way.
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOG_LOCK])
        for name in find_missing():
            create(cursor, connection.vendor, name)


def uninstall() -> None:
    """Take the triggers of `install()` away, for tests and for whoever restores a backup."""
    with transaction.atomic(), connection.cursor() as cursor:
        for name in list_triggers(connection.vendor):
            if name in WHILE_RUNNING:
                drop(cursor, connection.vendor, name)


def find_missing() -> list[str]:
    """The triggers that should be there and are not, or are switched off."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled IN ('O', 'A')",
                [TABLE],
            )
        else:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE]
            )
        there = {name for (name,) in cursor.fetchall()}
    return [name for name in list_triggers(connection.vendor) if name not in there]


def list_triggers(vendor: str) -> dict[str, str]:
    """The triggers of that database: name → the statement that each refuses."""
    return POSTGRES if vendor == "postgresql" else SQLITE


def create(cursor: Any, vendor: str, name: str) -> None:
    """Create one trigger; one of that name that is switched off is replaced."""
    drop(cursor, vendor, name)
    when = list_triggers(vendor)[name]
    if vendor == "postgresql":
        cursor.execute(_FUNCTION)
        cursor.execute(
            f"CREATE TRIGGER {name} {when} FOR EACH STATEMENT EXECUTE FUNCTION ledger_event_refuse()"
        )
    else:
        cursor.execute(f"CREATE TRIGGER {name} {when} BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END")


def drop(cursor: Any, vendor: str, name: str) -> None:
    """Drop one trigger, if it is there."""
    table = f" ON {TABLE}" if vendor == "postgresql" else ""
    cursor.execute(f"DROP TRIGGER IF EXISTS {name}{table}")


_FUNCTION = f"""
CREATE OR REPLACE FUNCTION ledger_event_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'restrict_violation';
END
$$"""
