"""Cards: the fragments that one change of a subject redraws, the same for everybody.

A fragment is rendered without a request: it says the same to everybody and holds no form.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from pages.rendering.hidden_characters import is_hidden


@dataclass(frozen=True)
class Card:
    """`row` and `page` map element ids to HTML; empty where nobody has such a list or page open."""

    subject: str
    facts: Mapping[str, Any]  # what the script has to know: row, lists, open, label
    row: Mapping[str, str]
    page: Mapping[str, str]


@dataclass(frozen=True)
class Subjects:
    """What has changed, as a kind looks for its rows that look different because of it."""

    moved: Collection[int | None]  # runs that came into another state
    runs: Collection[int]  # runs of which anything changed
    own: Collection[int]  # rows of this kind that changed themselves
    open_pages: Collection[int]  # rows of this kind whose own page is open somewhere


Touched = tuple[int, list[str]]  # a row's key, and the subjects whose change it shows


def _touch_nothing(changed: Subjects) -> Iterable[Touched]:
    return ()


@dataclass(frozen=True)
class Kind:
    """How to find and draw the rows of one table, and who gets them.

    After an event of the kinds in `wide` a figure in everybody's menu is another one, so that
    every page is told; after others only pages with one of `lists`. `beside` draws what else
    stands on such a page and is the same for everybody. `touched` finds the rows that look
    different because something else has changed, such as the run that asked.
    """

    needs: str  # the permission of those who may see it
    lists: frozenset[str]
    wide: frozenset[str]
    load: Callable[[Iterable[int]], Mapping[int, Any]]
    draw: Callable[[Any, bool, bool], Card]  # with its row, with its page
    counts: Callable[[], Mapping[str, Any]]
    beside: Callable[[], Mapping[str, str]] = dict
    touched: Callable[[Subjects], Iterable[Touched]] = _touch_nothing


def fragments(
    folder: str, ids: Mapping[str, str], context: Mapping[str, Any], wanted: bool = True
) -> dict[str, str]:
    """Fragments of a folder by the ids of their elements, if wanted; without what is empty.

    An open request has no outcome, say: its page has a form there.
    """
    if not wanted:
        return {}
    drawn = {
        id: render_to_string(f"{folder}/_{name}.html", {**context}) for name, id in ids.items()
    }
    return {id: html for id, html in drawn.items() if html.strip()}


def plain(text: str) -> str:
    """A name for a line of plain text; what hides in it is shown as an unknown character."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if is_hidden(c) or c in "\n\t" else c for c in text)
