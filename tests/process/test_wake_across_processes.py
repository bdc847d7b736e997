"""A commit in one process wakes those who wait in another, by the hint and without it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.installation import Installation, installed

# The slow look is put off for ever: whoever goes on here was woken by a hint.
BY_HINT_ALONE = """
    from ledger import tail
    tail.SLOW_LOOK = tail.LOOK_AGAIN = 600.0
"""
ASKER = """
    import asyncio, json, statistics, time
    from asgiref.sync import sync_to_async
    from approvals.gate import ApprovalGate

    async def main():
        gate = await sync_to_async(ApprovalGate)("mail")
        took = []
        for number in range(ROUNDS):
            request = await gate.request_approval("asker", "tell", {"number": number})
            print("asked", flush=True)
            answer = await gate.wait_for_approval(request.pk, timeout=60)
            assert answer.status == "approved", answer.feedback
            took.append(time.time() - answer.resolved_at.timestamp())
        print(json.dumps({"rounds": len(took), "median": statistics.median(took)}))

    asyncio.run(main())
"""
DECIDER = """
    import queue
    from approvals import services
    heard = queue.SimpleQueue()
    tail.follower().subscribe(lambda events: [heard.put(event) for event in events])
    print("ready", flush=True)
    while True:
        event = heard.get()
        if event.kind == "approvals.asked":
            services.approve(event.subject.split(":")[1], by="root")
"""
DIES = """
    import os, signal
    from approvals import services
    from approvals.models import ApprovalRequest
    from ledger.log import wake
    die = lambda: os.kill(os.getpid(), signal.SIGKILL)
    wake.ring = die  # SQLite: the commit is on disk, the bell has not rung
    services.approve(ApprovalRequest.objects.get().pk, by="root")
    die()
"""


def python(*parts: str) -> tuple[str, ...]:
    """The call of manage.py that runs this code."""
    return "shell", "--no-imports", "-c", "".join(dedent(part) for part in parts)


@pytest.fixture(scope="module")
def with_root(
    tmp_path_factory: pytest.TempPathFactory, migrated: Installation
) -> Iterator[Installation]:
    """An installation to copy, in which there is a superuser."""
    with installed(tmp_path_factory.mktemp("root") / "data", like=migrated) as place:
        place.env |= {"DJANGO_SUPERUSER_PASSWORD": "not used"}
        superuser = ("createsuperuser", "--noinput", "--username=root", "--email=root@example.org")
        assert place.manage(*superuser).returncode == 0
        yield place


@pytest.fixture
def place(tmp_path: Path, with_root: Installation) -> Iterator[Installation]:
    with installed(tmp_path / "data", like=with_root) as place:
        yield place


def test_asking_and_deciding_wake_each_other_by_the_hint_alone(place: Installation) -> None:
    decider = place.start(*python(BY_HINT_ALONE, DECIDER))
    assert decider.stdout is not None
    assert decider.stdout.readline() == "ready\n"
    asker = place.manage(*python("ROUNDS = 30\n", BY_HINT_ALONE, ASKER))
    assert asker.returncode == 0, asker.stderr
    found = json.loads(asker.stdout.splitlines()[-1])
    assert found["rounds"] == 30
    assert decider.poll() is None, place.log.read_text()


def test_a_decision_whose_process_was_killed_before_the_hint_is_found(place: Installation) -> None:
    asker = place.start(*python("ROUNDS = 1\n", ASKER))
    assert asker.stdout is not None
    assert asker.stdout.readline() == "asked\n"
    killed = place.manage(*python(DIES))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert asker.wait(120) == 0, place.log.read_text()
    assert json.loads(asker.stdout.read())["rounds"] == 1


def test_the_log_of_several_processes_is_one_chain(place: Installation) -> None:
    write = """
        from ledger.transitions import record, unit
        for number in range(100):
            with unit():
                record("runs.waiting", "ledger.run:1", actor="system", number=number)
                record("runs.waiting", "ledger.run:2", actor="system", number=number)
    """
    processes = [place.start(*python(write)) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0], place.log.read_text()
    verified = place.manage("verify_log")
    assert verified.returncode == 0, verified.stderr
    assert verified.stdout.startswith("600 ")
    assert "The log holds: 600 events." in verified.stderr
