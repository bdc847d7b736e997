"""How the demo model answers what it may be unsure about: sums and a few facts it knows."""

from __future__ import annotations

import json
import re
from fractions import Fraction

from hitl_agents.llm.objects import json_object_in
from hitl_agents.prompts import escalations

SUM = re.compile(r"(-?\d{1,9}(?:\.\d{1,6})?)\s*([-+*/×÷x−])\s*(-?\d{1,9}(?:\.\d{1,6})?)")
FACTS = (
    (re.compile(r"\bcapital (?:city )?of france\b", re.I), "Paris."),
    (re.compile(r"\bcapital (?:city )?of (?:germany)\b", re.I), "Berlin."),
    (re.compile(r"\bcapital (?:city )?of (?:italy)\b", re.I), "Rome."),
    (re.compile(r"\bcapital (?:city )?of (?:austria)\b", re.I), "Vienna."),
    (
        re.compile(r"\bhow many days (?:are there |are |has |does )?(?:in )?a week\b", re.I),
        "Seven.",
    ),
    (re.compile(r"\bhow many minutes (?:are there |are |has )?(?:in )?an hour\b", re.I), "Sixty."),
)
KNOWN, TOLD, GUESSED = 0.97, 0.6, 0.35


def is_asked(system: str) -> bool:
    """Whether a conversation asks for an answer with its confidence."""
    return escalations.SURE in system


def said(system: str, text: str) -> str:
    """The answer in the form that is asked for. What people answered before is heeded."""
    about = json_object_in(text) or {}
    answer, confidence = _answer(str(about.get("task", "")), about.get("earlier_answers"))
    if escalations.STRUCTURED in system:
        return json.dumps({"answer": answer, "confidence": confidence}, ensure_ascii=False)
    return f"RESPONSE: {answer}\nCONFIDENCE: {confidence:.0%}"


def _answer(task: str, told: object) -> tuple[str, float]:
    known = _known(task)
    if known:
        return known, KNOWN
    earlier = [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []
    if earlier:
        words = str(earlier[0].get("answer", ""))
        return f"To a question like this a person answered: {words}", TOLD
    about = " ".join(task.split())
    return f"I would have to guess at this: {about[:200]}", GUESSED


def _known(task: str) -> str:
    for question, answer in FACTS:
        if question.search(task):
            return answer
    found = SUM.search(task)
    return (
        _result(found)
        if found and re.search(r"\b(what|how much|calculate|sum)\b", task, re.I)
        else ""
    )


def _result(found: re.Match[str]) -> str:
    first, second = Fraction(found[1]), Fraction(found[3])
    if found[2] in "/÷":
        if not second:
            return ""
        result = first / second
    else:
        result = {
            "+": first + second,
            "-": first - second,
            "−": first - second,
        }.get(found[2], first * second)
    return f"{float(result):g}" if result.denominator != 1 else str(result.numerator)
