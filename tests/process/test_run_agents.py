"""What a runner's process does without: it is to stay small, whatever there is."""

from __future__ import annotations

import pytest
from django.db import connection  # noqa: F401  (the condition below)

from tests.support.installation import Installation

RUN = "from django.core.management import call_command; call_command('run_agents', until_idle=True)"


def said_after_running(installation: Installation, code: str) -> str:
    done = installation.manage("shell", "--no-imports", "-c", f"{RUN}\n{code}")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_does_not_load_the_pages(prepared: Installation) -> None:
    assert said_after_running(prepared, "import sys; print('hitl_site.urls' in sys.modules)") == (
        "False"
    )


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite only")
def test_its_connections_keep_few_pages_in_memory(prepared: Installation) -> None:
    code = (
        "from django.db import connection; connection.close(); cursor = connection.cursor();"
        "cursor.execute('PRAGMA cache_size'); print(cursor.fetchone()[0])"
    )
    assert said_after_running(prepared, code) == "-256"
