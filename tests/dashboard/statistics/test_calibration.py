"""Calibration on the statistics page: where there is data, of the range, against a recount."""

from __future__ import annotations

import csv
import html
import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from escalations import services
from escalations.models import AttemptWas, Escalation
from escalations.pages import calibration
from ledger.clock import read_local_clock
from tests.support import people
from tests.support.escalated import CONTEXT, escalated
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db

MARKS = [
    (0.12, "wrong", {}),
    (0.3, "wrong", {}),
    (0.3, "right", {}),
    (0.55, "partly", {"type": "asked"}),
    (0.61, "right", {}),
    (0.61, "wrong", {"agent_id": "other"}),
    (0.999, "right", {"agent_id": "other", "type": "asked"}),
    (1.0, "right", {"agent_id": "other", "type": "asked"}),
]


def mark(confidence: float, was: str, **changes: Any) -> Escalation:
    context = {**CONTEXT, "confidence": confidence}
    return services.dismiss(escalated(context=context, **changes).pk, by="rita", attempt_was=was)


def marked() -> None:
    for confidence, was, changes in MARKS:
        mark(confidence, was, **changes)


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def page(client: Client, query: str = "") -> str:
    return html.unescape(as_shown(client.get(f"/statistics/?{query}").content.decode()))


def rows(client: Client, name: str = "calibration", query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/statistics/{name}.json?{query}").json()["tables"][
        name
    ]["rows"]
    return found


def test_without_marks_there_is_no_calibration(rita: Client) -> None:
    services.dismiss(escalated().pk, by="rita")
    assert "Calibration" not in page(rita)
    assert rita.get("/statistics/calibration.csv").status_code == 404


def test_the_page_has_the_diagram_its_caption_its_table_and_the_way_to_the_whole(
    rita: Client,
) -> None:
    marked()
    text = page(rita)
    assert 'data-draw="reliability" data-from="table-calibration"' in text
    assert "A well calibrated agent lies on the dashed line" in text
    assert (
        '<th scope="row">30 to 40 %</th><td class="num">30.0 %</td><td class="num">50.0 %' in text
    )
    assert 'href="/escalations/calibration/"' in text
    assert "Calibration by agent and type" in text


def test_the_figures_are_those_of_a_recount(rita: Client) -> None:
    marked()
    found = [calibration.Judged(at, calibration.WORTH[was]) for at, was, _ in MARKS]
    for row, each in zip(rows(rita), calibration.bins(found), strict=True):
        assert row["attempts"] == each.count
        assert row["stated_share"] == pytest.approx(each.stated)
        assert row["right_share"] == pytest.approx(each.right)
        assert (row["from_share"], row["to_share"]) == pytest.approx(each.surely)


def test_each_agent_and_type_has_its_figures(rita: Client) -> None:
    marked()
    found = rows(rita, "calibration_agents")
    pairs = calibration.pairs()
    assert [(row["agent"], row["type"], row["attempts"]) for row in found] == [
        (pair.agent_id, pair.type, pair.count) for pair in pairs
    ]
    for row, pair in zip(found, pairs, strict=True):
        judged = calibration.read_judged(pair.agent_id, pair.type)
        assert row["apart_share"] == pytest.approx(calibration.gap(judged))


@pytest.mark.parametrize(
    ("query", "attempts"),
    [
        ("agent=other", 3),
        ("type=asked", 3),
        ("risk=medium", 8),
        ("pattern=escalations", 8),
        ("agent=nobody", 0),
        ("reviewer=rita", 0),
        ("pattern=approvals", 0),
    ],
)
def test_it_is_of_what_is_asked_for(rita: Client, query: str, attempts: int) -> None:
    marked()
    if not attempts:
        assert rita.get(f"/statistics/calibration.json?{query}").status_code == 404
    else:
        assert sum(row["attempts"] for row in rows(rita, query=query)) == attempts


def test_it_is_of_the_range(rita: Client) -> None:
    old = mark(0.2, "right")
    Escalation.objects.filter(pk=old.pk).update(resolved_at=read_local_clock() - timedelta(days=20))
    mark(0.7, "right")
    assert [row["confidence"] for row in rows(rita, query="range=7d")] == ["70 to 80 %"]
    assert len(rows(rita, query="range=30d")) == 2


def test_a_mark_that_is_changed_counts_as_it_is_now(rita: Client) -> None:
    found = mark(0.5, AttemptWas.WRONG)
    services.mark(found.pk, by="rita", attempt_was=AttemptWas.RIGHT)
    assert [row["right_share"] for row in rows(rita)] == [1.0]


def test_the_tables_are_files_too(rita: Client) -> None:
    marked()
    for name in ("calibration", "calibration_agents"):
        text = rita.get(f"/statistics/{name}.csv").content.decode()
        assert len(list(csv.DictReader(io.StringIO(text)))) == len(rows(rita, name))
    assert "Calibration by agent and type" in as_shown(
        rita.get("/statistics/all.csv").content.decode()
    )


def test_an_agent_named_like_a_formula_is_inert_in_the_file(rita: Client) -> None:
    mark(0.5, "right", agent_id="=1+1")
    text = rita.get("/statistics/calibration_agents.csv").content.decode()
    assert "\n'=1+1," in text


def test_who_may_not_see_escalations_sees_no_calibration(client: Client) -> None:
    people.rita()
    marked()
    someone = people.person("someone")
    someone.user_permissions.add(Permission.objects.get(codename="view_approvalrequest"))
    client.force_login(someone)
    assert "Calibration" not in page(client)
    assert client.get("/statistics/calibration.json").status_code == 404


def test_it_is_one_query_however_many_agents_there_are(rita: Client) -> None:
    def counted() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page(rita)
        return len(queries)

    mark(0.5, "right")
    page(rita)
    before = counted()
    marked()
    assert counted() == before
