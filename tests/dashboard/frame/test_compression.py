"""What goes over the wire is compressed: pages as they are made, static files beforehand."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from django.test import Client

from dashboard.inbox import views
from dashboard.start.static_files import collect_static_files
from tests.support import people

COMPRESSED = {"Accept-Encoding": "gzip"}


@pytest.mark.django_db
def test_an_inbox_with_fifty_rows_is_less_than_ten_kilobytes_over_the_wire(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE", 50)
    for number in range(50):
        people.asked(details={"to": f"person{number}@example.org", "order": 1000 + number})
    client.force_login(people.rita())
    page = client.get("/", headers=COMPRESSED)
    assert page["Content-Encoding"] == "gzip"
    assert gzip.decompress(page.content).decode().count('id="approval-') == 50
    assert len(page.content) < 10_000


@pytest.mark.django_db
def test_the_same_page_is_padded_so_that_its_length_tells_no_secret(client: Client) -> None:
    client.force_login(people.rita())
    lengths = {len(client.get("/", headers=COMPRESSED).content) for _ in range(12)}
    assert len(lengths) > 1


def test_a_static_file_is_served_from_its_compressed_twin(tmp_path: Path) -> None:
    collect_static_files(tmp_path)
    sheet, packed = tmp_path / "look/app.css", tmp_path / "look/app.css.gz"
    assert gzip.decompress(packed.read_bytes()) == sheet.read_bytes()
    assert packed.stat().st_size < sheet.stat().st_size / 3


def test_what_was_collected_before_and_is_no_more_goes(tmp_path: Path) -> None:
    (tmp_path / "old.css").write_text("a {}")
    collect_static_files(tmp_path)
    assert not (tmp_path / "old.css").exists()
