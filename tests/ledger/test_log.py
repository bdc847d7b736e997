"""The log: written with the change or not at all, never changed, in one order, without gaps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from ledger.errors import AppendOnly
from ledger.log import wake
from ledger.log.verify import verify
from ledger.models import Event, Run
from ledger.transitions import record, unit, verb
from tests.support.people import a_run

pytestmark = pytest.mark.django_db


def write(**data: Any) -> Event:
    record("runs.waiting", "ledger.run:1", actor="system", **data)
    return Event.objects.latest("id")


# ---- Append-only in code -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda event: Event.objects.update(actor="rita"),
        lambda event: Event.objects.filter(pk=event.pk).update(actor="rita"),
        lambda event: Event.objects.all().delete(),
        lambda event: Event.objects.bulk_update([event], ["actor"]),
        lambda event: Event.objects.update_or_create(id=event.id, defaults={"actor": "rita"}),
        lambda event: Event._base_manager.update(actor="rita"),
        lambda event: event.run.events.update(actor="rita"),
        lambda event: event.run.events.clear(),
        lambda event: a_run().events.add(event),
    ],
)
def test_no_way_of_the_code_changes_or_deletes_an_event(change: Callable[[Event], None]) -> None:
    run = a_run()
    record("runs.waiting", run.subject, actor="system", run_id=run.pk)
    event = Event.objects.get()
    event.actor = "rita"
    with pytest.raises(AppendOnly), transaction.atomic():
        change(event)
    assert Event.objects.get().actor == "system"
    assert verify().broken is None


def test_an_event_with_a_taken_id_does_not_take_its_place() -> None:
    event = write()
    with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
        Event(id=event.id, at=event.at, kind="x", subject="x", actor="rita", hash="x").save()
    assert Event.objects.get().actor == "system"


def test_a_run_with_events_cannot_be_deleted() -> None:
    run = a_run()
    record("runs.waiting", run.subject, actor="system", run_id=run.pk)
    with pytest.raises(ProtectedError):
        run.delete()


# ---- Order, gaps and the chain -----------------------------------------------------------------


def test_ids_begin_at_one_and_have_no_gap_even_after_a_rollback() -> None:
    write()
    for outer in (unit, transaction.atomic):
        with pytest.raises(RuntimeError, match="too late"):
            fails_within(outer)
    write()
    assert list(Event.objects.values_list("id", flat=True)) == [1, 2]
    assert verify().broken is None


def fails_within(outer: Callable[[], AbstractContextManager[None]]) -> None:
    with outer():
        write_in_unit()
        raise RuntimeError("too late")


def write_in_unit() -> None:
    record("runs.waiting", "ledger.run:1", actor="system")


def test_what_one_unit_records_is_appended_once_and_at_its_end() -> None:
    with unit():
        write_in_unit()
        with unit():
            write_in_unit()
        assert not Event.objects.exists()
    first, second = Event.objects.all()
    assert first.at == second.at
    assert verify().broken is None


@verb
def writes_then_fails() -> None:
    a_run(agent="half")
    write_in_unit()
    raise ValueError("half way")


@verb
def goes_on_although_a_part_failed() -> None:
    write_in_unit()
    with pytest.raises(ValueError, match="half way"):
        writes_then_fails()
    a_run(agent="whole")
    write_in_unit()


def test_a_verb_that_fails_within_another_leaves_neither_its_rows_nor_its_events() -> None:
    goes_on_although_a_part_failed()
    assert [run.agent for run in Run.objects.all()] == ["whole"]
    assert Event.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_make_one_chain_without_gaps() -> None:
    failed: list[BaseException] = []

    def writer() -> None:
        try:
            for _ in range(25):
                with unit():
                    write_in_unit()
                    write_in_unit()
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=writer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert verify().head.id == 200
    assert verify().broken is None
    times = list(Event.objects.values_list("at", flat=True))
    if connection.vendor == "postgresql":  # one clock, read under the lock
        assert times == sorted(times)


# ---- What is stored ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["„Grüße“ 🙂", "a\nb\\c\"d'", "\x00\x07\x1b", "\u2028", "x" * 9_999]
)
def test_any_text_in_an_event_is_read_back_as_it_was(text: str) -> None:
    assert write(note=text).payload == {"note": text}
    assert verify().broken is None


def test_a_lone_surrogate_does_not_keep_a_change_from_being_logged() -> None:
    assert write(note="broken \udce4 name").payload == {"note": "broken ? name"}
    assert verify().broken is None


def test_the_data_is_json_with_sorted_keys() -> None:
    assert write(b=1, a="ü").data == json.dumps({"a": "ü", "b": 1}, ensure_ascii=False).replace(
        " ", ""
    )


def test_the_actor_of_the_longest_name_fits() -> None:
    record("approvals.asked", "approvals.approvalrequest:1", actor=f"agent:{'n' * 200}")
    assert len(Event.objects.get().actor) == 206


# ---- The wake is a hint ------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_wake_that_cannot_be_given_does_not_undo_or_deny_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deaf() -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(wake, "ring", deaf)
    write()
    assert Event.objects.count() == 1
