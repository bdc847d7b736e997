"""The conversation about a plan: words are checked and stored, inside another's unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.errors import BadInput
from ledger.requests import checks
from ledger.runs import actor_for
from ledger.transitions import record
from plans.lookup import agents_version, steps_of, unheard, version_of
from plans.models import MessageKind, Plan
from plans.versions.storing import say

Words = Mapping[str, str]  # by what they are about: a question's id, or a step's


def check_words(field: str, text: object, needed: bool = False) -> None:
    """BadInput for words that are missing, too long or no text."""
    needs = "Say something first." if needed else ""
    checks.check_words(field, text, needed=needs, unchanged="Nothing was sent.")


def check_answers(plan: Plan, answers: Words | None) -> list[tuple[dict[str, str], str]]:
    """The answers that say something, with their questions; BadInput for one that is too long."""
    asked = {each["id"]: each for each in version_of(plan).questions} if answers else {}
    found = []
    for name, text in (answers or {}).items():
        check_words(f"answer-{name}", text)
        if text.strip() and name in asked:
            found.append((asked[name], text))
    return found


def comment_on(plan: Plan, user: Any, comments: Words | None) -> None:
    """Store the comments that say something, each about its step; BadInput where that is gone."""
    for step_id, text in (comments or {}).items():
        check_words(f"talk-{step_id}", text)
        if not text.strip():
            continue
        step = next((one for one in steps_of(plan) if one.id == step_id), None)
        if step is None:
            raise BadInput(f"talk-{step_id}", "This step is not in the plan any more.")
        say(plan, MessageKind.COMMENT, text, author=user, step=step)
        actor = actor_for(user)
        record("plans.commented", plan.subject, actor=actor, run_id=plan.run_id, step=step_id)


def take_down(
    plan: Plan, user: Any, answers: list[tuple[dict[str, str], str]], feedback: str
) -> None:
    """Put answers that are new and the feedback into the conversation."""
    for question, text in answers:
        last = plan.messages.filter(question=question["id"]).order_by("-pk").first()
        if last is None or last.text != text:
            say(plan, MessageKind.ANSWER, text, author=user, question=question)
    if feedback.strip():
        say(plan, MessageKind.FEEDBACK, feedback, author=user)


def has_news_for_agent(plan: Plan) -> bool:
    """Whether people have changed or said anything about the agent's last version."""
    last = agents_version(plan)
    number = last.number if last else 0
    return plan.version > number or unheard(plan).filter(kind=MessageKind.COMMENT).exists()
