"""What the live socket tells of escalations: the page's own fragments, and nothing of a person."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client

from dashboard.live import rendering
from dashboard.live.changes import ROW, Shown
from dashboard.live.rendering import Frame
from escalations import services
from escalations.models import Escalation
from ledger.models import Event, Run
from ledger.transitions import record
from tests.support import people
from tests.support.escalated import QUESTION, escalated
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db

INBOX = frozenset({"pending"})
ELSEWHERE: frozenset[str] = frozenset()


@pytest.fixture(autouse=True)
def nothing_drawn_before() -> None:
    rendering.recent.forget()
    people.rita()


def drawn(shown: Shown = None, *, after: int = 0) -> dict[str, Frame]:
    rows = Event.objects.after(after).values_list(*ROW)
    return {frame.subject: frame for frame in rendering.frames(rows, shown)}


def said(escalation: Escalation, on: Shown = None, after: int = 0) -> dict[str, Any]:
    frame = drawn(on, after=after)[escalation.subject]
    found: dict[str, Any] = json.loads(frame.text_for(on) or "{}")
    return found


def page_of(escalation: Escalation) -> frozenset[str]:
    return frozenset({escalation.subject})


def test_a_new_one_comes_as_the_row_of_the_list() -> None:
    escalation = escalated()
    frame = said(escalation, INBOX)
    row = render_to_string("escalations/_row.html", {"escalation": escalation})
    assert frame["html"][f"escalation-{escalation.pk}"] == row
    assert frame["lists"] == ["escalations", "pending"]
    assert frame["label"] == f"{QUESTION}, asked by escalating"
    assert frame["counts"] == {"escalations": 1, "escalations_risk": "medium"}
    assert "1 agent waits for a person" in as_shown(frame["html"]["waiting"])


def test_a_claim_is_told_to_others_who_then_ask_what_they_may_do() -> None:
    escalation = escalated()
    before = Event.objects.newest()
    services.claim(escalation.pk, by="rita")
    frame = said(escalation, INBOX, before)
    assert "claimed by rita" in frame["html"][f"escalation-{escalation.pk}"]
    own = said(escalation, page_of(escalation), before)
    assert own["renew"] == [f"claim-{escalation.pk}"]
    assert "Claimed by rita" in own["html"][f"history-{escalation.pk}"]
    assert f"outcome-{escalation.pk}" not in own["html"]


def test_an_answer_takes_the_place_of_the_form(client: Client) -> None:
    escalation = escalated()
    services.answer(escalation.pk, by="rita", answer="Ten percent.")
    on = page_of(escalation)
    frame = said(escalation, on)
    assert (frame["open"], frame["lists"]) == (False, ["escalations"])
    assert frame["renew"] == [f"mark-{escalation.pk}"]
    names = {f"{name}-{escalation.pk}" for name in ("title", "outcome", "history")}
    assert set(frame["html"]) == names
    client.force_login(people.root())
    html = as_shown(client.get(f"/escalations/{escalation.pk}/").content.decode())
    assert all(as_shown(frame["html"][name]) in html for name in names)
    assert "Ten percent." in frame["html"][f"outcome-{escalation.pk}"]


def test_a_frame_holds_no_form_no_token_and_no_button() -> None:
    opened, closed = escalated(), escalated()
    services.claim(opened.pk, by="rita")
    services.answer(closed.pk, by="rita", answer="Ten.", attempt_was="right")
    for escalation in (opened, closed):
        html = "".join(said(escalation)["html"].values()).replace("What you had typed", "")
        for forbidden in ("<form", "<button", "csrf", "hx-post", " you ", "You "):
            assert forbidden not in html


def test_every_page_is_told_the_figure_and_only_those_who_may_see_it() -> None:
    escalation = escalated()
    services.dismiss(escalation.pk, by="rita")
    frame = drawn(ELSEWHERE)[escalation.subject]
    assert json.loads(frame.text_for(ELSEWHERE))["counts"]["escalations"] == 0
    assert frame.needs == "escalations.view_escalation"


def test_a_row_is_told_how_its_run_is() -> None:
    run = people.a_run()
    escalation = escalated(run)
    before = Event.objects.newest()
    Run.objects.filter(pk=run.pk).update(status=Run.Status.WAITING)
    record("runs.waiting", run.subject, actor="runner:a", run_id=run.pk)
    frame = said(escalation, INBOX, before)
    assert "waiting" in frame["html"][f"escalation-{escalation.pk}"]


def test_what_hides_in_a_question_is_read_out_without_it() -> None:
    escalation = escalated(context={"task": "Pay\u202e now?\nOr not?"})
    assert said(escalation)["label"] == "Pay\ufffd now? Or not?, asked by escalating"
