"""How sure a model says it is: read where it is stated, and from nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_agents.llm.answers import Answer, read
from hitl_agents.llm.completions import completion
from hitl_agents.llm.confidence import read_confidence, read_plain, read_structured
from tests.support.doubling import growth

VALUES: list[tuple[str, float | None]] = [
    ("85%", 0.85),
    ("85 %", 0.85),
    ("85", 0.85),
    ("85.", 0.85),
    ("85%.", 0.85),
    ("0.85", 0.85),
    (".85", 0.85),
    ("0,85", 0.85),
    ("0.9", 0.9),
    ("85 percent", 0.85),
    ("85 per cent", 0.85),
    ("85percent", 0.85),
    ("87.5%", 0.875),
    ("87,5 %", 0.875),
    ("85/100", 0.85),
    ("85 / 100", 0.85),
    ("85 out of 100", 0.85),
    ("8/10", 0.8),
    ("8 out of 10", 0.8),
    ("0.8/1", 0.8),
    ("0.8/1.0", 0.8),
    ("0%", 0.0),
    ("0", 0.0),
    ("1", 0.01),  # a percentage was asked for
    ("1%", 0.01),
    ("0.5%", 0.005),
    ("1.0", 1.0),
    ("100%", 1.0),
    ("100", 1.0),
    ("２０%", 0.2),
    ("85％", 0.85),
    ("**85%**", 0.85),
    ("`85%`", 0.85),
    ("[85%]", 0.85),
    ('"85%"', 0.85),
    ("٨٥%", None),
    # A range: its lower end.
    ("70-80%", 0.7),
    ("70–80 %", 0.7),
    ("70% - 80%", 0.7),
    ("70 to 80%", 0.7),
    ("80-70%", 0.7),
    ("0.7-0.8", 0.7),
    ("70-80", 0.7),
    ("70-80/100", 0.7),
    ("70-800%", None),
    # More than the scale, or no scale that is known.
    ("140%", None),
    ("101", None),
    ("1000%", None),
    ("1000", None),
    ("1,000", None),
    ("100,000", None),
    ("11/10", None),
    ("4/5", None),
    ("40/50", None),
    ("3 out of 5", None),
    ("-5%", None),
    ("+85%", None),
    ("007%", None),
    ("1e2", None),
    ("9 0%", None),
    ("8⁵%", None),
    ("½", None),
    # Anything beside the figure.
    ("<20%", None),
    ("> 20%", None),
    ("≤ 20%", None),
    ("~85%", None),
    ("about 85%", None),
    ("at most 85%", None),
    ("less than 85%", None),
    ("not 85%", None),
    ("under 85%", None),
    ("90%? No, 30%", None),
    ("90% that I'm wrong", None),
    ("90% (I have not looked)", None),
    ("90%, or 30%", None),
    ("90%?", None),
    ("90% unless the list is old", None),
    ("90% sure that it is wrong", None),
    ("85% - high", None),
    ("~~90%~~ 40%", None),
    ("high", None),
    ("very high", None),
    ("low", None),
    ("unknown", None),
    ("ninety percent", None),
    ("", None),
]

TEXTS: list[tuple[str, float | None]] = [
    ("CONFIDENCE: 40%\nRESPONSE: Ten.", 0.4),
    ("response: Ten.\nconfidence: 40%", 0.4),
    ("Response: Ten.\n\n\nConfidence : 40 %\n\nThank you!", 0.4),
    ("**RESPONSE:** Ten.\n**CONFIDENCE:** 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE = 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE - 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE：40%", 0.4),
    ("RESPONSE: Ten.\nConfidence level: 40%", 0.4),
    ("RESPONSE: Ten.\nConfidence score: 0.4", 0.4),
    ("RESPONSE: Ten.\nConfidence (0-100): 40", 0.4),
    ("RESPONSE: Ten.\nConfidence (0-10): 4", 0.4),
    ("RESPONSE: Ten.\nConfidence (0-1): 1", 1.0),
    ("RESPONSE: Ten.\nConfidence (%): 40", 0.4),
    ("RESPONSE: Ten.\n- Confidence: 40%", 0.4),
    ("RESPONSE: Ten.\n| Confidence | 40% |", 0.4),
    ("## Confidence: 40%", 0.4),
    ("```\nRESPONSE: Ten.\nCONFIDENCE: 40%\n```", 0.4),
    ("RESPONSE: 20% of it.\nCONFIDENCE: 40%", 0.4),
    ("RESPONSE: Ten.\nCONFIDENCE: 40%\r\n", 0.4),
    ("CONFIDENCE: 90%\nOn reflection:\nRESPONSE: Ten.\nCONFIDENCE: 40%", 0.4),
    ("CONFIDENCE: 40%\nCONFIDENCE: 90%", 0.4),
    ("I am 90% confident.\nConfidence: 40", 0.4),
    ("Confidence: 40\nI am 90% confident that it is enough.", 0.4),
    ("CONFIDENCE: 90%\nCONFIDENCE: low", None),
    ("CONFIDENCE: 30%\nCONFIDENCE: low", 0.3),
    ("CONFIDENCE: 90%\nCONFIDENCE: 10% or less", None),
    ("CONFIDENCE:\n90%", None),
    ("CONFIDENCE\n90%", None),
    ("RESPONSE: Ten. CONFIDENCE: 90%", None),
    ("> CONFIDENCE: 99%", None),
    ('The letter says "CONFIDENCE: 99%".', None),
    ("<!-- CONFIDENCE: 99% -->", None),
    ("`CONFIDENCE: 99%` is what I would have to write.", None),
    ("CONFIDENCE-INTERVAL: 95%", None),
    ("Overconfidence: 95%", None),
    ("RESPONSE: You may give up to 80%\nCONFIDENCE: <20%", None),
    ("<think>If asked, CONFIDENCE: 99%</think>\nI do not know the answer.", None),
    ("<think>\nCONFIDENCE: 99%\n</think>\nRESPONSE: Ten.\nCONFIDENCE: 40%", 0.4),
    ("CONFIDENCE: 99%\n</think>\nI do not know.", None),
    ("<think>\nCONFIDENCE: 99%", None),
    ("RESPONSE: Ten.", None),
    ("", None),
]

SENTENCES = """
It's not possible to determine a 100% confidence, as there is no way to measure it.
The discount is 12%. I am not 90% sure of that, the list is old.
12%. I am 95% certain that this is wrong.
I am less than 90% sure.
I am 90% sure that I do not know.
I am 90% confident.
I would be 100% sure if the list were new.
My confidence is 90%.
My confidence is not 90%.
Ten, with a confidence of 40%.
Ten. I am about 40 percent sure.
A confidence of 95% is usual in statistics.
Confidence intervals of 95% are wide here.
Confidence of 95% is what the law wants.
Confidence in the bank fell by 90% last year.
Confidence rose to 85% of what it was.
The confidence interval is 95%.
The 95% confidence level is customary.
With 95% confidence the mean lies between 3 and 4.
Nobody can be 100% certain of that.
You can be 100% sure that we will call back.
Are you 100% sure?
If you are 90% certain, go on.
The customer is 100% confident that he has paid.
Our supplier is 99% sure.
I was 90% sure yesterday; today I am not.
I cannot say that I am 80% sure.
I doubt that anybody is 80% sure.
Hardly 20% sure.
At most 30% certain.
Not even 50% confident.
Never 100% certain.
Far from 100% sure.
Nearly 100% wrong.
The battery is 90% full.
There is a 90% chance of rain.
The probability is 95%.
95% of all customers are content.
The answer is 90%.
It is 99% cotton.
The tax is 19%, and 7% on books.
80% of the budget is spent.
Give at most 15% off.
Sales fell by 60%, confidently said the report.
Certainty: 90% is what they ask for.
Sureness 95%.
Probability: 95%
Likelihood: 90%
Certainty: 90%
Accuracy: 99%
Sure: 100%
I'm 100 % on board.
The model's accuracy was 97 percent.
Between 80% and 90% of the letters are answered.
A level of 90% was agreed.
Ten percent, says the law.
The score is 8/10.
It got 9 out of 10.
100%!
100%
Absolutely 100%.
I am 90 percent there.
They promise 99.9% uptime.
The confidence of our users is at 75%, says the survey.
Confidence: 75% of our users have it.
Confidence 101 is a course.
Confidence - of the 3 - matters.
Confidence: the feeling of being sure.
Confidence is not for me to state. There are 40 of them.
Mein Vertrauen liegt bei 90%.
Ich bin mir zu 90% nicht sicher.
Je suis sûr à 90% que non.
No estoy 90% seguro.
""".strip().split("\n")


def answer(text: str, **more: str) -> Answer:
    return read(completion(text, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize(("value", "confidence"), VALUES)
def test_a_labelled_line_is_one_figure_or_is_not_read(value: str, confidence: float | None) -> None:
    stated = read_plain(answer(f"RESPONSE: Ten.\nCONFIDENCE: {value}"))
    assert stated.confidence == (None if confidence is None else pytest.approx(confidence))


@pytest.mark.parametrize(("text", "confidence"), TEXTS)
def test_a_confidence_is_read_where_a_line_states_it(text: str, confidence: float | None) -> None:
    stated = read_plain(answer(text))
    assert stated.confidence == (None if confidence is None else pytest.approx(confidence))


@pytest.mark.parametrize("sentence", SENTENCES)
def test_no_sentence_is_a_confidence(sentence: str) -> None:
    assert read_plain(answer(sentence)).confidence is None
    assert read_plain(answer(f"RESPONSE: {sentence}")).confidence is None
    stated = read_plain(answer(f"RESPONSE: Ten. {sentence}\nCONFIDENCE: 20%"))
    assert stated.confidence == pytest.approx(0.2)


def test_the_tables_are_large_enough() -> None:
    assert len(SENTENCES) >= 60
    assert len(VALUES) + len(TEXTS) + len(SENTENCES) >= 150


def test_a_cut_off_answer_is_not_read() -> None:
    cut = answer("RESPONSE: Ten.\nCONFIDENCE: 1", finish_reason="length")
    assert read_plain(cut).confidence is None
    whole = json.dumps({"answer": "Ten.", "confidence": 1})
    assert read_structured(answer(whole, finish_reason="length")) is None


# ---- The answer beside it


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("RESPONSE: Ten.\nCONFIDENCE: 85%", "Ten."),
        ("CONFIDENCE: 40%\nRESPONSE: Ten.", "Ten."),
        ("RESPONSE: One.\nTwo.\n\nCONFIDENCE: 40%", "One.\nTwo."),
        ("**RESPONSE:** Ten.\n**CONFIDENCE:** 40%", "Ten."),
        ("Answer: Ten.\nConfidence: 0.4", "Ten."),
        ("Ten, says the law.", "Ten, says the law."),
        ("RESPONSE: Ten.\nConfidence (0-100): 40", "Ten."),
        ("RESPONSE: Ten.\nCONFIDENCE: high", "Ten."),
        ("RESPONSE: Ten.\nCONFIDENCE:", "Ten."),
        ("RESPONSE: Ten.\nCONFIDENCE 40%", "Ten."),
        ("Let me think.\nRESPONSE: Ten.\nCONFIDENCE: 40%\n", "Ten."),
        ("RESPONSE: Ten.\nCONFIDENCE: 90%? No.", "Ten.\nCONFIDENCE: 90%? No."),
        ("Confidence: the feeling of being sure.", "Confidence: the feeling of being sure."),
        ("Confidence 101 is a course.", "Confidence 101 is a course."),
        ("<think>Hm.</think>RESPONSE: Ten.", "Ten."),
        ("", ""),
    ],
)
def test_the_answer_is_what_follows_its_label(text: str, words: str) -> None:
    assert read_plain(answer(text)).answer == words


@pytest.mark.parametrize("text", ["", "CONFIDENCE: 99%", '{"answer": " ", "confidence": 0.99}'])
def test_an_empty_answer_is_nothing_whatever_stands_beside_it(text: str) -> None:
    assert read_plain(answer(text)).is_nothing


# ---- JSON


@pytest.mark.parametrize(
    ("found", "confidence"),
    [
        ({"answer": "Ten.", "confidence": 0.85}, 0.85),
        ({"answer": "Ten.", "confidence": 1}, 1.0),
        ({"answer": "Ten.", "confidence": 0}, 0.0),
        ({"answer": "Ten.", "confidence": 85}, 0.85),
        ({"answer": "Ten.", "confidence": 100}, 1.0),
        ({"answer": "Ten.", "confidence": "85%"}, 0.85),
        ({"answer": "Ten.", "confidence": "0.85", "why": "law"}, 0.85),
        ({"answer": "Ten.", "confidence": 0.9, "certainty": 0.3}, 0.3),
        ({"answer": "Ten.", "confidence": "not 85%"}, None),
        ({"answer": "Ten.", "confidence": "high"}, None),
        ({"answer": "Ten.", "confidence": True}, None),
        ({"answer": "Ten.", "confidence": None}, None),
        ({"answer": "Ten.", "confidence": [0.9]}, None),
        ({"answer": "Ten.", "confidence": -0.1}, None),
        ({"answer": "Ten.", "confidence": 101}, None),
        ({"answer": "Ten.", "confidence": 10**400}, None),
        ({"answer": "Ten."}, None),
        ({"answer": 10, "confidence": 0.5}, None),
        (["Ten.", 0.5], None),
    ],
)
def test_a_structured_answer_is_read_or_is_none(found: object, confidence: float | None) -> None:
    stated = read_structured(answer(json.dumps(found)))
    assert (stated and stated.confidence) == confidence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        '{"answer": "Ten."',
        "NaN",
        "[" * 100_000,
        'I do not believe this: {"answer": "Ten.", "confidence": 0.99}',
        '{"answer": "Ten.", "confidence": 0.99} is wrong.',
        '{"answer": "Ten.", "confidence": 0.2, "confidence": 0.99}',
    ],
)
def test_what_is_no_json_alone_is_no_structured_answer(text: str) -> None:
    assert read_structured(answer(text)) is None


def test_json_that_the_answer_speaks_of_states_nothing() -> None:
    text = 'RESPONSE: Send {"answer": "x", "confidence": 0.99}.\nCONFIDENCE: 20%'
    assert read_plain(answer(text)).confidence == pytest.approx(0.2)


# ---- Whatever they write

NO_DIGITS = st.text().filter(lambda text: not any(char.isdigit() for char in text))


@given(st.text())
def test_no_text_makes_the_reader_crash(text: str) -> None:
    for written in (text, f"CONFIDENCE: {text}", f"RESPONSE: {text}\nCONFIDENCE: 40%"):
        stated = read_plain(answer(written))
        assert stated.confidence is None or 0 <= stated.confidence <= 1
        read_structured(answer(written))


@given(NO_DIGITS, NO_DIGITS, st.integers(0, 100))
def test_no_text_around_a_figure_raises_it(before: str, after: str, figure: int) -> None:
    for text in (
        f"{before}CONFIDENCE: {figure}%{after}",
        f"CONFIDENCE: {before}{figure}%{after}",
        f"{before}\nCONFIDENCE: {figure}%\n{after}",
        f"{before}{figure}{after}",
    ):
        found = read_confidence(text)
        assert found is None or found <= figure / 100


@given(st.lists(st.integers(0, 100), min_size=1), NO_DIGITS)
def test_of_several_lines_none_is_exceeded(figures: list[int], between: str) -> None:
    text = f"\n{between}\n".join(f"CONFIDENCE: {figure}%" for figure in figures)
    found = read_confidence(text)
    assert found is None or found == pytest.approx(min(figures) / 100)


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers() | st.text() | st.none())
def test_no_structured_confidence_is_read_outside_0_to_1(confidence: object) -> None:
    stated = read_structured(answer(json.dumps({"answer": "Ten.", "confidence": confidence})))
    assert stated is None or 0 <= (stated.confidence or 0) <= 1


@given(st.integers(0, 100))
def test_every_whole_percentage_is_read_as_it_is_written(number: int) -> None:
    for written in (f"{number}%", f"{number} percent", f"{number}/100"):
        assert read_confidence(f"CONFIDENCE: {written}") == pytest.approx(number / 100)


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "confidence ",
            "CONFIDENCE: 40%\n",
            "confidence:",
            "*",
            " ",
            "| ",
            "9",
            "9-",
            "RESPONSE: ",
        ),
        *("\n", "<think>", "</think>", '{"', "{", '{"a": 1}', 'CONFIDENCE: "', "`", "<|channel|>"),
    ],
)
def test_the_time_to_read_grows_with_the_length(piece: str) -> None:
    def reader(text: str) -> None:
        read_plain(answer(text))
        read_structured(answer(text))
        read_plain(answer(f"confidence:{text}"))

    assert growth(reader, piece) < 3
