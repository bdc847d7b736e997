"""What a frame says: the page's own fragments, the same for everybody, and nothing of a person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from approvals import services
from approvals.models import ApprovalRequest
from dashboard.live import rendering
from dashboard.live.changes import ROW, Shown
from dashboard.live.rendering import Frame
from ledger import runs
from ledger.models import Event, Run
from ledger.transitions import record
from pages import cards
from tests.support import people
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_drawn_before() -> None:
    rendering.recent.forget()


def drawn(shown: Shown = None, *, after: int = 0) -> dict[str, Frame]:
    """The frames of all events after that one, by subject."""
    rows = Event.objects.after(after).values_list(*ROW)
    return {frame.subject: frame for frame in rendering.frames(rows, shown)}


def said(frame: Frame, on: Shown = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(frame.text_for(on) or "{}")
    return found


def end() -> int:
    return Event.objects.newest()


def page_of(approval: ApprovalRequest) -> frozenset[str]:
    return frozenset({approval.subject})


INBOX = frozenset({"pending"})
RUNS = frozenset({"runs"})
ELSEWHERE: frozenset[str] = frozenset()


# ---- Fragments


def test_a_row_is_the_row_of_the_list() -> None:
    request = people.asked()
    frame = said(drawn(INBOX)[request.subject], INBOX)
    row = render_to_string("approvals/_row.html", {"approval": request})
    assert frame["html"][f"approval-{request.pk}"] == row


def test_the_page_of_a_request_gets_its_fragments(client: Client) -> None:
    request = people.asked()
    services.reject(request.pk, by=people.rita(), feedback="Wrong person.")
    on = page_of(request)
    html = said(drawn(on)[request.subject], on)["html"]
    names = {f"{name}-{request.pk}" for name in ("title", "outcome", "history")}
    assert set(html) == names
    client.force_login(people.root())
    page = as_shown(client.get(f"/approvals/{request.pk}/").content.decode())
    assert "Wrong person." in html[f"outcome-{request.pk}"]
    assert all(as_shown(html[name]) in page for name in names)


def test_an_open_request_brings_no_outcome_for_the_place_of_the_form() -> None:
    request = people.asked()
    html = said(drawn()[request.subject])["html"]
    assert f"outcome-{request.pk}" not in html
    assert f"approval-{request.pk}" in html


def test_the_page_of_a_run_gets_its_journal() -> None:
    run = runs.submit("gated", "Write to Ana.")
    on = frozenset({run.subject})
    html = said(drawn(on)[run.subject], on)["html"]
    assert f"run-{run.pk}" in html
    assert "Journal" in html[f"run-{run.pk}"]
    assert "from the command line" in html[f"run-title-{run.pk}"]


def test_the_inbox_is_told_how_many_wait() -> None:
    request = people.asked(agent_id="one")
    people.asked(agent_id="two")
    html = said(drawn(INBOX)[request.subject], INBOX)["html"]
    assert "2 agents wait for a person" in as_shown(html["waiting"])


def test_a_run_in_doubt_is_a_row_of_the_inbox_until_it_is_settled() -> None:
    run = people.a_run(status=Run.Status.IN_DOUBT, doubt={"kind": "diverged"})
    record("runs.in_doubt", run.subject, actor="system", run_id=run.pk)
    frame = said(drawn(INBOX)[f"doubt:{run.pk}"], INBOX)
    assert (frame["row"], frame["lists"]) == (f"doubt-{run.pk}", ["pending"])
    assert "disagree" in frame["html"][f"doubt-{run.pk}"]
    assert frame["counts"] == {"runs": 1, "doubt": 1}
    before = end()
    runs.resolve_doubt(run.pk, "start_again", by=people.root(), note="Looked.")
    frame = said(drawn(INBOX, after=before)[f"doubt:{run.pk}"], INBOX)
    assert frame["lists"] == []
    assert "Settled" in frame["html"][f"doubt-{run.pk}"]
    assert frame["counts"] == {"runs": 1, "doubt": 0}


def test_a_list_of_runs_gets_rows_only() -> None:
    run = runs.submit("gated", "Write to Ana.")
    assert set(said(drawn(RUNS)[run.subject], RUNS)["html"]) == {f"run-row-{run.pk}"}


def test_a_run_in_doubt_has_the_page_fetch_what_a_person_may_do() -> None:
    run = people.a_run(status=Run.Status.IN_DOUBT, doubt={"kind": "diverged"})
    record("runs.in_doubt", run.subject, actor="system", run_id=run.pk)
    frame = said(drawn()[run.subject])
    assert frame["fetch"] == [f"run-doubt-{run.pk}"]
    assert f"run-doubt-{run.pk}" not in frame["html"]


# ---- Nothing of a person


def test_a_frame_holds_no_form_no_token_and_no_button() -> None:
    run = runs.submit("gated", "Write to Ana.", requester=people.root())
    opened, closed = people.asked(run), people.asked(run)
    services.approve(closed.pk, by=people.rita(), feedback="Go.")
    for frame in drawn().values():
        html = "".join(said(frame)["html"].values())
        for forbidden in ("<form", "<button", "csrf", "hx-post", " you ", "You "):
            assert forbidden not in html.replace("What you had typed", ""), frame.subject
    assert opened.subject in drawn()


# ---- What it tells the script


def test_an_open_request_says_where_it_belongs_and_what_is_read_out() -> None:
    request = people.asked(risk_level="high", agent_id="support-writer")
    frame = said(drawn()[request.subject])
    assert frame["cursor"] == end()
    assert frame["kind"] == "approvals.asked"
    assert frame["row"] == f"approval-{request.pk}"
    assert frame["lists"] == ["approvals", "pending"]
    assert frame["open"] is True
    assert frame["label"] == "tell, high risk, asked by support-writer"
    assert frame["counts"] == {"approvals": 1, "approvals_risk": "high"}


def test_a_decided_request_belongs_to_the_record_only() -> None:
    request = people.asked()
    services.request_revision(request.pk, by=people.rita(), feedback="Shorter.")
    frame = said(drawn()[request.subject])
    assert (frame["open"], frame["lists"]) == (False, ["approvals"])
    assert frame["label"] == "tell: needs revision"
    assert frame["counts"] == {"approvals": 0, "approvals_risk": ""}


def test_what_passed_its_deadline_is_not_open_and_not_counted() -> None:
    request = people.asked(gate=people.gate(deadline_seconds=0))
    frame = said(drawn()[request.subject])
    assert (frame["open"], frame["counts"]["approvals"]) == (False, 0)
    assert "Expired" in frame["html"][f"approval-{request.pk}"]


def test_a_name_that_hides_something_is_read_out_without_it() -> None:
    request = people.asked(action="pay\u202etxe.exe", agent_id="new\nline")
    label = said(drawn()[request.subject])["label"]
    assert label == "pay\ufffdtxe.exe, medium risk, asked by new\ufffdline"


def test_runs_are_counted_for_those_who_may_see_runs() -> None:
    run = runs.submit("gated", "Write to Ana.")
    request = people.asked(run)
    frames = drawn()
    assert said(frames[run.subject])["counts"] == {"runs": 1, "doubt": 0}
    assert set(said(frames[request.subject])["counts"]) == {"approvals", "approvals_risk"}
    assert frames[run.subject].needs == "ledger.view_run"
    assert frames[request.subject].needs == "approvals.view_approvalrequest"


# ---- Whom it concerns


def test_each_page_gets_only_what_it_shows() -> None:
    request = people.asked()
    frame = drawn()[request.subject]
    assert f"history-{request.pk}" in said(frame, page_of(request))["html"]
    assert set(said(frame, INBOX)["html"]) == {f"approval-{request.pk}", "waiting"}
    elsewhere = said(frame, ELSEWHERE)
    assert elsewhere["html"] == {}
    assert elsewhere["counts"]["approvals"] == 1


def test_what_nobody_shows_and_nobody_counts_is_not_drawn() -> None:
    run = people.a_run()
    record("actions.started", run.subject, actor="runner:a", run_id=run.pk)
    assert drawn(INBOX) == {}
    assert set(drawn(RUNS)) == {run.subject}


def test_a_decision_hidden_behind_a_later_event_still_reaches_every_page() -> None:
    run = people.a_run()
    request = people.asked(run)
    services.approve(request.pk, by=people.rita())
    record("approvals.delivered", request.subject, actor="runner:a", run_id=run.pk)
    assert said(drawn(ELSEWHERE)[request.subject], ELSEWHERE)["counts"]["approvals"] == 0


def test_a_row_is_told_how_its_run_is() -> None:
    run = people.a_run()
    request = people.asked(run)
    before = end()
    Run.objects.filter(pk=run.pk).update(status=Run.Status.WAITING)
    record("runs.waiting", run.subject, actor="runner:a", run_id=run.pk)
    record("actions.started", run.subject, actor="runner:a", run_id=run.pk)
    frames = drawn(INBOX, after=before)
    assert "waiting" in said(frames[request.subject], INBOX)["html"][f"approval-{request.pk}"]


def test_the_page_of_a_request_is_told_what_its_run_did() -> None:
    run = people.a_run()
    request = people.asked(run)
    services.approve(request.pk, by=people.rita())
    before = end()
    record("actions.finished", request.subject, actor="runner:a", run_id=run.pk)
    on = page_of(request)
    html = said(drawn(on, after=before)[request.subject], on)["html"]
    assert "tell done" in html[f"history-{request.pk}"]


def test_the_page_of_a_request_is_told_how_its_run_is(client: Client) -> None:
    run = people.a_run()
    request = people.asked(run)
    services.approve(request.pk, by=people.rita())
    before = end()
    Run.objects.filter(pk=run.pk).update(status=Run.Status.COMPLETED)
    record("runs.completed", run.subject, actor="runner:a", run_id=run.pk)
    on = page_of(request)
    alive = said(drawn(on, after=before)[request.subject], on)["html"][f"alive-{request.pk}"]
    assert "completed" in alive
    client.force_login(people.root())
    assert alive.strip() in as_shown(client.get(f"/approvals/{request.pk}/").content.decode())


def test_the_page_of_a_revised_request_is_told_of_the_revision() -> None:
    old = people.asked()
    services.request_revision(old.pk, by=people.rita(), feedback="Shorter.")
    before = end()
    new = people.asked(previous=old, details={"to": "ana@example.org", "short": True})
    html = said(drawn(page_of(old), after=before)[old.subject], page_of(old))["html"]
    assert f"/approvals/{new.pk}/" in html[f"outcome-{old.pk}"]


# ---- Cursors


def test_only_the_last_card_of_an_event_takes_a_page_past_it() -> None:
    run = people.a_run()
    people.asked(run)
    cursors = [said(frame)["cursor"] for frame in drawn().values()]
    assert cursors == [end() - 1, end()]


def test_frames_come_in_the_order_of_the_last_change() -> None:
    first, second = people.asked(), people.asked()
    services.approve(first.pk, by=people.rita())
    assert [frame.event for frame in drawn().values()] == [2, 3]
    assert list(drawn()) == [second.subject, first.subject]


def test_since_tells_the_end_that_it_reached() -> None:
    request = people.asked()
    found = rendering.draw_since(0, None)
    assert found is not None
    assert [frame.subject for frame in found[0]] == [request.subject]
    assert found[1] == end()
    assert rendering.draw_since(end(), None) == ([], end())


def test_a_page_catches_up_only_with_what_it_shows() -> None:
    request = people.asked()
    for _ in range(rendering.MOST_CARDS):
        people.asked()
    found = rendering.draw_since(0, page_of(request))
    assert found is not None
    assert [frame.subject for frame in found[0]] == [request.subject]
    assert rendering.draw_since(0, INBOX) is None


def test_figures_are_those_that_a_person_may_see() -> None:
    people.asked(people.a_run())
    assert rendering.figures(["approvals.view_approvalrequest"]) == {
        "approvals": 1,
        "approvals_risk": "medium",
    }
    assert rendering.figures(["ledger.view_run"]) == {"runs": 1, "doubt": 0}


@pytest.mark.parametrize("after", [-1, 1, 10**18])
def test_since_knows_no_event_that_the_log_does_not_have(after: int) -> None:
    assert rendering.draw_since(after, None) is None


# ---- Cost and mishap


def queries_of(rows: Iterable[Any], shown: Shown) -> int:
    with CaptureQueriesContext(connection) as captured:
        rendering.frames(rows, shown)
    return len(captured)


def test_more_rows_ask_no_more_queries() -> None:
    people.asked()
    few = queries_of(Event.objects.values_list(*ROW), INBOX)
    for _ in range(20):
        people.asked()
    assert queries_of(Event.objects.values_list(*ROW), INBOX) == few


def test_pages_that_come_back_together_share_what_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = people.asked()
    pages = frozenset({"runs", request.subject})
    rendering.draw_since(0, pages)
    monkeypatch.setattr(cards, "render_to_string", None)  # drawing again would fail
    found = rendering.draw_since(0, pages)
    assert found is not None
    assert len(found[0]) == 1


def test_a_card_that_cannot_be_drawn_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad = people.asked(), people.asked()

    def render(name: str, context: dict[str, Any]) -> str:
        if context.get("approval") == bad or "waiting" in context:
            raise ValueError("broken")
        return "fine"

    monkeypatch.setattr(cards, "render_to_string", render)
    assert set(drawn()) == {good.subject}
    assert bad.subject in caplog.text


def test_a_database_that_does_not_answer_is_not_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people.asked()

    def render(name: str, context: dict[str, Any]) -> str:
        raise DatabaseError("gone")

    monkeypatch.setattr(cards, "render_to_string", render)
    with pytest.raises(DatabaseError):
        drawn()


def test_subjects_without_a_card_are_passed_over(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    rows = [(1, "gates.changed", "approvals.gate:1", None), (2, "x", "nonsense", None)]
    with django_assert_num_queries(0):
        assert rendering.frames(rows, INBOX) == []
