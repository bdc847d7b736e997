"""The statistics page: what it counts, for whom, and in which words."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import services
from approvals.models import ApprovalRequest
from figures import looking, reading, rollups
from figures.looking import Reading
from ledger import transitions
from tests.support import people
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, 7, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


class Clock:
    now = NOW


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What time events and pages have it."""
    found, head = Clock(), transitions._head
    monkeypatch.setattr(transitions, "_head", lambda: (*head()[:2], found.now))
    monkeypatch.setattr("dashboard.statistics.views.read_local_clock", lambda: found.now)
    return found


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def rita(clock: Clock) -> Client:
    return browser(people.rita())


def decided(
    clock: Clock, at: datetime, minutes: float, verdict: str = "approve", **fields: Any
) -> ApprovalRequest:
    """A request that was asked so long before and decided at that time, by rita unless said."""
    by = fields.pop("by", None) or people.rita()
    clock.now = at - timedelta(minutes=minutes)
    request = people.asked(**fields)
    clock.now = at
    verb = {"approve": services.approve, "reject": services.reject}
    verb.get(verdict, services.request_revision)(request.pk, by=by, feedback="So.")
    clock.now = NOW
    return request


def page(client: Client, query: str = "", **cookies: str) -> str:
    for name, value in cookies.items():
        client.cookies[name] = value
    response = client.get(f"/statistics/?{query}")
    assert response.status_code == 200
    return html.unescape(as_shown(response.content.decode()))


def tiles(text: str) -> dict[str, tuple[str, str]]:
    found = re.findall(
        r'<dt>([^<]+)</dt><dd><span class="big">([^<]+)</span><br><small>([^<]*)</small>', text
    )
    return {name: (figure, line.strip("\xa0")) for name, figure, line in found}


def table(client: Client, name: str, query: str = "") -> list[dict[str, Any]]:
    found = client.get(f"/statistics/{name}.json?{query}").json()["tables"][name]["rows"]
    assert isinstance(found, list)
    return found


# ---- The figures


def test_the_tiles_say_what_was_decided_and_compare_it(clock: Clock, rita: Client) -> None:
    for hours in range(6):
        decided(clock, NOW - timedelta(hours=hours), 4)
    decided(clock, NOW - timedelta(hours=1), 10, "reject")
    decided(clock, NOW - timedelta(hours=1), 10, "revise")
    for days in (7, 8):
        decided(clock, NOW - timedelta(days=days), 60)
    people.gate("mail", risk_threshold="high")
    people.asked(risk_level="low")
    people.gate("mail", risk_threshold="medium")
    people.asked()
    found = tiles(page(rita))
    assert found["Pending"] == ("1", "0 with an agent waiting")
    assert found["Decided"] == ("8", "6 more (+300 %)")
    assert found["Approval rate"] == ("75.0 %", "6, 25.0 points less")
    assert found["Rejected"] == ("12.5 %", "1, 12.5 points more")
    assert found["Needs revision"] == ("12.5 %", "1, 12.5 points more")
    assert found["Timed out"] == ("0.0 %", "0, the same share")
    assert found["By rule"] == ("1", "11.1 % of everything asked")
    assert found["Median to decision"][1].endswith("min before")
    assert found["Median to first look"] == ("–", "")


def test_roll_ups_and_the_events_since_make_the_same_page(clock: Clock, rita: Client) -> None:
    for hours in range(5):
        decided(clock, NOW - timedelta(hours=hours), hours + 1)
    fresh = tiles(page(rita)), table(rita, "decisions"), table(rita, "agent")
    assert rollups.catch_up(10)
    assert (tiles(page(rita)), table(rita, "decisions"), table(rita, "agent")) == fresh


def test_where_much_happened_since_the_page_rolls_up_first(
    clock: Clock, rita: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LONG", 5)
    for hours in range(5):
        decided(clock, NOW - timedelta(hours=hours), 1)
    assert rollups.progress().last == 0
    assert tiles(page(rita))["Decided"][0] == "5"
    assert rollups.progress().last > 5


def test_what_is_too_much_to_count_at_once_is_said(
    clock: Clock, rita: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours in range(4):
        decided(clock, NOW - timedelta(hours=hours), 1)
    rollups.roll_up(piece=2)
    monkeypatch.setattr(rollups, "PIECE", 2)
    monkeypatch.setattr(rollups, "catch_up", lambda seconds: False)
    text = page(rita)
    assert "6 events are still being counted" in text
    assert tiles(text)["Decided"][0] == "1"


def test_an_edit_is_one_decision_and_its_time_that_of_the_question(
    clock: Clock, rita: Client
) -> None:
    clock.now = NOW - timedelta(minutes=10)
    request = people.asked()
    clock.now = NOW
    services.edit_and_approve(request.pk, by=people.rita(), details={"to": "b@example.org"})
    found = tiles(page(rita))
    assert found["Decided"][0] == "1"
    assert found["Approval rate"][0] == "100.0 %"
    assert found["Median to decision"][0] == "10 min"


def test_a_deadline_that_nobody_has_noticed_yet_counts_as_timed_out_as_well(
    clock: Clock, rita: Client
) -> None:
    people.asked()
    ApprovalRequest.objects.update(deadline=datetime(2020, 1, 1, tzinfo=UTC))
    found = tiles(page(rita))
    assert (found["Pending"][0], found["Timed out"]) == ("0", ("100.0 %", "1"))


def test_a_deadline_counts_as_timed_out_and_is_nobodys_time(clock: Clock, rita: Client) -> None:
    request = people.asked()
    ApprovalRequest.objects.update(deadline=datetime(2020, 1, 1, tzinfo=UTC))
    services.expire(request.pk)
    found = tiles(page(rita))
    assert found["Timed out"][0] == "100.0 %"
    assert found["Median to decision"] == ("–", "")
    assert table(rita, "reviewer") == []


def test_days_are_those_of_the_reader(clock: Clock, rita: Client) -> None:
    decided(clock, datetime(2026, 11, 22, 23, 30, tzinfo=UTC), 1)
    by_day = {row["day"]: row["approved"] for row in table(rita, "decisions")}
    assert (by_day["22 Nov"], by_day["23 Nov"]) == (1, 0)
    text = page(rita, zone="Europe%2FBerlin")
    assert "days are those of Europe/Berlin" in text
    by_day = {row["day"]: row["approved"] for row in table(rita, "decisions")}
    assert (by_day["22 Nov"], by_day["23 Nov"]) == (0, 1)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("range=24h", "1"),
        ("range=7d", "2"),
        ("range=30d", "3"),
        ("range=90d", "4"),
        ("range=own&from=2026-09-01&to=2026-09-30", "1"),
        ("range=own&from=2026-09-30&to=2026-09-01", "1"),
        ("range=own&from=nonsense&to=2026-09-30", "2"),
        ("range=nonsense", "2"),
        ("range=7d&pattern=nonsense", "2"),
        ("range=7d&pattern=approvals", "2"),
    ],
)
def test_ranges(clock: Clock, rita: Client, query: str, count: str) -> None:
    for days in (0, 3, 20, 70):
        decided(clock, NOW - timedelta(days=days), 1)
    assert tiles(page(rita, query))["Decided"][0] == count


def test_the_tables_say_by_what(clock: Clock, rita: Client) -> None:
    decided(clock, NOW, 2, agent_id="shop", action="pay", risk_level="high")
    decided(clock, NOW, 8, "reject", agent_id="desk", action="tell")
    decided(clock, NOW, 8, agent_id="desk", action="tell")
    agents = {row["agent"]: row for row in table(rita, "agent")}
    assert list(agents) == ["desk", "shop"]
    assert (agents["desk"]["decided"], agents["desk"]["approved_share"]) == (2, 0.5)
    assert 470 < agents["desk"]["median_seconds"] < 490
    assert [row["risk"] for row in table(rita, "risk")] == ["medium", "high"]
    assert [row["type"] for row in table(rita, "type")] == ["tell", "pay"]


def test_a_rule_is_named_with_what_it_decided(clock: Clock, rita: Client) -> None:
    decided(clock, NOW, 2)
    people.asked(risk_level="low")
    (row,) = table(rita, "rule")
    assert row == {"rule": "mail", "automatic": 1, "share": 0.5}


def test_a_row_narrows_the_page_to_what_it_names(clock: Clock, rita: Client) -> None:
    decided(clock, NOW, 2, agent_id="shop & co")
    decided(clock, NOW, 8, agent_id="desk")
    people.asked(agent_id="desk")
    text = page(rita)
    assert '<a href="?range=7d&agent=shop+%26+co">shop & co</a>' in text
    narrowed = page(rita, "range=7d&agent=shop+%26+co")
    assert tiles(narrowed)["Decided"][0] == "1"
    assert tiles(narrowed)["Pending"][0] == "0"
    assert "Only what concerns the agent" in narrowed
    assert tiles(page(rita, "risk=medium"))["Decided"][0] == "2"
    assert tiles(page(rita, "risk=high"))["Decided"][0] == "0"


# ---- Who sees what


@pytest.mark.parametrize("address", ["", "all.csv", "all.json", "agent.csv"])
def test_strangers_sign_in_and_outsiders_are_refused(address: str, client: Client) -> None:
    where = f"/statistics/{address}"
    assert client.get(where)["Location"] == f"/accounts/login/?next={where}"
    refused = browser(people.otto()).get(where)
    assert refused.status_code == 403
    assert "reviewers, auditors and operators" in as_shown(refused.content.decode())


def test_the_menu_leads_there_for_whoever_may_see_it(rita: Client) -> None:
    assert '<a href="/statistics/">' in as_shown(rita.get("/").content.decode())
    assert 'href="/statistics/" aria-current="page"' in page(rita)
    assert "/statistics/" not in as_shown(browser(people.otto()).get("/").content.decode())


def test_reviewers_see_themselves_operators_totals_and_auditors_everybody(
    clock: Clock, rita: Client
) -> None:
    sam = people.person("sam", "Reviewers")
    decided(clock, NOW, 1)
    decided(clock, NOW, 1, by=sam)
    decided(clock, NOW, 1, by=sam)
    seen = [(row["reviewer"], row["decided"]) for row in table(rita, "reviewer")]
    assert seen == [("rita", 1), ("all reviewers together", 3)]
    olga = browser(people.person("olga", "Operators"))
    assert [row["reviewer"] for row in table(olga, "reviewer")] == ["all reviewers together"]
    ada = people.person("ada", "Auditors")
    assert [row["reviewer"] for row in table(browser(ada), "reviewer")] == ["sam", "rita"]
    for client in (rita, olga):
        assert ">sam<" not in page(client)
        assert tiles(page(client, "reviewer=sam"))["Decided"][0] == "3"  # not narrowed
    assert tiles(page(rita, "reviewer=rita"))["Decided"][0] == "1"


def test_reading_care_is_ones_own_beside_all_together(clock: Clock, rita: Client) -> None:
    sam = people.person("sam", "Reviewers")
    readings = [(people.rita(), 1.5, 1.0), (people.rita(), 30.0, 0.4), (sam, 400.0, 1.0)]
    for by, seconds, seen in readings:
        request = decided(clock, NOW, 10, by=by)
        assert looking.read(request.subject, Reading(seconds, seen, 2000), by=by)
    rows = {row["open"]: row for row in table(rita, "care")}
    assert rows["under 2 s"]["you_share"] == 0.5
    assert rows["under 2 s"]["everyone_count"] == 1
    assert rows["longer"]["you_count"] == 0
    text = page(rita)
    assert (
        "You: 0.7 s for 1,000 characters (median), 50.0 % seen to the end, 50.0 % decided" in text
    )
    olga = browser(people.person("olga", "Operators"))
    assert set(table(olga, "care")[0]) == {"open", "everyone_share", "everyone_count"}
    assert "You:" not in page(olga)


# ---- Empty, parts, files


def test_a_time_in_which_nothing_was_decided_says_so(rita: Client) -> None:
    text = page(rita)
    assert "Nothing was decided in this time" in text
    assert tiles(text)["Decided"] == ("0", "as many as before")
    assert "<canvas" not in text


def test_every_chart_has_a_caption_and_its_table(clock: Clock, rita: Client) -> None:
    request = people.asked()
    looking.note_look(request.subject, by=people.rita())
    services.approve(request.pk, by=people.rita())
    looking.read(request.subject, Reading(3, 1, 1000), by=people.rita())
    text = page(rita)
    charts = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    assert len(charts) == 4
    for each in charts:
        name = re.findall(r'data-from="table-(\w+)"', each)
        assert f'id="table-{name[0]}"' in each
        assert re.search(r"<figcaption><h2>[^<]+</h2><p>[^<]+</p>", each)
        assert 'role="img"' in each


def test_a_chart_of_nothing_is_not_drawn(clock: Clock, rita: Client) -> None:
    decided(clock, NOW, 1)
    assert 'data-from="table-decisions"' in (text := page(rita))
    assert "table-to_look" not in text
    assert "table-care" not in text


def test_htmx_gets_the_figures_alone(rita: Client) -> None:
    response = rita.get("/statistics/", headers=HTMX)
    assert response.content.lstrip().startswith(b'<div id="statistics"')


def test_the_page_says_from_when_its_figures_are(rita: Client) -> None:
    text = page(rita)
    assert "as of" in text
    assert 'datetime="2026-11-23T12:07:00+00:00"' in text
    assert "up to event" in text


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx"])
def test_a_cell_that_looks_like_a_formula_is_made_inert(
    name: str, clock: Clock, rita: Client
) -> None:
    decided(clock, NOW, 1, agent_id=name)
    response = rita.get("/statistics/agent.csv")
    rows = list(csv.reader(io.StringIO(response.content.decode(), newline="")))
    assert rows[1][0] == f"'{name}"
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == (
        'attachment; filename="statistics-agent-2026-11-17-2026-11-23.csv"'
    )


def test_one_file_has_every_table(clock: Clock, rita: Client) -> None:
    decided(clock, NOW, 1)
    found = rita.get("/statistics/all.json?range=30d").json()
    names = {"decisions", "to_decision", "to_look", "care", "agent", "risk", "type", "reviewer"}
    assert set(found["tables"]) == names | {"pattern", "rule"}
    assert (found["zone"], found["percentiles_at_most_off"]) == ("UTC", 0.02)
    text = rita.get("/statistics/all.csv?range=30d").content.decode()
    for title in ("Decisions per day", "By agent", "By risk level"):
        assert title in text


def test_a_table_that_there_is_not_is_404(rita: Client) -> None:
    assert rita.get("/statistics/nonsense.csv").status_code == 404


def test_the_page_only_reads(clock: Clock, rita: Client) -> None:
    assert rita.post("/statistics/").status_code == 405
    decided(clock, NOW, 1)
    rollups.catch_up(5)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        page(rita)
    writes = [q["sql"] for q in queries if not q["sql"].startswith(("SELECT", "(SELECT", "WITH"))]
    assert writes == []


@pytest.mark.parametrize("query", ["agent=%00", "from=1&to=2&range=own", "risk=" + "x" * 9999])
def test_nonsense_in_the_address_does_no_harm(query: str, rita: Client) -> None:
    page(rita, query)


def test_names_of_agents_are_shown_as_they_are_and_escaped(clock: Clock, rita: Client) -> None:
    decided(clock, NOW, 1, agent_id="<b>bold</b>")
    assert b"<b>bold" not in rita.get("/statistics/").content


def test_it_costs_as_many_queries_with_many_agents_as_with_one(clock: Clock, rita: Client) -> None:
    def cost() -> int:
        rollups.catch_up(5)
        with CaptureQueriesContext(connection) as queries:
            page(rita)
        return len(queries)

    decided(clock, NOW, 1)
    one = cost()
    for number in range(8):
        decided(clock, NOW, 1, agent_id=f"agent {number}")
    assert cost() == one
