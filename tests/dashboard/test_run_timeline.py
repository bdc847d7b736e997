"""A run's story: every step with its time, in order, from the journal and the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from approvals import services
from approvals.models import ApprovalRequest
from dashboard.runs import timeline
from dashboard.runs.conversation import read_calls
from dashboard.runs.lines import RunLine
from hitl_agents.journal import action_entries, entries
from ledger import leases, runs
from ledger.models import JournalEntry, Run, Runner
from pages.timeline import Line
from tests.support import people
from tests.support.markup import as_shown
from tests.support.run_stories import MAIL, Story, in_doubt

pytestmark = pytest.mark.django_db


def told(story: Story) -> timeline.Story:
    return timeline.tell(story.run)


def titles(story: Story) -> list[str]:
    """The lines in a few words, oldest first."""
    return [f"{line.title} {line.what}".strip() for line in told(story).lines]


def journaled(line: Line) -> RunLine:
    """That line, which comes from the journal."""
    assert isinstance(line, RunLine)
    return line


def line(story: Story, title: str) -> Line:
    """The only line whose title begins so."""
    (found,) = [line for line in told(story).lines if line.title.startswith(title)]
    return found


def html(story: Story) -> str:
    """What everybody's page, and the socket, gets to see."""
    return as_shown(render_to_string("dashboard/_run.html", {"run": story.run}))


# ---- Order and time


def test_decided_resumed_and_executed_stand_in_order_each_with_its_time() -> None:
    story = Story(requester=people.otto()).claim().model("I write.").ask().wait()
    story.approve().start().finish({"file": "a.eml"}).complete({"report": "Done."})
    assert titles(story) == [
        "Asked for",
        "Started",
        "Model call",
        "Question: approve send_email",
        "Waiting for a person",
        "Decided: approved by rita",
        "Resumed",
        "Action send_email",
        "Completed",
    ]
    times = [line.at for line in told(story).lines]
    assert times == sorted(times)
    waited = line(story, "Waiting")
    assert waited.took == line(story, "Resumed").at - waited.at
    delivered = story.run.events.get(kind="approvals.delivered").at
    assert line(story, "Decided").later == [("delivered", delivered)]
    story.entry.refresh_from_db()
    assert story.entry.finished_at is not None
    assert line(story, "Action").took == story.entry.finished_at - story.entry.started_at


def test_a_run_that_waits_says_since_when() -> None:
    story = Story().claim().ask().wait()
    assert line(story, "Waiting").since == story.run.events.get(kind="runs.waiting").at
    assert line(story, "Waiting").took is None
    assert [request.pk for request in told(story).pending] == [story.request.pk]


@pytest.mark.parametrize(
    ("requester", "example", "note"),
    [(True, False, "by Otto Oak"), (False, False, "command line"), (False, True, "examples")],
)
def test_it_says_who_asked_for_the_run(requester: bool, example: bool, note: str) -> None:
    otto = people.person("otto", first_name="Otto", last_name="Oak")
    story = Story(requester=otto if requester else None, example=example)
    assert note in line(story, "Asked for").note


def test_a_backoff_says_why_and_when_it_is_tried_again() -> None:
    story = Story().claim()
    leases.requeue(story.pk, 1, delay=8, reason="The server is away.", failed_try=True)
    assert line(story, "Queued again").problem == "The server is away."
    assert line(story, "Queued again").note == "tried again after 8 s"
    assert "1 try to reach the model has failed" in html(story)


# ---- Decisions


def test_a_rejection_says_who_and_why() -> None:
    story = Story().claim().ask().wait()
    services.reject(story.request.pk, by=people.rita(), feedback="Not to <b>her</b>.")
    assert line(story, "Decided: rejected by rita").said == "Not to <b>her</b>."
    assert "Not to &lt;b&gt;her&lt;/b&gt;." in html(story)


def test_the_deadline_is_named_as_the_one_who_rejected() -> None:
    story = Story().claim().ask().wait()
    ApprovalRequest.objects.update(deadline=datetime(2020, 1, 1, tzinfo=UTC))
    services.expire(story.request.pk)
    assert "Decided: rejected by the deadline" in titles(story)


def test_what_the_rule_approved_is_told_as_such() -> None:
    story = Story().claim().ask(action="write_file", details={"a": 1}, risk_level="low")
    assert "Decided: approved by the rule of the gate gated" in titles(story)


def test_an_edit_is_one_decision_with_the_edited_request() -> None:
    story = Story().claim().ask().wait()
    edited = services.edit_and_approve(
        story.request.pk, by=people.rita(), details={**MAIL, "subject": "Thanks"}
    )
    decided = [title for title in titles(story) if title.startswith(("Decided", "Question"))]
    assert decided == ["Question: approve send_email", "Decided: edited and approved by rita"]
    assert line(story, "Decided").request == edited
    assert f'href="/approvals/{edited.pk}/"' in html(story)


def test_a_cancelled_run_tells_of_the_questions_taken_back() -> None:
    story = Story().claim().ask().wait()
    runs.cancel(story.pk, by=people.person("olga", "Operators"), reason="No need.")
    assert "Question cancelled by olga" in titles(story)
    assert line(story, "Cancelled by olga").said == "No need."


def test_waiting_twice_at_once_counts_once() -> None:
    def asked(start: int, end: int | None) -> ApprovalRequest:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        resolved = None if end is None else at + timedelta(seconds=end)
        return ApprovalRequest(created_at=at + timedelta(seconds=start), resolved_at=resolved)

    until = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    cases: list[tuple[list[ApprovalRequest], int]] = [
        ([], 0),
        ([asked(0, 10)], 10),
        ([asked(0, 10), asked(5, 15)], 15),
        ([asked(0, 20), asked(5, 10)], 20),
        ([asked(30, 40), asked(0, 10)], 20),
        ([asked(50, None)], 10),
        ([asked(0, 100)], 60),
        ([asked(70, None)], 0),
    ]
    for requests, seconds in cases:
        assert timeline.compute_waited(requests, until) == timedelta(seconds=seconds)


# ---- Model calls


def test_a_model_call_shows_what_was_sent_what_came_back_and_the_tokens() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Write."}]
    story = Story().claim().model("I write.", messages=messages, wanted=[("send_email", MAIL)])
    call = journaled(line(story, "Model call")).call
    assert call is not None
    assert [(said.role, said.text) for said in call.sent] == [
        ("system", "Be brief."),
        ("user", "Write."),
    ]
    assert call.answer is not None
    assert call.answer.text == "I write."
    assert call.answer.calls[0][0] == "send_email"
    assert "tokens in" in call.tokens
    page = html(story)
    for text in ("Be brief.", "I write.", "ana@example.org", call.tokens):
        assert text in page


def test_a_conversation_is_not_told_again_with_every_call() -> None:
    first = [{"role": "user", "content": "The long task."}]
    story = Story().claim().model("One.", messages=first, key="a")
    longer = [*first, {"role": "assistant", "content": "One."}, {"role": "tool", "content": "ok"}]
    story.model("Two.", messages=longer, key="b")
    assert html(story).count("The long task.") == 1
    call = journaled(told(story).lines[-1]).call
    assert call is not None
    assert (call.repeated, call.repeated_from) == (1, "model/demo/a")
    assert [said.text for said in call.sent] == ["One.", "ok"]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"refusal": "I will not."}, "The model refused: I will not."),
        ({"finish_reason": "length"}, "cut off"),
        ({"finish_reason": "content_filter"}, "content filter"),
    ],
)
def test_an_answer_that_is_none_says_why(more: dict[str, str], problem: str) -> None:
    story = Story().claim().model("", **more)
    assert problem in line(story, "Model call").problem
    assert problem in html(story)


def test_a_failed_model_call_is_readable() -> None:
    story = Story().claim().model_failed("The model server cannot be reached.")
    assert line(story, "Model call").problem == "The model server cannot be reached."
    assert line(story, "Model call").css == "error"


ODD_MESSAGES: list[Any] = [
    [],
    {"content": [{"text": "a"}, 5], "tool_calls": [{}, 7]},
    {"tool_calls": [{"function": {"arguments": "{"}}]},
]
ODD_ANSWERS: list[Any] = [
    None,
    [],
    "text",
    {"choices": []},
    {"choices": [None]},
    {"usage": {"prompt_tokens": "many"}},
    *({"choices": [{"message": message}]} for message in ODD_MESSAGES),
]


@pytest.mark.parametrize("asked", ["", "[]", "{", '{"messages": 5}', '{"messages": [1, null]}'])
@pytest.mark.parametrize("answer", ODD_ANSWERS)
def test_no_answer_of_a_server_breaks_the_page(asked: str, answer: Any) -> None:
    entry = JournalEntry(pk=1, kind="model", input=asked, result=answer, key="k")
    assert set(read_calls([entry])) == {1}


# ---- Lessons


def test_earlier_answers_are_listed_once_with_links() -> None:
    of = "approvals.approvalrequest"
    first = {"of": of, "requests": [7, 8], "lessons": ["Rejected: no.", "Changed: <i>shorter</i>."]}
    story = Story().claim().read("lessons", first)
    started = story.entry
    story.ask().wait().approve()
    entries.note_done(
        story.hold,
        entries.Step("read", "lessons", "read/lessons/again", "{}"),
        {"of": of, "requests": [8, 9], "lessons": ["Changed: <i>shorter</i>.", "Rejected: late."]},
        story.entry.started_at,
    )
    found = told(story)
    assert [lesson.request_id for lesson in found.lessons] == [7, 8, 9]
    assert found.lessons_at == started.pk
    page = html(story)
    assert 'href="/approvals/7/"' in page
    assert "Changed: &lt;i&gt;shorter&lt;/i&gt;." in page
    assert f'href="#entry-{started.pk}"' in page
    assert f'id="entry-{started.pk}"' in page


@pytest.mark.parametrize(
    "result",
    [None, [], {}, {"requests": 5}, {"requests": ["x"], "lessons": ["y"]}, {"requests": [1]}],
)
def test_readings_of_another_shape_are_no_lessons(result: Any) -> None:
    story = Story().claim().read("lessons", result)
    assert told(story).lessons == []
    assert "Earlier answers read: none" in titles(story)


# ---- Waits that end by themselves


def told_of_wait(story: Story) -> tuple[str, str, bool]:
    """The wait's line: its title, its colour, and whether it still lasts."""
    lines = [line for line in told(story).lines if isinstance(line, RunLine) and line.entry]
    (found,) = [line for line in lines if line.entry and line.entry.kind == "wait"]
    return found.title, found.css, found.since is not None


def test_a_wait_that_lasts_says_until_when_and_for_which_question() -> None:
    story = Story().claim().ask().wait_until()
    assert told_of_wait(story) == ("Waits, but not for ever", "wait", True)
    waits = line(story, "Waits")
    assert waits.later == [("until", entries.wakes_at(story.timed))]
    assert (waits.what, waits.request) == ("send_email", story.request)
    assert "until <time" in html(story)


def test_a_wait_whose_time_was_up_says_that_the_run_went_on_and_how_long_it_took() -> None:
    story = Story().claim().ask().wait_until().time_is_up().complete("done")
    assert told_of_wait(story) == ("Went on without an answer", "quiet", False)
    assert line(story, "Went on").took is not None
    assert [title for title in titles(story) if title in ("Resumed", "Queued again")] == ["Resumed"]
    assert story.run.events.get(kind="runs.requeued").payload["reason"] == "time is up"


def test_a_wait_that_was_answered_says_so() -> None:
    story = Story().claim().ask().wait_until().answer_in_time()
    assert told_of_wait(story) == ("Answered in time", "yes", False)
    assert "Queued again" not in titles(story)
    assert story.run.events.get(kind="runs.requeued").payload["reason"] == "decided"


def test_an_answer_after_the_time_and_before_the_run_went_on_is_why_it_goes_on() -> None:
    story = Story().claim().ask().wait_until()
    Run.objects.update(wake_at=datetime(2020, 1, 1, tzinfo=UTC))
    story.answer_in_time()
    assert story.run.events.get(kind="runs.requeued").payload["reason"] == "decided"


@pytest.mark.parametrize("end", ["cancelled", "given up", "completed"])
def test_a_wait_that_nobody_waits_any_more_does_not_last(end: str) -> None:
    story = Story().claim().ask().wait_until()
    if end == "cancelled":
        runs.cancel(story.pk, actor="system")
    else:
        story.claim()
    if end == "given up":
        entries.give_up(story.hold, story.entry, 1, story.timed.key)
    if end == "completed":
        story.complete("done")
    assert told_of_wait(story) == ("Stopped waiting", "quiet", False)


# ---- Actions, and doubt


def test_a_failed_action_says_why() -> None:
    story = Story().claim().ask().wait().approve().start().fail("550 unknown user.")
    assert line(story, "Action").problem == "550 unknown user."
    assert "550 unknown user." in html(story)


def test_every_attempt_of_an_action_has_a_line() -> None:
    story = Story().claim().start().start()
    assert "Attempt 1 of action send_email" in titles(story)
    assert "Attempt 2 of action send_email" in titles(story)


def test_the_evidence_names_what_is_known() -> None:
    story = in_doubt()
    action_entries.add_late_evidence(story.hold, story.entry, "it ran and returned 5")
    Runner.objects.update(seen_at=datetime(2026, 1, 1, 13, 31, 9, tzinfo=UTC))
    found = told(story).evidence
    assert found is not None
    assert (found.kind, found.name, found.runner_alive) == ("action", "send_email", False)
    page = html(story)
    for text in (
        "Nobody knows whether <code>send_email</code> ran.",
        "by runner-1, fence 2",
        "and is gone",
        "Not idempotent; cannot be undone.",
        "it ran and returned 5",
        "ana@example.org",
        f'href="/approvals/{story.request.pk}/"',
    ):
        assert text in page


def test_a_divergence_names_the_journal_and_what_was_asked_now() -> None:
    story = Story().claim().ask()
    was, now = (f'{{"details":{{"to":"{name}@example.org"}}}}' for name in ("ana", "bob"))
    story.doubt(kind="diverged", key="question/send_email/9c1f", was=was, now=now)
    page = html(story)
    assert "question/send_email/9c1f" in page
    assert "<del>ana</del>@example.org" in page
    assert "<ins>bob</ins>@example.org" in page


def test_what_a_person_said_of_a_doubt_stays_in_the_story() -> None:
    story = in_doubt()
    runs.resolve_doubt(story.pk, "did_not_run", by=people.rita(), note="Not in the outbox.")
    assert line(story, "rita said: it did not run").said == "Not in the outbox."
    assert told(story).evidence is None
    assert "It is started again." in line(story, "Action").note


def test_what_was_before_a_new_start_is_marked() -> None:
    story = Story().claim().ask()
    story.doubt(kind="diverged", key="question/x", was="{}", now="[]")
    runs.resolve_doubt(story.pk, "start_again", by=people.rita(), note="New version.")
    assert journaled(line(story, "Question: approve")).before_restart
    assert "Before the new start" in html(story)


# ---- The fragment


HOSTILE = '<script>alert("x")</script> pay\u202eflow\u200b'


def test_nothing_that_an_agent_says_becomes_markup_or_hides() -> None:
    story = Story(HOSTILE).claim().model(HOSTILE, messages=[{"role": HOSTILE, "content": HOSTILE}])
    story.read(HOSTILE[:50], {HOSTILE: HOSTILE}).ask({HOSTILE: HOSTILE}, action="odd").wait()
    story.approve(feedback=HOSTILE).start({HOSTILE: HOSTILE}, action="odd")
    story.fail(HOSTILE)
    leases.fail(story.pk, story.run.fence, HOSTILE)
    page = html(story)
    assert "<script" not in page
    assert "\u202e" not in page
    assert "\u200b" not in page
    assert page.count("U+202E") > 8


def test_the_fragment_says_nothing_about_who_reads_it() -> None:
    for story in (in_doubt(), Story().claim().ask().wait()):
        for name in ("_run", "_run_row", "_run_title"):
            fragment = render_to_string(f"dashboard/{name}.html", {"run": story.run})
            assert "<form" not in fragment
            assert "<button" not in fragment
            assert "csrf" not in fragment


def test_the_fragments_have_the_ids_that_the_socket_replaces() -> None:
    run = Story().run
    for name, start in {
        "_run": f'<div class="stack" id="run-{run.pk}" data-subject="ledger.run:{run.pk}">',
        "_run_row": f'<li id="run-row-{run.pk}" ',
        "_run_title": f'<span class="row-x" id="run-title-{run.pk}">',
        "_run_doubt": f'<div id="run-doubt-{run.pk}"></div>',
        "_run_cancel": f'<span class="push no-print" id="run-cancel-{run.pk}"></span>',
    }.items():
        found = as_shown(render_to_string(f"dashboard/{name}.html", {"run": run}))
        assert found.startswith(start), found[:200]


def test_a_result_is_shown_marked() -> None:
    story = Story().claim().complete({"report": "Sent to p\u0430yments.", "count": 2})
    page = html(story)
    assert "what the agent returned" in page
    assert 'title="Cyrillic small letter a' in page
    others: list[Any] = [None, "plain", [1, {"a": None}], 5, {}]
    for result in others:
        assert "Result" in html(Story().claim().complete(result))


def test_a_run_of_another_program_is_told_too() -> None:
    run = leases.start_library("billing-agent", "shop-77-library", 60)
    page = render_to_string("dashboard/_run.html", {"run": Run.objects.get(pk=run.pk)})
    assert "driven by another program" in page


# ---- Size


def test_a_long_run_is_told_from_its_newest_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "SHOWN", 5)
    story = Story().claim()
    for number in range(8):
        story.read(f"reading-{number}", number)
    cut = told(story)
    assert cut.cut
    assert cut.entries == 8
    assert [each.what for each in cut.lines] == [f"reading-{n}" for n in range(3, 8)]
    whole = timeline.tell(story.run, whole=True)
    assert not whole.cut
    assert len(whole.lines) == 10
    assert f'href="/runs/{story.pk}/?all=1"' in html(story)


def test_a_story_takes_the_same_number_of_queries_however_long_it_is() -> None:
    short, long = Story().claim().ask().wait(), Story(runner="runner-2").claim()
    for number in range(5):
        long.model(f"Step {number}", key=str(number))
        long.ask({**MAIL, "subject": f"Mail {number}"}).wait().approve()
        long.start({**MAIL, "subject": f"Mail {number}"}).finish(None)
    with CaptureQueriesContext(connection) as few:
        html(short)
    with CaptureQueriesContext(connection) as many:
        html(long)
    assert len(many) <= len(few) + 1  # the name of who decided
    assert len(many) <= 11  # one of them for each kind of question
