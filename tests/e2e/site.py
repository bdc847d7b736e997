"""A whole installation under test: `manage.py up`, its people, and what its agents are given."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.installation import Installation

PASSWORD = "correct horse battery"
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


class Site:
    """A running installation. `url` is its address."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.url = f"http://127.0.0.1:{installation.port}"
        installation.env["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        self.up = installation.start("up")
        self.until_ready()
        self.run(MAKE_PEOPLE.format(people=PEOPLE, password=PASSWORD))

    def until_ready(self) -> None:
        until(self._is_ready, f"ready at {self.url}; see {self.installation.log}", 60)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def run(self, code: str) -> str:
        """Run Python with the installation's database; what it printed."""
        done = self.installation.manage("shell", "--verbosity", "0", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def submit(self, task: str, *options: str) -> subprocess.Popen[str]:
        """`manage.py submit gated TASK --wait` in the background."""
        return self.installation.start("submit", "gated", task, "--wait", *options)

    def submit_only(self, task: str, *options: str) -> int:
        """Give the built-in agent a task; the run's number."""
        done = self.installation.manage("submit", "gated", task, *options)
        assert done.returncode == 0, done.stderr
        return int(json.loads(done.stdout)["run"])

    def ask(self, action: str = "pay", **details: Any) -> int:
        """A request at a gate from a program that is no run; its number."""
        code = f"""
from approvals.gate import gate_named
from approvals import services
print(services.ask(gate=gate_named("shop"), agent_id="shop-bot", action={action!r},
      details={details!r}, risk_level="high").pk)
"""
        return int(self.run(code))


def outcome(process: subprocess.Popen[str], seconds: float = 30) -> dict[str, Any]:
    """The JSON line that a `submit --wait` printed when it ended."""
    out, _ = process.communicate(timeout=seconds)
    found: dict[str, Any] = json.loads(out)
    return found
