"""Whether this process answers, and whether it can do its work. For probes, so without sign-in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache

from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ledger.clock import DbNow
from ledger.log import guards
from ledger.log.writing import Writing
from ledger.package.versions import explain_newer

log = logging.getLogger(__name__)

Check = Callable[[], str]  # what is wrong, in words that give no secret away; "" when all is well


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; the database is not asked."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every check is well, else 503; the body says which is not, and why."""
    checks: dict[str, dict[str, object]] = {}
    for name, check in CHECKS.items():
        if name != "database" and not checks["database"]["ok"]:
            checks[name] = {"ok": False, "why": "The database does not answer."}
        else:
            checks[name] = _result(name, check)
    ready = all(result["ok"] for result in checks.values())
    body = {"status": "ok" if ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


def _result(name: str, check: Check) -> dict[str, object]:
    try:
        why = check()
    except Exception:  # whatever it is, the answer to a probe is 503 and says no more
        log.exception("The check of the %s failed.", name)
        why = "It failed; the server's log says how."
    return {"ok": False, "why": why} if why else {"ok": True}


def database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return "" if cursor.fetchone() == (1,) else "It answers, but not what was asked."


@cache
def _list_wanted() -> frozenset[tuple[str, str]]:
    """The last migrations of every app, as this process has them on disk."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def migrations() -> str:
    missing = _list_wanted() - set(MigrationRecorder(connection).applied_migrations())
    if missing:
        return f"Not applied: {_join('.'.join(pair) for pair in missing)}."
    return explain_newer(connection)


def log_guards() -> str:
    missing = guards.find_missing()
    return f"The log is not protected; missing: {_join(missing)}." if missing else ""


def clock() -> str:
    """That deadlines can be compared: the database's own time, read as the services read it."""
    rows = MigrationRecorder(connection).migration_qs.values_list(DbNow(), flat=True)
    return "" if isinstance(rows.first(), datetime) else "The database gives no time."


def _join(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


CHECKS: dict[str, Check] = {
    "database": database,
    "migrations": migrations,
    "guards": log_guards,
    "clock": clock,
    "writing": Writing(),
}
