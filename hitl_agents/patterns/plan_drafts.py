"""Getting a plan out of a model: structured where the server can, else every numbered line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_agents.llm import chat
from hitl_agents.llm.objects import json_object_in
from hitl_agents.llm.problems import shown
from hitl_agents.prompts import plans
from hitl_agents.prompts.shared import Messages
from ledger import canonical
from ledger.errors import BadInput
from plans.versions.steps import MAX_STEPS, MAX_TITLE, Step, check_step
from plans.versions.storing import Draft

# "1. Send it", "**Step 1:** Send it"; not "1.5 million" or "10:30".
NUMBERED = re.compile(
    r"^[ \t]*(?:\*\*|#+[ \t]*)?(?:step[ \t]+)?\d{1,3}[ \t]*[.):](?:[^\S\n]+|(?=\*\*))(\S.*)$",
    re.I | re.M,
)
MAX_CALLS = 3  # of the model, for one plan
TOO_MANY = f"it has more than {MAX_STEPS} steps."
Known = Sequence[Mapping[str, Any]]


class NoPlan(Exception):
    """The model gave no plan in any form; `text` is what it said last."""

    def __init__(self, fault: str, text: str) -> None:
        super().__init__(f"The model gave no usable plan: {fault}")
        self.fault = fault
        self.text = text


class _Fault(Exception):
    """What is wrong with an answer, as a sentence for the model and for people."""


async def draft(client: Any, messages: Messages, known: Known, before: Sequence[Step]) -> Draft:
    """The plan that the model answers with; `known` are the actions, `before` the plan so far.

    An answer that is wrong is asked for once more, with the fault named. Without structured output
    on the server's side, when an answer is no JSON, or when the second is wrong too, the model is
    asked for a numbered list. Raises NoPlan, or ModelError when the model cannot be asked.
    """
    asked, left = messages, MAX_CALLS
    while left > 1:  # the last is for a list
        answer = await _structured(client, asked)
        left -= 1
        found = None if answer is None else json_object_in(answer)
        if answer is None or found is None:
            break
        try:
            return _read(found, known)
        except _Fault as fault:
            asked = plans.again(asked, answer, str(fault))
    return await _from_list(client, plans.as_list(messages), before, left)


async def _structured(client: Any, messages: Messages) -> str | None:
    """The model's words; None if the server does not take a response_format."""
    try:
        return await _ask(client, messages, response_format=plans.STRUCTURED)
    except chat.ModelError as error:
        if not chat.not_taken(error):
            raise
        return None


async def _ask(client: Any, messages: Messages, **more: Any) -> str:
    answer = await chat.ask(client, messages, **more)
    problem = answer.problem
    if problem is not None and problem.kind in ("refused", "cut_off"):
        raise chat.ModelError(problem)
    return answer.text


async def _from_list(client: Any, messages: Messages, before: Sequence[Step], tries: int) -> Draft:
    answer = await _ask(client, messages)
    try:
        steps = _lines(answer, before)
    except _Fault as fault:
        if tries == 1:
            raise NoPlan(str(fault), answer) from fault
        messages = plans.again(messages, answer, str(fault))
        return await _from_list(client, messages, before, tries - 1)
    return Draft(steps=tuple(steps), explanation=_beside(answer) if before else "")


def _lines(text: str, before: Sequence[Step]) -> list[Step]:
    """Every numbered line as a step. One that the plan has by that title keeps what it was.

    _Fault if there is none, or more than a plan may have.
    """
    known = {" ".join(step.title.split()).casefold(): step for step in before}
    found = []
    for line in NUMBERED.findall(canonical.storable(text)):
        title = " ".join(line.replace("**", "").split())
        if title:
            cut = title if len(title) <= MAX_TITLE else f"{title[: MAX_TITLE - 1]}…"
            does = title if cut != title else ""
            found.append(known.get(cut.casefold()) or Step("", cut, does=does))
    if not found:
        raise _Fault("it has no numbered line.")
    if len(found) > MAX_STEPS:
        raise _Fault(TOO_MANY)
    return found


def _beside(text: str) -> str:
    """What stands beside the numbered lines: the model's explanation, if it gave one."""
    return NUMBERED.sub("", text).strip()


# ---- The structured form


def _read(found: dict[str, Any], known: Known) -> Draft:
    """The draft, or _Fault naming the first thing that is wrong."""
    given = found.get("steps")
    if not isinstance(given, list) or not given:
        raise _Fault("it has no steps.")
    if len(given) > MAX_STEPS:
        raise _Fault(TOO_MANY)
    steps = [_step(each, number, known) for number, each in enumerate(given, start=1)]
    return Draft(
        steps=tuple(steps),
        decisions=_texts(found, "decisions"),
        risks=_texts(found, "risks"),
        questions=_texts(found, "questions"),
        explanation=_text(found, "explanation"),
    )


def _step(given: Any, number: int, known: Known) -> Step:
    if not isinstance(given, dict):
        raise _Fault(f"step {number} is no object.")
    actions = given.get("actions") or []
    if not isinstance(actions, list) or not all(isinstance(name, str) for name in actions):
        raise _Fault(f"the actions of step {number} are no list of names.")
    step = Step(
        id=_text(given, "id"),
        title=_text(given, "title"),
        does=_text(given, "does"),
        actions=tuple(actions),
        risk=_text(given, "risk") or "medium",
        person=given.get("person") is True,
        asks=_text(given, "asks"),
        note=_text(given, "note"),
    )
    try:
        return check_step(step, known)
    except BadInput as error:
        raise _Fault(f"step {number}, {error.field}: {shown(error.message)}") from error


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value.strip() if isinstance(value, str) else ""


def _texts(found: dict[str, Any], name: str) -> tuple[str, ...]:
    values = found.get(name)
    texts = values if isinstance(values, list) else []
    return tuple(text.strip() for text in texts if isinstance(text, str) and text.strip())


def as_text(version: Draft) -> str:
    """The plan as people write one: numbered steps, then what else there is to say."""
    lines = []
    for number, step in enumerate(version.steps, start=1):
        lines.append(f"{number}. {step.title}")
        lines += [f"   {step.does}"] if step.does else []
        lines += [f"   Asks a person: {step.asks}"] if step.person else []
    titles = {"Needs a decision": version.decisions, "Risks": version.risks}
    for title, texts in {**titles, "Questions": version.questions}.items():
        lines += ["", f"{title}:", *(f"- {text}" for text in texts)] if texts else []
    return "\n".join(lines)
