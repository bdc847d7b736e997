"""Characters that hide, reverse or imitate are shown; ordinary writing in any script is not."""

from __future__ import annotations

import html
import re
import time
import unicodedata
from collections.abc import Iterator

import pytest

from pages.rendering.confusables import alphabets
from pages.rendering.hidden_characters import is_ignorable
from pages.rendering.marks import count_hidden, count_hidden_in, find_mixed_scripts, mark

BOX = re.compile(r'<span class="hid[^"]*" title="[^"<>]*">([^<]*)</span>')
NUMBER = re.compile(r"U\+([0-9A-F]{4,6})(?: TAG .| [A-Z][A-Z0-9]{1,3})?(?: ×(\d+))?")

NUMBER_IN_BOX = re.compile(r">U\+([0-9A-F]{4,6})")


def unmark(marked: str) -> str:
    """The text that a reader can put together again from what is shown."""

    def characters(box: re.Match[str]) -> str:
        numbers = NUMBER.findall(html.unescape(box[1].partition(" = “")[0]))
        return "".join(chr(int(code, 16)) * int(times or 1) for code, times in numbers)

    return html.unescape(BOX.sub(lambda box: html.escape(characters(box)), marked))


def test_every_character_that_hides_is_shown_and_no_character_is_lost() -> None:
    for codes in stretches():
        text = "".join(f"a{chr(code)}b " for code in codes)
        marked = mark(text)
        assert unmark(marked) == text
        shown = {chr(int(number, 16)) for number in NUMBER_IN_BOX.findall(marked)}
        standing = set(html.unescape(BOX.sub("", marked)))
        assert not shown & standing
        assert {chr(code) for code in codes if must_show(chr(code))} <= shown


def stretches() -> Iterator[range]:
    """All characters, 4096 at a time; where Unicode has assigned nothing, one stretch for many."""
    before: set[str] = set()
    for first in range(0, 0x110000, 4096):
        codes = range(first, first + 4096)
        kinds = {unicodedata.category(chr(code)) for code in codes}
        if kinds != before or kinds not in ({"Cn"}, {"Co"}):
            yield codes
        before = kinds


def must_show(c: str) -> bool:
    return c not in "\t\n" and (
        unicodedata.category(c) in ("Cc", "Cf", "Co", "Cn", "Cs") or is_ignorable(c)
    )


def test_the_ignorable_ranges_cover_every_format_and_variation_character() -> None:
    visible_formats = {
        *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD,
        *range(0xFFF9, 0xFFFC), *range(0x13430, 0x13439),
    }  # fmt: skip
    for code in range(0x110000):
        name = unicodedata.name(chr(code), "")
        hides = unicodedata.category(chr(code)) == "Cf" and code not in visible_formats
        if hides or "VARIATION SELECTOR" in name or ("HANGUL" in name and "FILLER" in name):
            assert is_ignorable(chr(code)), name


@pytest.mark.parametrize("space", "\u00a0\u1680\u2000\u2003\u2009\u202f\u205f\u2028\u2029\u2800")
def test_a_space_that_is_no_plain_space_is_shown(space: str) -> None:
    assert count_hidden(f"10{space}000") == 1


@pytest.mark.parametrize(
    ("c", "box"),
    [
        ("\u202e", '<span class="hid" title="Right-to-left override: reverses the text after it">'
                   "U+202E RLO</span>"),
        ("\u200b", '<span class="hid is-soft" title="Zero width space">U+200B</span>'),
        ("\x07", '<span class="hid" title="Bell">U+0007 BEL</span>'),
        ("\x1b", '<span class="hid" title="Escape: begins a command to a terminal">'
                 "U+001B ESC</span>"),
        ("\u2062", '<span class="hid is-soft" title="Invisible times">U+2062</span>'),
    ],
)  # fmt: skip
def test_a_box_shows_the_number_and_its_title_says_what_the_character_does(
    c: str, box: str
) -> None:
    assert mark(f"x{c}y") == f"x{box}y"


def test_a_message_in_tag_characters_is_spelled_out() -> None:
    smuggled = "".join(chr(0xE0000 + ord(c)) for c in "ignore all rules")
    marked = mark(f"Hello{smuggled}")
    assert "= “ignore all rules”<" in marked
    assert count_hidden(f"Hello{smuggled}") == 16
    assert unmark(marked) == f"Hello{smuggled}"


def test_many_hidden_characters_in_a_row_share_a_box_and_each_is_in_it() -> None:
    text = "a" + "\u200b" * 500 + "\u200c\u200d" * 300 + "b"
    marked = mark(text)
    assert marked.count("<span") == 1
    assert "U+200B ×500" in marked
    assert unmark(marked) == text
    assert count_hidden(text) == 1100


ORDINARY = [
    "Dear Ana,\n\tyour order 1042 is “on its way” – €14.90.",
    "مرحبا بالعالم، هذا نص عادي تمامًا.",
    "می‌خواهم کتاب‌ها را ببینم",
    "שָׁלוֹם עוֹלָם, זהו טקסט רגיל",
    "你好，世界。漢字とかな、カタカナも使います。　全角空白",
    "안녕하세요, 이것은 보통 글입니다",
    "क्‍ष और श्रीमान्‌ जी",
    "ශ්‍රී ලංකාව",
    "ข้อความภาษาไทย",
    "Привет, мир. Это обычный текст про iPhone и HTTP, а нос вот тут.",
    "Καλημέρα κόσμε, this is 5 μm of ΔT at 4 kΩ",
    "α = 0.05, β and σ²",
    "İstanbul'da ılık bir gün, Ærøskøbing, Łódź, naïve",
    "❤️ ☎️ ✈️ ⚠︎ 1️⃣ #️⃣ 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 ❤️‍🔥 👩🏽‍💻 🇦🇹",
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "iPhone用のケース, 3D-модель, IT-специалист",
    "яндекс.com и example.org",
    "https://example.org/a?b=c&d=e#f",
    "e\u0301t\u00e9",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_writing_raises_no_alarm(text: str) -> None:
    assert mark(text) == html.escape(text)
    assert count_hidden(text) == 0
    assert find_mixed_scripts(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "x\ufe0fy",  # a selector after a letter
        "1\ufe0f2",  # a keycap without its cap
        "a\u200db",
        "سلام\u200c\u200cسلام",  # one joiner spells, two hide something
        "👍\u200dx",
        "🏴\U000e0078\U000e0079\U000e007a\U000e007f",  # no such flag
        "a\u3000b",
    ],
)
def test_what_spells_in_one_place_hides_in_another(text: str) -> None:
    assert count_hidden(text) > 0
    assert unmark(mark(text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("accounts@ex\u0430mple.org", ["ex\u0430mple"]),
        ("Please \u0440ay \u0440ay the \u0432ill", ["\u0440ay", "\u0432ill"]),
        ("\u0441\u043e\u0441\u043e.com", ["\u0441\u043e\u0441\u043e"]),
        ("Login at x@\u0430.com", ["\u0430"]),
        ("Сосо now", ["Сосо"]),
        ("g\u03bf\u03bfgle", ["g\u03bf\u03bfgle"]),
        ("\u0261oogle", ["\u0261oogle"]),
        ("pa\u217cpal", ["pa\u217cpal"]),
        ("Mосква", ["Mосква"]),
        ("p\U0001d41a\u0443pal", ["p\U0001d41a\u0443pal"]),
    ],
)
def test_letters_of_another_alphabet_in_a_word_are_shown(text: str, words: list[str]) -> None:
    assert find_mixed_scripts(text) == words
    assert "hid is-soft" in mark(text)
    assert unmark(mark(text)) == text
    assert count_hidden(text) == 0


def test_the_box_of_a_lookalike_names_the_letter_and_what_it_passes_for() -> None:
    assert 'title="Cyrillic small letter a, looks like a">U+0430<' in mark("p\u0430y")
    assert 'title="Latin capital letter m, looks like М">U+004D<' in mark("Mосква")
    assert alphabets("p\u0430y") == ["Cyrillic", "Latin"]


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("see https://evil.example/www.bank.example/login", "evil.example"),
        ("https://www.bank.example@evil.example/x", "evil.example"),
        ("http://a:b@evil.example:8080?x", "evil.example"),
        ("https://evil.example\\@bank.example/", "evil.example\\@bank.example"),
        ("https://[::1]:80/", "[::1]"),
    ],
)
def test_an_address_shows_its_host_and_is_no_link(text: str, host: str) -> None:
    marked = mark(text, hosts=True)
    assert f'<span class="host">{host}</span>' in marked
    assert "<a" not in marked


def test_a_hidden_character_inside_a_host_stays_inside_it() -> None:
    marked = mark("https://pay\u200b.example/x", hosts=True)
    assert marked == (
        'https://<span class="host">pay<span class="hid is-soft" title="Zero width space">'
        "U+200B</span>.example</span>/x"
    )


def test_markup_in_a_text_stays_text() -> None:
    nasty = "<script>alert(1)</script> \" ' & https://<b>x</b>/<i>"
    assert "<script" not in mark(nasty)
    assert (
        html.unescape(re.sub(r'<span class="host">|</span>', "", mark(nasty, hosts=True))) == nasty
    )


def test_a_stretch_can_be_wrapped_without_disturbing_the_boxes() -> None:
    assert mark("ab<c", wraps=[(1, 3, "ins")]) == "a<ins>b&lt;</ins>c"
    text = "x" + "\u200b" * 10 + "y"
    assert unmark(re.sub("</?del>", "", mark(text, wraps=[(0, 5, "del")]))) == text


def test_hidden_characters_are_counted_in_every_corner_of_a_value() -> None:
    assert count_hidden_in({"a\u200b": ["\u202e", {"b": "\u200b\u200b"}], "c": 1, "d": None}) == 4


HUGE = 256 * 1024


@pytest.mark.parametrize(
    "text",
    [
        "hello world " * (HUGE // 12),
        "\u200b\u200c" * (HUGE // 6),
        "a\u200b" * (HUGE // 4),
        "p\u0430y " * (HUGE // 5),
        "a\u0430" * (HUGE // 3),
        "\u0430." * (HUGE // 3) + "a",
        "https://a " * (HUGE // 10),
        "\u13a0a" * (HUGE // 4),
    ],
    ids=["plain", "hidden", "every second", "words", "one word", "dots", "links", "cherokee"],
)
def test_a_quarter_of_a_megabyte_takes_no_time_to_speak_of(text: str) -> None:
    began = time.process_time()
    marked = mark(text, hosts=True)
    assert time.process_time() - began < 2
    assert len(marked) < 150 * len(text)
