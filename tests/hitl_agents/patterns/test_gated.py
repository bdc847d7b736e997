"""The built-in agent `gated` in the runner: what it asks, what runs, and what it says when it fails."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai
import pytest
from django.contrib.auth.models import User
from django.core import mail

from approvals import services
from approvals.models import ApprovalRequest, Gate
from hitl_agents.context import model
from hitl_agents.llm import chat
from hitl_agents.runner import model_client
from hitl_agents.testing import ScriptedModel, cut_off, refuses, wants
from ledger import runs
from ledger.models import Event, JournalEntry, Run
from tests.support import people
from tests.support.driving import again, approve_all, drive, pending

pytestmark = pytest.mark.django_db(transaction=True)

LETTER = {"to": "ana@example.org", "subject": "Thanks", "body": "Thank you for order 1042."}
OTHER = {**LETTER, "to": "bob@example.org"}
NOTE = {"path": "note.txt", "content": "hello"}


class Client(ScriptedModel):
    """A scripted model in the runner's place of a client."""

    async def close(self) -> None:
        return None


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "backoff", lambda attempt: 0.01)


@pytest.fixture
def rita() -> User:
    people.gate("gated")
    return people.rita()


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Client]:
    """Have the model say that, to every runner of this test."""

    def script(*answers: Any, then: Any = None) -> Client:
        client = Client(*answers, then=then)
        monkeypatch.setattr(model_client, "make_client", lambda: client)
        return client

    return script


def by_prompt(*choices: Any, revision: str = "{}", risk: str = "medium") -> Any:
    """Answers by what is asked: tools, one after the other, or a risk, or a revision."""
    left = list(choices)

    def answer(asked: dict[str, Any]) -> Any:
        if asked.get("tools"):
            return left.pop(0)
        if "Answer with one word" in asked["messages"][0]["content"]:
            return risk
        return revision

    return answer


def start(task: str = "Thank ana@example.org", **fields: Any) -> Run:
    run = runs.submit("gated", task, **fields)
    drive()
    return again(run)


def result_of(run: Run) -> dict[str, Any]:
    """What the agent returned."""
    assert run.result is not None
    return dict(run.result)


def go_on(run: Run) -> Run:
    drive()
    return again(run)


def test_what_is_approved_is_sent_and_reported(rita: User, says: Any) -> None:
    says(then=by_prompt(wants(("send_email", LETTER), said="I write to Ana."), "Sent."))
    run = start()
    assert run.status == "waiting"
    assert not mail.outbox
    (request,) = pending(run)
    assert (request.action, request.details, request.story) == (
        "send_email",
        LETTER,
        "I write to Ana.",
    )
    approve_all(run, rita)
    run = go_on(run)
    assert run.status == "completed"
    assert [letter.to for letter in mail.outbox] == [["ana@example.org"]]
    assert result_of(run)["report"] == "Sent."
    (done,) = result_of(run)["actions"]
    assert (done["action"], done["details"], done["status"]) == ("send_email", LETTER, "completed")
    assert "reason" not in done


def test_a_rejection_is_an_outcome_with_its_reason(rita: User, says: Any) -> None:
    client = says(then=by_prompt(wants(("send_email", LETTER)), "Not sent."))
    run = start()
    services.reject(pending(run)[0].pk, by=rita, feedback="She asked for no more letters.")
    run = go_on(run)
    assert run.status == "completed"
    assert not mail.outbox
    assert result_of(run)["actions"][0]["status"] == "rejected"
    assert result_of(run)["actions"][0]["reason"] == "She asked for no more letters."
    assert "no more letters" in client.calls[-1]["messages"][-1]["content"]


def test_a_revision_is_a_new_linked_request_and_only_it_runs(rita: User, says: Any) -> None:
    new = '{"to": "ana@example.org", "subject": "Thanks", "body": "Shorter."}'
    says(then=by_prompt(wants(("send_email", LETTER)), "Sent.", revision=new))
    run = start()
    (first,) = pending(run)
    services.request_revision(first.pk, by=rita, feedback="Shorter, please.")
    run = go_on(run)
    (second,) = pending(run)
    assert (second.previous_id, second.revision) == (first.pk, 2)
    assert second.details["body"] == "Shorter."
    approve_all(run, rita)
    assert go_on(run).status == "completed"
    assert [letter.body.strip() for letter in mail.outbox] == ["Shorter."]


def test_what_the_reviewer_edited_is_what_runs(rita: User, says: Any) -> None:
    says(then=by_prompt(wants(("send_email", LETTER)), "Sent."))
    run = start()
    services.edit_and_approve(pending(run)[0].pk, by=rita, details={**LETTER, "body": "By hand."})
    run = go_on(run)
    assert [letter.body.strip() for letter in mail.outbox] == ["By hand."]
    assert result_of(run)["actions"][0]["details"]["body"] == "By hand."


def test_several_calls_of_one_answer_are_asked_together(rita: User, says: Any) -> None:
    says(then=by_prompt(wants(("send_email", LETTER), ("send_email", OTHER)), "Sent."))
    run = start()
    assert {one.details["to"] for one in pending(run)} == {"ana@example.org", "bob@example.org"}
    first = pending(run)[0]
    services.reject(first.pk, by=rita, feedback="Not this one.")
    run = go_on(run)
    assert run.status == "waiting"
    approve_all(run, rita)
    run = go_on(run)
    wanted = {first.details["to"]: "rejected"}
    assert {one["details"]["to"]: one["status"] for one in result_of(run)["actions"]} == {
        "ana@example.org": "completed",
        "bob@example.org": "completed",
        **wanted,
    }
    assert len(mail.outbox) == 1


def test_two_revisions_side_by_side_are_each_asked_once(rita: User, says: Any) -> None:
    def revision(asked: dict[str, Any]) -> str:
        to = "ana" if '"ana@example.org"' in asked["messages"][1]["content"][:200] else "bob"
        return f'{{"to": "{to}@example.org", "subject": "Thanks", "body": "Call {id(asked)}"}}'

    tools = by_prompt(wants(("send_email", LETTER), ("send_email", OTHER)), "Sent.")

    def answer(asked: dict[str, Any]) -> Any:
        found = tools(asked)
        return revision(asked) if found == "{}" else found

    says(then=answer)
    run = start()
    for request in pending(run):  # one after the other, so that the second resumes with both
        services.request_revision(request.pk, by=rita, feedback=f"Shorter, {request.pk}.")
        run = go_on(run)
    assert ApprovalRequest.objects.filter(run=run).count() == 4
    assert len(pending(run)) == 2
    approve_all(run, rita)
    assert go_on(run).status == "completed"
    assert len(mail.outbox) == 2


def test_below_the_threshold_it_runs_at_once_and_is_recorded(rita: User, says: Any) -> None:
    says(then=by_prompt(wants(("write_file", NOTE)), "Written.", risk="low"))
    run = start()
    assert run.status == "completed"
    request = ApprovalRequest.objects.get(run=run)
    assert (request.status, request.resolution) == ("approved", "rule")
    approved = Event.objects.get(run=run, kind="approvals.approved")
    assert approved.actor == "rule:gated"


def test_the_model_cannot_talk_the_risk_down(rita: User, says: Any) -> None:
    Gate.objects.filter(name="gated").update(risk_threshold="medium")
    says(then=by_prompt(wants(("send_email", LETTER)), "Sent.", risk="low"))
    run = start()
    assert run.status == "waiting"
    assert pending(run)[0].risk_level == "medium"


def test_a_call_that_does_not_fit_is_told_to_the_model_and_asks_nobody(
    rita: User, says: Any
) -> None:
    wrong = wants(("send_email", {"to": "ana@example.org"}), ("rm", {}))
    says(then=by_prompt(wrong, "I could not."))
    run = start()
    assert run.status == "completed"
    assert [one["status"] for one in result_of(run)["actions"]] == ["refused", "refused"]
    assert not ApprovalRequest.objects.exists()


# ---- A model that does not answer -----------------------------------------------------------

DOWN = ConnectionError("refused")


def test_a_model_that_is_down_is_tried_again_with_backoff_and_then_fails_the_run(
    rita: User, says: Any
) -> None:
    client = says(then=DOWN)
    run = start()
    assert run.status == "failed"
    assert "cannot be reached" in run.error
    assert "nothing has run" in run.error
    assert len(client.calls) == model.MODEL_TRIES
    requeued = Event.objects.filter(run=run, kind="runs.requeued")
    assert requeued.count() == model.MODEL_TRIES - 1
    assert not mail.outbox
    assert not JournalEntry.objects.filter(run=run, kind="action").exists()


def test_a_model_that_comes_back_in_time_is_no_failure(rita: User, says: Any) -> None:
    says(DOWN, DOWN, "Nothing to do.")
    run = start()
    assert run.status == "completed"
    assert run.result == {"actions": [], "report": "Nothing to do."}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuses("I will not write that."), "refused: I will not write that."),
        (cut_off("I am ab"), "length limit"),
    ],
)
def test_what_a_model_will_not_say_is_readable_on_the_run(
    rita: User, says: Any, answer: Any, words: str
) -> None:
    client = says(then=answer)
    run = start()
    assert run.status == "failed"
    assert words in run.error
    assert "Traceback" not in run.error
    assert len(client.calls) == 1


def test_a_malformed_answer_is_asked_for_once_more(rita: User, says: Any) -> None:
    says(then=by_prompt(wants(("send_email", "{not json")), wants(("send_email", LETTER)), "Sent."))
    run = start()
    assert run.status == "waiting"
    assert pending(run)[0].details == LETTER


def test_two_malformed_answers_fail_the_run_with_a_sentence(rita: User, says: Any) -> None:
    says(then=wants(("send_email", "{not json")))
    run = start()
    assert run.status == "failed"
    assert "send_email" in run.error
    assert not ApprovalRequest.objects.exists()


def test_a_bug_in_the_client_is_no_outage(rita: User, says: Any) -> None:
    client = says(then=openai.OpenAIError("no such option"))
    run = start()
    assert run.status == "failed"
    assert len(client.calls) == 1


def test_the_journaled_answers_are_not_asked_for_again(rita: User, says: Any) -> None:
    client = says(then=by_prompt(wants(("send_email", LETTER)), "Sent."))
    run = start()
    before = len(client.calls)
    approve_all(run, rita)
    assert go_on(run).status == "completed"
    assert len(client.calls) == before + 1  # the report


def test_an_action_whose_outcome_is_unknown_puts_the_run_in_doubt(
    rita: User, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang_up(*_: Any, **__: Any) -> None:
        raise TimeoutError("the server said nothing")

    says(then=by_prompt(wants(("send_email", LETTER)), "Sent."))
    run = start()
    approve_all(run, rita)
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMessage.send", hang_up)
        run = go_on(run)
    assert run.status == "in_doubt"
    runs.resolve_doubt(run.pk, "did_not_run", by=rita, note="Not in the log of the server.")
    run = go_on(run)
    assert run.status == "completed"
    assert len(mail.outbox) == 1
