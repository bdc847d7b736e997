"""The log as a file: complete, exact, and nothing in it is a formula."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client

from ledger.log import export
from ledger.models import Event
from ledger.transitions import record
from tests.support import people

pytestmark = pytest.mark.django_db

LIST = "/admin/ledger/event/"


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(people.root())
    return client


def logged(count: int, kind: str = "tests.done", **data: Any) -> list[Event]:
    """That many events, oldest first."""
    for number in range(count):
        record(kind, f"tests.thing:{number}", actor="user:ana", **data)
    return list(Event.objects.order_by("-id")[:count])[::-1]


def download(client: Client, action: str, events: list[Event], **more: Any) -> Any:
    chosen = [event.pk for event in events]
    return client.post(LIST, {"action": action, "_selected_action": chosen, **more})


def text(response: Any) -> str:
    assert isinstance(response, StreamingHttpResponse)
    return response.getvalue().decode()


def rows(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text(response), newline=""), strict=True))


def test_csv_holds_the_selected_events_oldest_first(root: Client) -> None:
    events = logged(3)
    response = download(root, "export_csv", events[1:])
    header, *found = rows(response)
    assert header == ["id", "at", "kind", "subject", "actor", "run", "data", "hash"]
    assert [row[0] for row in found] == [str(event.pk) for event in events[1:]]
    assert found[0][1] == events[1].at.isoformat(timespec="microseconds")
    assert found[0][2:] == ["tests.done", "tests.thing:1", "user:ana", "", "{}", events[1].hash]
    assert response["Content-Type"].startswith("text/csv")
    assert response["Content-Disposition"].startswith('attachment; filename="events-')


def test_csv_lines_end_and_quote_as_rfc_4180_says(root: Client) -> None:
    said = 'a "quoted", comma\r\nand line'
    events = logged(1, said=said)
    content = text(download(root, "export_csv", events))
    lines = content.split("\r\n")
    assert len(lines) == 3
    assert lines[-1] == ""
    assert json.loads(rows(download(root, "export_csv", events))[1][6]) == {"said": said}


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠"]
)
def test_a_cell_that_a_spreadsheet_would_calculate_is_made_text(start: str) -> None:
    cell = f"{start}cmd|' /C calc'!A0"
    event = Event(id=7, kind=cell, subject=cell, actor=cell, data=cell, hash=cell)
    event.at = people.a_run().created_at
    (row,) = csv.reader(io.StringIO(export.csv_rows([event]), newline=""))
    assert row[2:5] == [f"'{cell}"] * 3
    assert row[6:] == [f"'{cell}"] * 2


def test_other_cells_stay_as_they_are() -> None:
    for cell in ("user:ana", "a=b", "{}", "'quoted", "5", ""):
        assert export.inert(cell) == cell
    assert export.inert(None) == ""
    assert export.inert(5) == "5"


def test_jsonl_keeps_the_stored_text_that_the_hash_is_made_from(root: Client) -> None:
    events = logged(2, said="=1+1 é \u202e", number=1)
    lines = text(download(root, "export_jsonl", events)).splitlines()
    assert len(lines) == 2
    first = json.loads(lines[0])
    assert list(first) == ["id", "at", "kind", "subject", "actor", "run", "data", "hash"]
    assert first["data"] == {"said": "=1+1 é \u202e", "number": 1}
    assert first["run"] is None
    assert f'"data":{events[0].data},' in lines[0]


def test_select_all_exports_what_is_filtered_not_only_the_page(root: Client) -> None:
    logged(120)
    other = logged(1, kind="tests.other")
    response = root.post(
        f"{LIST}?kind=tests.done",
        {"action": "export_csv", "_selected_action": [other[0].pk], "select_across": "1"},
    )
    kinds = [row[2] for row in rows(response)[1:]]
    assert kinds == ["tests.done"] * 120


def test_a_long_log_is_read_in_pieces(
    root: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr(export, "PIECE", 10)
    events = logged(95)
    response = download(root, "export_jsonl", events)
    with django_assert_max_num_queries(12):  # the newest id, nine pieces, one that ends
        assert len(text(response).splitlines()) == 95


@pytest.mark.django_db(transaction=True)
def test_under_asgi_the_file_is_sent_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "PIECE", 10)
    root, events = people.root(), logged(25)
    client = AsyncClient()

    async def pieces() -> list[bytes]:
        await client.aforce_login(root)
        chosen = [event.pk for event in events]
        response: Any = await client.post(
            LIST, {"action": "export_jsonl", "_selected_action": chosen}
        )
        assert response.is_async
        found = [piece async for piece in response.streaming_content]
        await sync_to_async(connections.close_all)()  # of the thread that the views ran in
        return found

    found = asyncio.run(pieces())
    assert [len(piece.splitlines()) for piece in found] == [10, 10, 5]


def test_auditors_export_and_others_do_not(client: Client) -> None:
    events = logged(1)
    client.force_login(people.person("kim", "Auditors"))
    assert len(rows(download(client, "export_csv", events))) == 2
    client.force_login(people.rita())
    response: HttpResponse = download(client, "export_csv", events)
    assert response.status_code in (302, 403)
