"""How sure a model says it is, read from the many ways in which models write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_agents.llm.confidence import read_confidence, read_plain, read_structured

WRITTEN: list[tuple[str, float | None]] = [
    ("RESPONSE: Ten.\nCONFIDENCE: 85%", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 85 %", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 85", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 0.85", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: .85", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 0,85", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 85 percent", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 85 per cent", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 85percent", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 87.5%", 0.875),
    ("RESPONSE: Ten.\nCONFIDENCE: 87,5 %", 0.875),
    ("RESPONSE: Ten.\nCONFIDENCE: 85/100", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 85 / 100", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 85 out of 100", 0.85),
    ("RESPONSE: Ten.\nCONFIDENCE: 8/10", 0.8),
    ("RESPONSE: Ten.\nCONFIDENCE: 8 out of 10", 0.8),
    ("RESPONSE: Ten.\nCONFIDENCE: 0.8/1", 0.8),
    ("RESPONSE: Ten.\nCONFIDENCE: 0.8/1.0", 0.8),
    ("RESPONSE: Ten.\nCONFIDENCE: 0%", 0.0),
    ("RESPONSE: Ten.\nCONFIDENCE: 0", 0.0),
    ("RESPONSE: Ten.\nCONFIDENCE: 1", 1.0),
    ("RESPONSE: Ten.\nCONFIDENCE: 1.0", 1.0),
    ("RESPONSE: Ten.\nCONFIDENCE: 1%", 0.01),
    ("RESPONSE: Ten.\nCONFIDENCE: 100%", 1.0),
    ("RESPONSE: Ten.\nCONFIDENCE: 100", 1.0),
    ("CONFIDENCE: 40%\nRESPONSE: Ten.", 0.4),
    ("response: Ten.\nconfidence: 40%", 0.4),
    ("Response: Ten.\n\n\nConfidence : 40 %\n\nThank you!", 0.4),
    ("**RESPONSE:** Ten.\n**CONFIDENCE:** 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE: **40%**", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE = 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE - 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE 40%", 0.4),
    ("RESPONSE: Ten.\nConfidence level: 40%", 0.4),
    ("RESPONSE: Ten.\nConfidence score: 0.4", 0.4),
    ("RESPONSE: Ten.\n- Confidence: 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE: ~40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE: about 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE: approximately 40 percent", 0.4),
    ("RESPONSE: Ten.\nMy confidence is 40%.", 0.4),
    ("Ten, with a confidence of 40%.", 0.4),
    ("Ten. I am 40% confident.", 0.4),
    ("Ten. I am about 40 percent sure.", 0.4),
    ("Ten. I am 40% certain.", 0.4),
    ("RESPONSE: 20% of it.\nCONFIDENCE: 40%", 0.4),
    ("CONFIDENCE: 90% at first.\nOn reflection:\nRESPONSE: Ten.\nCONFIDENCE: 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE: 40%\r\n", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE: \u300040\uff05", 0.4),
    ("I am 90% confident.\nConfidence: 40", 0.4),
    ("Confidence: 40\nI am 90% confident that it is enough.", 0.4),
    ("Confidence: 40\nMy confidence is 90% that it is enough.", 0.4),
    ("Confidence of 95% is usual.\nCONFIDENCE: 40%\nA confidence of 90% is rare.", 0.4),
    ("I am 90% confident.\nConfidence (0-100): 40", 0.4),
    ("I am 90% confident.\nCONFIDENCE 40%.", 0.4),
    ("I am 90% confident.\nCONFIDENCE:\n40%", 0.4),
    ("I am 90% confident.\nConfidence: 40/50", None),
    ("I am 90% confident.\nConfidence: low", None),
    ("I am 90% confident.\nConfidence: a feeling.", 0.9),
    ("RESPONSE: Ten.\nCONFIDENCE: 140%", None),
    ("RESPONSE: Ten.\nCONFIDENCE: 1000%", None),
    ("RESPONSE: Ten.\nCONFIDENCE: 1000", None),
    ("RESPONSE: Ten.\nCONFIDENCE: 4/5", None),
    ("RESPONSE: Ten.\nCONFIDENCE: 3 out of 5", None),
    ("RESPONSE: Ten.\nCONFIDENCE: high", None),
    ("RESPONSE: Ten.\nCONFIDENCE:", None),
    ("RESPONSE: Ten.", None),
    ("Ten percent, says the law.", None),
    ("Confidence is not for me to state. There are 40 of them.", None),
    ("", None),
]


PROSE = [
    "Confidence intervals are wide here.",
    "Confidence is what you need.\nConfidence of 95% is usual.",
    "Confidence: the feeling of being sure.",
    "Confidence 101 is a course.",
    "Confidence - of the 3 - matters.",
]


@pytest.mark.parametrize(("text", "confidence"), WRITTEN)
def test_a_confidence_is_read_however_it_is_written(text: str, confidence: float | None) -> None:
    assert read_confidence(text) == (None if confidence is None else pytest.approx(confidence))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("RESPONSE: Ten.\nCONFIDENCE: 85%", "Ten."),
        ("CONFIDENCE: 40%\nRESPONSE: Ten.", "Ten."),
        ("RESPONSE: One.\nTwo.\n\nCONFIDENCE: 40%", "One.\nTwo."),
        ("**RESPONSE:** Ten.\n**CONFIDENCE:** 40%", "Ten."),
        ("Answer: Ten.\nConfidence: 0.4", "Ten."),
        ("Ten, says the law.", "Ten, says the law."),
        ("RESPONSE: Ten.\nCONFIDENCE = 40% (the law is clear)\nThank you.", "Ten.\n\nThank you."),
        ("RESPONSE: Ten.\nConfidence (0-100): 40", "Ten."),
        ("RESPONSE: Ten.\nCONFIDENCE: high", "Ten."),
        ("RESPONSE: Ten.\nCONFIDENCE:", "Ten."),
        ("RESPONSE: Ten.\nCONFIDENCE 40%", "Ten."),
        *((prose, prose) for prose in PROSE),
        ("Let me think.\nRESPONSE: Ten.\nCONFIDENCE: 40%\n", "Ten."),
        ("", ""),
    ],
)
def test_the_answer_is_what_follows_its_label(text: str, answer: str) -> None:
    assert read_plain(text).answer == answer


@pytest.mark.parametrize(
    ("found", "confidence"),
    [
        ({"answer": "Ten.", "confidence": 0.85}, 0.85),
        ({"answer": "Ten.", "confidence": 1}, 1.0),
        ({"answer": "Ten.", "confidence": 85}, 0.85),
        ({"answer": "Ten.", "confidence": "85%"}, 0.85),
        ({"answer": "Ten.", "confidence": "0.85", "why": "law"}, 0.85),
        ({"answer": "Ten.", "confidence": True}, None),
        ({"answer": "Ten.", "confidence": None}, None),
        ({"answer": "Ten.", "confidence": -0.1}, None),
        ({"answer": "Ten.", "confidence": 10**400}, None),
        ({"answer": "Ten."}, None),
        ({"answer": 10, "confidence": 0.5}, None),
        (["Ten.", 0.5], None),
    ],
)
def test_a_structured_answer_is_read_or_is_none(found: object, confidence: float | None) -> None:
    stated = read_structured(json.dumps(found))
    assert (stated and stated.confidence) == confidence


@pytest.mark.parametrize("text", ["", "no JSON", '{"answer": "Ten."', "NaN", "[" * 100_000])
def test_what_is_no_json_is_no_structured_answer(text: str) -> None:
    assert read_structured(text) is None


@given(st.text())
def test_no_text_makes_the_reader_crash(text: str) -> None:
    for written in (text, f"CONFIDENCE: {text}", f"RESPONSE: {text}\nCONFIDENCE: 40%"):
        stated = read_plain(written)
        assert stated.confidence is None or 0 <= stated.confidence <= 1
        read_structured(written)


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers() | st.text() | st.none())
def test_no_structured_confidence_is_read_outside_0_to_1(confidence: object) -> None:
    stated = read_structured(json.dumps({"answer": "Ten.", "confidence": confidence}))
    assert stated is None or 0 <= (stated.confidence or 0) <= 1


@given(st.integers(0, 100))
def test_every_whole_percentage_is_read_as_it_is_written(number: int) -> None:
    for written in (f"{number}%", f"{number} percent", f"{number}/100"):
        assert read_confidence(f"CONFIDENCE: {written}") == pytest.approx(number / 100)


def test_a_long_answer_is_read_in_no_time() -> None:
    text = "confidence " * 20_000 + "RESPONSE: " * 5_000
    assert read_plain(text).confidence is None
    assert read_plain(f"confidence{' ' * 50_000}").confidence is None
    assert read_plain(f"confidence:{' *' * 25_000}").confidence is None
