"""How the demo model plans: a fixed way to prepare something and send it. Rules, no understanding."""

from __future__ import annotations

import json
import re
from typing import Any

from hitl_agents.demo.tasks import EMAIL, FILE, Call, calls
from hitl_agents.llm.objects import json_object_in
from hitl_agents.prompts import plans

Reply = tuple[str, list[Call]]
PRODUCT = re.compile(
    r"\b(?:the|an?|our|your|her|his|their)\s+((?:[\w-]+\s+){0,3}?(?:report|summary|letter|note|"
    r"newsletter|invitation|list|reminder|offer|answer|minutes|agenda|overview|page))\b",
    re.I,
)


def reply(system: str, messages: list[dict[str, Any]], offered: set[str]) -> Reply | None:
    """The answer to a prompt about plans; None to any other."""
    about = _about(messages)
    if plans.PROPOSE in system:
        return _plan(messages, _first(about)), []
    if plans.REVISE in system:
        return _plan(messages, _next(about)), []
    if plans.CARRY_OUT in system:
        return _carry_out(about, offered)
    return None


def _about(messages: list[dict[str, Any]]) -> dict[str, Any]:
    for message in messages:
        if message["role"] == "user" and isinstance(message.get("content"), str):
            found = json_object_in(message["content"])
            if found is not None:
                return found
    return {}


def _plan(messages: list[dict[str, Any]], plan: dict[str, Any]) -> str:
    if messages[-1].get("content") == plans.AS_LIST:
        return "\n".join(f"{n}. {step['title']}" for n, step in enumerate(plan["steps"], start=1))
    return json.dumps(plan, ensure_ascii=False)


def _product(goal: str) -> str:
    """What the goal is about, such as "monthly report"."""
    found = PRODUCT.search(goal)
    return " ".join(found[1].split()) if found else "text"


def _path(what: str) -> str:
    return f"reports/{'-'.join(re.findall(r'[a-z0-9]+', what.lower()))}.md"


def _first(about: dict[str, Any]) -> dict[str, Any]:
    goal = str(about.get("goal", ""))
    known = {str(one.get("name")) for one in about.get("actions", []) if isinstance(one, dict)}
    what, people = _product(goal), list(dict.fromkeys(EMAIL.findall(goal)))
    steps = [
        _step(f"Collect what belongs into the {what}", "Note the points that it has to cover."),
        _step(f"Write the {what}", f"Write it as one page to {_path(what)}.", "write_file"),
    ]
    if people:
        asks = f"Is the {what} fit to be sent? Say what should stand in the email."
        steps.append(_step(f"Show the {what} to a person", "Go on with what they say.", asks=asks))
    steps += [
        _step(f"Email it to {to}", f"Send the {what} to {to}.", "send_email", risk="medium")
        for to in people
    ]
    for step in steps:
        step["actions"] = [name for name in step["actions"] if name in known]
    return {
        "steps": steps,
        "decisions": [f"Whether the {what} may be sent as it is."] if people else [],
        "risks": ["An email cannot be taken back."] if people else [],
        "questions": [f"Which period should the {what} cover?"],
        "explanation": "",
    }


def _step(
    title: str, does: str, *actions: str, risk: str = "low", asks: str = ""
) -> dict[str, Any]:
    return {
        "id": "",
        "title": title,
        "does": does,
        "actions": list(actions),
        "risk": risk,
        "person": bool(asks),
        "asks": asks,
        "note": "",
    }


def _next(about: dict[str, Any]) -> dict[str, Any]:
    """The same steps; what was said is written into the step that it concerns."""
    steps = [dict(step) for step in about.get("steps", [])]
    free = [step for step in steps if step.get("id") not in about.get("locked", [])]
    writing = next((step for step in free if "write_file" in step["actions"]), None)
    changed = []
    for said in about.get("said", []):
        text = " ".join(str(said.get("text", "")).split())
        step = next((one for one in free if one.get("id") == said.get("step")), None)
        step = step or writing or (free[0] if free else None)
        if step is None or not text:
            continue
        heeded = f"{said['about']} {text}" if said.get("kind") == "answer" else text
        step["does"] = f"{step['does']} Heed: {heeded}".strip()
        step["note"] = f"Because you said: “{text}”"
        changed.append(f"“{step['title']}” now heeds “{text}”")
    answered = {said.get("about") for said in about.get("said", []) if said.get("kind") == "answer"}
    explanation = "; ".join(changed) or "I took over your changes to the steps"
    return {
        "steps": steps,
        "decisions": about.get("decisions", []),
        "risks": about.get("risks", []),
        "questions": [text for text in about.get("questions", []) if text not in answered],
        "explanation": f"{explanation}. Everything else is as before.",
    }


def _carry_out(about: dict[str, Any], offered: set[str]) -> Reply:
    step, goal = about.get("step"), str(about.get("goal", ""))
    if not isinstance(step, dict):
        asked = calls(str(step or ""), offered)
        return (f"I am going to do this: {step}", asked) if asked else (f"Done: {step}", [])
    what, words = _product(goal), _heard(about)
    does = f"{step.get('title', '')} {step.get('does', '')}"
    wanted: list[Call] = []
    if "write_file" in offered:
        path = next(iter(FILE.findall(EMAIL.sub(" ", does))), _path(what))
        text = f"# {what.capitalize()}\n\n{words or 'Nothing out of the ordinary.'}\n"
        wanted.append(("write_file", {"path": path, "content": text}))
    if "send_email" in offered:
        to = next(iter(EMAIL.findall(f"{does} {goal}")), "")
        body = f"Hello,\n\nhere is the {what}.\n\n{words}\n\nKind regards\n"
        wanted.append(("send_email", {"to": to, "subject": what.capitalize(), "body": body}))
    if wanted:
        return f"I am going to do this: {step.get('title')}.", wanted
    return f"{step.get('title')}: {words or 'nothing out of the ordinary'}", []


def _heard(about: dict[str, Any]) -> str:
    """What people said that belongs into a text, a sentence on each line."""
    lines = [str(about.get("human_input") or "")]
    lines += [
        f"{said.get('about')} {said.get('text')}"
        for said in about.get("said", [])
        if said.get("kind") == "answer"
    ]
    return "\n".join(line for line in lines if line.strip())
