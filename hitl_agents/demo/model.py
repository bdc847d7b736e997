"""The model that answers without a key: the HTTP protocol of a real one, rules instead of thought.

The same question always gets the same answer, so that a demo and a test can be repeated.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from hitl_agents.demo import plans, unsure
from hitl_agents.demo.revision import revised
from hitl_agents.demo.tasks import Call, calls
from hitl_agents.demo.writing import is_asked, written
from hitl_agents.llm.completions import CREATED, completion
from hitl_agents.llm.objects import json_object_in
from hitl_agents.prompts import shared
from ledger.risk import RiskLevel

if TYPE_CHECKING:
    import httpx2

Message = dict[str, Any]

NAME = "demo"
FLOORS = {"write_file": "low", "send_email": "medium", "http_request": "high"}
DESTROYS = re.compile(
    r"\bdrop\s+(table|database)|\bdelete\s+from\b|\brm\s+-\w*r|\btruncate\b", re.I
)
NAMED_SO = re.compile(r"(?:^|[_-])(delete|drop|destroy|wipe|purge)(?:$|[_-])", re.I)
MONEY = re.compile(
    r"\b(refund\w*|pay\w*|invoice|price|money|bank|transfer|discount|EUR|USD)\b|[€$£]", re.I
)
ONLY_READS = re.compile(r"(read|get|list|search|find|show)_")
ASKS_RISK = re.compile(  # from the beginning and never again, or a long text takes long
    r"\A(?>.*?\bone word\b)(?>.*?\blow\b).*?\bcritical\b", re.I | re.S
)


class NotUnderstood(Exception):
    """The request is not one that this protocol knows; the text becomes the error's message."""


def respond(request: httpx2.Request) -> httpx2.Response:
    """Answers a request of the OpenAI client, as a handler of httpx2.MockTransport."""
    import httpx2

    status, answer = serve(request.method, request.url.path, request.content)
    return httpx2.Response(status, json=answer)


def serve(method: str, path: str, content: bytes) -> tuple[int, dict[str, Any]]:
    """Status and JSON for one HTTP request."""
    if method == "GET" and path.endswith("/models"):
        model = {"id": NAME, "object": "model", "created": CREATED, "owned_by": "hitl"}
        return 200, {"object": "list", "data": [model]}
    if method != "POST" or not path.endswith("/chat/completions"):
        return 404, _error(f"There is no {method} {path} here.")
    try:
        return 200, complete(json.loads(content))
    except (ValueError, RecursionError):
        return 400, _error("The request is no JSON.")
    except NotUnderstood as error:
        return 400, _error(str(error))


def complete(asked: object) -> dict[str, Any]:
    """The chat completion for the body of a request. NotUnderstood if it is none."""
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or not _well_formed(messages):
        raise NotUnderstood("A list of messages with role and content is needed.")
    if asked.get("stream"):
        raise NotUnderstood("The demo model does not stream.")
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
    said, wanted = _reply(asked)
    return completion(said, wanted, key=key, model=asked.get("model") or NAME, asked=messages)


def _reply(asked: dict[str, Any]) -> tuple[str, list[Call]]:
    messages: list[Message] = asked["messages"]
    system = "\n".join(_text(message) for message in messages if message["role"] == "system")
    last = _text(messages[-1])
    if messages[-1]["role"] == "tool":
        return _report(messages), []
    offered = {_dict(_dict(tool).get("function")).get("name") for tool in asked.get("tools") or []}
    named = {name for name in offered if isinstance(name, str)}
    planned = plans.reply(system, messages, named)
    if planned is not None:
        return planned
    if unsure.is_asked(system):
        return unsure.said(system, last), []
    if shared.REVISE in system:
        return _revision(messages), []
    if is_asked(system):
        return written([(message["role"], _text(message)) for message in messages]), []
    if shared.RISK in system or ASKS_RISK.search(f"{system}\n{last}"):
        return _risk(last), []
    wanted = calls(_task(last), named)
    if wanted:
        return _announce(wanted), wanted
    return "I am the demo model. I found nothing in this that one of my tools could do.", []


def _task(text: str) -> str:
    """The task in a prompt that gives it as JSON; the text itself in any other."""
    task = (json_object_in(text) or {}).get("task")
    return task if isinstance(task, str) else text


def _announce(wanted: list[Call]) -> str:
    return "I am going to " + ", and to ".join(_what(*call) for call in wanted) + "."


def _what(name: str, arguments: Message) -> str:
    if name == "send_email":
        return f"send “{arguments.get('subject')}” to {arguments.get('to')}"
    if name == "write_file":
        return f"write {arguments.get('path')}"
    if name == "http_request":
        return f"send {arguments.get('method')} {arguments.get('url')}"
    return f"call {name}"


def _report(messages: list[Message]) -> str:
    """What became of each call, in the order in which they were wanted."""
    outcomes = {
        message.get("tool_call_id"): _text(message)
        for message in messages
        if message["role"] == "tool"
    }
    lines = []
    for message in messages:
        for call in message.get("tool_calls") or []:
            function = _dict(_dict(call).get("function"))
            arguments = json_object_in(str(function.get("arguments"))) or {}
            lines.append(
                _outcome(
                    str(function.get("name")), arguments, outcomes.get(_dict(call).get("id"), "")
                )
            )
    return "\n".join(lines) or "Done."


def _outcome(name: str, arguments: Message, text: str) -> str:
    outcome = json_object_in(text) or {}
    result = _dict(outcome.get("result"))
    what = _what(name, _dict(outcome.get("details")) or arguments)
    if outcome.get("status") == "completed":
        answer = f" The answer was {result['status']}." if "status" in result else ""
        return f"Done: {what}.{answer}"
    reason = outcome.get("reason") or outcome.get("error") or text or "no reason was given"
    return f"Not done: {what}. Reason: {reason}"


def _risk(text: str) -> str:
    asked = json_object_in(text) or {}
    name, details = str(asked.get("action", "")), _dict(asked.get("arguments"))
    words = json.dumps(details, ensure_ascii=False) if details else text
    if NAMED_SO.search(name) or details.get("method") == "DELETE" or DESTROYS.search(words):
        return RiskLevel.CRITICAL.value
    if name == "send_email" and (_many(details.get("to")) or MONEY.search(words)):
        return RiskLevel.HIGH.value
    usual = RiskLevel.LOW if ONLY_READS.match(name) else RiskLevel.MEDIUM
    return FLOORS.get(name, usual.value)


def _many(to: object) -> bool:
    return len(to) > 1 if isinstance(to, list) else isinstance(to, str) and to.count("@") > 1


def _revision(messages: list[Message]) -> str:
    asked = next((found for message in messages if (found := json_object_in(_text(message)))), {})
    details = revised(_dict(asked.get("arguments")), str(asked.get("feedback", "")))
    return json.dumps(details, ensure_ascii=False)


def _well_formed(messages: object) -> bool:
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(isinstance(message, dict) and "role" in message for message in messages)
    )


def _text(message: Message) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(_dict(part).get("text", "")) for part in content)
    return content if isinstance(content, str) else ""


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "code": None}}
