"""Whoever writes what, reading it costs a bounded time: everything that takes texts apart or draws them.

Each reader gets a long text of each nasty kind. What is linear needs a fraction of a second for it;
what grows with the square would need minutes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest

from dashboard.live import consumers
from escalations.knowledge import words
from hitl_agents.actions import egress
from hitl_agents.demo import model, tasks
from hitl_agents.demo.revision import revised
from ledger import canonical
from ledger.errors import BadInput
from ledger.log import wake
from pages.rendering import arguments, json_tree, markdown
from pages.rendering.difference import difference
from pages.rendering.marks import mark
from plans.versions.difference import split_words
from reviews import contents
from reviews.models import OutputType
from reviews.pages import outputs

SIZE = 150_000  # characters
BOUND = 4.0  # seconds of CPU, many times what a linear reader needs on a slow machine

NASTY = {
    "brackets": "[",
    "links": "[a](",
    "images": "![",
    "line ends": "\n",
    "Windows' line ends": "\r\n",
    "blanks": " ",
    "tabs": "\t",
    "quotes": "“",
    "stars": "*a **",
    "pipes": "|a",
    "backticks": "`a ``",
    "angles": "<",
    "comments": "<!--",
    "entities": "&#",
    "numbers": "1. ",
    "digits": "9",
    "backslashes": "\\",
    "letters": "a",
    "dots": "a.",
    "addresses": "a@",
    "links shown": "http://a.b:1:",
    "hidden": "a\u200b",
    "joiners": "\u200d",
    "flags": "\U0001f3f4\U000e0067",
    "look-alikes": "aа ",
    "accents": "e\u0301",
    "verbs": "save order ",
    "JSON": '{"a":',
    "definitions": "[a]: b\n",
}


def render(text: str) -> object:
    """What the worker does with Markdown, without its budget."""
    html = None if markdown.problem(text) else markdown.render(text)
    return html and markdown.unseen(text, html)


def look(text: str) -> object:
    """What decides how an output is shown."""
    return outputs.choose_rendering(text, OutputType(name="x", rendering="auto"))


def compare(text: str) -> object:
    """The difference of a text, its lines and its words, to itself turned round."""
    return difference({"x": text, "y": text[:300]}, {"x": text[::-1], "y": text[300::-1]})


def complete(text: str) -> object:
    """The demo model, asked with that text."""
    return model.serve(
        "POST",
        "/chat/completions",
        json.dumps({"messages": [{"role": "user", "content": text}]}).encode(),
    )


def parse(text: str) -> object:
    return canonical.parse(text)


def target(text: str) -> object:
    return egress.target(f"https://{text}"[:4000])


READERS: dict[str, Callable[[str], object]] = {
    "Markdown": render,
    "the look of an output": look,
    "boxes": lambda text: mark(text, hosts=True),
    "arguments": lambda text: arguments.rows({"a": text, text[:200]: [text]}),
    "difference": compare,
    "JSON of arguments": parse,
    "JSON of an output": contents.parse,
    "JSON as a tree": lambda text: json_tree.tree([text] * 2),
    "words of a search": words.find_telling,
    "words of a step": split_words,
    "a hint of the log": wake.parse_decided,
    "a URL": target,
    "the address of a socket": lambda text: consumers.parse_query(text.encode()),
    "the demo model": complete,
    "a task": lambda text: tasks.calls(text, {"write_file", "send_email", "http_request"}),
    "feedback": lambda text: revised({"to": "a@b.c", "subject": text, "body": text}, text),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS.keys())
def test_every_reader_is_done_soon_with_every_nasty_text(reader: Callable[[str], object]) -> None:
    slow = {
        name: seconds for name, piece in NASTY.items() if (seconds := _time(reader, piece)) > BOUND
    }
    assert slow == {}


def _time(reader: Callable[[str], object], piece: str) -> float:
    began = process_time()
    with contextlib.suppress(ValueError, BadInput):  # refused, which is an answer
        reader(piece * (SIZE // len(piece)))
    return process_time() - began


# ---- What grew faster than its text


def test_two_texts_of_which_every_second_word_is_the_same_are_compared_soon() -> None:
    old, new = ("\n".join(["".join(f"{sign}{n}," for n in range(200))] * 50) for sign in "uv")
    began = process_time()
    difference({"x": old}, {"x": new})
    assert process_time() - began < BOUND


def test_many_names_of_which_one_stands_twice_are_read_soon() -> None:
    names = ", ".join(f'"{n}": 0' for n in range(50_000))
    began = process_time()
    with pytest.raises(BadInput, match="stands twice"):
        canonical.parse(f'{{{names}, "last": 0, "last": 1}}')
    assert process_time() - began < BOUND


def test_a_text_far_beyond_what_is_stored_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical.json, "loads", None)
    with pytest.raises(BadInput, match="longer than"):
        canonical.parse(" " * (canonical.MAX_SPARE * canonical.max_bytes() + 1))


@pytest.mark.parametrize(
    "value", [10**5000, {"x": [10**4200]}, -(10**5000)], ids=["long", "inside", "negative"]
)
def test_a_number_of_too_many_digits_is_refused_as_bad_input(value: Any) -> None:
    with pytest.raises(BadInput):
        contents.encode(value)


def test_a_number_of_four_thousand_digits_is_stored_and_read_again() -> None:
    assert json.loads(contents.encode(10**3999)) == 10**3999
