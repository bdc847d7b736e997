"""No regular expression of ours takes more than linear time, whatever is written to it.

Each is tried on long repetitions of what it is itself made of: that is what makes one try again and
again. A linear one reads such a text in a millisecond, a quadratic one in seconds.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _constants as sre  # type: ignore[attr-defined]  # what patterns are parsed into
from re import _parser  # type: ignore[attr-defined]
from time import process_time
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (
    *("ledger", "pages", "approvals", "escalations", "reviews", "plans", "figures"),
    *("hitl_agents", "dashboard", "hitl_site"),
)
SIZE = 24_000  # characters
FIRST = (22, 1_500)  # characters that are tried before: an exponential one comes to an end, too
BOUND = 0.1  # seconds of CPU: a hundred times what a linear one needs
SEARCHES = {"search", "sub", "subn", "findall", "finditer", "split"}
WHOLE = {"match", "fullmatch"}
WORDS, SIGNS = 4, 8  # pieces of one pattern; all pairs of them are tried


@dataclass(frozen=True)
class Use:
    """A pattern and how it is used; `where` is for people."""

    where: str
    pattern: re.Pattern[str]
    searches: bool


def uses() -> Iterator[Use]:
    """Every pattern of the project: those with a name, and those inside a call."""
    sources = {
        path: ast.parse(path.read_text())
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if "migrations" not in path.parts
    }
    calls = [
        call for tree in sources.values() for call in ast.walk(tree) if isinstance(call, ast.Call)
    ]
    searched = {name for call in calls if (name := _called_on(call, SEARCHES))}
    for path, tree in sources.items():
        yield from _named(path, searched)
        yield from _inside(path, tree)


def _called_on(call: ast.Call, verbs: set[str]) -> str:
    """`NAME` of a call `NAME.search(…)` or `module.NAME.search(…)`."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in verbs:
        return ""
    on = call.func.value
    return on.id if isinstance(on, ast.Name) else on.attr if isinstance(on, ast.Attribute) else ""


def _named(path: Path, searched: set[str]) -> Iterator[Use]:
    if "re.compile" not in path.read_text():
        return
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for name, value in vars(module).items():
        for number, pattern in enumerate(_patterns(value)):
            where = f"{path.relative_to(ROOT)}:{name}" + (f"[{number}]" if number else "")
            # One that has no name of its own may be used in any way.
            yield Use(where, pattern, name in searched or pattern is not value)


def _patterns(value: Any) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list | dict):
        inner = value.values() if isinstance(value, dict) else value
        yield from itertools.chain.from_iterable(map(_patterns, inner))


def _inside(path: Path, tree: ast.AST) -> Iterator[Use]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _called_on(call, SEARCHES | WHOLE) == "re":
            [pattern, *_] = call.args
            if isinstance(pattern, ast.Constant) and isinstance(pattern.value, str):
                where = f"{path.relative_to(ROOT)}:{call.lineno}"
                attribute = call.func
                assert isinstance(attribute, ast.Attribute)
                yield Use(
                    where, re.compile(pattern.value, _flags(call)), attribute.attr in SEARCHES
                )


def _flags(call: ast.Call) -> int:
    names = {each.attr for each in ast.walk(call) if isinstance(each, ast.Attribute)}
    flags = re.NOFLAG
    for name in names & {"I", "IGNORECASE", "S", "DOTALL", "M", "MULTILINE"}:
        flags |= getattr(re, name)
    return flags


# ---- What a pattern is made of


def pieces(pattern: re.Pattern[str]) -> list[str]:
    """Characters and words of which the pattern speaks, and one of which it does not."""
    found = list(dict.fromkeys(_spoken(_parser.parse(pattern.pattern, pattern.flags))))
    singles = [each for each in found if len(each) == 1]
    words = [each for each in found if len(each) > 1]
    return [*words[:WORDS], *singles[:SIGNS], "\x01"]


def _spoken(parsed: Any) -> Iterator[str]:
    word = ""
    for operator, argument in parsed:
        if operator is sre.LITERAL:
            word += chr(argument)
            continue
        if word:
            yield word
        word = ""
        yield from _of(operator, argument)
    if word:
        yield word


KINDS = {
    sre.CATEGORY_DIGIT: "7",
    sre.CATEGORY_SPACE: " \n",
    sre.CATEGORY_WORD: "a",
    sre.CATEGORY_NOT_DIGIT: "x",
    sre.CATEGORY_NOT_SPACE: "y",
    sre.CATEGORY_NOT_WORD: "-",
}


def _of(operator: Any, argument: Any) -> Iterator[str]:
    if operator is sre.IN:
        yield from itertools.chain.from_iterable(_of(*each) for each in argument)
    elif operator is sre.RANGE:
        yield chr(argument[0])
    elif operator is sre.CATEGORY:
        yield from KINDS[argument]
    elif operator in (sre.ANY, sre.NOT_LITERAL):
        yield "z"
    else:
        yield from _inner(argument)


def _inner(argument: Any) -> Iterator[str]:
    """What stands inside groups, repetitions, branches and looks ahead."""
    if isinstance(argument, _parser.SubPattern):
        yield from _spoken(argument)
    elif isinstance(argument, tuple | list):
        yield from itertools.chain.from_iterable(map(_inner, argument))


def texts(pattern: re.Pattern[str]) -> Iterator[str]:
    """Long texts of one piece or two in turn, and of one after a beginning of another."""
    own = pieces(pattern)
    for one, other in itertools.product(own, repeat=2):
        yield (one + other) * (SIZE // len(one + other))
        yield one + other * (SIZE // len(other)) + "\x01"


def cost(use: Use, text: str) -> float:
    """Seconds of CPU, the lesser of two tries: another thread may have run in one of them."""
    read: Callable[[str], Any] = use.pattern.match
    if use.searches:
        read = lambda text: sum(1 for _ in use.pattern.finditer(text))  # noqa: E731
    least = float("inf")
    for _ in range(2):
        began = process_time()
        read(text)
        least = min(least, process_time() - began)
        if least < BOUND:
            break
    return least


def is_slow(use: Use, text: str) -> bool:
    """Whether it takes too long; first with a little of the text, which may be far too much."""
    return any(cost(use, part) >= BOUND for part in (*_little(text), text))


def _little(text: str) -> Iterator[str]:
    yield from (text[: size - 1] + text[-1] for size in FIRST)


USES = list(uses())


def test_the_patterns_of_the_project_are_found() -> None:
    names = {use.where.rpartition("/")[2] for use in USES}
    assert {"outputs.py:LOOKS_MARKED", "markdown.py:NUMBERING", "hosts.py:PLAIN"} <= names
    assert len(USES) > 60


@pytest.mark.parametrize("use", USES, ids=lambda use: use.where)
def test_a_pattern_reads_what_repeats_its_own_pieces_in_linear_time(use: Use) -> None:
    slow = next((text for text in texts(use.pattern) if is_slow(use, text)), None)
    assert slow is None, f"{use.pattern.pattern!r} is slow on {slow[:60]!r}…"


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(?:#{1,6} |[-*+] )|\[[^\]\n]+\]\(|\*\*\S",  # that of outputs, as it was
        r"(?m)^[\s>]*\d{1,9}[.)](?=\s)",  # that of Markdown's numbers, as it was
        r"a*b",
        r"(?:a+b?)+c?\d",
        r"/\*.*?\*/",
    ],
)
def test_a_pattern_that_grows_faster_is_noticed(pattern: str) -> None:
    use = Use("", re.compile(pattern), searches=True)
    assert any(is_slow(use, text) for text in texts(use.pattern))
