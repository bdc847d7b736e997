"""One command that starts everything, and what happens when a part of it dies."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command

from dashboard.start.processes import Child, Supervisor
from tests.support.driving import until
from tests.support.installation import Installation

FOR_EVER = "import time; time.sleep(600)"
DEAF = "import signal as s, time; s.signal(15, s.SIG_IGN); open({flag!r}, 'w'); time.sleep(600)"


def child(name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-c", code])


def supervise(
    *children: Child,
    ready: Callable[[], bool],
    say: Callable[[str], None] = print,
    number: signal.Signals = signal.SIGTERM,
) -> int:
    """Supervise those in this process; being ready means being told to stop by that signal."""
    stop = lambda: os.kill(os.getpid(), number)  # noqa: E731
    return Supervisor(list(children), ready=ready, on_ready=stop, say=say).run()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_ends_its_children_and_gives_the_signals_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    web, runner = child("web", FOR_EVER), child("runner", FOR_EVER)
    assert supervise(web, runner, ready=lambda: True, number=number) == 0
    assert web.process is runner.process is None
    assert signal.getsignal(number) is before


def test_a_first_child_that_cannot_start_ends_everything_with_a_sentence() -> None:
    said: list[str] = []
    code = supervise(
        child("web", "raise SystemExit(3)"),
        child("runner", FOR_EVER),
        ready=lambda: False,
        say=said.append,
    )
    assert code == 1
    assert said[0].startswith("The web could not start (exit code 3)")


def test_a_dead_child_starts_again_after_a_pause_that_grows() -> None:
    said: list[str] = []
    supervise(
        child("web", FOR_EVER),
        child("runner", "import os; os.kill(os.getpid(), 9)"),
        ready=lambda: len(said) == 2,
        say=said.append,
    )
    assert said[:2] == [
        "The runner ended (SIGKILL). It starts again in 0.5 s.",
        "The runner ended (SIGKILL). It starts again in 1 s.",
    ]


def test_the_pause_has_an_upper_limit() -> None:
    dying = child("runner", "")
    dying.deaths = 50
    assert dying.pause() == 30


def test_a_second_signal_kills_a_child_that_does_not_stop(tmp_path: Path) -> None:
    flag = tmp_path / "deaf"
    web = child("web", DEAF.format(flag=str(flag)))

    def again(sentence: str) -> None:
        assert "again stops at once" in sentence
        os.kill(os.getpid(), signal.SIGINT)

    assert supervise(web, ready=flag.exists, say=again) == 0


# --- the whole command


def children_of(process: subprocess.Popen[str]) -> dict[str, int]:
    """The process ids of its web server and its runner, as far as they run."""
    found = {}
    ids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in ids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            found["web" if b"hitl_site.serve" in line else "runner"] = int(pid)
    return found


def gone(pid: int) -> bool:
    """Whether no such process runs any more (a zombie does not run)."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def welcome(process: subprocess.Popen[str]) -> str:
    """What it prints once it can be used."""
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.strip().startswith("Stop"):
            return "".join(lines)
    raise AssertionError("It ended before it could be used:\n" + "".join(lines))


def can_sign_in(port: int, username: str, password: str) -> bool:
    """Whether sending the sign-in form opens a session."""
    jar = CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    page = f"http://127.0.0.1:{port}/accounts/login/"
    browser.open(page).close()
    token = next(cookie.value for cookie in jar if cookie.name == "csrftoken")
    form = {"login": username, "password": password, "csrfmiddlewaretoken": token}
    browser.open(page, urlencode(form).encode()).close()
    return any(cookie.name == "sessionid" for cookie in jar)


@pytest.fixture
def up(prepared: Installation) -> subprocess.Popen[str]:
    """`manage.py up` where nobody has a login yet, with a chosen password."""
    prepared.env |= {"DJANGO_SUPERUSER_USERNAME": "boss", "DJANGO_SUPERUSER_PASSWORD": "pw-17"}
    return prepared.start("up")


def test_a_first_start_says_where_it_is_lets_the_first_login_in_and_stops_cleanly(
    installation: Installation,
) -> None:
    installation.from_scratch = True
    process = installation.start("up")
    said = welcome(process)
    assert f"http://127.0.0.1:{installation.port}/" in said
    found = re.search(r"Sign in +admin / (\w{16}) ", said)
    assert found, said
    assert can_sign_in(installation.port, "admin", found[1])
    started = children_of(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert all(gone(pid) for pid in started.values())
    assert found[1] not in installation.log.read_text()


def test_the_first_login_can_be_chosen_and_is_not_made_twice(
    prepared: Installation, up: subprocess.Popen[str]
) -> None:
    said = welcome(up)
    assert "boss, with the password you chose" in said
    assert "pw-17" not in said
    assert can_sign_in(prepared.port, "boss", "pw-17")
    assert not can_sign_in(prepared.port, "boss", "wrong")
    up.send_signal(signal.SIGTERM)
    up.wait(60)
    assert "with your own account" in welcome(prepared.start("up"))


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_both_start_again_when_they_are_killed_and_end_when_it_is_killed_itself(
    prepared: Installation, up: subprocess.Popen[str]
) -> None:
    welcome(up)
    before = children_of(up)
    assert set(before) == {"web", "runner"}
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(set(children_of(up).values()) - set(before.values())) == 2, "both run again")
    until(lambda: answers(prepared.port), "the web server answers again")
    said = prepared.log.read_text()
    assert "The web server ended (SIGKILL). It starts again in 0.5 s." in said
    assert "The agent runner ended (SIGKILL). It starts again in 0.5 s." in said
    started = children_of(up)
    up.kill()
    up.wait()
    for name, pid in started.items():
        until(lambda pid=pid: gone(pid), f"the {name} is gone")  # type: ignore[misc]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_port_in_use_is_said_in_a_sentence(installation: Installation) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", installation.port))
        other.listen()
        done = installation.manage("up")
    assert done.returncode == 1
    assert f"Port {installation.port} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1"])
def test_a_port_that_is_none_is_said_in_a_sentence(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", port)
    with pytest.raises(CommandError, match=f"PORT={port} is not a port"):
        call_command("up")


def test_a_database_that_cannot_be_reached_is_said_in_a_sentence(
    installation: Installation,
) -> None:
    installation.env["DATABASE_URL"] = "postgres://nobody@127.0.0.1:1/none"
    done = installation.manage("up")
    assert done.returncode == 1
    assert "The database cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
