"""Puts the SQLite that this project trusts in the place of Python's own."""

from __future__ import annotations

import importlib
import sys

# SQLite 3.7.0 … 3.51.2 in WAL mode can corrupt a file that two connections write at one moment.
SAFE_IN_WAL = (3, 51, 3)
REPLACED = ("sqlite3", "sqlite3.dbapi2")


def swap() -> None:
    """Make `import sqlite3` mean pysqlite3, for this whole process.

    Two SQLite libraries with one file open in one process lose each other's locks (closing a
    file drops every POSIX lock the process holds on it), so half a swap is worse than none:
    ImportError if Python's own module is in use already. Where pysqlite3 has no wheel, Python's
    own stays; `journal_mode()` then chooses by its version.
    """
    try:
        library = importlib.import_module("pysqlite3")
        dbapi2 = importlib.import_module("pysqlite3.dbapi2")
    except ModuleNotFoundError:
        return
    if sys.modules.get("sqlite3", library) is not library:
        raise ImportError(
            "Python's own sqlite3 was imported before hitl_site put pysqlite3 in its place. "
            "Import hitl_site first; with a tool that imports sqlite3 early (coverage, IPython) "
            "start it so that hitl_site comes first, for example `python -m pytest -p hitl_site`."
        )
    sys.modules.update(zip(REPLACED, (library, dbapi2), strict=True))


def version() -> tuple[int, ...]:
    """The version of the SQLite in use, such as (3, 53, 4)."""
    found: tuple[int, ...] = importlib.import_module("sqlite3").sqlite_version_info
    return found


def journal_mode(found: tuple[int, ...]) -> str:
    """The journal mode that is safe with that version: WAL, or DELETE for one with the bug."""
    return "WAL" if found >= SAFE_IN_WAL else "DELETE"
