"""Statements that are written once: they find, store and fail as the querysets they come from."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Min, QuerySet

from approvals.models import ApprovalRequest
from ledger.models import JournalEntry, Run
from ledger.statements.prepared import Change, Number, Rows, Values, read_together, slot, whole
from tests.support import people

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 9, 33, 0, 123456, tzinfo=UTC)


def run(**fields: object) -> Run:
    return Run.objects.create(agent="gated", agent_id="gated", **fields)


def test_it_finds_what_the_queryset_finds() -> None:
    made = run(input={"to": ["ana"]}, lease_until=AT)
    (found,) = Rows(lambda: Run.objects.filter(pk=slot(Run, "id")))(id=made.pk)
    names = [field.attname for field in Run._meta.concrete_fields]
    same = Run.objects.get(pk=made.pk)
    assert [getattr(found, name) for name in names] == [getattr(same, name) for name in names]


def test_it_brings_what_select_related_brings() -> None:
    request = people.asked()
    find_by_id = Rows(
        lambda: ApprovalRequest.objects.select_related("gate", "reviewer").filter(
            pk=slot(ApprovalRequest, "id")
        )
    )
    (found,) = find_by_id(id=request.pk)
    with connection.execute_wrapper(_refused):
        assert (found.gate.name, found.reviewer) == (request.gate.name, None)


def _refused(*_: object) -> None:
    raise AssertionError("another query")


def test_values_are_what_the_queryset_lists() -> None:
    made = run(lease_until=AT)
    listed = Values(
        lambda: Run.objects.filter(pk=slot(Run, "id")).values_list("task", "lease_until")
    )
    assert listed(id=made.pk) == [("", AT)]
    assert listed(id=made.pk + 1) == []


def test_aggregates_of_a_whole_are_one_row_also_of_nothing() -> None:
    of_all = Values(lambda: whole(Run.objects.order_by("id"), Count("pk"), Min("lease_until")))
    assert of_all() == [(0, None)]
    run(lease_until=AT)
    run()
    assert of_all() == [(2, AT)]


def test_a_number_counts_rows_also_of_a_union() -> None:
    rows = Run.objects.values_list("agent_id")
    count = Number(lambda: rows.filter(task="a").distinct().union(rows.filter(task="b").distinct()))
    assert count() == 0
    for task in ("a", "a", "b"):
        run(task=task)
    assert count() == 1


@pytest.mark.django_db(transaction=True)
def test_another_threads_connection_runs_what_one_has_written() -> None:
    made, written = run(lease_until=AT), []

    def rows() -> QuerySet[Run, Run]:
        written.append(connection)
        return Run.objects.filter(pk=slot(Run, "id"))

    find_by_id = Rows(rows)

    def in_a_request() -> datetime | None:
        try:
            return find_by_id(id=made.pk)[0].lease_until
        finally:
            connection.close()

    for _ in range(2):
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(in_a_request).result() == AT
    assert len(written) == 1


def test_each_use_has_values_of_its_own() -> None:
    by_agent = Rows(lambda: Run.objects.filter(task=slot(Run, "task", "what")).order_by("id"))
    first, second = run(task="one"), run(task="other")
    assert (by_agent(what="one"), by_agent(what="other")) == ([first], [second])
    assert by_agent(what="none") == []


def test_its_sql_is_written_once() -> None:
    written = []

    def build() -> QuerySet[Run]:
        written.append(1)
        return Run.objects.filter(pk=slot(Run, "id"))

    rows = Rows(build)
    for number in range(5):
        rows(id=number)
    assert len(written) == 1


def test_a_change_stores_what_save_would() -> None:
    owner = run()
    entry = JournalEntry.objects.create(
        run=owner, key="k", kind="read", name="n", status="started", fence=1, started_at=AT
    )
    columns = ("status", "finished_at", "result")
    change = Change(
        lambda: JournalEntry.objects.filter(pk=slot(JournalEntry, "id")),
        {name: slot(JournalEntry, name) for name in columns},
    )
    for values in (("done", AT, {"a": [1, None, "é"]}), ("failed", None, None)):
        assert change(id=entry.pk, **dict(zip(columns, values, strict=True))) == 1
        entry.refresh_from_db()
        assert tuple(getattr(entry, name) for name in columns) == values


def test_a_change_says_how_many_rows_it_changed() -> None:
    rename = Change(lambda: Run.objects.filter(task=slot(Run, "task")), {"task": "new"})
    run(task="old"), run(task="old"), run(task="another")
    assert (rename(task="old"), rename(task="old")) == (2, 0)


def test_a_change_that_fails_spoils_the_transaction_around_it() -> None:
    change = Change(
        lambda: Run.objects.filter(pk=slot(Run, "id")), {"agent_id": slot(Run, "agent_id")}
    )
    made = run()
    with transaction.atomic():
        with pytest.raises(DatabaseError):
            change(id=made.pk, agent_id=None)
        assert connection.needs_rollback
        transaction.set_rollback(True)


def test_what_is_asked_for_together_is_found_as_one_by_one() -> None:
    first, second = run(task="one"), run(task="other")
    entry = JournalEntry.objects.create(
        run=second, key="k", kind="read", name="n", status="done", fence=1, started_at=AT
    )
    find_by_id = Rows(lambda: Run.objects.filter(pk=slot(Run, "id")))
    others = Rows(lambda: Run.objects.exclude(pk=slot(Run, "id")).order_by("id"))
    journal = Rows(lambda: JournalEntry.objects.filter(run=slot(JournalEntry, "run")))
    assert read_together(find_by_id, others, journal, id=first.pk, run=second.pk) == [
        [first],
        [second],
        [entry],
    ]
    assert read_together(find_by_id, journal, id=0, run=first.pk) == [[], []]
