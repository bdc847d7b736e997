"""The list of all requests: filters, pages, and that they stay cheap."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import services
from approvals.models import ApprovalRequest
from ledger.clock import now
from ledger.statements import paging
from pages import filters
from tests.support import people
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
LIST = "/approvals/"


@pytest.fixture
def auditor(client: Client) -> Client:
    client.force_login(people.person("adam", "Auditors"))
    return client


def rows(html: str) -> list[int]:
    return [int(pk) for pk in re.findall(r'<li id="approval-(\d+)"', html)]


def found(client: Client, **query: str) -> list[int]:
    return rows(as_shown(client.get(LIST, query).content.decode()))


@pytest.fixture
def one_of_each() -> dict[str, int]:
    """A request in every state that can be shown, by a name for it."""
    made = {
        name: people.asked(action=name, details={"name": name})
        for name in ("pending", "overdue", "approved", "rejected", "late", "revise", "cancelled")
    }
    past = now() - timedelta(minutes=1)
    late = [made["overdue"].pk, made["late"].pk]
    ApprovalRequest.objects.filter(pk__in=late).update(deadline=past)
    services.expire(made["late"].pk)
    services.approve(made["approved"].pk, by=people.rita())
    services.reject(made["rejected"].pk, by=people.rita(), feedback="no")
    services.request_revision(made["revise"].pk, by=people.rita(), feedback="again")
    services.cancel(made["cancelled"].pk, actor="system")
    return {name: approval.pk for name, approval in made.items()}


@pytest.mark.parametrize(
    ("status", "names"),
    [
        ("", ["cancelled", "revise", "late", "rejected", "approved", "overdue", "pending"]),
        ("pending", ["pending"]),
        ("expired", ["late", "overdue"]),
        ("approved", ["approved"]),
        ("rejected", ["late", "rejected"]),
        ("needs_revision", ["revise"]),
        ("cancelled", ["cancelled"]),
        ("no such status", ["cancelled", "revise", "late", "rejected", "approved", "overdue", "pending"]),
    ],
)  # fmt: skip
def test_the_status_filter_goes_by_what_is_shown(
    auditor: Client, one_of_each: dict[str, int], status: str, names: list[str]
) -> None:
    assert found(auditor, status=status) == [one_of_each[name] for name in names]


def test_rows_say_what_became_of_the_request(auditor: Client, one_of_each: dict[str, int]) -> None:
    html = as_shown(auditor.get(LIST).content.decode())
    for words in ("by rita", "by the deadline", "taken back", "nobody decided until"):
        assert words in html


@pytest.mark.parametrize(
    "text", ["PAY_rent", "Landlord", "ten percent", 'said "now"', "line\nbreak", "Füße", "%", "_42"]
)
def test_the_text_filter_looks_everywhere(auditor: Client, text: str) -> None:
    people.asked(action="other", details={"a": 1})
    wanted = people.asked(
        agent_id="landlord",
        action="pay_rent",
        details={"note": 'they said "now"\nand a line\nbreak, Füße, 100%, x_42'},
        story="It is only ten percent more.",
    )
    assert found(auditor, q=text) == [wanted.pk]


def test_the_text_filter_takes_no_pattern_from_the_reader(auditor: Client) -> None:
    people.asked(action="abc", details={"a": 1})
    assert found(auditor, q="a_c") == []
    assert found(auditor, q="a\0c" * 1000) == []


def test_filters_combine(auditor: Client) -> None:
    wanted = people.asked(agent_id="a", risk_level="high")
    people.asked(agent_id="b", risk_level="high")
    people.asked(agent_id="a", risk_level="low")
    assert found(auditor, agent="a", risk="high", status="pending", q="tell") == [wanted.pk]
    html = as_shown(auditor.get(LIST, {"agent": "a", "risk": "high", "q": "zzz"}).content.decode())
    assert "Nothing matches “zzz”, high risk, a" in html


def test_every_agent_that_ever_asked_is_offered_once(auditor: Client) -> None:
    for name in ("zoe", "amy", "zoe", "<b>", "z\u202eoe"):
        people.asked(agent_id=name)
    assert sorted(filters.agents(ApprovalRequest)) == ["<b>", "amy", "zoe", "z\u202eoe"]
    html = as_shown(auditor.get(LIST).content.decode())
    assert '<option value="&lt;b&gt;">&lt;b&gt;</option>' in html
    assert '<option value="z\u202eoe">z\ufffdoe</option>' in html


def test_pages_do_not_shift_when_new_requests_come(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging.newest_first, "__kwdefaults__", {"size": 2, "reach": None})
    made = [people.asked().pk for _ in range(5)]
    html = as_shown(auditor.get(LIST).content.decode())
    assert rows(html) == made[:2:-1]
    people.asked()
    more = re.search(r'href="(/approvals/\?before=\d+)"', html)
    assert more
    html = as_shown(auditor.get(more[1]).content.decode())
    assert rows(html) == made[2:0:-1]
    assert "Back to the newest" in html
    more = re.search(r'hx-get="(/approvals/\?before=\d+)&amp;more=1"', html)
    assert more
    html = as_shown(auditor.get(f"{more[1]}&more=1", headers=HTMX).content.decode())
    assert rows(html) == made[:1]
    assert "Show more" not in html
    assert "<html" not in html


def test_the_address_of_the_next_page_keeps_the_filter(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging.newest_first, "__kwdefaults__", {"size": 1, "reach": None})
    people.asked(agent_id="a&b")
    people.asked(agent_id="a&b")
    html = as_shown(auditor.get(LIST, {"agent": "a&b", "risk": "medium"}).content.decode())
    assert "/approvals/?risk=medium&amp;agent=a%26b&amp;before=" in html


@pytest.mark.parametrize("before", ["x", "-1", "²", "9" * 30, ""])
def test_an_unreadable_cursor_means_the_first_page(auditor: Client, before: str) -> None:
    approval = people.asked()
    assert found(auditor, before=before) == [approval.pk]


def test_a_search_looks_at_a_bounded_number_and_says_how_far(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "REACH", 3)
    old = people.asked(action="needle")
    for _ in range(4):
        people.asked()
    html = as_shown(auditor.get(LIST, {"q": "needle"}).content.decode())
    assert rows(html) == []
    assert "The newest requests were looked through, back to" in html
    more = re.search(r'<a class="btn" href="([^"]+)"[^>]*>Look further back', html)
    assert more
    html = as_shown(auditor.get(more[1].replace("&amp;", "&")).content.decode())
    assert rows(html) == [old.pk]


def test_filtering_by_htmx_answers_the_list_only(auditor: Client) -> None:
    people.asked()
    response = auditor.get(f"{LIST}?q=&status=pending", headers=HTMX)
    assert (
        as_shown(response.content.decode()).lstrip().startswith('<section class="lane" id="list"')
    )
    assert response["HX-Push-Url"] == "/approvals/?status=pending"
    assert auditor.get(f"{LIST}?q=", headers=HTMX)["HX-Push-Url"] == LIST


def test_an_empty_list_says_so(auditor: Client) -> None:
    assert "No agent has asked for anything yet" in as_shown(auditor.get(LIST).content.decode())


def test_more_rows_need_no_more_queries(auditor: Client, one_of_each: dict[str, int]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            auditor.get(LIST)
        return len(captured)

    before = queries()
    for number in range(10):
        approval = people.asked(people.a_run(), agent_id=f"agent {number}")
        services.reject(approval.pk, by=people.rita(), feedback="no")
    assert queries() == before <= 16


def test_the_list_is_for_those_who_may_see_requests(client: Client) -> None:
    assert client.get(LIST)["Location"].startswith("/accounts/login/")
    client.force_login(people.otto())
    assert client.get(LIST).status_code == 403
