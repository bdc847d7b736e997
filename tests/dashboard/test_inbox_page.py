"""The inbox: what waits, in which order, and what is said when nothing does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from approvals import services
from approvals.models import ApprovalRequest
from dashboard.inbox import views
from ledger.clock import now
from ledger.models import JournalEntry, Run
from pages.inbox import urgency
from tests.support import people
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def inbox(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def due_in(approval: ApprovalRequest, minutes: float | None) -> ApprovalRequest:
    deadline = None if minutes is None else now() + timedelta(minutes=minutes)
    ApprovalRequest.objects.filter(pk=approval.pk).update(deadline=deadline)
    return approval


def rows(html: str) -> list[str]:
    return re.findall(r'<li id="([a-z]+-\d+)"', html)


def text(client: Client, address: str = "/", **headers: str) -> str:
    response = client.get(address, headers=headers)
    assert response.status_code == 200
    return as_shown(response.content.decode())


def in_doubt(**fields: Any) -> Run:
    run = people.a_run(status="in_doubt", **fields)
    entry = JournalEntry.objects.create(
        run=run, key="a", kind="action", name="send_email", status="started", fence=1,
        started_at=now(),
    )  # fmt: skip
    Run.objects.filter(pk=run.pk).update(
        doubt={"kind": "action", "entry": entry.pk, "name": "send_email"}
    )
    return run


def test_the_highest_risk_comes_first_then_what_ends_soonest(inbox: Client) -> None:
    never = due_in(people.asked(risk_level="high"), None)
    late = due_in(people.asked(risk_level="high"), 50)
    soon = due_in(people.asked(risk_level="high"), 5)
    low = due_in(people.asked(risk_level="medium"), 1)
    worst = due_in(people.asked(risk_level="critical"), 500)
    assert rows(text(inbox)) == [f"approval-{each.pk}" for each in (worst, soon, late, never, low)]


def test_what_is_decided_or_past_its_deadline_does_not_wait(inbox: Client) -> None:
    over = due_in(people.asked(), -1)
    done = people.asked()
    services.cancel(done.pk, actor="system")
    waiting = people.asked()
    html = text(inbox)
    assert f"approval-{waiting.pk}" in html
    assert f"approval-{over.pk}" not in html
    assert f"approval-{done.pk}" not in html


def test_what_a_person_has_just_decided_stays_below_for_a_while(inbox: Client) -> None:
    done = people.asked()
    services.reject(done.pk, by=people.rita(), feedback="no")
    waiting = people.asked()
    assert rows(text(inbox)) == [f"approval-{waiting.pk}", f"approval-{done.pk}"]
    assert rows(text(inbox, "/?risk=medium")) == [f"approval-{waiting.pk}"]


def test_a_run_in_doubt_stands_hatched_after_the_requests_of_its_risk(inbox: Client) -> None:
    run = in_doubt()
    high = due_in(people.asked(risk_level="high"), None)
    medium = due_in(people.asked(risk_level="medium"), None)
    html = text(inbox)
    assert rows(html) == [f"approval-{high.pk}", f"approval-{medium.pk}", f"doubt-{run.pk}"]
    assert "is-medium hatch" in html  # the floor that send_email declares
    assert "<code>send_email</code>: did it run?" in html


def test_a_run_whose_code_and_journal_disagree_is_judged_cautiously(inbox: Client) -> None:
    run = people.a_run(status="in_doubt", doubt={"kind": "diverged"})
    html = text(inbox)
    assert rows(html) == [f"doubt-{run.pk}"]
    assert "is-high hatch" in html


def test_runs_in_doubt_are_for_those_who_may_see_runs(client: Client) -> None:
    in_doubt()
    viewer = people.person("vera")
    viewer.user_permissions.add(*people.Permission.objects.filter(codename="view_approvalrequest"))
    client.force_login(viewer)
    html = text(client)
    assert rows(html) == []
    assert "No agent waits" in html


def test_the_header_counts_who_waits_and_names_the_next_deadline(inbox: Client) -> None:
    run = people.a_run()
    due_in(people.asked(run), 3)
    due_in(people.asked(run), 90)
    people.asked(agent_id="outside")
    people.asked(agent_id="outside")
    in_doubt()
    html = text(inbox)
    assert "3 agents wait for a person; the next deadline is in" in html
    assert re.search(r'<time datetime="[^"]+">3:00</time>|<time datetime="[^"]+">2:59</time>', html)
    assert '<span class="num" id="count-lane">5</span>' in html


def test_one_agent_waits_in_the_singular(inbox: Client) -> None:
    people.asked()
    assert "1 agent waits for a person" in text(inbox)


def test_filters_narrow_the_lane_and_stay_in_the_form(inbox: Client) -> None:
    mail = people.asked(agent_id="mailer", action="tell", risk_level="high")
    pay = people.asked(agent_id="payer", action="pay", risk_level="critical")
    doubt = in_doubt(agent_id="mailer")
    assert rows(text(inbox, "/?agent=payer")) == [f"approval-{pay.pk}"]
    assert rows(text(inbox, "/?risk=high")) == [f"approval-{mail.pk}"]
    assert rows(text(inbox, "/?risk=serious")) == [f"approval-{pay.pk}", f"approval-{mail.pk}"]
    html = text(inbox, "/?q=SEND_EM")
    assert rows(html) == [f"doubt-{doubt.pk}"]
    assert 'value="SEND_EM"' in html
    assert '<option value="payer" selected>payer</option>' in text(inbox, "/?agent=payer")


def test_nothing_matching_says_what_is_hidden_and_offers_the_way_back(inbox: Client) -> None:
    people.asked()
    people.asked()
    html = text(inbox, "/?q=<b>invioce")
    assert "Nothing matches “&lt;b&gt;invioce”" in html
    assert "2 requests are hidden by this filter." in html
    assert '<a class="btn" href="/">Clear the filter</a>' in html


def test_an_empty_inbox_says_so(inbox: Client) -> None:
    assert "Nobody is waiting for you" in text(inbox)


def test_pages_go_on_where_the_last_one_ended(
    inbox: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE", 4)
    made = [
        due_in(people.asked(risk_level=risk), minutes)
        for risk in ("critical", "high", "medium")
        for minutes in (10, 10, None)
    ]
    address, seen = "/", []
    while address:
        html = text(inbox, address)
        seen += rows(html)
        more = re.search(r'<a class="btn" href="(/\?after=[^"]+)"', html)
        address = more[1] if more else ""
    assert seen == [f"approval-{each.pk}" for each in made]


def test_htmx_gets_the_next_rows_and_the_new_button_only(
    inbox: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "PAGE", 1)
    first, second = people.asked(risk_level="high"), people.asked(risk_level="medium")
    place = urgency.Place.of(ApprovalRequest.objects.get(pk=first.pk))
    response = inbox.get("/", {"after": str(place), "more": "1"}, headers=HTMX)
    html = as_shown(response.content.decode())
    assert rows(html) == [f"approval-{second.pk}"]
    assert '<div id="more" hx-swap-oob="true"></div>' in html
    assert "<html" not in html


@pytest.mark.parametrize(
    "place", ["", "x", "3|soon|0|1", "3|2026-11-23T14:28:00|0|1", "a|b|c|d", "9||0|²"]
)
def test_an_unreadable_place_means_the_beginning(inbox: Client, place: str) -> None:
    approval = people.asked()
    html = as_shown(inbox.get("/", {"after": place}).content.decode())
    assert rows(html) == [f"approval-{approval.pk}"]


def test_a_place_survives_being_written_and_read() -> None:
    deadline = now()
    for place in (urgency.Place(3, deadline, 0, 7), urgency.Place(1, None, 9, 2**40)):
        assert urgency.Place.read(str(place)) == place


def test_filtering_by_htmx_answers_the_lane_and_names_the_filter(inbox: Client) -> None:
    people.asked()
    response = inbox.get("/?q=&risk=medium&agent=", headers=HTMX)
    html = as_shown(response.content.decode())
    assert html.lstrip().startswith('<div class="lanes" id="list"')
    assert response["HX-Push-Url"] == "/?risk=medium"
    assert "HX-Request" in response["Vary"]


def test_going_back_in_the_browser_gets_the_whole_page(inbox: Client) -> None:
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in text(inbox, "/", **headers)


def test_a_row_says_what_there_is_to_know(inbox: Client) -> None:
    run = people.a_run(status="waiting", example=True)
    approval = people.asked(
        run,
        action="send_email",
        details={"to": "a@example.org", "subject": "Hi\u200b", "body": "\u202ex"},
        risk_level="high",
    )
    html = text(inbox)
    assert f'data-urgency="{urgency.Place.of(approval)}"' in html
    for part in (
        "2 hidden characters",
        "Cannot be undone",
        '<span class="alive">waiting</span>',
        "Example",
        "<code>send_email</code>",
    ):
        assert part in html


def test_hostile_names_are_text_and_their_hidden_characters_are_shown(inbox: Client) -> None:
    people.asked(agent_id="<script>x</script>", action="pay\u202e</code><b>")
    html = text(inbox)
    assert "<script>x" not in html
    assert escape("</code><b>") in html
    assert "U+202E RLO" in html


def test_a_row_is_the_same_for_everybody_and_needs_no_request(inbox: Client) -> None:
    approval = ApprovalRequest.objects.select_related("run", "reviewer").get(pk=people.asked().pk)
    row = as_shown(render_to_string("approvals/_row.html", {"approval": approval}))
    shown = text(inbox)
    assert re.sub(r"\d+:\d\d|\d+ h \d+ min", "", row.strip()) in re.sub(
        r"\d+:\d\d|\d+ h \d+ min", "", shown
    )
    for personal in ("rita", "csrf", "<form", "<button", " you"):
        assert personal not in row


def test_more_rows_need_no_more_queries(inbox: Client) -> None:
    def ask(number: int) -> None:
        for _ in range(number):
            run = people.a_run(status="waiting")
            people.asked(run)
            done = people.asked(people.a_run())
            services.reject(done.pk, by=people.rita(), feedback="no")
            in_doubt()

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            text(inbox)
        return len(captured)

    ask(1)
    before = queries()
    ask(6)
    assert queries() == before <= 30  # a few for each lane


def test_strangers_are_sent_to_the_sign_in_page_and_back(client: Client) -> None:
    assert client.get("/?risk=high")["Location"] == "/accounts/login/?next=/%3Frisk%3Dhigh"
    response = client.get("/", headers={**HTMX, "HX-Current-URL": "http://testserver/?q=a"})
    assert response["HX-Redirect"] == "/accounts/login/?next=/%3Fq%3Da"


def test_without_permission_nothing_is_revealed(client: Client) -> None:
    people.asked(action="secret_action")
    client.force_login(people.otto())
    response = client.get("/")
    assert response.status_code == 403
    assert "secret_action" not in as_shown(response.content.decode())


def test_the_inbox_is_only_read() -> None:
    client = Client()
    client.force_login(people.rita())
    assert client.post("/").status_code == 405
