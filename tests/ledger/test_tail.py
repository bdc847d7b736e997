"""Following the log: nothing is lost, whoever writes, whatever breaks; and it costs nothing idle."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import OperationalError, connection, connections

from ledger import tail
from ledger.log import waiters, wake
from ledger.log.bell import Bell
from ledger.models import Event, EventQuerySet, Run
from ledger.tail import Follower, follower, wait_until
from ledger.transitions import record, unit
from tests.support.driving import until

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 25.0  # seconds; less than LOOK_AGAIN, so whoever goes on was woken
on_postgres = pytest.mark.skipif("connection.vendor != 'postgresql'")
on_sqlite = pytest.mark.skipif("connection.vendor != 'sqlite'")


class Ears:
    """A subscriber that remembers the ids it was told, and can be waited for."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self._heard = threading.Condition()

    def __call__(self, events: list[Event]) -> None:
        with self._heard:
            self.ids += [event.id for event in events]
            self._heard.notify_all()

    def until(self, number: int) -> list[int]:
        """What was heard once event `number` was among it."""
        with self._heard:
            assert self._heard.wait_for(lambda: number in self.ids, PATIENCE), self.ids[-5:]
        return self.ids


@pytest.fixture
def ears() -> Ears:
    found = Ears()
    follower().subscribe(found)
    return found


def write(subject: str = "ledger.run:1", times: int = 1) -> int:
    """Write one transaction; the id of its last event."""
    with unit():
        for _ in range(times):
            record("runs.waiting", subject, actor="system")
    return Event.objects.latest("id").id


def writers(amount: int, transactions: int) -> None:
    """That many threads that write as many transactions each; returns when all have."""

    def one() -> None:
        for number in range(transactions):
            write(times=1 + number % 3)
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(amount)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# ---- Nothing is lost -----------------------------------------------------------------------------


def test_what_is_committed_is_told_once_and_in_order(ears: Ears) -> None:
    for _ in range(20):
        last = write(times=3)
    assert ears.until(last) == list(range(1, 61))


def test_several_writers_and_followers_lose_nothing(ears: Ears) -> None:
    others = [Follower() for _ in range(2)]
    heard = [Ears() for _ in others]
    for other, their in zip(others, heard, strict=True):
        other.start()
        other.subscribe(their)
    writers(4, 30)
    last = Event.objects.latest("id").id
    for one in (ears, *heard):
        assert one.until(last) == list(range(1, last + 1))
    for other in others:
        other.stop()
        assert not other.alive


def test_more_than_a_batch_is_read_to_the_end(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "BATCH", 10)
    assert ears.until(write(times=35)) == list(range(1, 36))


def test_a_follower_begins_at_the_end_of_the_log() -> None:
    write(times=5)
    ears = Ears()
    follower().subscribe(ears)
    assert ears.until(write()) == [6]


def test_nothing_is_told_of_what_was_rolled_back(ears: Ears) -> None:
    with pytest.raises(RuntimeError, match="no"), unit():
        _fails()
    assert ears.until(write()) == [1]


def _fails() -> None:
    record("runs.waiting", "ledger.run:1", actor="system")
    raise RuntimeError("no")


def test_a_lost_hint_costs_a_moment_and_nothing_else(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "wake_after_commit", lambda decided: None)
    ears.until(write())


def test_a_hint_is_heard_long_before_the_slow_look(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "SLOW_LOOK", 600.0)
    follower().wake()  # the next sleep is as long as that
    for _ in range(20):
        ears.until(write())


@on_postgres
def test_what_a_hint_says_was_decided_is_told_before_the_log_is_read(ears: Ears) -> None:
    run = Run.objects.create(agent="a", agent_id="a")
    heard: list[object] = []
    ears.until(write())  # from here on it looks at a hint only
    follower().subscribe(lambda events: heard.extend(event.kind for event in events), heard.append)
    subject = "approvals.approvalrequest:5"
    with unit():
        record("approvals.asked", subject, actor="agent:a", run_id=run.pk)
        record("approvals.x", subject, actor="system", run_id=run.pk, was="a", now="b")
    until(lambda: len(heard) == 3, "all of it is heard")
    decided = wake.Decided(3, run.pk, "approvals.approvalrequest")
    assert heard == [decided, "approvals.asked", "approvals.x"]


@pytest.mark.parametrize(
    ("said", "decided"),
    [
        ("", []),
        ("9 7 a.b\n10 8 c.d", [(9, 7, "a.b"), (10, 8, "c.d")]),
        ("what others say", []),
        ("9 7", []),
        ("9 -7 a.b", []),
        ("9 " + "7" * 30 + " a.b", []),
    ],
)
def test_only_what_a_hint_says_of_runs_is_taken_from_it(
    said: str, decided: list[wake.Decided]
) -> None:
    assert wake.parse_decided(said) == decided


@on_postgres
def test_more_than_a_hint_can_say_is_found_in_the_log(ears: Ears) -> None:
    run = Run.objects.create(agent="a", agent_id="a")
    told: list[object] = []
    follower().subscribe(ears, told.append)
    with unit():
        for number in range(500):
            subject = f"approvals.approvalrequest:{number}"
            record("approvals.x", subject, actor="system", run_id=run.pk, was="a", now="b")
    ears.until(500)
    assert told == []


@on_sqlite
def test_the_bell_alone_wakes_a_follower_of_another_process(
    ears: Ears, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "SLOW_LOOK", 600.0)
    follower().wake()
    monkeypatch.setattr(wake, "_here", set())  # the writer knows no follower of its own process
    for _ in range(20):
        ears.until(write())


@on_sqlite
def test_the_bell_is_never_replaced() -> None:
    write()
    path = wake.bell_path()
    assert path is not None
    before = path.stat()
    write()
    assert (path.stat().st_ino, path.stat().st_size) == (before.st_ino, 1)


def test_a_subscriber_that_fails_does_not_keep_the_others_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fails(events: list[Event]) -> None:
        raise ValueError("a bad subscriber")

    ears = Ears()
    follower().subscribe(fails)
    follower().subscribe(ears)
    write()
    assert ears.until(write()) == [1, 2]
    assert "a bad subscriber" in caplog.text


def test_who_unsubscribed_hears_nothing_more(ears: Ears) -> None:
    gone = Ears()
    follower().subscribe(gone)()
    ears.until(write())
    assert gone.ids == []


# ---- Whatever breaks -----------------------------------------------------------------------------


@on_postgres
@pytest.mark.parametrize("times", [1, 3])
def test_a_follower_whose_connection_is_cut_misses_nothing(
    ears: Ears, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "RETRY", 0.05)
    ears.until(write())
    for _ in range(times):
        cut_the_others()
        write()
    last = write()
    assert ears.until(last) == list(range(1, last + 1))
    assert ears.until(write()) == list(range(1, last + 2))


def cut_the_others() -> None:
    """End every other connection to this database, as a restart of the server does."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@on_postgres
def test_a_new_connection_is_used_whatever_its_number() -> None:
    """A web process with a thousand sockets gives its next database connection a high number."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(2048, limit[0]), limit[1]))
    taken: list[int] = []
    try:
        while not taken or taken[-1] < 1100:
            taken.append(os.dup(0))
        ears = Ears()
        follower().subscribe(ears)
        ears.until(write())
    finally:
        for number in taken:
            os.close(number)
        tail.stop()
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)


def test_a_database_that_is_away_at_first_is_followed_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tail, "RETRY", 0.05)
    tries: list[int] = []
    newest = EventQuerySet.newest

    def away(events: EventQuerySet) -> int:
        tries.append(1)
        if len(tries) < 4:
            raise OperationalError("the server is starting up")
        return newest(events)

    monkeypatch.setattr(EventQuerySet, "newest", away)
    ears = Ears()
    follower().subscribe(ears)
    assert ears.until(write()) == [1]


def test_after_a_flush_of_the_log_it_is_followed_from_its_new_end(ears: Ears) -> None:
    ears.until(write(times=7))
    call_command("flush", interactive=False, verbosity=0)
    follower().wake()  # hints that come faster than the slow look must not hide it
    until(lambda: follower().cursor == 0, "the follower sees that the log is empty")
    ears.ids.clear()
    assert ears.until(write()) == [1]


def test_a_stopped_follower_is_followed_by_a_new_one_and_leaves_nothing_open() -> None:
    gc.collect()
    follower()
    tail.stop()
    before = _open_files()
    for _ in range(5):
        first = follower()
        tail.stop()
        assert not first.alive
        first.wake()  # nobody is there, and no file of somebody else's is written to
    assert _open_files() == before
    ears = Ears()
    follower().subscribe(ears)
    assert ears.until(write()) == [1]


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_a_forked_child_has_a_follower_of_its_own() -> None:
    parent = follower()
    out, into = os.pipe()
    for name in connections:
        connections[name].close()
    with waiters._lock, wake._lock, tail._follower_lock:  # as another thread might hold them
        pid = os.fork()
        if pid == 0:
            os.write(into, _in_child(parent))
            os._exit(0)
    os.close(into)
    answer = os.read(out, 1000)
    os.waitpid(pid, 0)
    os.close(out)
    assert answer == b"heard"
    ears = Ears()
    assert follower() is parent
    parent.subscribe(ears)
    ears.until(write())


def _in_child(parent: Follower) -> bytes:
    try:
        ears = Ears()
        mine = follower()
        assert mine is not parent
        mine.subscribe(ears)
        ears.until(write())
        tail.stop()
        for name in connections:
            connections[name].close()
    except BaseException as error:
        return repr(error).encode()
    return b"heard"


# ---- Waiting -------------------------------------------------------------------------------------


class Row:
    """Something that becomes ready; `asked` counts how often it was looked at."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.asked = 0
        self._looked_at = threading.Condition()

    def ready(self) -> Any:
        with self._looked_at:
            self.asked += 1
            self._looked_at.notify_all()
        return self.answer

    async def until_asked(self, times: int = 1) -> None:
        """Until that many looks have been taken."""
        await asyncio.to_thread(self._wait, times)

    def _wait(self, times: int) -> None:
        with self._looked_at:
            assert self._looked_at.wait_for(lambda: self.asked >= times, PATIENCE)


async def test_who_finds_it_ready_does_not_wait() -> None:
    row = Row()
    row.answer = 0  # not None, and so an answer
    assert await wait_until(row.ready, subject="a:1") == 0
    assert row.asked == 1


async def test_an_event_of_its_subject_wakes_the_waiter_and_no_other_does() -> None:
    row = Row()
    waiting = asyncio.create_task(wait_until(row.ready, subject="a:1", timeout=PATIENCE))
    await row.until_asked()
    other = Ears()
    (await sync_to_async(follower)()).subscribe(other)
    for subject in ("a:2", "a:22", "a:"):
        await sync_to_async(lambda subject=subject: other.until(write(subject)))()
    assert row.asked == 1
    row.answer = "done"
    await sync_to_async(write)("a:1")
    assert await waiting == "done"


async def test_a_commit_between_the_look_and_the_sleep_wakes() -> None:
    row = Row()

    def ready() -> Any:
        if not row.asked:
            write("a:1")  # after this look has seen nothing, before the waiter sleeps
            row.ready()
            row.answer = "done"
            return None
        return row.ready()

    began = time.monotonic()
    assert await wait_until(ready, subject="a:1", timeout=PATIENCE) == "done"
    assert time.monotonic() - began < PATIENCE


async def test_at_the_timeout_it_is_asked_once_more() -> None:
    row = Row()
    assert await wait_until(row.ready, subject="a:1", timeout=0.05) is None
    assert row.asked == 2
    assert await wait_until(row.ready, subject="a:1", timeout=0) is None
    assert row.asked == 3


async def test_a_waiter_asks_again_now_and_then_whatever_the_log_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tail, "LOOK_AGAIN", 0.01)
    row = Row()

    def ready() -> Any:
        row.answer = "done" if row.asked > 3 else None
        return row.ready()

    assert await wait_until(ready, subject="a:1") == "done"


async def test_a_waiter_outlives_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "RETRY", 0.01)
    row = Row()

    def ready() -> Any:
        if row.asked < 3:
            row.asked += 1
            raise OperationalError("the server closed the connection unexpectedly")
        return "done"

    assert await wait_until(ready, subject="a:1") == "done"


async def test_a_waiter_whose_loop_is_gone_does_not_keep_others_waiting() -> None:
    def gone() -> None:
        raise RuntimeError("Event loop is closed")

    waiters.add("a:1", gone)
    try:
        row = Row()
        waiting = asyncio.create_task(wait_until(row.ready, subject="a:1", timeout=PATIENCE))
        await row.until_asked()
        row.answer = "done"
        await sync_to_async(write)("a:1")
        assert await waiting == "done"
    finally:
        waiters.remove("a:1", gone)


async def test_a_thousand_waiters_leave_nothing_behind() -> None:
    row = Row()
    waiting = [
        asyncio.create_task(wait_until(row.ready, subject=f"a:{number}", timeout=PATIENCE))
        for number in range(1000)
    ]
    await row.until_asked(1000)
    for task in waiting[:500]:
        task.cancel()
    row.answer = "done"
    with_events = asyncio.gather(*waiting, return_exceptions=True)
    await sync_to_async(_write_to_all)()
    answers = await with_events
    assert answers.count("done") == 500
    assert waiters._by_subject == {}


def _write_to_all() -> None:
    with unit():
        for number in range(1000):
            record("runs.waiting", f"a:{number}", actor="system")


async def test_waiters_of_a_stopped_follower_are_taken_over_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = Row()
    waiting = asyncio.create_task(wait_until(row.ready, subject="a:1", timeout=PATIENCE))
    await row.until_asked()
    await sync_to_async(tail.stop)()
    row.answer = "done"
    await sync_to_async(write)("a:1")  # nobody follows
    await sync_to_async(follower)()
    assert await asyncio.wait_for(waiting, PATIENCE) == "done"


# ---- Idle ----------------------------------------------------------------------------------------


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "SLOW_LOOK", 0.1)


def test_an_idle_follower_asks_one_cheap_question_at_each_slow_look(
    slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    write()
    asked: list[str] = []
    looks: list[bool] = []
    done = threading.Event()
    look: Callable[[Follower, bool], None] = Follower._look

    def watched(self: Follower, hinted: bool) -> None:
        with connection.execute_wrapper(_remember(asked)):
            look(self, hinted)
        looks.append(hinted)
        if len(looks) == 4:
            done.set()

    monkeypatch.setattr(Follower, "_look", watched)
    follower()
    assert done.wait(PATIENCE)
    tail.stop()
    assert looks[1:4] == [False, False, False]
    assert sum("ORDER BY" in sql for sql in asked) == 1  # the first look
    assert len(asked) == len(looks) + 1


def _remember(asked: list[str]) -> Callable[..., Any]:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(sql)
        return execute(sql, params, many, context)

    return wrapper


def test_a_bell_says_whether_it_rang() -> None:
    out, into = os.pipe()
    bell = Bell(out)
    try:
        assert bell.wait(0.01) is False
        os.write(into, b"!!!")
        assert bell.wait(PATIENCE) is True
        assert bell.wait(0.01) is False
    finally:
        bell.close()
        os.close(out)
        os.close(into)


def test_a_commit_wakes_the_follower_of_its_own_process_once(ears: Ears) -> None:
    """By the bell that all hear; by the pipe only where no bell is heard."""
    out, into = os.pipe()
    bell = Bell(out)
    try:
        assert bell.hears_all is (connection.vendor == "postgresql" or bell._inotify is not None)
        assert (follower().wake in wake._here) is not bell.hears_all
    finally:
        bell.close()
        os.close(out)
        os.close(into)
