"""What programs elsewhere read is said beneath what is written, and nothing where both are the same."""

from __future__ import annotations

import pytest

from pages.rendering import arguments
from pages.rendering.readings import readings


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("=?utf-8?q?You_won?= =?utf-8?b?ISE=?=", "Mail programs show it as “You won!!”"),
        ("Re: =?ISO-8859-1?Q?Gr=FC=DFe?=", "Mail programs show it as “Re: Grüße”"),
        ("=?x-unknown?q?abc?=", "Mail programs show it as “abc”"),
        ("https://a.example/%2e%2e/%61dmin", "A server may read it as “https://a.example/admin”"),
        ("https://a.example/%2561", "A server may read it as “https://a.example/a”"),
        ("https://a.example/b/../c", "A server may read it as “https://a.example/c”"),
        ("https://a.example/x?q=%C3%A9%20b", "A server may read it as “https://a.example/x?q=é b”"),
        (
            "https://bücher.example/",
            "The host “bücher.example” is asked for as “xn--bcher-kva.example”",
        ),
        ("ana@xn--bcher-kva.example", "“xn--bcher-kva” stands for “bücher”, in Latin letters"),
    ],
)
def test_what_is_read_otherwise_is_said(text: str, reading: str) -> None:
    assert [str(line) for line in readings(text)] == [reading]


def test_a_host_that_passes_for_another_names_its_alphabet() -> None:
    [line] = readings("https://xn--80ak6aa92e.com/")
    assert "“xn--80ak6aa92e” stands for “" in line
    assert "in Cyrillic letters" in line


def test_digits_of_another_width_are_the_address_that_they_name() -> None:
    [line] = readings("http://１２７.0.0.1/")
    assert "is asked for as “127.0.0.1”" in line


@pytest.mark.parametrize(
    "text",
    [
        "",
        "An ordinary text, 100 % plain.",
        "https://a.example/b?c=d",
        "a =? b ?= c",
        "xn-- and www.xn--",
        "ftp://x/%20",
    ],
)
def test_what_is_read_as_it_is_written_says_nothing(text: str) -> None:
    assert readings(text) == []


def test_a_reading_is_text_with_boxes_and_no_markup() -> None:
    [line] = readings("https://a.example/%3Cb%3E%E2%80%8B")
    assert "&lt;b&gt;" in line
    assert "U+200B" in line


def test_readings_stand_beneath_the_argument_wherever_in_it_the_text_is() -> None:
    [row] = arguments.rows({"headers": {"X-Name": ["=?utf-8?q?a_b?="]}})
    assert [str(line) for line in row.readings] == ["Mail programs show it as “a b”"]


def test_very_many_readings_are_counted() -> None:
    urls = " ".join(f"https://a.example/%20{n}" for n in range(50))
    [row] = arguments.rows({"body": urls})
    assert len(row.readings) == 6
    assert row.readings[-1] == "and 45 more that programs read otherwise"
