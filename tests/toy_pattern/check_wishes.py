"""Wishes on the pages of everything. Run with the settings beside it (tests/site/test_new_pattern.py)."""

from __future__ import annotations

import html
import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone

from dashboard.live import rendering
from dashboard.live.admission import find_admitted
from dashboard.live.changes import ROW
from ledger import leases, runs
from ledger.models import Event, JournalEntry, Run
from ledger.risk import RiskLevel
from tests.support import people
from tests.toy_pattern import services
from tests.toy_pattern.models import Wish

pytestmark = pytest.mark.django_db


@pytest.fixture
def rita() -> User:
    """A reviewer who may see wishes too."""
    found = people.rita()
    found.user_permissions.add(Permission.objects.get(codename="view_wish"))
    return User.objects.get(pk=found.pk)


@pytest.fixture
def browser(rita: User) -> Client:
    client = Client()
    client.force_login(rita)
    return client


def page(browser: Client, address: str) -> str:
    """The page, with its white space as a browser takes it."""
    response = browser.get(address)
    assert response.status_code == 200
    return " ".join(html.unescape(response.content.decode()).split())


def frame(wish: Wish, on: frozenset[str]) -> dict[str, Any]:
    """What an open page that shows this is told about the wish."""
    found = rendering.frames(Event.objects.values_list(*ROW), on)
    (text,) = [each.text_for(on) for each in found if each.subject == wish.subject]
    said: dict[str, Any] = json.loads(text)
    return said


def test_the_inbox_has_it_in_the_order_of_risk(browser: Client) -> None:
    people.asked(risk_level="medium")
    services.ask("a pony", risk=RiskLevel.CRITICAL)
    services.ask("a quiet day", risk=RiskLevel.LOW)
    text = page(browser, "/")
    assert text.index("for a pony") < text.index("approval-") < text.index("for a quiet day")
    assert "2 agents wait" in text
    assert "approval-" not in page(browser, "/?q=pony")


def test_the_inbox_shows_what_was_just_decided(browser: Client, rita: User) -> None:
    services.grant(services.ask("a pony"), by=rita)
    assert "wisher wishes for a pony" in page(browser, "/")


def test_the_menu_counts_it_and_leads_to_it(browser: Client) -> None:
    wish = services.ask("a pony")
    text = page(browser, "/runs/")
    assert 'href="/wishes/"' in text
    assert 'id="count-wishes"' in text
    assert "a pony" in page(browser, "/wishes/")
    assert "a pony" in page(browser, f"/wishes/{wish.pk}/")


def test_who_may_not_see_it_does_not(rita: User) -> None:
    services.ask("a pony")
    client = Client()
    client.force_login(people.person("ruth", "Reviewers"))
    assert "pony" not in page(client, "/")
    assert "/wishes/" not in page(client, "/")
    assert client.get("/wishes/").status_code == 403


def test_open_pages_are_told(browser: Client, rita: User) -> None:
    wish = services.ask("a pony")
    said = frame(wish, frozenset({"pending"}))
    assert said["html"][f"wish-{wish.pk}"] == render_to_string("wishes/_row.html", {"wish": wish})
    assert "waiting" in said["html"]
    assert said["counts"] == {"wishes": 1, "wishes_risk": "high"}
    services.grant(wish, by=rita)
    said = frame(wish, frozenset({wish.subject}))
    assert list(said["html"]) == [f"outcome-{wish.pk}"]
    assert said["counts"] == {"wishes": 0, "wishes_risk": ""}
    key = browser.session.session_key
    assert key is not None
    assert "wishes.view_wish" in find_admitted([key])[key]


def test_the_timeline_of_a_run_tells_it(browser: Client, rita: User) -> None:
    runs.submit("gated", "Wish for something")
    run = leases.claim_next("runner-1", 60)
    assert run is not None
    wish = services.ask("a pony", Run.objects.get(pk=run.pk))
    JournalEntry.objects.create(
        run_id=run.pk,
        key="question/pony",
        kind=JournalEntry.Kind.QUESTION,
        name="pony",
        status=JournalEntry.Status.WAITING,
        request_kind="wishes.wish",
        request_id=wish.pk,
        fence=1,
        started_at=timezone.now(),
    )
    services.grant(wish, by=rita)
    text = page(browser, f"/runs/{run.pk}/")
    assert "Wish <code>pony</code>" in text
    assert "Decided: granted by rita" in text
    assert f'<a href="/wishes/{wish.pk}/">wish {wish.pk}</a>' in text


def test_it_has_figures_and_a_section_of_its_own(browser: Client, rita: User) -> None:
    services.grant(services.ask("a pony"), by=rita)
    services.ask("a quiet day")
    text = page(browser, "/statistics/")
    assert "Wishes come true" in text
    assert "Wishes that came true" in text
    tables = browser.get("/statistics/all.json").json()["tables"]
    (row,) = [row for row in tables["pattern"]["rows"] if row["pattern"] == "Wishes"]
    assert row["decided"] == 1
    assert tables["wishes"]["rows"] == [{"agent": "wisher", "granted": 1}]
    assert "By pattern" not in page(browser, "/statistics/?pattern=wishes")


def test_a_first_look_counts(browser: Client) -> None:
    wish = services.ask("a pony")
    assert browser.post("/statistics/looked/", {"subject": wish.subject}).status_code == 204
    assert Event.objects.filter(kind="wishes.looked").count() == 1


def test_a_run_that_is_over_takes_it_back() -> None:
    run = runs.submit("gated", "Wish for something")
    wish = services.ask("a pony", run)
    runs.cancel(run.pk, by=people.person("olga", "Operators"), reason="No.")
    wish.refresh_from_db()
    assert wish.status == "cancelled"
