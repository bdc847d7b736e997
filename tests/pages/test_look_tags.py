"""The look's tags: each says its thing in a word, leaves nothing out and escapes everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django import forms
from django.template import Context, Template

from approvals.models import ApprovalStatus
from ledger.models import EntryStatus, RunStatus
from ledger.risk import RiskLevel
from pages.rendering.arguments import rows
from pages.rendering.durations import format_elapsed, format_precise, format_remaining
from pages.templatetags.look import STATUSES
from tests.support.markup import as_shown

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def render(source: str, **context: Any) -> str:
    return Template("{% load look %}" + source).render(Context(context))


# ---- Small marks


@pytest.mark.parametrize("level", RiskLevel)
def test_a_risk_has_its_meter_and_its_word(level: RiskLevel) -> None:
    marked = render("{% risk level %}", level=level)
    assert f'class="risk is-{level.value}"' in marked
    assert f"#risk-{level.rank}" in marked
    assert f"{level.value.capitalize()}<span" in marked


def test_an_unknown_risk_is_plain_text() -> None:
    assert render("{% risk level %}", level="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize("value", [*ApprovalStatus, *RunStatus, *EntryStatus, "expired"])
def test_every_status_has_a_class_an_icon_and_a_word(value: str) -> None:
    assert str(value) in STATUSES
    kind, icon, word = STATUSES[str(value)]
    marked = render("{% status value %}", value=value)
    assert marked.startswith(f'<span class="status is-{kind}">')
    assert f"#{icon}" in marked
    assert marked.endswith(f"{word}</span>")


def test_a_status_can_be_said_more_exactly() -> None:
    assert "Approved by rule</span>" in render('{% status "approved" "Approved by rule" %}')
    assert render("{{ value|status_class }}", value="in_doubt") == "is-doubt"


def test_a_digest_shows_its_beginning_and_has_the_whole_in_its_title() -> None:
    marked = render("{% digest value %}", value="9c1f04a27be3d1c0")
    assert marked == '<code title="sha256 9c1f04a27be3d1c0">9c1f 04a2 7be3</code>'


# ---- Times


@pytest.mark.parametrize(
    ("seconds", "word"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (7800, "2 h 10 min"),
        (90000, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_how_long_ago_in_words(seconds: float, word: str) -> None:
    assert format_elapsed(seconds) == word


@pytest.mark.parametrize(
    ("seconds", "word"),
    [(0.2, "0:01"), (221, "3:41"), (1552, "25:52"), (3599, "59:59"), (3600, "1 h 0 min")],
)
def test_time_left_counts_seconds_under_an_hour(seconds: float, word: str) -> None:
    assert format_remaining(seconds) == word


@pytest.mark.parametrize(
    ("seconds", "word"), [(0.31, "0.3 s"), (51, "51 s"), (242, "4 min 02 s"), (4000, "1 h 6 min")]
)
def test_how_long_a_step_took(seconds: float, word: str) -> None:
    assert format_precise(seconds) == word
    assert render("{{ value|duration }}", value=timedelta(seconds=seconds)) == word


def test_a_moment_is_utc_and_says_so_in_its_title() -> None:
    vienna = NOON - timedelta(hours=1, seconds=58)
    marked = render("{% moment at %}", at=vienna)
    assert 'datetime="2026-11-23T10:59:02+00:00"' in marked
    assert 'title="23 Nov 2026, 10:59:02 UTC"' in marked
    assert marked.endswith(">10:59:02</time>")
    assert render("{% moment at %}", at=NOON - timedelta(days=2)).endswith(">21 Nov, 12:00</time>")
    assert render("{% moment at 'date' %}", at=NOON).endswith(">23 Nov 2026, 12:00</time>")
    assert render("{% moment at 'ago' %}", at=vienna).endswith(">1 h 0 min ago</time>")
    assert render("{% moment at %}", at=None) == ""


@pytest.mark.parametrize(
    ("seconds", "kind", "word"),
    [(1552, "due", "25:52"), (221, "due is-soon", "3:41"), (-8, "due is-late", "passed 8 s ago")],
)
def test_a_deadline_counts_down_and_says_when_it_has_passed(
    seconds: int, kind: str, word: str
) -> None:
    marked = render("{% due at %}", at=NOON + timedelta(seconds=seconds))
    assert f'<span class="{kind}" data-due="2026-11-23T' in marked
    assert f">{word}</time>" in marked


def test_without_a_deadline_it_says_so_and_once_decided_nothing() -> None:
    assert "no deadline" in render("{% due None %}")
    assert render("{% due at 'approved' %}", at=NOON) == ""


def test_the_bar_of_a_deadline_has_the_seconds_left() -> None:
    marked = render(
        "{% due_bar a b %}", a=NOON - timedelta(seconds=60), b=NOON + timedelta(seconds=120)
    )
    assert 'max="180" value="120" data-due="2026-11-23T12:02:00+00:00"' in marked
    assert render("{% due_bar a None %}", a=NOON) == ""


@pytest.mark.parametrize(
    ("status", "silent", "marked"),
    [
        ("waiting", 0, '<span class="alive">waiting</span>'),
        ("running", -10, '<span class="alive">running</span>'),
        ("running", 40, '<span class="alive is-silent">no sign for 40 s</span>'),
        ("running", 400, '<span class="alive is-gone">runner gone</span>'),
        ("completed", 0, '<span class="alive is-over">completed</span>'),
        ("in_doubt", 0, '<span class="alive is-gone">in doubt</span>'),
    ],
)
def test_a_run_says_whether_anybody_drives_it(status: str, silent: int, marked: str) -> None:
    lease = NOON - timedelta(seconds=silent)
    run = SimpleNamespace(status=status, runner="r1", lease_until=lease)
    assert render("{% alive run %}", run=run) == marked


def test_a_runners_last_sign_counts_where_it_is_known() -> None:
    run = SimpleNamespace(status="running", runner="r1", lease_until=NOON)
    seen = {"r1": NOON - timedelta(seconds=14)}
    assert ">running<" in render("{% alive run seen %}", run=run, seen=seen)
    seen = {"r1": NOON - timedelta(seconds=90)}
    assert ">no sign for 1 min<" in render("{% alive run seen %}", run=run, seen=seen)
    assert render("{% alive None %}") == ""


# ---- Arguments


SCHEMA = {
    "properties": {
        "to": {"type": "array"},
        "method": {"enum": ["GET", "POST"]},
        "url": {"anyOf": [{"$ref": "#/$defs/Url"}, {"type": "null"}]},
    },
    "$defs": {"Url": {"type": "string", "format": "uri"}},
}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("x", "text"),
        ("", "text, empty"),
        ("x ", "text, blanks at an end"),
        ("a\nb", "text, 2 lines"),
        (True, "yes or no"),
        (3, "whole number"),
        (1.5, "number"),
        (None, "empty"),
        ([], "empty list"),
        (["a"], "list of 1 text"),
        (["a", "b", "c"], "list of 3 texts"),
        ([1, "1"], "list of 2 values"),
        ({}, "no fields"),
        ({"a": 1}, "1 field"),
    ],
)
def test_the_type_of_an_argument_is_said_in_words(value: Any, words: str) -> None:
    [row] = rows({"x": value})
    assert row.type == words


def test_the_schema_gives_the_order_and_names_choices_and_addresses() -> None:
    found = rows({"z": 1, "url": "https://a.example/", "to": [], "method": "GET"}, SCHEMA, ["to"])
    assert [(str(row.name), row.type) for row in found] == [
        ("to", "empty list, changed"),
        ("method", "choice of 2"),
        ("url", "address"),
        ("z", "whole number"),
    ]


def test_a_long_text_has_numbered_lines_and_says_where_it_ends() -> None:
    text = "\n".join(f"line {i}" for i in range(1000)) + "\u200b"
    marked = render("{% arguments details %}", details={"body": text})
    assert marked.count("<li>") == 1000
    assert "line 999" in marked
    assert (
        f"End of <code>body</code>. {len(text):,} characters, 1 of them hidden. "
        "Nothing is left out." in marked
    )


def test_a_quarter_of_a_megabyte_is_shown_to_its_last_character() -> None:
    text = "x" * 256_000 + "THE END"
    assert "xTHE END</div>" in render("{% arguments details %}", details={"body": text})


def test_nested_values_are_json_and_groups_of_single_values_are_lines() -> None:
    marked = render(
        "{% arguments details %}",
        details={
            "headers": {"X-Ticket": "88213", "odd: name": ""},
            "deep": {"a": [1, {"b": None}]},
        },
    )
    assert "X-Ticket: &quot;88213&quot;\n&quot;odd: name&quot;: &quot;&quot;" in marked
    assert "&quot;b&quot;: null" in marked


def test_nothing_and_empty_text_are_told_apart() -> None:
    none, empty = rows({"a": None, "b": ""})
    assert (str(none.text), none.muted) == ("null", True)
    assert (str(empty.text), empty.muted) == ("&quot;&quot;", True)


def test_an_item_with_a_line_break_cannot_pass_for_two_items() -> None:
    [row] = rows({"to": ["a\nb", "c"]})
    assert [str(line) for line in row.lines] == ["&quot;a\\nb&quot;", "&quot;c&quot;"]


def test_a_word_that_mixes_alphabets_is_named_beneath_the_value() -> None:
    marked = render("{% arguments details %}", details={"to": ["accounts@ex\u0430mple.org"]})
    assert "mple” mixes Cyrillic and Latin letters" in marked
    many = " ".join(f"p\u0430y{c}" for c in "abcdefgh")
    assert "8 words mix alphabets" in render("{% arguments details %}", details={"x": many})
    posing = render("{% arguments details %}", details={"x": "\u0441\u043e\u0441\u043e.com"})
    assert "is written in Cyrillic letters that look Latin" in posing


def test_markup_anywhere_in_the_arguments_stays_text() -> None:
    nasty = '"><script>alert(1)</script>'
    marked = render(
        "{% arguments details %}{% difference details other %}{{ nasty|marked }}{% status nasty %}",
        details={
            nasty: nasty,
            "list": [nasty],
            "group": {nasty: nasty},
            "deep": [{nasty: [nasty]}],
        },
        other={nasty: "x"},
        nasty=nasty,
    )
    assert "<script" not in marked


def test_the_table_of_no_arguments_says_so() -> None:
    assert "takes no arguments" in render("{% arguments details %}", details={})


def test_the_difference_is_a_table_with_signs() -> None:
    marked = as_shown(render("{% difference a b %}", a={"x": "one"}, b={"x": "two"}))
    assert '<tr class="del"><td>1</td><td>−</td><td><del>one</del></td></tr>' in marked
    assert "No argument has changed" in render("{% difference a a %}", a={})
    assert render("{% changed_keys a b as c %}{{ c|join:' ' }}", a={"x": 1}, b={"x": 2}) == "x"


# ---- Forms


class Form(forms.Form):
    name = forms.CharField(help_text="As people call it.")
    agree = forms.BooleanField(required=False)
    kind = forms.ChoiceField(choices=[("a", "A")])


def test_a_field_is_tied_to_its_label_its_help_and_its_error() -> None:
    form = Form({"name": "", "kind": "a"})
    form.is_valid()
    marked = as_shown(render('{% field form.name "Name" %}', form=form))
    assert '<label class="form-label" for="id_name">Name</label>' in marked
    assert 'aria-describedby="id_name_helptext id_name_error"' in marked
    assert 'aria-invalid="true"' in marked
    assert '<div class="field-error" id="id_name_error">This field is required.</div>' in marked


def test_a_field_without_help_describes_nothing() -> None:
    marked = render('{% field form.name "Name" help=False %}', form=Form())
    assert "aria-describedby" not in marked
    assert "As people call it" not in marked


def test_boxes_and_menus_get_their_own_classes() -> None:
    form = Form()
    assert 'class="form-check-input"' in render("{% field form.agree %}", form=form)
    assert 'class="form-select"' in render("{% field form.kind %}", form=form)
