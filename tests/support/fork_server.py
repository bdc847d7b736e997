"""Starts `manage.py …` without paying for its imports each time: forks of one prepared process.

The process has imported what is not ours and knows no settings yet, no database and no thread. A
fork of it gets the arguments, the environment and the files of the command to be, and runs
manage.py itself: it reads the settings and sets Django up as any start does, is a process of its
own, a child of the tests' process, and dies of what kills. Where that cannot be (Linux alone hands
orphans to whom wants them), the command is started as people start it.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import importlib
import inspect
import json
import os
import runpy
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

BASE_DIR = Path(__file__).resolve().parents[2]
MANAGE = BASE_DIR / "manage.py"
PR_SET_CHILD_SUBREAPER = 36
MOST = 200_000  # bytes of one order
# What commands import anyway and that asks for no settings. `hitl_site` settles which SQLite is used.
LOADED = (
    "hitl_site",
    "django.contrib.admin.options",
    "django.contrib.admin.templatetags.admin_list",
    "django.core.asgi",
    "django.core.management.commands.migrate",
    "django.core.management.commands.shell",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.executor",
    "django.test",
    "channels.auth",
    "channels.generic.websocket",
    "csp.middleware",
    "django_htmx.middleware",
    "environ",
    "fido2.server",
    "markdown_it",
    "nh3",
    "openai.types.chat",
    "psycopg_pool",
    "pydantic",
    "pygments.formatters.html",
    "pygments.lexers.python",
    "rfc8785",
    "whitenoise.middleware",
)


class Forked(subprocess.Popen[str]):
    """`manage.py …` by the fork server. All that Popen does, it does, but for the start."""

    def _execute_child(self, *given: Any) -> None:
        call = inspect.signature(subprocess.Popen._execute_child).bind(self, *given)  # type: ignore[attr-defined]
        asked = call.arguments
        order = {"arguments": asked["args"][1:], "cwd": str(asked["cwd"]), "env": asked["env"]}
        # -1 is "as mine": the tests' own.
        wanted = zip(
            (asked["p2cread"], asked["c2pwrite"], asked["errwrite"]), (0, 1, 2), strict=True
        )
        files = [mine if found == -1 else found for found, mine in wanted]
        with _lock:
            socket.send_fds(_server(), [json.dumps(order).encode()], files)
            self.pid = int(_server().recv(100))
        self._child_created = True
        self._close_pipe_fds(*(asked[n] for n in _PIPES))  # type: ignore[attr-defined]


_PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
_lock = threading.Lock()


def popen() -> type[subprocess.Popen[str]]:
    """What starts `[python, manage.py, …]` here."""
    return Forked if sys.platform == "linux" else subprocess.Popen


@functools.cache
def _server() -> socket.socket:
    """The line to the server of this process, which ends when this end of it is closed."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans below us are our children
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server", str(its.fileno())],
            cwd=BASE_DIR,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
            process_group=0,
        )

    def end() -> None:
        ours.close()
        server.wait()

    atexit.register(end)
    return ours


def serve(line: socket.socket) -> None:
    """In the server: fork for each order until nobody gives any; returns in every fork, too."""
    while True:
        order, files, _, _ = socket.recv_fds(line, MOST, 3)
        if not order:
            raise SystemExit
        out, into = os.pipe()
        between = os.fork()
        if between == 0:
            # Its child is an orphan when it has ended, and so a child of the tests' process.
            pid = os.fork()
            if pid:
                os.write(into, str(pid).encode())
                os._exit(0)
            os.close(out)
            os.close(into)
            line.close()
            become(json.loads(order), files)
            return
        os.waitpid(between, 0)
        line.send(os.read(out, 100))
        for file in (out, into, *files):
            os.close(file)


def become(order: dict[str, Any], files: list[int]) -> None:
    """In the fork: what a new process would have got."""
    os.setpgid(0, 0)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(order["env"])
    os.chdir(order["cwd"])
    sys.argv = order["arguments"]


if __name__ == "__main__":
    for name in LOADED:
        importlib.import_module(name)
    assert threading.active_count() == 1, threading.enumerate()
    gc.freeze()  # else the first collection in each fork copies all of it
    serve(socket.socket(fileno=int(sys.argv[1])))
    sys.path[0] = str(BASE_DIR)
    runpy.run_path(str(MANAGE), run_name="__main__")
