"""How outputs are shown: safe, by their type, and never cut without a word."""

from __future__ import annotations

from typing import Any

import pytest

from pages.rendering.markdown import render
from pages.rendering.workers import drawing
from reviews.models import OutputType
from reviews.pages import outputs

pytestmark = pytest.mark.django_db  # a row not saved yet takes its time from the database

ZERO = "\u200b"


def shown(content: Any, rendering: str = "auto", name: str = "x", **more: Any) -> outputs.Shown:
    kind = OutputType(name=name, rendering=rendering, language=more.pop("language", ""))
    return outputs.render_output(content, kind, **more)


# ---- Markdown is safe ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '<img src="https://evil.example/x.png" onerror="alert(1)">',
        '<a href="/x" hx-get="/approvals/1/decide/" hx-trigger="load">x</a>',
        '<div style="position:fixed">x</div>',
        "<iframe src=https://evil.example></iframe>",
        "<svg onload=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](vbscript:msgbox)",
        "![x](https://evil.example/pixel.png)",
        '![x](https://evil.example/"onerror="alert(1))',
        "<https://evil.example/?q=<script>>",
        "```html\n<script>alert(1)</script>\n```",
        '```"onmouseover="alert(1)\nx\n```',
        '[x](https://e.example "t\\" onmouseover=\\"alert(1)")',
        "| a |\n|:-:|\n| <b onclick=alert(1)>x</b> |",
    ],
)
def test_nothing_in_markdown_runs_loads_or_styles(text: str) -> None:
    html = str(shown(text, "markdown").html)
    for bad in ("<script", "<img", "<iframe", "<svg", "<div", "<b ", "style=", " on", "hx-"):
        inside = [tag for tag in html.split("<")[1:] if bad.lstrip("<") in tag.split(">")[0]]
        if bad.startswith("<"):
            assert bad not in html
        else:
            assert not inside, html
    for scheme in ("javascript:", "data:", "vbscript:"):
        assert f'href="{scheme}' not in html


def test_a_link_shows_where_it_leads_and_gives_nothing_away() -> None:
    html = shown("See [our *shop*](https://shop.example/a?b=c).", "markdown").html
    assert 'rel="noopener noreferrer nofollow ugc"' in html
    assert '<span class="link-shown">shop.example/a?b=c</span>' in html


def test_an_image_is_named_and_not_loaded() -> None:
    html = shown("![banner](https://cdn.example/b.png)", "markdown").html
    assert "[image not loaded: banner, cdn.example/b.png]" in html


def test_characters_that_hide_are_boxed_in_text_code_and_links() -> None:
    text = f"a{ZERO}b `c{ZERO}d` [e{ZERO}f](https://x.example/{ZERO})\n\n```python\ng{ZERO}\n```"
    html = shown(text, "markdown").html
    assert html.count("U+200B") >= 4
    assert ZERO not in html


def test_headings_stand_below_the_page_s_own() -> None:
    html = shown("# One\n\n###### Six", "markdown").html
    assert "<h2>One</h2>" in html
    assert "<h6>Six</h6>" in html


def test_tables_lists_and_quotes_are_rendered() -> None:
    html = shown("| a | b |\n|---|---|\n| 1 | 2 |\n\n- x\n\n> y\n\n~~z~~", "markdown").html
    for tag in ("<table>", "<th>a</th>", "<li>x</li>", "<blockquote>", "<s>z</s>"):
        assert tag in html


def test_markdown_over_the_safe_size_is_shown_raw_and_says_so() -> None:
    text = "# Title\n" + "é" * 110_000
    found = shown(text, "markdown", whole=True)
    assert found.raw
    assert "200 KB" in found.note or "too large" in found.note
    assert "# Title" in found.html


def test_a_table_of_too_many_columns_is_shown_raw_and_says_so() -> None:
    text = "|" + "a|" * 51 + "\n|" + "-|" * 51
    found = shown(text, "markdown")
    assert "50 columns" in found.note
    assert "<table" not in found.html


def test_what_grows_beyond_a_page_is_not_rendered() -> None:
    assert render("[" * 3_000) is not None
    assert render(f"a{ZERO}" * 50_000) is None


@pytest.mark.parametrize(
    "text",
    [
        "[//]: # (hidden)\n\nText",
        "[ref]: https://hidden.example\n\nText",
        "| a |\n|---|\n| x | hidden |",
        "Text\n\n[a][hidden]\n\n[hidden]: https://x.example",
    ],
)
def test_words_that_markdown_shows_to_nobody_are_counted(text: str) -> None:
    found = shown(text, "markdown")
    assert found.kind == "markdown"
    assert "not visible when rendered" in found.note
    assert "look at it raw" in found.note


@pytest.mark.parametrize(
    "text",
    [
        "1. one\n2. two\n\n> 3. three",
        "snake_case _and_ `code_1` &amp; **bo**ld &lt;tag&gt; \\*",
        "```python title here\nx = 1\n```",
        '[a](https://x.example/y?z=1#w "and a title") ![b](http://c.example/d "e")',
        "<https://x.example/q>",
        "# A\n\n---\n\n| a | b |\n|:--|--:|\n| 1 | 2 |",
        f"hid{ZERO}den",
    ],
)
def test_what_a_reader_sees_is_not_counted(text: str) -> None:
    assert shown(text, "markdown").note == ""


def test_what_is_nested_too_deep_is_shown_raw_instead_of_left_out() -> None:
    text = "".join("  " * n + f"- deep{n}\n" for n in range(60))
    found = shown(text, "markdown")
    assert found.raw
    assert "deep59" in found.html
    quoted = shown(">" * 100 + " deep", "markdown")
    assert "deep" in quoted.html


@pytest.mark.parametrize("text", ["[" * 30_000, "|a|\n" * 15_000, "*a " * 30_000])
def test_markup_in_a_mass_is_shown_raw(text: str) -> None:
    found = shown(text, "markdown")
    assert "20,000 characters of markup" in found.note


# ---- By type ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        ("# A title\n\nText", "newsletter", "markdown"),
        ("Only words.", "newsletter", "text"),
        ("# no title, a comment", "python", "code"),
        ({"a": 1}, "newsletter", "json"),
        ("text", "markdown", "markdown"),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b", "patch", "diff"),
        ("x", "diff", "diff"),
        ("[1]", "json", "json"),
    ],
)
def test_what_no_operator_has_set_follows_from_the_name_and_the_look(
    content: Any, name: str, kind: str
) -> None:
    assert shown(content, name=name).kind == kind


def test_an_operator_s_word_counts_over_every_guess() -> None:
    assert shown("# A title", "text", name="markdown").kind == "text"


def test_code_is_coloured_by_classes_alone() -> None:
    html = shown("def f():\n    return 'x'  # why", "code", language="python").html
    for piece in (
        '<span class="k">def</span>',
        '<span class="f">f</span>',
        '<span class="c"># why</span>',
    ):
        assert piece in html
    assert "style=" not in html


def test_code_loses_no_line_and_gains_none() -> None:
    code = "\n\n  x = '<b>'\n\n"
    html = str(shown(code, "code", language="python").html)
    plain = "".join(part.partition(">")[2] for part in f">{html}".split("<"))
    assert plain.replace("&#x27;", "'").replace("&lt;", "<").replace("&gt;", ">") == code


def test_code_of_an_unknown_language_is_plain_text_in_its_frame() -> None:
    assert shown("a < b", "code", name="odd", language="klingon").html == "a &lt; b"


def test_json_is_a_tree_that_opens_without_a_script() -> None:
    html = shown({"a": [1, None, True], "b": {"c": "<x>"}, "d": []}).html
    assert html.startswith("<details open><summary>")
    assert "3 fields" in html
    assert "“&lt;x&gt;”" in html
    assert "null" in html


def test_json_that_is_text_and_none_is_shown_as_it_is() -> None:
    found = shown("{broken", "json")
    assert (found.kind, found.raw, found.html) == ("text", True, "{broken")
    assert "no JSON" in found.note


def test_json_of_very_many_values_is_shown_raw_in_full() -> None:
    found = shown(list(range(5_001)))
    assert found.raw
    assert "5000" in found.html


def test_a_difference_has_signs_beside_its_colours() -> None:
    html = shown("@@ -1 +1 @@\n-old\n+new\n same", "diff").html
    assert '<tr class="del"><td>2</td><td>−</td><td>old</td></tr>' in html
    assert '<tr class="ins"><td>3</td><td>+</td><td>new</td></tr>' in html


def test_raw_shows_every_character_of_every_type() -> None:
    assert shown("# *x*", "markdown", raw=True).html == "# *x*"
    assert shown({"a": 1}, raw=True).html == "a: 1"


# ---- Large ones ------------------------------------------------------------------------------


def test_a_large_output_shows_its_beginning_and_says_how_much_there_is() -> None:
    text = "x" * (10 * 1024 * 1024)
    found = shown(text)
    assert (found.cut, found.size, len(found.html)) == (True, "10.0 MB", outputs.BEGINNING)
    whole = shown(text, whole=True)
    assert (whole.cut, len(whole.html)) == (False, len(text))


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (2048, "2.0 KB"), (1 << 20, "1.0 MB")],
)
def test_sizes_are_said_in_words(count: int, words: str) -> None:
    assert outputs.size_of(count) == words


def test_the_same_output_is_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def counted(kind: str, text: str, language: str = "") -> Any:
        asked.append(text)
        return outputs.mark(text), ""

    monkeypatch.setattr(drawing, "draw", counted)
    for _ in range(3):
        shown("only once, whoever loads it", "text")
    assert len(asked) == 1


# ---- Within a budget -------------------------------------------------------------------------

NEWLINES = "\n" * 60_000  # the lexer of Java takes quadratic time on line ends: minutes of them


def test_what_takes_too_long_to_be_drawn_is_shown_raw_and_says_so() -> None:
    code = f"{NEWLINES}last line"
    found = shown(code, "code", language="java")
    assert (found.raw, found.note) == (True, outputs.COSTLY)
    assert str(found.html) == code


def test_what_took_too_long_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    code = f"{NEWLINES}another last line"
    assert shown(code, "code", language="java").note == outputs.COSTLY
    monkeypatch.setattr(drawing, "draw", lambda kind, text: (outputs.mark(text), kind))  # no code
    assert (
        outputs.render_output(code, OutputType(name="x", rendering="code", language="java")).note
        == outputs.COSTLY
    )


def test_after_a_worker_was_ended_the_next_output_is_drawn() -> None:
    assert shown(f"{NEWLINES}third", "code", language="java").raw
    assert "<strong>fine</strong>" in shown("**fine**", "markdown").html


def test_while_all_workers_are_busy_an_output_is_raw_and_another_time_it_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(drawing, "PATIENCE", 0.0)
        patch.setattr(drawing, "_workers", drawing._Workers())
        held = [drawing._workers.take(0.0) for _ in range(drawing.MOST)]
        found = shown("**soon**", "markdown")
        assert (found.raw, found.note, found.html) == (True, outputs.BUSY, "**soon**")
        assert held
    assert "<strong>soon</strong>" in shown("**soon**", "markdown").html


@pytest.mark.parametrize("rendering", ["auto", "markdown", "code", "json", "diff", "text"])
def test_an_output_that_is_too_large_is_not_looked_at_for_what_it_may_be(
    rendering: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "choose_rendering", None)
    found = shown("[" * (outputs.BEGINNING + 1), rendering)
    assert (found.raw, found.cut, found.note) == (True, True, outputs.LARGE)


def test_json_that_grows_when_it_is_indented_is_cut_where_a_page_ends() -> None:
    value: Any = [1] * 20_000
    for _ in range(90):
        value = [value]
    found = shown(value)
    assert (found.cut, len(found.html)) == (True, outputs.BEGINNING)


def test_json_that_is_nested_too_deep_is_shown_raw() -> None:
    found = shown("[" * 101 + "]" * 101, "json")
    assert "Nested deeper than 100 levels" in found.note
    assert "no JSON" in shown("[" * 100_000, "json").note


def test_json_with_a_name_that_stands_twice_is_shown_raw_with_both() -> None:
    found = shown('{"to": "ana", "to": "eve"}', "json")
    assert "“to” stands twice" in found.note
    assert "ana" in found.html
    assert "eve" in found.html


def test_a_number_that_is_no_character_breaks_no_page() -> None:
    assert shown(f"# Title\n\n&#{'9' * 5000};", "markdown").kind == "markdown"
