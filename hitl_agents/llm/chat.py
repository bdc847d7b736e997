"""Asking a model server: one chat completion, and what its errors mean.

`openai` is imported on first use only: it takes 0.6 seconds, and pages do not need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from hitl_agents.llm import problems
from hitl_agents.llm.answers import Answer, error_in, read
from hitl_agents.llm.problems import Problem

if TYPE_CHECKING:
    from openai import APIStatusError

DEFAULT_MODEL = "gpt-5-mini"
LONGEST_BACKOFF = 60.0
NOT_TAKEN = ("(HTTP 400)", "(HTTP 422)")  # how servers answer what they do not know


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


def risk_model_name() -> str:
    """The model that judges risks: another one where OPENAI_RISK_MODEL names it."""
    return settings.OPENAI_RISK_MODEL or model_name()


async def say(client: Any, messages: list[dict[str, Any]], **more: Any) -> Answer:
    """The client's answer, taken apart. Its own exceptions pass; an error that it sent is raised."""
    asked = {"model": model_name(), "messages": messages, **more}
    response = await client.chat.completions.create(**asked)
    answer = read(as_dict(response), more.get("tools", ()))
    if answer.error is not None:
        raise ModelError(answer.error)
    return answer


async def ask(client: Any, messages: list[dict[str, Any]], **more: Any) -> Answer:
    """As say(); whatever keeps the client from answering is a ModelError."""
    try:
        return await say(client, messages, **more)
    except ModelError:
        raise
    except Exception as error:  # a client of somebody else's, outside a run
        raise ModelError(classify(error)) from error


def not_taken(error: ModelError) -> bool:
    """Whether the server may not know a parameter, such as `tools`: asked without, it may answer.

    Read from the words, since a run's journal keeps nothing else of an error.
    """
    return any(sign in str(error) for sign in NOT_TAKEN)


def answered(response: Any) -> dict[str, Any]:
    """as_dict(), of what a server has just sent: an error in it is raised as the error it is."""
    completion = as_dict(response)
    error = error_in(completion)
    if error is not None:
        raise ModelError(error)
    return completion


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
        "reasoning_content": _text_or_none(getattr(message, "reasoning_content", None)),
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
        return problems.unavailable(f"The model server {problems.server()} did not answer in time.")
    if isinstance(error, openai.APIConnectionError | OSError):
        return problems.unavailable(f"The model server {problems.server()} cannot be reached.")
    if isinstance(error, openai.APIStatusError):
        return problems.by_status(error.status_code, _body(error), model_name())
    if isinstance(error, openai.LengthFinishReasonError):
        return problems.CUT_OFF
    if isinstance(error, openai.ContentFilterFinishReasonError):
        return problems.FILTERED
    if isinstance(error, ValueError | openai.APIResponseValidationError):  # pydantic's and json's
        return _malformed("The model server's answer cannot be read")
    words = problems.clean(str(error))
    return problems.rejected(f"The model client failed: {type(error).__name__}: {words}")


def _body(error: APIStatusError) -> object:
    """What the server sent with an error; its text where it is no JSON that says anything."""
    if problems.words_of(error.body):
        return error.body
    return error.response.text.strip() or error.message.removeprefix(
        f"Error code: {error.status_code}"
    )


def _malformed(message: str) -> Problem:
    hint = "" if is_demo() else "; check that OPENAI_BASE_URL ends where /chat/completions begins"
    return problems.malformed(f"{message}{hint}.")
