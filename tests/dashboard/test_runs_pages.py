"""The pages of runs: listed, given, followed, cancelled, and settled when in doubt."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ledger import catalogue, leases, runs
from ledger.catalogue import AgentSpec
from ledger.models import Event, JournalEntry, Run
from ledger.statements import paging
from tests.support import people
from tests.support.markup import as_shown
from tests.support.run_stories import Story, in_doubt

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture
def olga(client: Client) -> Client:
    """An operator's browser."""
    client.force_login(people.person("olga", "Operators"))
    return client


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(response: Any) -> str:
    return html.unescape(as_shown(response.content.decode()))


def listed(response: Any) -> list[int]:
    """The runs that a list shows, in its order."""
    return [
        int(pk) for pk in re.findall(r'id="run-row-(\d+)"', as_shown(response.content.decode()))
    ]


# ---- Who may see and do what


@pytest.mark.parametrize("page", ["/runs/", "/runs/new/", "/runs/1/"])
def test_strangers_are_asked_to_sign_in_and_come_back(page: str, client: Client) -> None:
    response = client.get(page)
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={page}"


@pytest.mark.parametrize("act", ["cancel", "doubt"])
def test_a_stranger_who_posts_comes_back_to_the_run(act: str, client: Client) -> None:
    assert client.post(f"/runs/5/{act}/")["Location"] == "/accounts/login/?next=/runs/5/"


def test_who_may_nothing_sees_nothing() -> None:
    otto, story = browser(people.otto()), in_doubt()
    for page in ("/runs/", "/runs/new/", f"/runs/{story.pk}/", "/runs/99999/"):
        assert otto.get(page).status_code == 403
    for act in ("cancel", "doubt"):
        assert otto.post(f"/runs/{story.pk}/{act}/").status_code == 403
    assert story.run.status == "in_doubt"


def test_reviewers_follow_runs_but_give_none_and_cancel_none() -> None:
    rita, story = browser(people.rita()), Story()
    page = text(rita.get(f"/runs/{story.pk}/"))
    assert "Cancel run" not in page
    assert "New task" not in text(rita.get("/runs/"))
    assert rita.get("/runs/new/").status_code == 403
    assert rita.post("/runs/new/", {"agent": "gated", "task": "Write"}).status_code == 403
    assert Run.objects.count() == 1


@pytest.mark.parametrize("page", ["/runs/999999/", "/runs/999999/cancel/", "/runs/999999/doubt/"])
def test_an_unknown_run_is_404(page: str, olga: Client) -> None:
    response = olga.get(page) if page.endswith("9/") else olga.post(page, {"feedback": "x"})
    assert response.status_code == 404


@pytest.mark.parametrize("act", ["cancel", "doubt"])
def test_acts_are_posts(act: str, olga: Client) -> None:
    assert olga.get(f"/runs/{Story().pk}/{act}/").status_code == 405


# ---- The list


def test_the_runs_of_a_rare_agent_are_found_however_far_back(
    olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "REACH", 2)
    rare = [people.a_run(agent="library", agent_id="rare") for _ in range(2)]
    for _ in range(5):
        people.a_run()
    assert listed(olga.get("/runs/?agent=library")) == [run.pk for run in reversed(rare)]
    page = text(olga.get(f"/runs/{rare[1].pk}/"))
    assert f'<th scope="row"><a href="/runs/{rare[0].pk}/">' in page


def test_the_list_filters_by_status_agent_and_text(olga: Client) -> None:
    waiting = Story("Write to Ana").claim().ask().wait()
    failed = Story("Write to Bob").claim()
    leases.fail(failed.pk, 1, "No.")
    library = leases.start_library("billing-agent", "shop-1", 60)
    for query, found in {
        "": [library.pk, failed.pk, waiting.pk],
        "status=waiting": [waiting.pk],
        "status=nonsense": [library.pk, failed.pk, waiting.pk],
        "agent=gated": [failed.pk, waiting.pk],
        "agent=library": [library.pk],
        "q=ANA": [waiting.pk],
        "q=billing": [library.pk],
        f"q={failed.pk}": [failed.pk],
        "q=write&status=failed": [failed.pk],
        "q=nothing": [],
        "q=%00": [library.pk, failed.pk, waiting.pk],
        "q=9999999999999999999999": [],
    }.items():
        assert listed(olga.get(f"/runs/?{query}")) == found, query
    assert "Nothing matches “nothing”" in text(olga.get("/runs/?q=nothing"))


def test_htmx_gets_the_list_alone(olga: Client) -> None:
    story = Story()
    response = olga.get("/runs/", headers=HTMX)
    assert response.content.lstrip().startswith(b'<section class="lane" id="list"')
    assert listed(response) == [story.pk]
    assert "HX-Request" in response["Vary"]


def test_the_list_is_paged_by_a_cursor(olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging.newest_first, "__kwdefaults__", {"size": 3, "reach": None})
    made = [runs.submit("gated", f"Task {n}").pk for n in range(7)][::-1]
    response = olga.get("/runs/?status=queued")
    assert listed(response) == made[:3]
    following = f"/runs/?status=queued&before={made[2]}"
    assert f'href="{following}"' in text(response)
    new = runs.submit("gated", "New").pk
    second = olga.get(following)
    assert listed(second) == made[3:6]
    assert new not in listed(second)
    more = olga.get(f"{following}&more=1", headers=HTMX)
    assert listed(more) == made[3:6]
    assert b'id="more" hx-swap-oob="true"' in more.content
    last = olga.get(f"/runs/?status=queued&before={made[5]}")
    assert listed(last) == made[6:]
    assert "Show more" not in text(last)


def test_the_list_takes_the_same_number_of_queries_however_long_it_is(olga: Client) -> None:
    Story(requester=people.rita())
    olga.get("/runs/")
    with CaptureQueriesContext(connection) as few:
        olga.get("/runs/")
    for number in range(6):
        runs.submit("gated", "Task", requester=people.person(f"kim{number}"))
    with CaptureQueriesContext(connection) as many:
        olga.get("/runs/")
    assert len(many) == len(few)


def test_an_empty_list_says_what_to_do(olga: Client) -> None:
    assert "Give an agent work" in text(olga.get("/runs/"))
    assert "Operators give agents work" in text(browser(people.rita()).get("/runs/"))


# ---- New task


def test_a_new_task_becomes_a_run_of_the_one_who_gave_it(olga: Client) -> None:
    assert "New task" in text(olga.get("/runs/"))
    form = {"agent": "gated", "task": "Write to Ana\r\nand Bob", "input": '{"a": [1, null]}'}
    response = olga.post("/runs/new/", form)
    run = Run.objects.get()
    assert response.status_code == 303
    assert response["Location"] == f"/runs/{run.pk}/"
    assert run.requester == User.objects.get(username="olga")
    assert (run.agent, run.status) == ("gated", "queued")
    assert run.task == "Write to Ana\nand Bob"
    assert run.input == {"a": [1, None]}
    assert Event.objects.get(kind="runs.submitted").actor == "user:olga"


def test_the_agents_are_offered_with_what_they_do(
    olga: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = AgentSpec("mine", "My agent", "Does <this>.", "my.agent")
    monkeypatch.setitem(catalogue._specs, "mine", mine)
    page = as_shown(olga.get("/runs/new/").content.decode())
    assert 'value="gated"' in page
    assert "My agent" in page
    assert "Does &lt;this&gt;." in page


@pytest.mark.parametrize(
    ("wrong", "field", "sentence"),
    [
        ({"agent": "nobody"}, "agent", "There is no agent 'nobody'; known agents: "),
        ({"agent": ""}, "agent", "Choose an agent."),
        ({"task": " \n"}, "task", "Say what the agent should do."),
        ({"task": "x" * 20_001}, "task", "Longer than 20,000 characters."),
        ({"input": "{"}, "input", "Not valid JSON"),
        ({"input": '{"a": 1, "a": 2}'}, "input", "stands twice"),
        ({"input": "NaN"}, "input", "NaN is not JSON"),
        ({"input": "9007199254740993"}, "input", "beyond 2^53-1"),
        ({"input": '"\\u0000"'}, "input", "U+0000"),
    ],
)
def test_what_is_wrong_with_a_task_stands_beside_the_field_and_the_text_stays(
    wrong: dict[str, str], field: str, sentence: str, olga: Client
) -> None:
    form = {"agent": "gated", "task": "Write to Ana", "input": '{"kept": true}'} | wrong
    response = olga.post("/runs/new/", form)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    page = text(response)
    assert sentence in page
    for value in form.values():
        assert value in page
    assert not Run.objects.exists()


def test_the_focus_goes_to_what_is_wrong_with_a_task(olga: Client) -> None:
    page = text(olga.post("/runs/new/", {"agent": "gated", "task": "", "input": ""}))
    assert re.findall(r'name="([^"]+)"[^>]* autofocus', page) == ["task"]
    assert "autofocus" not in text(olga.get("/runs/new/"))


def test_a_task_with_a_null_character_is_refused(olga: Client) -> None:
    response = olga.post("/runs/new/", {"agent": "gated", "task": "a\0b"})
    assert response.status_code == 422
    assert list(response.context["form"].errors) == ["task"]


# ---- One run


def test_a_run_says_what_who_and_when(olga: Client) -> None:
    priya = people.person("priya", first_name="Priya", last_name="Raman")
    story = Story("Refund order 1038", requester=priya).claim()
    page = text(olga.get(f"/runs/{story.pk}/"))
    assert "<h1>Refund order 1038</h1>" in page
    assert "asked for by Priya Raman" in page
    assert f"<title>Run {story.pk}, running · hitl</title>" in re.sub(r"\(\d+\) ", "", page)


def test_a_long_task_is_cut_in_the_heading_and_whole_below(olga: Client) -> None:
    task = "Write to Ana. " * 40 + "\nThe end."
    page = text(olga.get(f"/runs/{Story(task).pk}/"))
    heading = re.search(r"<h1>(.*?)</h1>", page)
    assert heading is not None
    assert len(heading[1]) < 125
    assert "The end." in page


def test_a_failed_run_says_why(olga: Client) -> None:
    story = Story().claim()
    leases.fail(story.pk, 1, "The model server at x cannot be reached.")
    page = text(olga.get(f"/runs/{story.pk}/"))
    assert "The run failed." in page
    assert "The model server at x cannot be reached." in page
    assert "Cancel run" not in page


def test_the_page_knows_the_end_of_the_log_it_was_made_from(olga: Client) -> None:
    story = Story()
    newest = Event.objects.latest("id").pk
    assert f'data-cursor="{newest}"' in text(olga.get(f"/runs/{story.pk}/"))
    assert f'data-cursor="{newest}"' in text(olga.get("/runs/"))


def test_a_page_takes_few_queries_however_many_runs_there_are(olga: Client) -> None:
    story = Story().claim().ask().wait()
    olga.get(f"/runs/{story.pk}/")
    with CaptureQueriesContext(connection) as few:
        olga.get(f"/runs/{story.pk}/")
    for number in range(7):
        Story(f"Other {number}", runner=f"runner-{number}").claim().start().finish(None)
    with CaptureQueriesContext(connection) as many:
        page = text(olga.get(f"/runs/{story.pk}/"))
    assert len(many) == len(few)
    assert page.count('scope="row"') == 5
    assert "Other 6" in page
    assert "Other 1" not in page


def test_no_page_of_runs_has_inline_style_or_script(olga: Client) -> None:
    story = in_doubt()
    for page in ("/runs/", "/runs/new/", f"/runs/{story.pk}/"):
        found = as_shown(olga.get(page).content.decode())
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|<script(?! src=)[^>]*>", found)


# ---- Cancel


def test_cancelling_ends_the_run_and_what_it_asks(olga: Client) -> None:
    story = Story().claim().ask().wait()
    response = olga.post(f"/runs/{story.pk}/cancel/", {"reason": "No need."})
    assert (response.status_code, response["Location"]) == (303, f"/runs/{story.pk}/")
    assert story.run.status == "cancelled"
    story.request.refresh_from_db()
    assert story.request.status == "cancelled"
    assert "No need." in text(olga.get(f"/runs/{story.pk}/"))


def test_one_press_stops_a_run_without_script(olga: Client) -> None:
    page = as_shown(olga.get(f"/runs/{Story().pk}/").content.decode())
    assert re.search(r'<form method="post"[^>]*/cancel/".*?Cancel run</button>', page, re.DOTALL)


def test_cancelling_by_htmx_answers_with_the_page_in_place(olga: Client) -> None:
    story = Story()
    response = olga.post(f"/runs/{story.pk}/cancel/", headers=HTMX)
    assert response.status_code == 200
    assert response.content.lstrip().startswith(b'<div id="run-page">')
    assert response["HX-Replace-Url"] == f"/runs/{story.pk}/"
    assert b'id="toasts" hx-swap-oob="beforeend"' in response.content


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_run_that_is_over_cannot_be_cancelled(headers: dict[str, str], olga: Client) -> None:
    story = Story().claim().complete({"report": "Done."})
    response = olga.post(f"/runs/{story.pk}/cancel/", headers=headers)
    assert response.status_code == 409
    assert f"Run {story.pk} is already completed." in text(response)
    assert "Your cancel did not count." in text(response)
    assert (b"<html" in response.content) is (not headers)
    assert story.run.status == "completed"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_reviewer_is_told_that_cancelling_is_for_operators(headers: dict[str, str]) -> None:
    story = Story()
    response = browser(people.rita()).post(f"/runs/{story.pk}/cancel/", headers=headers)
    assert response.status_code == 403
    assert "Cancelling runs is for operators." in text(response)
    assert story.run.status == "queued"


# ---- In doubt


def say(client: Client, story: Story, verdict: str, note: str = "Looked.", **more: Any) -> Any:
    form = {"verdict": verdict, "feedback": note, **more.pop("form", {})}
    return client.post(f"/runs/{story.pk}/doubt/", form, **more)


@pytest.mark.parametrize(
    ("verdict", "status", "entry"),
    [
        ("ran", "queued", "done"),
        ("did_not_run", "queued", "cleared"),
        ("abandon", "failed", "failed"),
    ],
)
def test_a_person_says_what_happened(verdict: str, status: str, entry: str) -> None:
    story, rita = in_doubt(), browser(people.rita())
    response = say(rita, story, verdict, "Found it in the outbox.")
    assert (response.status_code, response["Location"]) == (303, f"/runs/{story.pk}/")
    assert story.run.status == status
    assert JournalEntry.objects.get(pk=story.entry.pk).status == entry
    event = Event.objects.get(kind="runs.doubt_resolved")
    assert (event.actor, event.payload["note"]) == ("user:rita", "Found it in the outbox.")
    assert "Found it in the outbox." in text(rita.get(f"/runs/{story.pk}/"))


def test_the_buttons_are_those_of_the_doubt() -> None:
    rita, acted, diverged = browser(people.rita()), in_doubt(), Story().claim().ask()
    diverged.doubt(kind="diverged", key="question/x", was='{"a": 1}', now='{"a": 2}')
    page = text(rita.get(f"/runs/{acted.pk}/"))
    assert re.findall(r'name="verdict" value="(\w+)"', page) == ["ran", "did_not_run", "abandon"]
    page = text(rita.get(f"/runs/{diverged.pk}/"))
    assert re.findall(r'name="verdict" value="(\w+)"', page) == ["start_again", "abandon"]
    assert say(rita, diverged, "start_again").status_code == 303
    assert diverged.run.generation == 2


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_without_words_nothing_is_changed(headers: dict[str, str]) -> None:
    story = in_doubt()
    response = say(browser(people.rita()), story, "ran", " \n", headers=headers)
    assert response.status_code == 422
    page = text(response)
    assert 'id="feedback-error">Say what you found, and where.' in page
    assert 'aria-invalid="true"' in page
    assert story.run.status == "in_doubt"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_the_second_answer_does_not_count_and_is_given_back(headers: dict[str, str]) -> None:
    story = in_doubt()
    say(browser(people.rita()), story, "ran")
    response = say(browser(people.root()), story, "abandon", "I think not.", headers=headers)
    assert response.status_code == 409
    page = text(response)
    assert f"Run {story.pk} is not in doubt any more; it is queued." in page
    assert "Your answer did not count. What you had typed is kept." in page
    assert "I think not." in page
    assert story.run.status == "queued"


def test_an_answer_to_an_older_doubt_does_not_count() -> None:
    story, rita = in_doubt(), browser(people.rita())
    page = text(rita.get(f"/runs/{story.pk}/"))
    shown = re.search(r'name="about" value="([^"]+)"', page)
    assert shown is not None
    runs.resolve_doubt(story.pk, "did_not_run", by=people.root(), note="No.")
    story.claim().start().doubt()
    response = say(rita, story, "ran", "It did.", form={"about": shown[1]})
    assert response.status_code == 412
    assert "This page was out of date." in text(response)
    assert "It did." in text(response)
    assert story.run.status == "in_doubt"


def test_an_unknown_verdict_is_refused() -> None:
    story = in_doubt()
    for verdict in ("", "start_again", "maybe"):
        response = say(browser(people.rita()), story, verdict)
        assert response.status_code == 422
        assert "Nothing was changed." in text(response)
    assert story.run.status == "in_doubt"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_auditors_see_the_evidence_and_cannot_answer(headers: dict[str, str]) -> None:
    story, kim = in_doubt(), browser(people.person("kim", "Auditors"))
    page = text(kim.get(f"/runs/{story.pk}/"))
    assert 'id="evidence"' in page
    assert 'name="verdict"' not in page
    response = say(kim, story, "ran", headers=headers)
    assert response.status_code == 403
    assert "Only reviewers and operators say what happened" in text(response)
    assert story.run.status == "in_doubt"
