"""A whole installation under test: `manage.py up`, its people, and what its agents are given."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.support.installation import Installation

PASSWORD = "correct horse battery"
BACKEND = "django.contrib.auth.backends.ModelBackend"
PEOPLE = {
    "rita": ["Reviewers"],
    "sam": ["Reviewers"],
    "olga": ["Operators"],
    "ada": ["Auditors"],
    "nora": [],
}
MAKE_PEOPLE = """
from django.contrib.auth.models import Group, User
for name, groups in {people!r}.items():
    user = User.objects.create_user(name, password={password!r})
    user.groups.set(Group.objects.filter(name__in=groups))
"""


def until(true: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """What `true` returns once that is something; fail with `what` if it takes too long."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, f"still not so after {seconds} s: {what}"
        time.sleep(0.02)
    return found


# A process that stays: starting one for each piece of code would take longer than most tests.
SERVE = """
import contextlib, io, json, sys, traceback
from django.db import connections
for line in sys.stdin:
    said, error = io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(said):
            exec(json.loads(line), {})
    except Exception:
        error = traceback.format_exc()
    connections.close_all()
    print(json.dumps({"said": said.getvalue(), "error": error}), flush=True)
"""


class Site:
    """A running installation. `url` is its address."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.url = f"http://127.0.0.1:{installation.port}"
        installation.env["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        self.up = installation.start("up")
        self.until_ready()
        serve = ("shell", "--no-imports", "-c", SERVE)
        self._server = installation.start(*serve, stdin=subprocess.PIPE)
        self.run(MAKE_PEOPLE.format(people=PEOPLE, password=PASSWORD))

    def until_ready(self) -> None:
        until(self._is_ready, f"ready at {self.url}; see {self.installation.log}", 120)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def run(self, code: str) -> str:
        """Run Python with the installation's database, in another process; what it printed."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(code) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        assert not answer["error"], answer["error"]
        said: str = answer["said"]
        return said.strip()

    def session_of(self, name: str) -> str:
        """The key of a new session of that person."""
        return self.run(f"""
from django.contrib.auth.models import User
from django.test import Client
client = Client()
client.force_login(User.objects.get(username={name!r}), "{BACKEND}")
print(client.cookies["sessionid"].value)
""")

    def submit(self, task: str, *options: str) -> subprocess.Popen[str]:
        """`manage.py submit gated TASK --wait` in the background."""
        return self.installation.start("submit", "gated", task, "--wait", *options)

    def submit_only(self, task: str) -> int:
        """Give the built-in agent a task; the run's number."""
        return int(self.run(f'from ledger import runs; print(runs.submit("gated", {task!r}).pk)'))

    def ask(self, action: str = "pay", **details: Any) -> int:
        """A request at a gate from a program that is no run; its number."""
        code = f"""
from approvals.gate import gate_named
from approvals import services
print(services.ask(gate=gate_named("shop"), agent_id="shop-bot", action={action!r},
      details={details!r}, risk_level="high").pk)
"""
        return int(self.run(code))


def outcome(process: subprocess.Popen[str], seconds: float = 120) -> dict[str, Any]:
    """The JSON line that a `submit --wait` printed when it ended."""
    out, _ = process.communicate(timeout=seconds)
    found: dict[str, Any] = json.loads(out)
    return found
