"""InteractiveAgent in a program of somebody else's: answers, fallbacks, and bad plans."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from asgiref.sync import sync_to_async

from hitl_agents.llm.chat import ModelError
from hitl_agents.patterns.interactive import InteractiveAgent
from hitl_agents.patterns.plan_drafts import NoPlan
from hitl_agents.patterns.plan_steps import NotDone
from hitl_agents.prompts import plans
from hitl_agents.testing import ScriptedDecider, ScriptedModel, approve, refuses, reject, wants
from ledger.models import Event
from plans import services
from plans.lookup import steps_of
from plans.models import Plan, PlanMessage
from plans.versions.steps import SetStep, Step
from tests.support import people

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "Here is my plan:\n1. Collect the figures\n2) **Write the report**\nStep 3: Send it"
FILE = {"path": "report.md", "content": "All is well.\n"}


def step(title: str, **fields: Any) -> dict[str, Any]:
    usual = {"id": "", "does": "", "actions": [], "risk": "low", "person": False, "asks": ""}
    return {**usual, "note": "", "title": title, **fields}


def plan(*steps: dict[str, Any], **fields: Any) -> str:
    usual: dict[str, Any] = {"decisions": [], "risks": [], "questions": [], "explanation": ""}
    return json.dumps({**usual, "steps": list(steps), **fields})


def not_taken(what: str = "response_format", status: int = 400) -> openai.APIStatusError:
    """How a server answers that does not know that parameter."""
    import httpx2

    request = httpx2.Request("POST", "http://model.invalid/v1/chat/completions")
    response = httpx2.Response(status, request=request)
    return openai.APIStatusError(f"Unknown parameter: {what}", response=response, body={})


async def proposed(*answers: Any) -> tuple[InteractiveAgent, dict[str, Any]]:
    agent = InteractiveAgent("planner", ScriptedModel(*answers))
    return agent, await agent.propose_plan("Send the report")


async def stored(agent: InteractiveAgent) -> Plan:
    found: Plan = await Plan.objects.aget(pk=agent.plan_id or 0)
    return found


def failed() -> Plan:
    return Plan.objects.get(status="failed")


# ---- propose_plan


async def test_a_plan_comes_with_steps_decisions_risks_and_questions() -> None:
    said = plan(
        step("Write it", actions=["write_file"]),
        step("Show it", person=True, asks="Is it fit?"),
        decisions=["Whether it is sent."],
        risks=["It may be late."],
        questions=["Which month?"],
    )
    agent, found = await proposed(said)
    assert found["awaiting_feedback"] is True
    assert [one["title"] for one in found["steps"]] == ["Write it", "Show it"]
    assert (found["decisions"], found["risks"]) == (["Whether it is sent."], ["It may be late."])
    assert found["questions"] == ["Which month?"]
    assert found["plan"].startswith("1. Write it\n2. Show it\n   Asks a person: Is it fit?")
    assert agent.conversation_history == [{"role": "assistant", "content": found["plan"]}]
    kept = await stored(agent)
    assert (kept.pk, kept.status, kept.version) == (found["plan_id"], "awaiting_feedback", 1)


async def test_the_plan_is_asked_for_as_structured_output() -> None:
    model = ScriptedModel(plan(step("Write it")))
    await InteractiveAgent("planner", model).propose_plan("Send it")
    assert model.calls[0]["response_format"]["type"] == "json_schema"
    assert json.loads(model.calls[0]["messages"][-1]["content"])["goal"] == "Send it"


async def test_a_server_without_structured_output_is_asked_for_a_list() -> None:
    model = ScriptedModel(not_taken(), LIST)
    found = await InteractiveAgent("planner", model).propose_plan("Send it")
    titles = ["Collect the figures", "Write the report", "Send it"]
    assert [one["title"] for one in found["steps"]] == titles
    assert "response_format" not in model.calls[1]
    assert model.calls[1]["messages"][-1]["content"] == plans.AS_LIST


async def test_every_numbered_line_of_plain_text_is_a_step_and_one_is_enough() -> None:
    _, found = await proposed("I cannot do JSON.", "1. Send it")
    assert [one["title"] for one in found["steps"]] == ["Send it"]


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (plan(), "it has no steps"),
        (plan(step(" ")), "title: A step needs a title"),
        (plan(step("Fire", actions=["launch"])), "There is no action 'launch'"),
        (plan(step("Fire", risk="huge")), "is no risk level"),
        (plan("Fire"), "step 1 is no object"),  # type: ignore[arg-type]
        (plan(step("Fire", actions="launch")), "no list of names"),
        (plan(*[step("x")] * 51), "more than 50 steps"),
        ("{}", "it has no steps"),
    ],
)
async def test_a_faulty_plan_is_asked_for_once_more_with_the_fault_named(
    answer: str, fault: str
) -> None:
    model = ScriptedModel(answer, plan(step("Write it")))
    found = await InteractiveAgent("planner", model).propose_plan("Send it")
    assert [one["title"] for one in found["steps"]] == ["Write it"]
    assert fault in model.calls[1]["messages"][-1]["content"]


async def test_a_plan_that_is_faulty_twice_is_asked_for_as_a_list() -> None:
    model = ScriptedModel("{}", plan(), LIST)
    found = await InteractiveAgent("planner", model).propose_plan("Send it")
    assert len(found["steps"]) == 3
    assert ["response_format" in call for call in model.calls] == [True, True, False]
    asked = model.calls[2]["messages"]
    assert asked == plans.as_list(model.calls[0]["messages"])


async def test_after_two_faulty_plans_and_no_list_there_is_no_plan() -> None:
    model = ScriptedModel("{}", plan(), "Never.")
    with pytest.raises(NoPlan, match="numbered line"):
        await InteractiveAgent("planner", model).propose_plan("Send it")
    assert (await sync_to_async(failed)()).text == "Never."
    assert len(model.calls) == 3


async def test_text_without_a_numbered_line_is_no_plan() -> None:
    model = ScriptedModel("No.", "Still no.", "Never.")
    with pytest.raises(NoPlan, match="numbered line"):
        await InteractiveAgent("planner", model).propose_plan("Send it")
    assert "it has no numbered line" in model.calls[2]["messages"][-1]["content"]
    assert (await sync_to_async(failed)()).text == "Never."


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("1. Sum up\n1.5 million users come first\n2. Send it", ["Sum up", "Send it"]),
        ("1. Meet\n10:30 meeting with Ana\n2. Send it", ["Meet", "Send it"]),
        ("1. Meet\n1.1 Invite everybody", ["Meet"]),
        (
            "1.\tMeet\n2.**Send it**\n**3.** File it\n**Step 4:** Rest",
            ["Meet", "Send it", "File it", "Rest"],
        ),
        ("1.\n2. Send it", ["Send it"]),
        ("1. ****\n2. Send it", ["Send it"]),
    ],
)
async def test_only_lines_that_begin_with_a_number_of_their_own_are_steps(
    text: str, titles: list[str]
) -> None:
    _, found = await proposed("No JSON.", text)
    assert [one["title"] for one in found["steps"]] == titles


async def test_a_list_that_is_too_long_is_asked_for_once_more_and_nothing_of_it_is_dropped() -> (
    None
):
    long = "\n".join(f"{number}. Step {number}" for number in range(1, 52))
    model = ScriptedModel("No JSON.", long, "1. All of it")
    found = await InteractiveAgent("planner", model).propose_plan("Send it")
    assert [one["title"] for one in found["steps"]] == ["All of it"]
    assert "it has more than 50 steps." in model.calls[2]["messages"][-1]["content"]
    with pytest.raises(NoPlan, match="more than 50 steps"):
        await proposed("No JSON.", long, long)
    assert (await sync_to_async(failed)()).text == long


async def test_a_model_that_refuses_fails_the_plan() -> None:
    with pytest.raises(ModelError, match="refused"):
        await proposed(refuses("I will not."))
    assert "refused" in (await sync_to_async(failed)()).error


# ---- incorporate_feedback


async def test_feedback_makes_the_next_version_which_says_what_changed() -> None:
    revised = plan(step("Write one page", id="s1"), step("New"), explanation="Shortened.")
    agent = InteractiveAgent("planner", ScriptedModel(plan(step("Write it")), revised))
    first = await agent.propose_plan("Send it")
    found = await agent.incorporate_feedback("Shorter, please.")
    assert found["awaiting_feedback"] is True
    assert found["updated_plan"] == "1. Write one page\n2. New"
    assert (found["changes"], found["version"]) == ("Shortened.", 2)
    assert [one["id"] for one in found["steps"]] == ["s1", "s2"]
    assert agent.conversation_history == [
        {"role": "assistant", "content": first["plan"]},
        {"role": "user", "content": "Shorter, please."},
        {"role": "assistant", "content": "Shortened.\n\n1. Write one page\n2. New"},
    ]


async def test_a_list_keeps_the_identity_of_steps_whose_title_stays() -> None:
    agent = InteractiveAgent(
        "planner", ScriptedModel("?", "1. One\n2. Two", "?", "Swapped.\n1. Two\n2. One\n3. Three")
    )
    await agent.propose_plan("Send it")
    found = await agent.incorporate_feedback("The other way round.")
    assert [one["id"] for one in found["steps"]] == ["s2", "s1", "s3"]
    assert found["changes"] == "Swapped."


async def test_what_people_said_on_the_page_reaches_the_model() -> None:
    rita = await sync_to_async(people.rita)()
    model = ScriptedModel(plan(step("Write it")), plan(step("Write it", id="s1")))
    agent = InteractiveAgent("planner", model)
    await agent.propose_plan("Send it")
    await sync_to_async(services.comment)(agent.plan_id, "s1", "Mind the refunds.", by=rita)
    await agent.incorporate_feedback("Shorter.")
    told = json.loads(model.calls[1]["messages"][1]["content"])
    assert [one["text"] for one in told["said"]] == ["Mind the refunds.", "Shorter."]
    assert await PlanMessage.objects.filter(kind="comment").acount() == 1


async def test_feedback_that_comes_while_a_persons_is_worked_on_is_heeded_with_it() -> None:
    rita = await sync_to_async(people.rita)()
    model = ScriptedModel(plan(step("Write it")), plan(step("Write it", id="s1")))
    agent = InteractiveAgent("planner", model)
    await agent.propose_plan("Send it")
    await sync_to_async(services.send_feedback)(agent.plan_id, by=rita, feedback="Shorter.")
    await agent.incorporate_feedback("And sooner.")
    told = json.loads(model.calls[1]["messages"][1]["content"])
    assert [one["text"] for one in told["said"]] == ["Shorter.", "And sooner."]
    sent = Event.objects.filter(kind="plans.feedback_sent").order_by("id")
    assert [event.payload["feedback"] async for event in sent] == ["Shorter.", "And sooner."]


async def test_a_revision_that_failed_leaves_no_feedback_without_its_answer() -> None:
    agent, found = await proposed(plan(step("Write it")), refuses("I will not."))
    with pytest.raises(ModelError, match="refused"):
        await agent.incorporate_feedback("Shorter.")
    assert agent.conversation_history == [{"role": "assistant", "content": found["plan"]}]


# ---- execute_step


async def test_a_step_in_words_is_done_without_any_plan() -> None:
    agent = InteractiveAgent("planner", ScriptedModel("It is done."))
    found = await agent.execute_step("Think about it")
    assert found == {
        "step": "Think about it",
        "result": {"said": "It is done.", "actions": []},
        "human_input_used": False,
    }


async def test_human_input_is_told_to_the_model_and_noted() -> None:
    model = ScriptedModel("Blue it is.")
    found = await InteractiveAgent("planner", model).execute_step("Paint", human_input="Blue")
    assert found["human_input_used"] is True
    assert json.loads(model.calls[0]["messages"][1]["content"])["human_input"] == "Blue"


async def test_an_action_of_a_step_passes_its_gate() -> None:
    rita = await sync_to_async(people.rita)()
    await sync_to_async(people.gate)("interactive", risk_threshold="low")
    model = ScriptedModel(wants(("write_file", FILE)), "low", "Written.")
    with ScriptedDecider(rita, approve()) as decider:
        found = await InteractiveAgent("planner", model).execute_step("Write the report")
    assert [request.action for request in decider.decided] == ["write_file"]
    assert [one["status"] for one in found["result"]["actions"]] == ["completed"]


async def test_a_rejected_action_is_a_step_not_done() -> None:
    rita = await sync_to_async(people.rita)()
    await sync_to_async(people.gate)("interactive", risk_threshold="low")
    model = ScriptedModel(wants(("write_file", FILE)), "low")
    with (
        ScriptedDecider(rita, reject("Not now.")),
        pytest.raises(NotDone, match="write_file was not approved: Not now"),
    ):
        await InteractiveAgent("planner", model).execute_step("Write the report")


async def test_a_step_cannot_call_an_action_that_it_may_not_use() -> None:
    model = ScriptedModel(wants(("send_email", {"to": "a@b.example"})), "Then not.")
    given = {"title": "Write", "actions": ["write_file"]}
    found = await InteractiveAgent("planner", model).execute_step(given)
    assert [tool["function"]["name"] for tool in model.calls[0]["tools"]] == ["write_file"]
    (refused,) = found["result"]["actions"]
    assert (refused["status"], "may not use send_email" in refused["reason"]) == ("refused", True)


@pytest.mark.parametrize("status", [400, 422])
async def test_a_server_without_tools_is_asked_in_plain_words(status: int) -> None:
    model = ScriptedModel(not_taken("tools", status), "Blue goes well with it.")
    found = await InteractiveAgent("planner", model).execute_step("Choose a colour")
    assert found["result"] == {"said": "Blue goes well with it.", "actions": []}
    assert ["tools" in call for call in model.calls] == [True, False]
    assert model.calls[1]["messages"][-1]["content"] == plans.IN_WORDS


async def test_a_step_with_actions_is_not_done_in_words_by_a_server_without_tools() -> None:
    model = ScriptedModel(not_taken("tools"))
    given = {"title": "Write", "actions": ["write_file"]}
    with pytest.raises(
        NotDone, match=r"Unknown parameter: tools.* the step cannot call write_file"
    ):
        await InteractiveAgent("planner", model).execute_step(given)


async def test_a_server_that_takes_tools_and_refuses_later_is_not_asked_in_words() -> None:
    model = ScriptedModel(wants(("launch", {})), not_taken("tool_call_id"))
    with pytest.raises(ModelError, match="tool_call_id"):
        await InteractiveAgent("planner", model).execute_step("Go")


async def test_a_model_that_never_comes_to_an_end_is_a_step_not_done() -> None:
    model = ScriptedModel(then=wants(("launch", {})))
    with pytest.raises(NotDone, match="no end"):
        await InteractiveAgent("planner", model).execute_step("Go")


# ---- All of it


async def test_a_program_sees_a_plan_through_with_people() -> None:
    rita = await sync_to_async(people.rita)()
    model = ScriptedModel(plan(step("Think")), "Thought.")
    agent = InteractiveAgent("planner", model)
    found = await agent.propose_plan("Send it")
    await sync_to_async(services.accept)(found["plan_id"], by=rita, version=1)
    ended = await agent.see_through()
    assert (ended["status"], [one["status"] for one in ended["steps"]]) == ("completed", ["done"])


async def test_a_plan_that_people_edited_is_what_is_carried_out() -> None:
    def edited(plan_id: int) -> None:
        kept = Plan.objects.get(pk=plan_id)
        (one,) = steps_of(kept)
        changed = SetStep(Step(one.id, "Think twice"))
        services.accept(plan_id, by=people.rita(), changes=[changed], version=1)

    model = ScriptedModel(plan(step("Think")), "Thought.")
    agent = InteractiveAgent("planner", model)
    found = await agent.propose_plan("Send it")
    await sync_to_async(edited)(found["plan_id"])
    ended = await agent.see_through()
    assert [one["step"] for one in ended["steps"]] == ["Think twice"]
    assert json.loads(model.calls[1]["messages"][1]["content"])["step"]["title"] == "Think twice"
