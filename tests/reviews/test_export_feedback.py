"""export_feedback: lines that a strict parser takes, and that match what people decided."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from reviews import services
from reviews.models import ReviewItem
from tests.support import people
from tests.support.reviewing import added, output_type

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def rita() -> None:
    people.rita()


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), "a key stands twice"
    return dict(pairs)


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def exported(*options: str) -> tuple[list[Any], str]:
    """The lines, read by a strict parser, and what was said beside them."""
    out, err = io.StringIO(), io.StringIO()
    call_command("export_feedback", *options, stdout=out, stderr=err)
    text = out.getvalue()
    assert text.isascii()
    assert not text or text.endswith("\n")
    lines = [
        json.loads(line, object_pairs_hook=unique, parse_constant=no_constant)
        for line in text.splitlines()
    ]
    return lines, err.getvalue()


def made(content: Any, task: str = "Write", **more: Any) -> ReviewItem:
    return added(content=content, context={"task": task}, **more)


def said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def test_a_chat_is_the_task_and_what_may_be_used() -> None:
    services.approve(made("Good.", "Write A").pk, by="rita")
    services.correct(made("Bad.", "Write B").pk, by="rita", content="Better.")
    services.reject(made("Awful.", "Write C").pk, by="rita", feedback="No.")
    made("Pending.", "Write D")
    assert exported()[0] == [
        {"messages": [{"role": "user", "content": "Write A"}, *said("Good.")]},
        {"messages": [{"role": "user", "content": "Write B"}, *said("Better.")]},
    ]


def test_pairs_are_corrections_and_rejected_tries_before_what_was_let_through() -> None:
    services.correct(made("Bad.", "Write A").pk, by="rita", content="Better.")
    first = services.reject(made("One.", "Write B").pk, by="rita", feedback="No.")
    second = made("Two.", "Write B", previous=first)
    services.reject(second.pk, by="rita", feedback="No.")
    third = made("Three.", "Write B", previous=services.find_by_id(second.pk))
    services.approve(third.pk, by="rita")
    services.approve(made("Alone.", "Write C").pk, by="rita")
    pairs = [
        (
            line["input"]["messages"][0]["content"],
            line["preferred_output"],
            line["non_preferred_output"],
        )
        for line in exported("--format", "pairs")[0]
    ]
    assert pairs == [
        ("Write A", said("Better."), said("Bad.")),
        ("Write B", said("Three."), said("Two.")),
        ("Write B", said("Three."), said("One.")),
    ]


def test_a_pair_of_equal_texts_is_left_out_and_counted() -> None:
    first = services.reject(made("Same.").pk, by="rita", feedback="Too early.")
    second = services.reject(made("Other.", previous=first).pk, by="rita", feedback="No.")
    services.approve(made("Same.", previous=second).pk, by="rita")
    lines, words = exported("--format", "pairs")
    assert [line["non_preferred_output"] for line in lines] == [said("Other.")]
    assert "1 of 1 outputs, 1 lines. 1 pairs left out: their texts are equal." in words


def test_what_nobody_reviewed_teaches_nothing() -> None:
    output_type(share=0)
    made("Released.")
    assert exported()[0] == []


@pytest.mark.parametrize("text", ["a\nb", "\u2028\u2029\x85", "“é” \U0001f600", '"\\', "\ufeff"])
def test_no_character_breaks_a_line(text: str) -> None:
    services.approve(made(text).pk, by="rita")
    assert exported()[0][0]["messages"][1]["content"] == text


def test_an_output_that_is_no_text_is_written_as_json() -> None:
    services.approve(made({"a": [1]}).pk, by="rita")
    assert json.loads(exported()[0][0]["messages"][1]["content"]) == {"a": [1]}


def test_it_filters_by_agent_type_and_day() -> None:
    old = services.approve(made("old", agent_id="a", output_type="letter").pk, by="rita")
    then = datetime(2026, 3, 4, 23, 59, tzinfo=UTC)
    ReviewItem.objects.filter(pk=old.pk).update(resolved_at=then)
    services.approve(made("new", agent_id="b", output_type="code").pk, by="rita")

    def texts(*options: str) -> list[str]:
        return [line["messages"][1]["content"] for line in exported(*options)[0]]

    assert texts("--agent", "a") == ["old"]
    assert texts("--type", "code") == ["new"]
    assert texts("--until", "2026-03-04") == ["old"]
    assert texts("--until", "2026-03-03") == []
    assert texts("--since", "2026-03-05") == ["new"]
    assert texts("--since", "2026-03-04", "--until", "2026-03-04") == ["old"]
    assert texts("--agent", "nobody") == []


def test_what_has_no_task_is_left_out_and_counted() -> None:
    services.approve(added(context=None).pk, by="rita")
    services.approve(made("Good.").pk, by="rita")
    lines, words = exported()
    assert len(lines) == 1
    assert "2 of 2 outputs, 1 lines. 1 left out: their context names no task." in words


def test_it_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.management.commands.export_feedback.EVERY", 0.0)
    for n in range(3):
        services.approve(made(f"text {n}").pk, by="rita")
    words = exported()[1]
    assert "1 of 3 outputs" in words
    assert words.rstrip().endswith("3 of 3 outputs, 3 lines. Done.")


def test_it_writes_to_a_file(tmp_path: Path) -> None:
    services.approve(made("Good.").pk, by="rita")
    target = tmp_path / "feedback.jsonl"
    lines, _ = exported("--output", str(target))
    assert lines == []
    assert json.loads(target.read_text())["messages"][1]["content"] == "Good."


@pytest.mark.parametrize(
    "options",
    [
        ["--since", "yesterday"],
        ["--until", "2026-13-01"],
        ["--since", "2026-03-05", "--until", "2026-03-04"],
        ["--output", "/does/not/exist/x.jsonl"],
    ],
)
def test_a_bad_call_ends_with_2_and_a_sentence(options: list[str]) -> None:
    with pytest.raises(CommandError) as raised:
        exported(*options)
    assert raised.value.returncode == 2
    assert options[0] in str(raised.value)


def test_days_in_the_future_find_nothing() -> None:
    services.approve(made("Good.").pk, by="rita")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    assert exported("--since", tomorrow)[0] == []
