"""The page of one request: facts first, then what would run, the agent's words last."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import envelope, services
from approvals.models import ApprovalRequest
from hitl_agents.journal import entries
from ledger import runs
from ledger.clock import now
from ledger.requests import delivery
from ledger.transitions import record
from tests.support import people
from tests.support.markup import as_shown
from tests.support.run_stories import Story

pytestmark = pytest.mark.django_db

MAIL = {"to": "ana@example.org", "subject": "Order 1042", "body": "Dear Ana,\nsorry.\nBye"}
PARTS = ("_row", "_title", "_outcome", "_history")


@pytest.fixture
def rita(client: Client) -> Client:
    people.person("rita", "Reviewers", first_name="Rita", last_name="Rath")
    client.force_login(people.rita())
    return client


def html_of(client: Client, approval: ApprovalRequest, status: int = 200) -> str:
    response = client.get(f"/approvals/{approval.pk}/")
    assert response.status_code == status
    return as_shown(response.content.decode())


def words(html: str) -> str:
    """The text of a page as it reads, without its menu."""
    main = html[html.index('<div id="request"') :]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def fact(html: str, name: str) -> str:
    found = re.search(rf"<dt>{re.escape(name)}</dt><dd>(.*?)</dd>", html, re.DOTALL)
    assert found, name
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[1])).split())


def history(html: str) -> list[str]:
    lines = re.findall(r"<li class=\"[^\"]*\"><time[^>]*>[^<]*</time><div>(.*?)</div></li>", html)
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", line)).split()) for line in lines]


def sent_mail(**changes: object) -> ApprovalRequest:
    return people.asked(**{"action": "send_email", "details": MAIL, **changes})


# ---- What stands where


def test_facts_and_arguments_stand_above_the_agents_own_words(rita: Client) -> None:
    html = html_of(rita, sent_mail(story="Already agreed with your manager."))
    order = [
        html.index(part)
        for part in (
            "<h1", 'class="facts"', "What will run", "Exactly these bytes", "ana@example.org</div>",
            "In the agent's own words", "not checked by anyone", "Already agreed", "history-title",
        )
    ]  # fmt: skip
    assert order == sorted(order)
    assert '<details class="voice"><summary>' in html  # closed at first


def test_the_title_is_what_would_happen(rita: Client) -> None:
    html = html_of(rita, sent_mail())
    assert "<code>send_email</code> “Order 1042” to ana@example.org</h1>" in html
    assert re.search(r"<title>\(1\) send_email \d+, medium risk · hitl</title>", html)


def test_an_action_of_another_program_has_no_words_of_ours(rita: Client) -> None:
    html = html_of(rita, people.asked(action="refund", details={"a": 1, "b": [{"c": None}]}))
    assert "<code>refund</code> with 2 arguments</h1>" in html
    assert fact(html, "Risk").endswith("no action of this name is registered here")
    assert fact(html, "Can it be undone?").startswith("Not known")
    assert "Approve lets the agent go on with exactly these arguments." in html


@pytest.mark.parametrize("details", [[1, 2], "a text", 3, None, {}])
def test_details_need_not_be_an_object(rita: Client, details: object) -> None:
    html = html_of(rita, people.asked(action="other", details=details))
    assert "What will run" in html


def test_the_digest_is_short_with_all_of_it_at_hand(rita: Client) -> None:
    approval = sent_mail()
    html = html_of(rita, approval)
    assert f'title="sha256 {envelope.digest(approval)}"' in html
    assert f'<input type="hidden" name="digest" value="{approval.digest}">' in html
    assert f'data-subject="{approval.subject}" data-digest="{approval.digest}"' in html


@pytest.mark.parametrize(
    ("stated", "sentence"),
    [
        ("low", "Medium risk send_email declares medium, the agent says low; the higher counts"),
        ("medium", "Medium risk send_email declares medium, and the agent says the same"),
        ("high", "High risk send_email declares medium, the agent says high; the higher counts"),
    ],
)
def test_the_risk_says_why_it_counts(rita: Client, stated: str, sentence: str) -> None:
    assert fact(html_of(rita, sent_mail(risk_level=stated)), "Risk") == sentence


def test_what_people_decided_before_is_counted_and_a_first_time_is_marked(rita: Client) -> None:
    first = sent_mail()
    html = html_of(rita, first)
    assert fact(html, "First time") == "Yes never approved for this agent before"
    assert fact(html, "Decided before").startswith("Never")
    services.approve(first.pk, by=people.rita())
    services.reject(sent_mail().pk, by=people.rita(), feedback="no")
    long_ago = sent_mail()
    services.approve(long_ago.pk, by=people.rita())
    ApprovalRequest.objects.filter(pk=long_ago.pk).update(resolved_at=now() - timedelta(days=31))
    services.approve(sent_mail(agent_id="another").pk, by=people.rita())
    html = html_of(rita, sent_mail())
    assert fact(html, "First time") == "No approved for this agent before"
    assert fact(html, "Decided before").startswith("1 approved, 1 rejected")


def test_the_rule_is_the_one_that_held_when_it_was_asked(rita: Client) -> None:
    gate = people.gate("mail")
    approval = sent_mail(gate=gate)
    gate.deciders.clear()
    gate.risk_threshold = "low"
    gate.save()
    assert fact(html_of(rita, approval), "Rule") == "Gate mail asks from medium; Reviewers decide"


def test_the_run_is_named_with_the_sign_of_its_agent(rita: Client) -> None:
    run = people.a_run(status="waiting", example=True)
    html = html_of(rita, sent_mail_in(run))
    assert fact(html, "Agent") == f"gated waiting run {run.pk}"
    assert f'href="/runs/{run.pk}/"' in html
    assert "Example" in html
    assert fact(html_of(rita, sent_mail()), "Agent").endswith("outside a run")


def sent_mail_in(run: object, **changes: object) -> ApprovalRequest:
    return people.asked(run, **{"action": "send_email", "details": MAIL, **changes})  # type: ignore[arg-type]


def test_without_a_deadline_it_waits_as_long_as_it_takes(rita: Client) -> None:
    html = html_of(rita, sent_mail(gate=people.gate("slow", deadline_seconds=None)))
    assert fact(html, "If nobody decides") == "no deadline waits as long as it takes"
    assert "<progress" not in html


# ---- Revisions


def revised() -> tuple[ApprovalRequest, ApprovalRequest]:
    run = people.a_run()
    old = sent_mail_in(run)
    services.request_revision(old.pk, by=people.rita(), feedback="Say sorry.\nTwice.")
    new = sent_mail_in(run, details={**MAIL, "subject": "Sorry for order 1042"}, previous=old)
    return old, new


def test_a_revision_shows_what_changed_and_links_to_the_one_before(rita: Client) -> None:
    old, new = revised()
    html = html_of(rita, new)
    assert "What changed since revision 1" in html
    assert "1 argument</span>" in html
    assert f'<a class="push small py-1" href="/approvals/{old.pk}/">Open revision 1</a>' in html
    assert '<tr class="is-changed"><th scope="row"><code>subject</code>' in html
    assert "<del>Order</del>" in html or "<del>" in html
    assert "revision 2, after Rita Rath asked for changes at" in words(html)


def test_an_older_revision_says_that_the_agent_has_asked_again(rita: Client) -> None:
    old, _ = revised()
    text = words(html_of(rita, old))
    assert "This page shows revision 1. The agent has asked again." in text
    assert "is waiting for a person. Open revision 2" in text
    assert "What would have run" in text


def test_after_an_edit_the_older_page_names_who_edited(rita: Client) -> None:
    old = sent_mail()
    services.edit_and_approve(old.pk, by=people.rita(), details={**MAIL, "subject": "Other"})
    text = words(html_of(rita, old))
    assert "Rita Rath has edited it." in text
    assert "Edited by Rita Rath" in text


# ---- History


def test_the_history_tells_from_asking_to_executing(rita: Client) -> None:
    run = people.a_run()
    approval = sent_mail_in(run)
    services.approve(approval.pk, by=people.rita(), feedback="Fine.")
    runner = "runner:box-1"
    record("runs.resumed", run.subject, actor=runner, run_id=run.pk)
    delivery.deliver(ApprovalRequest.objects.get(pk=approval.pk), actor=runner)
    for kind, data in (
        ("actions.started", {"attempt": 2}),
        ("actions.failed", {"error": "The server said <no>"}),
        ("actions.finished", {}),
    ):
        record(kind, approval.subject, actor=runner, run_id=run.pk, **data)
    record("runs.resumed", run.subject, actor=runner, run_id=run.pk)  # of a later wait
    assert history(html_of(rita, approval)) == [
        "Asked by gated medium risk, gate mail",
        "Approved by Rita Rath Fine.",
        "Run resumed on box-1",
        "Delivered to box-1",
        "send_email started on box-1 attempt 2",
        "send_email failed The server said <no>",
        "send_email done",
    ]


def test_the_history_knows_the_other_revisions(rita: Client) -> None:
    old, new = revised()
    lines = history(html_of(rita, new))
    assert lines == [
        "Asked by gated medium risk, gate mail",
        "Revision requested by Rita Rath Say sorry. Twice.",
        "Asked again by gated, revision 2 medium risk, gate mail",
        "Rejected, if nobody decides before",
    ]
    assert 'class="is-future"' in html_of(rita, new)
    assert history(html_of(rita, old)) == lines[:3]


def test_the_history_knows_edits_deadlines_and_rules(rita: Client) -> None:
    edited = sent_mail()
    new = services.edit_and_approve(edited.pk, by=people.rita(), details=MAIL)
    assert history(html_of(rita, new)) == [
        "Asked by gated medium risk, gate mail",
        "Edited by Rita Rath",
        "Edited and approved by Rita Rath",
    ]
    late = sent_mail()
    services.shorten(late.pk, 0)
    services.expire(late.pk)
    assert history(html_of(rita, late))[1:] == [
        "Deadline shortened by gated",
        f"Rejected by the deadline {services.TIMEOUT_FEEDBACK}",
    ]
    low = people.asked(action="other", risk_level="low")
    assert history(html_of(rita, low))[1:] == [
        "Approved by the rule of the gate mail which asks a person from medium"
    ]


def test_an_edit_is_delivered_once(rita: Client) -> None:
    story = Story().claim().ask().wait()
    new = services.edit_and_approve(story.request.pk, by=people.rita(), details=MAIL)
    story.claim()
    entries.take_decision(story.hold, story.entry)
    for shown in (story.request, new):
        lines = history(html_of(rita, ApprovalRequest.objects.get(pk=shown.pk)))
        assert lines.count("Delivered to runner-1") == 1


def test_the_history_says_that_nobody_knew_whether_it_ran_and_who_found_out(rita: Client) -> None:
    story = Story().claim().ask().wait().approve().start()
    about = {"kind": "action", "entry": story.entry.pk, "name": "send_email"}
    story.doubt(**about, why="No answer <came>.")
    request = story.request
    told = "Nobody knows whether send_email ran No answer <came>."
    assert history(html_of(rita, request))[-1] == told
    runs.resolve_doubt(story.pk, "did_not_run", by=people.rita(), note="Not in the outbox.")
    story.claim().start().finish()
    assert history(html_of(rita, request))[-4:] == [
        told,
        "Rita Rath said: it did not run Not in the outbox.",
        "send_email started on runner-1 attempt 2",
        "send_email done",
    ]


def test_the_doubt_about_another_action_of_the_run_is_not_told(rita: Client) -> None:
    story = Story().claim().ask().wait().approve().start().finish()
    first = story.request
    file = {"path": "a.txt", "content": "a"}
    story.ask(file, action="write_file").wait().approve()
    story.start(file, action="write_file").doubt()
    assert history(html_of(rita, first))[-1] == "send_email done"
    assert history(html_of(rita, story.request))[-1] == "Nobody knows whether write_file ran"


def test_an_event_of_a_kind_unknown_here_is_still_told(rita: Client) -> None:
    approval = sent_mail()
    record("approvals.looked_at", approval.subject, actor="user:rita")
    assert "approvals looked at" in history(html_of(rita, approval))


# ---- What was decided


def test_a_decided_request_shows_its_outcome_instead_of_the_form(rita: Client) -> None:
    approval = sent_mail()
    services.reject(approval.pk, by=people.rita(), feedback="Merge\nfirst.")
    html = html_of(rita, approval)
    assert f'<aside id="outcome-{approval.pk}" aria-label="Outcome">' in html
    assert "Merge<br>first." in html
    assert 'name="verdict"' not in html
    assert "has-decision" not in html
    assert "Next in the inbox" in html


def test_past_its_deadline_it_is_expired_although_nobody_has_written_it_down(rita: Client) -> None:
    approval = sent_mail()
    ApprovalRequest.objects.filter(pk=approval.pk).update(deadline=now() - timedelta(seconds=8))
    html = html_of(rita, approval)
    assert "It counts as rejected; nothing runs." in words(html)
    assert 'name="verdict"' not in html
    assert history(html)[-1] == "The deadline passed; nobody had decided"
    assert (
        ApprovalRequest.objects.get(pk=approval.pk).status == "pending"
    )  # looking changes nothing


def test_a_cancelled_request_is_taken_back(rita: Client) -> None:
    approval = sent_mail()
    services.cancel(approval.pk, actor="user:rita", reason="The run was cancelled.")
    text = words(html_of(rita, approval))
    assert "Taken back" in text
    assert "Cancelled by Rita Rath The run was cancelled." in text


# ---- Who looks


def test_who_may_not_decide_sees_why_and_closed_buttons(client: Client) -> None:
    requester = people.person("rick", "Reviewers")
    approval = sent_mail_in(people.a_run(requester=requester))
    client.force_login(requester)
    html = html_of(client, approval)
    assert "You cannot decide this one." in html
    assert "You asked for this run, so another person has to decide." in html
    assert html.count('aria-disabled="true"') == 4
    assert 'aria-describedby="refusal does"' in html


def test_buttons_have_their_exact_names_and_none_is_favoured(rita: Client) -> None:
    html = html_of(rita, sent_mail())
    found = re.findall(
        r'<button class="btn (is-\w+)" type="submit" name="verdict"[^>]*>(.*?)</button>', html
    )
    visible = [
        re.sub(r"<svg.*?</svg>|<kbd[^>]*aria-hidden.*?</kbd>", "", inner) for _, inner in found
    ]
    assert visible == ["Approve", "Reject", "Request revision"]
    assert "btn-primary" not in html
    assert '<label class="form-label" for="feedback">Feedback</label>' in html
    assert "Approve sends the email at once." in html


def test_cancelling_the_run_is_offered_to_those_who_may(client: Client, rita: Client) -> None:
    run = people.a_run(status="waiting")
    approval = sent_mail_in(run)
    assert "Cancel run" not in html_of(rita, approval)
    client.force_login(people.person("olga", "Operators"))
    html = html_of(client, approval)
    assert f'<form id="cancel-run" method="post" action="/runs/{run.pk}/cancel/">' in html
    assert "Cancel run" not in html_of(client, sent_mail())


def test_without_permission_nothing_is_revealed(client: Client) -> None:
    approval = people.asked(action="secret_action")
    client.force_login(people.otto())
    assert "secret_action" not in html_of(client, approval, status=403)
    assert client.get("/approvals/999999/").status_code == 403  # nor what exists


def test_an_unknown_request_is_named(rita: Client) -> None:
    response = rita.get("/approvals/9999/")
    assert response.status_code == 404
    assert "There is no request 9999." in as_shown(response.content.decode())
    assert rita.get(f"/approvals/{10**30}/").status_code == 404


def test_strangers_come_back_after_signing_in(client: Client) -> None:
    assert client.get("/approvals/1/")["Location"] == "/accounts/login/?next=/approvals/1/"
    assert client.post("/approvals/1/decide/")["Location"].endswith("?next=/approvals/1/")


# ---- Hostile words, and fragments


def test_hostile_text_is_shown_as_text_everywhere(rita: Client) -> None:
    evil = "</textarea></blockquote><script>alert(1)</script>\u202e"
    approval = people.asked(
        people.a_run(),
        agent_id=f"a{evil}",
        action=f"b{evil}",
        details={f"c{evil}": evil},
        story=evil,
    )
    services.reject(approval.pk, by=people.rita(), feedback=evil)
    html = html_of(rita, approval)
    assert "<script>alert" not in html
    assert "\u202e" not in html.replace("&#x202e;", "")
    assert html.count("U+202E RLO") >= 6


def test_fragments_need_no_request_and_know_no_reader(rita: Client) -> None:
    old, new = revised()
    services.reject(new.pk, by=people.rita(), feedback="no")
    for each in ApprovalRequest.objects.filter(pk__in=[old.pk, new.pk]):
        page = html_of(rita, each)
        for part in PARTS:
            html = render_to_string(f"approvals/{part}.html", {"approval": each})
            for personal in ("csrf", "<form", "<button"):
                assert personal not in html
            if part != "_row":
                assert as_shown(html) in page


def test_an_open_request_has_no_outcome_yet() -> None:
    html = render_to_string("approvals/_outcome.html", {"approval": people.asked()})
    assert html.strip() == ""


def test_the_outcome_has_room_for_what_somebody_had_typed() -> None:
    approval = people.asked()
    services.reject(approval.pk, by=people.rita(), feedback="no")
    html = render_to_string(
        "approvals/_outcome.html", {"approval": ApprovalRequest.objects.get(pk=approval.pk)}
    )
    assert re.search(
        r"<div data-typed hidden><label [^>]+>What you had typed</label><textarea [^>]*readonly>\s*</textarea>",
        as_shown(html),
    )


def test_the_page_needs_few_queries(rita: Client) -> None:
    _, new = revised()
    with CaptureQueriesContext(connection) as captured:
        html_of(rita, new)
    assert len(captured) <= 25
