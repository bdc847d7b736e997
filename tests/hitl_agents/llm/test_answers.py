"""A server's answer taken apart: its words, its reasoning, its calls, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from hitl_agents.llm.answers import AS_TEXT, Answer, read
from hitl_agents.llm.chat import ModelError, answered, classify
from tests.support.doubling import growth

TOOLS: list[dict[str, Any]] = [
    {
        "type": "function",
        "function": {
            "name": "send_email",
            "parameters": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "copies": {"type": "integer"}},
            },
        },
    }
]
ARGUMENTS = {"to": "ana@example.org"}
JSON = json.dumps({"name": "send_email", "arguments": ARGUMENTS})
LETTER = json.dumps(ARGUMENTS)


def said(content: object, **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content, **more}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


def taken(content: object, **more: Any) -> Answer:
    return read(said(content, **more), TOOLS)


# ---- Words and reasoning


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hello.", "Hello."),
        (["Hel", "lo."], "Hello."),
        ([{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}], "Hello."),
        ([{"type": "output_text", "text": "Hello."}], "Hello."),
        ([{"type": "image_url", "image_url": {}}, {"type": "text", "text": "Hi"}], "Hi"),
        ({"type": "text", "text": "Hello."}, "Hello."),
        (42, "42"),
        ({"a": 1}, '{"a": 1}'),
        (None, ""),
        (True, ""),
        ([], ""),
    ],
)
def test_the_words_are_found_in_whatever_form_they_come(content: object, text: str) -> None:
    assert taken(content).text == text


@pytest.mark.parametrize(
    ("content", "text", "reasoning"),
    [
        ("<think>a</think>b", "b", "a"),
        ("<think>a</think>\n\nb\n", "b", "a"),
        ("<Thinking>a</Thinking>b", "b", "a"),
        ("<thought>a</thought>b", "b", "a"),
        ("<reasoning>a</reasoning>b", "b", "a"),
        ("<seed:think>a</seed:think>b", "b", "a"),
        ("[THINK]a[/THINK]b", "b", "a"),
        ("◁think▷a◁/think▷b", "b", "a"),
        ("<|begin_of_thought|>a<|end_of_thought|>b", "b", "a"),
        ("a</think>b", "b", "a"),
        ("<think>a", "", "a"),
        ("b<think>a</think>c<think>d", "bc", "a\nd"),
        ("<think>a<think>b</think>c</think>d", "d", "a\nb\nc"),
        ("<think></think>b", "b", ""),
        ("Use `<think>` for that.", "Use `<think>` for that.", ""),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2", ""),
        (
            "<|channel|>analysis<|message|>a<|end|>"
            "<|start|>assistant<|channel|>final<|message|>b<|return|>",
            "b",
            "a",
        ),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "a"}]},
                {"type": "text", "text": "b"},
            ],
            "b",
            "a",
        ),
    ],
)
def test_reasoning_is_split_off_once(content: object, text: str, reasoning: str) -> None:
    answer = taken(content)
    assert (answer.text, answer.reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    "field",
    [
        {"reasoning_content": "a"},
        {"reasoning": "a"},
        {"thinking": "a"},
        {"reasoning": "a", "reasoning_content": "a"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "a"}]},
    ],
)
def test_reasoning_in_a_field_of_its_own_is_kept(field: dict[str, Any]) -> None:
    answer = taken("b", **field)
    assert (answer.text, answer.reasoning) == ("b", "a")
    assert answer.message == said("b", **field)["choices"][0]["message"]


def test_an_answer_of_nothing_but_reasoning_says_so() -> None:
    problem = taken(None, reasoning_content="Hm.").problem
    assert problem is not None
    assert "nothing in it but its reasoning" in problem.message


# ---- Calls as text

WRITTEN = [
    f"<tool_call>\n{JSON}\n</tool_call>",
    f"<tool_call>{JSON}",
    f"I write to Ana.\n<tool_call>{JSON}</tool_call>",
    f"<think>Hm.</think><tool_call>{JSON}</tool_call>",
    f"<tools_are_good>\n```json\n{JSON}\n```",
    f"```json\n{JSON}\n```",
    f"```\n{JSON}\n```",
    f"```tool_call\n{JSON}\n```",
    JSON,
    f"[{JSON}]",
    f"[TOOL_CALLS][{JSON}]",
    f"[TOOL_CALLS]send_email{LETTER}",
    f"[TOOL_CALLS]send_email[ARGS]{LETTER}",
    f"<|tool_call|>[{JSON}]<|/tool_call|>",
    f"<|action_start|><|plugin|>{JSON}<|action_end|>",
    f"<|python_tag|>{JSON}<|eom_id|>",
    f"<function=send_email>{LETTER}</function>",
    "<function=send_email>\n<parameter=to>\nana@example.org\n</parameter>\n</function>",
    "<tool_call>\n<function=send_email>\n<parameter=to>\nana@example.org\n</parameter>\n"
    "</function>\n</tool_call>",
    '<function_calls><invoke name="send_email"><parameter name="to">ana@example.org</parameter>'
    "</invoke></function_calls>",
    "<tool_call>send_email\n<arg_key>to</arg_key>\n<arg_value>ana@example.org</arg_value>\n"
    "</tool_call>",
    '[send_email(to="ana@example.org")]',
    'send_email(to="ana@example.org")',
    '<|python_tag|>send_email.call(to="ana@example.org")',
    '```tool_code\nprint(send_email(to="ana@example.org"))\n```',
    f"<|channel|>commentary to=functions.send_email <|constrain|>json<|message|>{LETTER}<|call|>",
    f"<|start|>assistant to=functions.send_email<|channel|>commentary<|message|>{LETTER}<|call|>",
    f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>send_email\n```json\n{LETTER}\n"
    "```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>send_email<｜tool▁sep｜>{LETTER}<｜tool▁call▁end｜>",
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.send_email:0"
    f"<|tool_call_argument_begin|>{LETTER}<|tool_call_end|><|tool_calls_section_end|>",
    json.dumps({"name": "send_email", "parameters": ARGUMENTS}),
    json.dumps({"type": "function", "function": {"name": "send_email", "arguments": LETTER}}),
]  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_a_call_that_stands_in_the_text_is_read(text: str) -> None:
    answer = taken(text)
    assert [(call.name, call.arguments) for call in answer.calls] == [("send_email", ARGUMENTS)]
    assert answer.in_text
    assert answer.problem is None


def test_several_calls_and_values_that_are_no_texts_are_read() -> None:
    one = (
        "<tool_call><function=send_email><parameter=to>a</parameter><parameter=copies>2</parameter>"
    )
    both = taken(f"{one}</function></tool_call>\n{one}</function></tool_call>").calls
    assert [call.arguments for call in both] == [{"to": "a", "copies": 2}] * 2


@pytest.mark.parametrize(
    "text",
    [
        "<tool_call>{broken</tool_call>",
        f"<tool_call>{JSON}</tool_call> and so it was sent.",
        '<tool_call>{"name": "rm", "arguments": {}}</tool_call>',
        '<tool_call>{"name": "send_email"}</tool_call>',
        '<tool_call>{"name": "send_email", "arguments": {"to": "a", "to": "b"}}</tool_call>',
        "<function=send_email><parameter=to>ana",
        'send_email("ana@example.org")',
        "send_email(to=open('/etc/passwd').read())",
        "[TOOL_CALLS]",
        f"```json\n{JSON}\n```\nShall I?",
    ],
)
def test_a_call_that_cannot_be_read_beyond_doubt_is_said_to_be_one(text: str) -> None:
    answer = taken(text)
    assert answer.calls == ()
    assert answer.problem is not None
    assert answer.problem.message == AS_TEXT
    assert answer.text == text


@pytest.mark.parametrize(
    "text",
    [
        "I wrote a letter.",
        "Use `<tool_call>` for that.",
        '```json\n{"a": 1}\n```',
        "send_email is a tool.",
        '{"name": "Ana", "arguments": {}}',
        f"The letter said: {JSON}",
        "",
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    answer = taken(text)
    assert (answer.text, answer.calls, answer.unread_call) == (text, (), False)


def test_without_tools_nothing_is_a_call() -> None:
    assert read(said(JSON)).text == JSON


def test_calls_in_their_own_field_come_first() -> None:
    function = {"name": "send_email", "arguments": "{}"}
    answer = taken(JSON, tool_calls=[{"id": "1", "type": "function", "function": function}])
    assert ([call.id for call in answer.calls], answer.text) == (["1"], JSON)


@given(st.text(), st.text())
def test_no_text_makes_the_reader_crash(before: str, after: str) -> None:
    for mark in (
        "<tool_call>",
        "[TOOL_CALLS]",
        "<function=send_email>",
        "send_email(",
        "```json\n",
    ):
        taken(f"{before}{mark}{after}")


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "<tool_call>",
            "[TOOL_CALLS]",
            "send_email(",
            "```json\n",
            "<think>",
            "</think>",
            "[",
            "{",
        ),
        *(
            JSON,
            "<|channel|>",
            "<arg_key>",
            "<parameter=a>",
            "<function=send_email>",
            "a",
            " ",
            "<",
        ),
        *("<|channel|>final<|message|>", "<｜tool▁call▁begin｜>", "\n", "functions.", "`"),
    ],
)
def test_the_time_to_read_grows_with_the_length(piece: str) -> None:
    def reader(text: str) -> None:
        taken(text)
        taken(f"<tool_call>{text}")
        taken(f"<tool_call><function=send_email><parameter=to>{text}")

    assert growth(reader, piece) < 3


# ---- Errors


@pytest.mark.parametrize(
    ("completion", "kind", "says"),
    [
        ({"error": {"message": "Slow down", "code": 429}}, "unavailable", "Slow down"),
        ({"error": {"message": "Slow down", "code": "429"}}, "unavailable", "Slow down"),
        ({"error": {"message": "Busy", "code": "rate_limit_exceeded"}}, "unavailable", "Busy"),
        ({"error": {"message": "Full", "type": "overloaded_error"}}, "unavailable", "Full"),
        ({"error": {"message": "Gone", "status": "UNAVAILABLE"}}, "unavailable", "Gone"),
        ({"error": {"message": "No", "code": 400}}, "rejected", "No"),
        ({"error": {"message": "No", "type": "invalid_request_error"}}, "rejected", "No"),
        ({"error": {"message": "Key", "code": "invalid_api_key"}}, "rejected", "OPENAI_API_KEY"),
        ({"error": {"message": "Paid", "code": "insufficient_quota"}}, "rejected", "billing"),
        ({"error": {"message": "Bad", "code": "content_filter"}}, "refused", "Bad"),
        ({"error": "Out of memory"}, "unavailable", "Out of memory"),
        ({"error": ["Out of memory"]}, "unavailable", "Out of memory"),
        ({"object": "chat.completion", "choices": None}, "unavailable", "no choices"),
        ({"choices": [{"error": {"code": 502, "message": "Bad"}}]}, "unavailable", "Bad"),
        ({"choices": [{"finish_reason": "error", "message": {}}]}, "unavailable", "broke off"),
    ],
)
def test_an_error_with_status_200_is_read_as_the_error_it_is(
    completion: dict[str, Any], kind: str, says: str
) -> None:
    problem = read(completion).problem
    assert problem is not None
    assert (problem.kind, problem.retry) == (kind, kind == "unavailable")
    assert says in problem.message
    with pytest.raises(ModelError, match=says):
        answered(completion)


def status_error(status: int, content: bytes) -> openai.APIStatusError:
    """What the client makes of a response with that body."""
    request = httpx2.Request("POST", "http://model.invalid/v1/chat/completions")
    response = httpx2.Response(status, request=request, content=content)
    return openai.OpenAI(api_key="x")._make_status_error_from_response(response)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "No such parameter"}},
        {"error": "No such parameter"},
        {"error": {"errors": [{"message": "No such parameter"}]}},
        {"message": "No such parameter"},
        {"detail": "No such parameter"},
        {"detail": [{"loc": ["body", "x"], "msg": "No such parameter"}]},
        {"object": "error", "message": "No such parameter"},
        [{"error": {"message": "No such parameter"}}],
        ["No such parameter"],
        "No such parameter",
        "<html><head><style>b {}</style></head><body><h1>No such&nbsp;parameter</h1></body></html>",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_the_servers_words_are_shown_in_whatever_form_they_come(status: int, body: object) -> None:
    text = body if isinstance(body, str) and body.startswith("<") else json.dumps(body)
    message = classify(status_error(status, text.encode())).message
    assert "No such parameter" in message.replace("\xa0", " ")
    assert "<" not in message


def test_the_key_is_never_shown_however_long_the_servers_words_are(settings: Settings) -> None:
    settings.OPENAI_API_KEY = "geheim-0123456789"
    for before in (0, 280, 3990):
        body = json.dumps({"error": {"message": " x" * (before // 2) + settings.OPENAI_API_KEY}})
        assert "geheim" not in classify(status_error(400, body.encode())).message
