"""The chain shows every change that somebody with the database's password makes to the log."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F, QuerySet

from ledger.log import guards
from ledger.log.verify import BATCH, Head, verify
from ledger.models import Event
from ledger.transitions import GENESIS, compute_hash, record, unit
from tests.support.people import a_run

pytestmark = pytest.mark.django_db


def touchable(**where: Any) -> QuerySet[Event]:
    """Events as somebody with the database's password has them."""
    with connection.cursor() as cursor:
        for name in guards.list_triggers(connection.vendor):
            guards.drop(cursor, connection.vendor, name)
    return QuerySet(Event).filter(**where)


@pytest.fixture
def log() -> list[Event]:
    run = a_run()
    with unit():
        for number in range(1, 21):
            record(
                "runs.waiting", run.subject, actor="runner:a", run_id=run.pk, note=f"„{number}“\n"
            )
    record("gates.changed", "approvals.gate:1", actor='user:"rita"\\')
    return list(Event.objects.all())


def head() -> Head:
    last = Event.objects.last()
    assert last is not None
    return Head(last.id, last.hash)


def test_a_log_that_nobody_touched_holds_to_its_end(log: list[Event]) -> None:
    report = verify()
    assert report.broken is None
    assert report.head == head() == Head(21, log[-1].hash)


def test_an_empty_log_holds() -> None:
    assert verify() == verify(expect=Head(0, GENESIS))
    assert verify().head == Head(0, GENESIS)
    assert verify().broken is None


def test_the_verifier_computes_the_hash_that_was_written_with_the_event(log: list[Event]) -> None:
    previous = GENESIS
    for event in log:
        assert compute_hash(previous, event) == event.hash
        previous = event.hash


def test_a_time_without_a_fraction_verifies() -> None:
    record("runs.waiting", "ledger.run:1", actor="system")
    event = Event.objects.get()
    event.at = event.at.replace(microsecond=0)
    touchable().update(at=event.at, hash=compute_hash(GENESIS, event))
    assert verify().broken is None


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "runs.failed"},
        {"subject": "ledger.run:999"},
        {"actor": "user:rita"},
        {"data": "{}"},
        {"run": None},
        {"at": F("at") + timedelta(microseconds=1)},
        {"hash": "f" * 64},
    ],
    ids=lambda change: str(next(iter(change))),
)
def test_each_changed_column_is_found_and_its_event_named(
    change: dict[str, Any], log: list[Event]
) -> None:
    touchable(id=7).update(**change)
    report = verify()
    assert report.broken is not None
    assert report.broken.startswith("Event 7 is not what was written")
    assert report.head == Head(6, log[5].hash)


def test_a_text_cannot_borrow_from_its_neighbour(log: list[Event]) -> None:
    touchable(id=7).update(actor="runner:", subject=f"{log[6].subject}a")
    assert "Event 7 is not what was written" in str(verify().broken)


def test_an_event_taken_out_is_missing(log: list[Event]) -> None:
    touchable(id=7).delete()
    assert verify().broken == "Event 7 is missing: after 6 comes 8."


def test_a_log_whose_beginning_was_cut_off_is_broken(log: list[Event]) -> None:
    touchable(id__lte=7).delete()
    assert verify().broken == "Event 1 is missing: after 0 comes 8."


@pytest.mark.parametrize("number", [0, -5])
def test_an_event_put_before_the_first_is_found(number: int, log: list[Event]) -> None:
    touchable(id=21).update(id=number)
    assert verify().broken == f"Event {number} does not belong here: the log begins with event 1."


def test_an_event_put_at_the_end_is_found(log: list[Event]) -> None:
    same = {name: getattr(log[0], name) for name in ("at", "kind", "subject", "actor", "data")}
    Event(id=22, hash="0" * 64, **same).save()
    assert "Event 22 is not what was written" in str(verify().broken)


def test_two_events_that_changed_places_are_found(log: list[Event]) -> None:
    for number, other in ((7, 100), (8, 7), (100, 8)):
        touchable(id=number).update(id=other)
    assert "Event 7 is not what was written" in str(verify().broken)


def test_a_cut_off_end_is_found_with_a_head_of_earlier_only(log: list[Event]) -> None:
    before = head()
    touchable(id__gt=10).delete()
    assert verify().broken is None
    assert verify(expect=before).broken == "The log ends at event 10; it once had event 21."


def test_a_log_written_anew_is_found_with_a_head_of_earlier_only(log: list[Event]) -> None:
    before = head()
    touchable().delete()
    for number in range(30):
        record("runs.waiting", "ledger.run:1", actor="system", note=number)
    assert verify().broken is None
    assert verify(expect=before).broken == (
        "Event 21 is not the one of earlier: the log was written anew."
    )


def test_a_log_that_has_grown_since_still_has_the_head_of_earlier(log: list[Event]) -> None:
    before = head()
    record("runs.waiting", "ledger.run:1", actor="system")
    assert verify(expect=before).broken is None


def test_a_log_longer_than_a_batch_is_read_to_its_end() -> None:
    with unit():
        for _ in range(BATCH + 5):
            record("runs.waiting", "ledger.run:1", actor="system")
    seen: list[tuple[int, int]] = []
    report = verify(progress=lambda done, last: seen.append((done, last)))
    assert report.head.id == BATCH + 5
    assert seen == [(BATCH, BATCH + 5), (BATCH + 5, BATCH + 5)]


# ---- The command -------------------------------------------------------------------------------


def test_the_command_prints_the_head_and_says_how_many_events_hold(
    log: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_log")
    out, err = capsys.readouterr()
    assert out == f"21 {log[-1].hash}\n"
    assert err == "The log holds: 21 events.\n"


def test_the_command_fails_and_names_the_first_broken_event(log: list[Event]) -> None:
    touchable(id__in=[7, 9]).update(actor="user:rita")
    with pytest.raises(CommandError, match="Event 7 is not what was written") as error:
        call_command("verify_log")
    assert error.value.returncode == 1


def test_the_command_keeps_a_head_in_a_file_and_checks_it_the_next_time(
    log: list[Event], tmp_path: Path
) -> None:
    file = tmp_path / "head"
    call_command("verify_log", head_file=file)
    assert file.read_text() == f"{head()}\n"
    record("runs.waiting", "ledger.run:1", actor="system")
    call_command("verify_log", head_file=file)
    kept = file.read_text()
    assert kept == f"{head()}\n"
    touchable(id__gt=20).delete()
    with pytest.raises(CommandError, match="ends at event 20; it once had event 22"):
        call_command("verify_log", head_file=file)
    assert file.read_text() == kept


@pytest.mark.parametrize("text", ["", "12", "x y", "12 nonsense", f"x {'0' * 64}"])
def test_a_head_that_is_none_is_a_bad_call(text: str, log: list[Event]) -> None:
    with pytest.raises(CommandError, match="A head is") as error:
        call_command("verify_log", expect_head=text)
    assert error.value.returncode == 2


def test_a_head_on_the_command_line_is_checked(log: list[Event]) -> None:
    call_command("verify_log", expect_head=str(head()))
    with pytest.raises(CommandError, match="written anew"):
        call_command("verify_log", expect_head=f"21 {'a' * 64}")
