"""The model client: what reaches the server, what its answers and its errors mean."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from pytest_django import Settings

from approvals import actions
from hitl_agents.llm import chat
from hitl_agents.llm.answers import read
from hitl_agents.llm.calls import ToolCall
from hitl_agents.llm.chat import ModelError, as_dict, backoff, classify
from hitl_agents.llm.completions import completion
from hitl_agents.llm.objects import json_object_in
from hitl_agents.llm.problems import Problem
from hitl_agents.prompts import shared
from hitl_agents.runner import model_client
from hitl_agents.runner.model_client import make_client
from tests.support.servers import openai_server

KEY = "sk-test-0123456789abcdef"
TASK = "Write a short thank-you note to ana@example.org for her order 1042 and email it"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


@pytest.fixture
def use(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Point the client at a server, without its own retries."""

    def point(url: str) -> None:
        settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = url, KEY

    monkeypatch.setattr(model_client, "CLIENT_RETRIES", 0)
    return point


async def ask(messages: list[Any] = HELLO, **more: Any) -> dict[str, Any]:
    async with make_client() as client:
        response = await client.chat.completions.create(
            model=chat.model_name(), messages=messages, **more
        )
        return as_dict(response)


async def problem_when_asking(messages: list[Any] = HELLO, **more: Any) -> Problem:
    try:
        found = read(await ask(messages, **more)).problem
    except Exception as error:
        found = classify(error)
    assert found is not None
    return found


# ---- The client -----------------------------------------------------------------------------


def test_neither_the_module_nor_the_demo_question_imports_openai() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'hitl_site.settings';"
        "import django; django.setup(); from hitl_agents.llm import chat;"
        "chat.is_demo(); chat.model_name(); sys.exit('openai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_demo_model_answers_exactly_when_there_is_no_key(settings: Settings) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:1/v1"
    assert chat.is_demo()
    assert chat.model_name() == "demo"
    settings.OPENAI_API_KEY = KEY
    assert not chat.is_demo()
    assert chat.model_name() == chat.DEFAULT_MODEL
    settings.OPENAI_MODEL = "small"
    assert chat.model_name() == "small"


async def test_without_a_key_the_demo_model_answers_in_this_process() -> None:
    answer = await ask(shared.assess_risk("write_file", {"path": "a", "content": ""}))
    assert read(answer).text == "low"


async def test_with_a_key_the_server_of_the_settings_is_asked(
    use: Callable[[str], None], settings: Settings
) -> None:
    settings.OPENAI_MODEL = "small"
    tools = [action.tool() for action in actions.list_actions()]
    with openai_server.running(key=KEY) as server:
        use(server.url)
        answer = await ask(shared.choose_actions(TASK, []), tools=tools)
    assert [call.name for call in read(answer).calls] == ["send_email"]
    (asked,) = server.requests
    assert asked["model"] == "small"
    assert {tool["function"]["name"] for tool in asked["tools"]} >= {"write_file", "send_email"}


async def test_the_client_waits_a_minute_for_an_answer_and_tries_twice_more(
    settings: Settings,
) -> None:
    settings.OPENAI_API_KEY = KEY
    async with make_client() as client:
        assert client.max_retries == 2
        assert client.timeout == httpx2.Timeout(60, connect=5)


async def test_a_server_that_is_busy_for_a_moment_is_asked_again(
    use: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_client, "CLIENT_RETRIES", 2)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    with openai_server.running(fail_first=2) as server:
        use(server.url)
        assert read(await ask()).problem is None
    assert len(server.requests) == 3


# ---- What an error means --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "kind", "retry", "says"),
    [
        ({"fail_first": 9}, "unavailable", True, "503"),
        ({"key": "another"}, "rejected", False, "OPENAI_API_KEY"),
        ({"refuse": True}, "refused", False, "I cannot help with that."),
        ({"cut_off": True}, "cut_off", False, "length limit"),
        ({"html": True}, "malformed", False, "OPENAI_BASE_URL"),
    ],
)
async def test_a_server_that_does_not_help_is_understood(
    use: Callable[[str], None], behaviour: dict[str, Any], kind: str, retry: bool, says: str
) -> None:
    with openai_server.running(**behaviour) as server:
        use(server.url)
        problem = await problem_when_asking()
    assert (problem.kind, problem.retry) == (kind, retry)
    assert says in problem.message
    assert KEY not in problem.message


async def test_tool_calls_whose_arguments_are_broken_are_malformed(
    use: Callable[[str], None],
) -> None:
    tools = [action.tool() for action in actions.list_actions()]
    with openai_server.running(malformed=True) as server:
        use(server.url)
        problem = await problem_when_asking(shared.choose_actions(TASK, []), tools=tools)
    assert problem.kind == "malformed"
    assert "send_email" in problem.message


async def test_a_server_that_hangs_is_unavailable(
    use: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_client, "ANSWER_SECONDS", 0.2)
    with openai_server.running(hang=True) as server:
        use(server.url)
        problem = await problem_when_asking()
    assert (problem.kind, problem.retry) == ("unavailable", True)
    assert "in time" in problem.message


async def test_a_server_that_is_not_there_is_unavailable(use: Callable[[str], None]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        use(f"http://user:secret@{place}/v1")
        problem = await problem_when_asking()
    assert (problem.kind, problem.retry) == ("unavailable", True)
    assert place in problem.message
    assert "secret" not in problem.message


def status_error(status: int, message: str = "no", code: str | None = None) -> Exception:
    import openai

    response = httpx2.Response(status, request=httpx2.Request("POST", "http://x/v1"))
    body = {"message": message, "code": code}
    return openai.APIStatusError(f"Error code: {status}", response=response, body=body)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "rejected"),
        (401, "rejected"),
        (403, "rejected"),
        (404, "rejected"),
        (408, "unavailable"),
        (409, "unavailable"),
        (422, "rejected"),
        (429, "unavailable"),
        (500, "unavailable"),
        (502, "unavailable"),
        (529, "unavailable"),
    ],
)
def test_every_status_has_its_meaning(status: int, kind: str) -> None:
    problem = classify(status_error(status))
    assert problem.kind == kind
    assert problem.retry is (kind == "unavailable")
    assert problem.message.endswith((".", "no"))


@pytest.mark.parametrize(
    ("code", "kind"),
    [("insufficient_quota", "rejected"), ("content_filter", "refused")],
)
def test_some_codes_say_more_than_the_status(code: str, kind: str) -> None:
    problem = classify(status_error(429 if kind == "rejected" else 400, code=code))
    assert (problem.kind, problem.retry) == (kind, False)


def test_a_message_of_the_server_is_shown_without_keys_and_on_one_line(
    settings: Settings,
) -> None:
    settings.OPENAI_API_KEY = "mysecret"
    said = "Bad\nkey mysecret, sk-proj-abcdef123, Bearer abc " + "x" * 900
    problem = classify(status_error(400, said))
    assert "\n" not in problem.message
    assert len(problem.message) < 500
    for secret in ("mysecret", "sk-proj", "Bearer abc"):
        assert secret not in problem.message


def test_other_exceptions_are_told_apart() -> None:
    known = Problem("refused", False, "No.")
    assert classify(ModelError(known)) is known
    assert classify(TimeoutError()).retry
    assert classify(ConnectionResetError()).retry
    assert classify(json.JSONDecodeError("x", "y", 0)).kind == "malformed"
    assert classify(RuntimeError("a bug")).message.endswith("RuntimeError: a bug")


def test_waiting_grows_to_a_minute() -> None:
    assert [backoff(attempt) for attempt in (1, 2, 3, 6, 7, 99)] == [1, 2, 4, 32, 60, 60]


# ---- Reading answers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": ["text"]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": None, "tool_calls": None}}]},
        {"choices": [{"message": {"content": [{"type": "image"}], "tool_calls": {}}}]},
        {"choices": [{"message": {"content": " \n"}}]},
    ],
)
def test_an_answer_with_nothing_in_it_is_malformed(answer: dict[str, Any]) -> None:
    problem = read(answer).problem
    assert problem is not None
    assert problem.kind == "malformed"
    assert read(answer).text.strip() == ""
    assert read(answer).calls == ()


def test_what_is_no_completion_at_all_is_malformed() -> None:
    with pytest.raises(ModelError) as raised:
        as_dict("<html>")
    assert raised.value.problem.kind == "malformed"


def test_tool_calls_keep_their_order_and_need_a_name() -> None:
    answer = completion("", [("a", {"n": 1}), ("b", "{}"), ("c", "not json")])
    message = answer["choices"][0]["message"]
    message["tool_calls"].insert(1, {"id": "x", "function": {"arguments": "{}"}})
    message["tool_calls"].append({"function": {"name": "d", "arguments": {"n": 2}}})
    calls = read(answer).calls
    assert [call.name for call in calls] == ["a", "b", "c", "d"]
    assert [call.arguments for call in calls] == [{"n": 1}, {}, None, {"n": 2}]
    assert len({call.id for call in calls}) == 4


@pytest.mark.parametrize(
    "text", ["", "[]", "3", "null", '{"a": 1, "a": 2}', '{"a": NaN}', '{"a": 1', "{" * 5000]
)
def test_arguments_that_are_no_one_object_are_none(text: str) -> None:
    assert ToolCall("1", "a", text).arguments is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', {"a": 1}),
        ("{}", {}),
        ('```json\n{"a": {"b": [1, 2]}}\n```', {"a": {"b": [1, 2]}}),
        ('Here {you are}:\n\n{"a": "}"}\n\nAnything else?', {"a": "}"}),
        ('{"a": 1} as I said: {"a": 1}', {"a": 1}),
        ("", None),
        ("no", None),
        ("[1, 2]", None),
        ("{you are}", None),
        ('{"a": 1} or {"a": 2}', None),
        ('{"a": 1, "a": 2}', None),
        ('{"a": {"b": 1, "b": 2}}', None),
        ('{"a": {"b": 1}', None),
        ('{"a": Infinity}', None),
        ('{"a": 1e999}', None),
        ('{"a": 9007199254740993}', None),
        ('{"a": "\\u0000"}', None),
        ('{"a": "\\ud800"}', None),
        ('{"a":' * 2000, None),
    ],
)
def test_a_json_object_is_found_in_prose_unless_it_could_be_read_in_two_ways(
    text: str, found: object
) -> None:
    assert json_object_in(text) == found
