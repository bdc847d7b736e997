"""Asking a model server: one chat completion, and what its errors mean.

`openai` is imported on first use only: it takes 0.6 seconds, and pages do not need it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

from hitl_agents.llm.answers import Problem, shown

if TYPE_CHECKING:
    from openai import APIStatusError

DEFAULT_MODEL = "gpt-5-mini"
LONGEST_BACKOFF = 60.0
SECRET = re.compile(r"\bsk-[\w*.-]{4,}|\bBearer \S+", re.IGNORECASE)
UNAVAILABLE = (408, 409, 429)
NOT_TAKEN = ("(HTTP 400)", "(HTTP 422)")  # how servers answer what they do not know
REFUSAL_CODES = ("content_filter", "content_policy_violation")


class ModelError(Exception):
    """The model gave no usable answer. `problem` says why, for the run's page and for retrying."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def is_demo() -> bool:
    """Whether the demo model answers, as it does without a key."""
    return not settings.OPENAI_API_KEY


def model_name() -> str:
    """The model that is asked for by name."""
    return settings.OPENAI_MODEL or ("demo" if is_demo() else DEFAULT_MODEL)


async def ask(client: Any, messages: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """One completion as plain JSON; whatever keeps the client from it is a ModelError."""
    try:
        response = await client.chat.completions.create(
            model=model_name(), messages=messages, **more
        )
        return as_dict(response)
    except ModelError:
        raise
    except Exception as error:  # a client of somebody else's, outside a run
        raise ModelError(classify(error)) from error


def not_taken(error: ModelError) -> bool:
    """Whether the server may not know a parameter, such as `tools`: asked without, it may answer.

    Read from the words, since a run's journal keeps nothing else of an error.
    """
    return any(sign in str(error) for sign in NOT_TAKEN)


def as_dict(response: Any) -> dict[str, Any]:
    """The completion as plain JSON. ModelError if the server sent something else, such as HTML.

    An object that only looks like the openai package's, such as a test's mock, is read by its
    attributes.
    """
    if isinstance(response, dict):
        return response
    if hasattr(response, "model_dump"):
        dumped = response.model_dump(mode="json", exclude_none=True, warnings=False)
        if isinstance(dumped, dict):
            return dumped
    choices = getattr(response, "choices", None)
    if isinstance(choices, list | tuple) and choices:
        return {"choices": [_by_attributes(choices[0])]}
    raise ModelError(_malformed("The model server's answer is no chat completion"))


def _by_attributes(choice: Any) -> dict[str, Any]:
    message = getattr(choice, "message", None)
    said: dict[str, Any] = {
        "role": "assistant",
        "content": _text_or_none(getattr(message, "content", None)),
        "refusal": _text_or_none(getattr(message, "refusal", None)),
    }
    calls = getattr(message, "tool_calls", None)
    if isinstance(calls, list | tuple) and calls:
        said["tool_calls"] = [_call(call) for call in calls]
    reason = _text_or_none(getattr(choice, "finish_reason", None))
    return {"index": 0, "message": said, "finish_reason": reason}


def _call(call: Any) -> dict[str, Any]:
    if isinstance(call, dict):
        return call
    function = getattr(call, "function", None)
    return {
        "id": _text_or_none(getattr(call, "id", None)),
        "type": "function",
        "function": {
            "name": getattr(function, "name", None),
            "arguments": _text_or_none(getattr(function, "arguments", None)),
        },
    }


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def backoff(attempt: int) -> float:
    """Seconds to wait after the attempt of that number (from 1) has failed: 1, 2, 4 … 60."""
    return min(LONGEST_BACKOFF, 2.0 ** max(0, min(attempt, 30) - 1))


def classify(error: BaseException) -> Problem:
    """What an exception of a model client means."""
    import openai

    if isinstance(error, ModelError):
        return error.problem
    if isinstance(error, openai.APITimeoutError | TimeoutError):
        return _unavailable(f"The model server {_server()} did not answer in time.")
    if isinstance(error, openai.APIConnectionError | OSError):
        return _unavailable(f"The model server {_server()} cannot be reached.")
    if isinstance(error, openai.APIStatusError):
        return _by_status(error)
    if isinstance(error, openai.LengthFinishReasonError):
        return Problem("cut_off", False, "The answer was cut off at the model's length limit.")
    if isinstance(error, openai.ContentFilterFinishReasonError):
        return Problem("refused", False, "The model server's content filter withheld the answer.")
    if isinstance(error, ValueError | openai.APIResponseValidationError):  # pydantic's and json's
        return _malformed("The model server's answer cannot be read")
    return _rejected(f"The model client failed: {type(error).__name__}: {_clean(str(error))}")


def _by_status(error: APIStatusError) -> Problem:
    status = error.status_code
    body = error.body if isinstance(error.body, dict) else {}
    said = _clean(str(body.get("message") or error.message))
    if error.code in REFUSAL_CODES:
        return Problem("refused", False, f"The model server refused the request: {said}")
    if error.code == "insufficient_quota":
        return _rejected("The account at the model server has no quota left; check its billing.")
    if status >= 500 or status in UNAVAILABLE:
        what = "asks to slow down" if status == 429 else "has trouble"
        return _unavailable(f"The model server {_server()} {what} (HTTP {status}).")
    checks = {
        401: "The model server does not accept the key; check OPENAI_API_KEY.",
        403: "The key may not use this model; check OPENAI_API_KEY and OPENAI_MODEL.",
        404: f"The model server does not know {model_name()}; check OPENAI_MODEL and "
        "OPENAI_BASE_URL.",
    }
    said_so = f"The model server rejected the request (HTTP {status}): {said}"
    return _rejected(checks.get(status, said_so))


def _unavailable(message: str) -> Problem:
    return Problem("unavailable", True, message)


def _rejected(message: str) -> Problem:
    return Problem("rejected", False, message)


def _malformed(message: str) -> Problem:
    hint = "" if is_demo() else "; check that OPENAI_BASE_URL ends where /chat/completions begins"
    return Problem("malformed", False, f"{message}{hint}.")


def _server() -> str:
    """The server's host and port; never its whole URL, which may hold a password."""
    parts = urlsplit(settings.OPENAI_BASE_URL or "https://api.openai.com")
    return f"at {parts.netloc.rpartition('@')[2]}"


def _clean(text: str) -> str:
    """A server's words without the key, which some repeat."""
    if settings.OPENAI_API_KEY:
        text = text.replace(settings.OPENAI_API_KEY, "…")
    return shown(SECRET.sub("…", text))
