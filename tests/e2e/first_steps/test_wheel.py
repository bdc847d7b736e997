"""The wheel, installed outside the checkout, does the main job in a real browser."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.e2e.conftest import SignIn
from tests.support.installation import BASE_DIR, free_port

TASK = "Write a short thank-you note to ana@example.org for her order 1042 and email it"
PACKAGES = ("hitl_site", *settings.HITL_APPS)
DRAWN = ("static", "templates")  # at the top of the checkout, inside hitl_site in the wheel
PASSWORD = "correct horse battery"


def run(*call: str | Path, **options: object) -> str:
    """What that command prints; fail with all it said if it fails."""
    done = subprocess.run(  # type: ignore[call-overload]
        list(map(str, call)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    )
    assert done.returncode == 0, done.stdout
    said: str = done.stdout
    return said


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without network, by what `make install` has brought."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *options, BASE_DIR)
    (found,) = folder.glob("*.whl")
    return found


OWN_AGENT = """
from hitl_agents import RunContext

async def refunder(task: str, context: RunContext) -> str:
    'Refund orders that went wrong.'
    return "nothing to do"
"""


class Server:
    """`hitl-server` in an environment of its own; the checkout is not on its path.

    It is started where an agent of one's own stands, beside a package that is called like one of
    ours.
    """

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.port = free_port()
        python = folder / "venv" / "bin" / "python"
        run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
        # What the wheel depends on is there already, and not fetched again.
        site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        Path(site, "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = (sys.executable, "-m", "pip", "--python", python, "install")
        run(*pip, "--quiet", "--no-deps", "--no-index", wheel)
        (folder / "shop.py").write_text(OWN_AGENT)
        (folder / "reviews").mkdir()
        (folder / "reviews" / "__init__.py").write_text("raise ImportError('not this one')")
        self.command = str(python.parent / "hitl-server")
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PORT": str(self.port),
            "DEMO": "0",
            "HITL_AGENTS": "shop.refunder",
            "DJANGO_SUPERUSER_USERNAME": "rita",
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "PYTHONUNBUFFERED": "1",
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `hitl-server …` from that folder."""
        with (self.folder / "stderr.log").open("a") as log:
            return subprocess.Popen(
                [self.command, *arguments],
                env=self.env,
                cwd=self.folder,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )


@pytest.fixture
def server(tmp_path: Path, wheel: Path) -> Iterator[Server]:
    """An installation with everything up, which ends with the test."""
    place = Server(tmp_path, wheel)
    up = place.start("up")
    assert up.stdout is not None
    said = "".join(itertools.takewhile(lambda line: "Ctrl-C" not in line, up.stdout))
    assert up.poll() is None, (place.folder / "stderr.log").read_text()
    assert f"http://127.0.0.1:{place.port}/" in said
    yield place
    up.send_signal(signal.SIGTERM)
    assert up.wait(60) == 0
    up.stdout.close()


def test_only_our_packages_are_in_it_and_each_is_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == set(PACKAGES)
    assert {f"{top}/py.typed" for top in tops} <= set(names)


def test_every_file_of_the_checkout_that_runs_is_in_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    files = (p for top in (*PACKAGES, *DRAWN) for p in (BASE_DIR / top).rglob("*") if p.is_file())
    wanted = {p.relative_to(BASE_DIR) for p in files if "__pycache__" not in p.parts}
    inside = {Path("hitl_site", p) if p.parts[0] in DRAWN else p for p in wanted}
    assert not {str(path) for path in inside} - names


def test_installed_elsewhere_it_does_the_main_job(server: Server, browse: SignIn) -> None:
    page = browse(f"http://127.0.0.1:{server.port}/")
    page.get_by_label("User name").fill("rita")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    waiting = server.start("submit", "gated", TASK, "--wait")
    page.locator("#requests .req").filter(has_text="ana@example.org").get_by_role("link").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.locator("[id^=outcome-]")).to_contain_text(re.compile("rita", re.IGNORECASE))
    said, _ = waiting.communicate(timeout=120)
    assert (json.loads(said)["status"], waiting.returncode) == ("completed", 0)
    done = server.start("submit", "refunder", "Refund order 1038", "--wait")
    assert json.loads(done.communicate(timeout=120)[0])["result"] == "nothing to do"
    (data,) = (path.parent for path in server.folder.glob("*/**/hitl/db.sqlite3"))
    assert len(list((data / "mail").glob("*.eml"))) == 1
    assert not (server.folder / "var").exists()
