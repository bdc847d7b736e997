"""The difference between two revisions shows every change and takes bounded time."""

from __future__ import annotations

import html
import itertools
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.rendering.difference import MAX_LINES, Hunk, difference, find_changed_keys

LINE = st.text(st.sampled_from("ab .\u200b\u202e<&"), max_size=8)
TEXT = st.lists(LINE, max_size=12).map("\n".join)


def only(before: Any, after: Any) -> Hunk:
    [hunk] = difference({"x": before}, {"x": after})
    return hunk


def shown(hunk: Hunk) -> list[str]:
    return [f"{row.number}{row.sign} {row.html}" for row in hunk.rows]


def test_a_changed_line_shows_the_words_that_changed() -> None:
    hunk = only("Order 1042: your full refund", "Order 1042: your refund and an apology")
    assert shown(hunk) == [
        "1− Order 1042: your<del> full</del> refund",
        "1+ Order 1042: your refund<ins> and an apology</ins>",
    ]
    assert hunk.where == ""


def test_changes_that_only_a_sign_parts_are_one() -> None:
    hunk = only("costs €212.40 for all of it", "costs €14.90 for all of it")
    assert shown(hunk)[0] == "1− costs €<del>212.40</del> for all of it"


def test_lines_with_little_in_common_are_marked_whole() -> None:
    assert shown(only("one two three", "4; 5; 6")) == [
        "1− <del>one two three</del>",
        "1+ <ins>4; 5; 6</ins>",
    ]


def test_a_hunk_has_three_lines_around_a_change_and_says_where_it_is() -> None:
    old = [f"line {i}" for i in range(1, 31)]
    new = [*old[:9], "line ten", *old[10:]]
    hunk = only("\n".join(old), "\n".join(new))
    assert hunk.where == "lines 7 to 13"
    assert [row.number for row in hunk.rows] == [7, 8, 9, 10, 10, 11, 12, 13]
    assert [row.kind for row in hunk.rows] == ["same"] * 3 + ["del", "ins"] + ["same"] * 3


def test_distant_changes_are_hunks_of_their_own() -> None:
    old = [f"line {i}" for i in range(40)]
    new = ["first", *old[1:-1], "last"]
    hunks = difference({"x": "\n".join(old)}, {"x": "\n".join(new)})
    assert [hunk.where for hunk in hunks] == ["lines 1 to 4", "lines 37 to 40"]


def test_arguments_that_come_and_go_are_named() -> None:
    hunks = difference({"gone": 1, "same": 2}, {"same": 2, "new": None})
    assert [(str(hunk.name), hunk.where) for hunk in hunks] == [
        ("gone", "removed"),
        ("new", "added"),
    ]
    assert find_changed_keys({"gone": 1, "same": 2}, {"same": 2, "new": None}) == ["gone", "new"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (3, "3"),
        (1, True),
        (0, False),
        (1, 1.5),
        (None, "null"),
        ("true", True),
        ([], "[]"),
        (["1"], [1]),
        ({"a": 1}, {"a": "1"}),
        ("a", ["a"]),
    ],
)
def test_values_of_another_type_never_look_the_same(before: Any, after: Any) -> None:
    rows = only(before, after).rows
    old = "\n".join(row.html for row in rows if row.kind != "ins")
    new = "\n".join(row.html for row in rows if row.kind != "del")
    assert re.sub("</?(del|ins)>", "", old) != re.sub("</?(del|ins)>", "", new)


def test_equal_arguments_have_no_difference() -> None:
    assert difference({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}) == []


def test_a_change_of_hidden_characters_only_is_shown() -> None:
    hunk = only("pay now", "pay\u200b now")
    assert "U+200B" in hunk.rows[1].html


def test_markup_in_an_argument_or_its_name_stays_text() -> None:
    [hunk] = difference({"<b>": "<i>"}, {"<b>": "<i>x"})
    assert hunk.name == "&lt;b&gt;"
    assert all("<i>" not in row.html for row in hunk.rows)


@given(TEXT, TEXT)
def test_both_texts_can_be_read_off_the_rows(before: str, after: str) -> None:
    hunks = difference({"x": before}, {"x": after})
    old, new = before.split("\n"), after.split("\n")
    for hunk in hunks:
        for row in hunk.rows:
            lines = old if row.kind == "del" else new
            plain = re.sub("</?(?:del|ins)>", "", row.html)
            assert html.unescape(re.sub(BOX, unboxed, plain)) == lines[row.number - 1]
    gone = {row.number for hunk in hunks for row in hunk.rows if row.kind == "del"}
    come = {row.number for hunk in hunks for row in hunk.rows if row.kind == "ins"}
    kept = [line for n, line in enumerate(old, 1) if n not in gone]
    assert kept == [line for n, line in enumerate(new, 1) if n not in come]


BOX = r"<span[^>]*>([^<]*)</span>"


def unboxed(box: re.Match[str]) -> str:
    numbers = re.findall(r"U\+([0-9A-F]+)(?: RLO)?(?: ×(\d+))?", box[1])
    return "".join(chr(int(code, 16)) * int(times or 1) for code, times in numbers)


def test_above_the_limit_before_and_after_stand_whole() -> None:
    old, new = ["x"] * (MAX_LINES + 1), ["y"] * 3
    hunk = only("\n".join(old), "\n".join(new))
    assert [row.kind for row in hunk.rows] == ["del"] * (MAX_LINES + 1) + ["ins"] * 3


def lines(count: int, alphabet: str, length: int, seed: int) -> str:
    """Lines that look drawn by lot and are the same in every test run."""
    size = len(alphabet)
    signs = (alphabet[(i * i + 7 * i * seed + i // 3) % 101 % size] for i in itertools.count())
    return "\n".join("".join(itertools.islice(signs, length)) for _ in range(count))


@pytest.mark.parametrize(
    ("count", "alphabet", "length"),
    [(MAX_LINES, "ab", 3), (MAX_LINES, "a b.", 100), (MAX_LINES, " .", 390), (30_000, "x ", 8)],
    ids=["frequent lines", "many words", "many tokens", "many lines"],
)
def test_bad_input_does_not_take_long(count: int, alphabet: str, length: int) -> None:
    before, after = lines(count, alphabet, length, 1), lines(count, alphabet, length, 2)
    began = time.process_time()
    difference({"x": before}, {"x": after})
    assert time.process_time() - began < 5
