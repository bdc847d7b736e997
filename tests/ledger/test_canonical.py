"""JSON at the door: one canonical form, and everything with two readings refused."""

from __future__ import annotations

import enum
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.models import ApprovalRequest
from ledger import canonical
from ledger.canonical import MAX_DEPTH, MAX_KEYS, MAX_SAFE_INTEGER, storable
from ledger.errors import BadInput
from ledger.models import Event
from tests.support.people import asked

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBER = st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | st.floats(
    -MAX_SAFE_INTEGER, MAX_SAFE_INTEGER
)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
quick = settings(max_examples=150, deadline=None)


# ---- The canonical form ------------------------------------------------------------------------


@quick
@given(JSON)
def test_the_canonical_text_reads_back_as_the_same_value_and_is_its_own_form(value: Any) -> None:
    text = canonical.canonical(value)
    assert canonical.parse(text) == value
    assert canonical.canonical(canonical.parse(text)) == text


@quick
@given(st.dictionaries(TEXT, NUMBER | TEXT, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], random: Any) -> None:
    keys = list(value)
    random.shuffle(keys)
    assert canonical.canonical({key: value[key] for key in keys}) == canonical.canonical(value)


@quick
@given(JSON)
def test_how_the_json_was_written_does_not_matter(value: Any) -> None:
    text = canonical.canonical(value)
    for written in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=3)):
        assert canonical.canonical(canonical.parse(written)) == text
        assert canonical.canonical(canonical.parse(written.encode())) == text


@quick
@given(JSON, JSON)
def test_two_values_have_one_form_only_if_they_are_equal_json(one: Any, other: Any) -> None:
    same = canonical.canonical(one) == canonical.canonical(other)
    assert same == (_plain(one) == _plain(other))


def _plain(value: Any) -> Any:
    """The value as a tree in which true is not 1; JSON does not know 1 from 1.0, nor -0 from 0."""
    if isinstance(value, bool) or value is None:
        return str(value), "word"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # The example of RFC 8785, section 3.2.2 and 3.2.3.
        (
            {
                "numbers": [333333333.33333329, 0.002, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": '\u20ac$\u000f\nA\'B"\\\\"/',
                "literals": [None, True, False],
            },
            '{"literals":[null,true,false],"numbers":[333333333.3333333,0.002,4.5,0.002,1e-27],'
            '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
        ),
        # Section 3.2.3: sorted by UTF-16, so that the emoji stands before U+FB33.
        (
            {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
            '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}',
        ),
        ([1.0, -0.0, 1e-7, 5e-324, 123456789012345.6], "[1,0,1e-7,5e-324,123456789012345.6]"),
        (MAX_SAFE_INTEGER, "9007199254740991"),
        ("\x7f\u2028/", '"\x7f\u2028/"'),
        (("a", ("b",)), '["a",["b"]]'),
    ],
)
def test_the_text_is_that_of_rfc_8785(value: Any, text: str) -> None:
    assert canonical.canonical(value) == text


# ---- What is refused ---------------------------------------------------------------------------


class Odd(enum.Enum):
    A = 1


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


looped: list[Any] = []
looped.append(looped)
BAD = {
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": -float("inf"),
    "2^53": 2**53,
    "-2^53": -(2**53),
    "2^53 as a float": float(2**53),
    "1e300": 1e300,
    "5000 digits": 10**5000,
    "U+0000": "a\0b",
    "a lone surrogate": "a\ud800b",
    "surrogates the wrong way round": "\udc00\ud800",
    "bytes": b"abc",
    "a set": {1},
    "an enum": Odd.A,
    "an object": object(),
    "too deep": nested(MAX_DEPTH + 1),
    "itself": looped,
    "too many keys": {str(number): 0 for number in range(MAX_KEYS + 1)},
    "too many keys in all": [{str(n): 0 for n in range(MAX_KEYS // 2)} for _ in range(3)],
    "too large": "x" * (256 * 1024),
    "too large in UTF-8": "ü" * (128 * 1024),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_canonical_json_is_refused_with_a_sentence(name: str) -> None:
    for value in (BAD[name], [BAD[name]], {"a": {"b": BAD[name]}}):
        with pytest.raises(BadInput) as error:
            canonical.canonical(value, "details")
        assert error.value.field == "details"
        assert error.value.message.endswith(".")
        assert len(error.value.message) < 120


@pytest.mark.parametrize("key", ["a\0", "\ud800", 1, None, True, 1.5, ("a",), b"a"])
def test_a_key_is_text_and_as_clean_as_a_value(key: Any) -> None:
    with pytest.raises(BadInput):
        canonical.canonical({"a": [{key: 1}]})


@pytest.mark.django_db
@pytest.mark.parametrize("name", BAD)
def test_a_request_with_it_stores_nothing(name: str) -> None:
    with pytest.raises(BadInput):
        asked(details={"value": BAD[name]})
    assert not ApprovalRequest.objects.exists()
    assert not Event.objects.exists()


@pytest.mark.django_db
@quick
@given(JSON)
def test_a_request_stores_the_canonical_bytes_and_gives_the_value_back(value: Any) -> None:
    request = asked(details=value)
    text = canonical.canonical(value)
    raw = ApprovalRequest.objects.extra(select={"raw": "details"}).values_list("raw", flat=True)
    assert raw.get(pk=request.pk) == text
    assert ApprovalRequest.objects.get(pk=request.pk).details == value


def test_what_is_just_within_the_limits_is_taken() -> None:
    for value in (
        nested(MAX_DEPTH),
        {str(number): 0 for number in range(MAX_KEYS)},
        "x" * (256 * 1024 - 2),
        [MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER, float(MAX_SAFE_INTEGER)],
    ):
        canonical.canonical(value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '[{"b":{"a":1,"a":1}}]',
        "NaN",
        "[Infinity]",
        "[-Infinity]",
        "1e999",
        "9007199254740992",
        "1" * 5000,
        '"\\u0000"',
        '"\\ud800"',
        '{"\\udead":1}',
        "[" * 100_000,
        "[" * 40 + "]" * 40,
        "",
        "{",
        "nonsense",
        "1 2",
        "\ufeff1",
        b"\xff",
        b"\xef\xbb\xbf1",
        '"1"'.encode("utf-16"),
        "[1,]",
        "{'a':1}",
        '"a\nb"',
        "01",
    ],
    ids=lambda text: repr(text[:20]),
)
def test_json_text_that_is_none_or_has_two_readings_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadInput) as error:
        canonical.parse(text, "input")
    assert error.value.field == "input"


def test_a_duplicate_key_is_named() -> None:
    with pytest.raises(BadInput, match="the key 'to' stands twice"):
        canonical.parse('{"to":1,"cc":2,"to":3}')


# ---- Texts that only inform --------------------------------------------------------------------


@quick
@given(
    st.recursive(
        st.text() | st.floats() | st.integers() | st.none(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_what_only_informs_becomes_storable_and_stays_the_same_if_it_was(value: Any) -> None:
    stored = storable(value)
    text = json.dumps(stored, ensure_ascii=False, allow_nan=False)
    assert "\\u0000" not in text.replace("\\\\", "")
    text.encode()
    assert storable(stored) == stored


def test_storable_keeps_every_real_character() -> None:
    text = "".join(chr(code) for code in range(1, 0x110000, 7) if not 0xD800 <= code < 0xE000)
    assert storable(text) == text
