"""How much harm a model says that an action can do: never less than it says, never more."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_agents.llm.answers import read
from hitl_agents.llm.completions import completion
from hitl_agents.llm.risk import read_risk, risk_in
from ledger.risk import RiskLevel
from tests.support.doubling import growth

LEVELS = [(word, word) for word in RiskLevel.values]
FORMS: list[tuple[str, str]] = [
    # The word, however it is dressed.
    *((form.replace("WORD", word.upper()), word) for word in RiskLevel.values for form in ["WORD", "WORD.", "**WORD**"]),
    ("High.", "high"),
    (" High\n", "high"),
    ("`high`", "high"),
    ("*High*", "high"),
    ('"high"', "high"),
    ("“Critical”", "critical"),
    ("## Medium", "medium"),
    ("- low", "low"),
    ("1. low", "low"),
    ("low!", "low"),
    ("[critical]", "critical"),
    ("Risk: HIGH.", "high"),
    ("**Risk level:** Low", "low"),
    ("Risk = medium", "medium"),
    ("risk_level: high", "high"),
    ("| Risk | High |", "high"),
    ("Level: Medium 🙂", "medium"),
    ("Answer: low", "low"),
    ("LOW RISK", "low"),
    ("low-risk", "low"),
    ("very high", "high"),
    ("```\nhigh\n```", "high"),
    # Several: the highest.
    ("low to medium", "medium"),
    ("medium-high", "high"),
    ("low/medium", "medium"),
    ("medium or high", "high"),
    ("low, medium, high or critical", "critical"),
    ("Low. High if the address is wrong", ""),
    ("low\nhigh", "high"),
    # Sentences.
    ("The risk is low.", "low"),
    ("This action is low risk because it only writes a file.", "low"),
    ("low\n\nThe action writes one file in the workspace.", "low"),
    ("I think this is high, since it reaches many people", "high"),
    ("High - affects many users", "high"),
    ("This is critical: it destroys data.", "critical"),
    ("It would be medium, since it sends one letter.", "medium"),
    # JSON.
    ('{"risk": "critical"}', "critical"),
    ('{"risk_level": "High"}', "high"),
    ('```json\n{"risk": "low"}\n```', "low"),
    ('{"risk": "low", "reason": "it cannot do high damage"}', "low"),
    ('{"risk": {"level": "high"}}', "high"),
    ('{"risk": ["low", "medium"]}', "medium"),
    ('{"level": "medium", "undoable": false}', "medium"),
    ('{"verdict": "high"}', "high"),
    ('This is critical: {"risk": "low"}', "critical"),
    ('{"risk": "low"}\n{"risk": "high"}', "high"),
    ('{"risk": "not low"}', ""),
    ('{"risk": 3}', ""),
    ('{"low": true}', ""),
    ('{"risk": null}', ""),
    ('["high"]', "high"),
    # Reasoning.
    ("<think>It could be low.</think>critical", "critical"),
    ("<think>critical? no</think>\nlow", "low"),
    ("It may be critical.</think>low", "low"),
    ("<thinking>high</thinking> medium", "medium"),
    ("[THINK]low[/THINK]high", "high"),
    ("<think>It is low", ""),
    ("<|channel|>analysis<|message|>low?<|end|><|start|>assistant<|channel|>final<|message|>high", "high"),
    # Six languages.
    ("Das Risiko ist high.", "high"),
    ("Risiko: low", "low"),
    ("Le risque est low.", "low"),
    ("Niveau de risque : MEDIUM", "medium"),
    ("El riesgo es medium", "medium"),
    ("Riesgo: critical", "critical"),
    ("Il rischio è low", "low"),
    ("O risco é high.", "high"),
    ("Het risico is low", "low"),
    ("风险：low", "low"),
    ("hoch", ""),
    ("niedrig", ""),
    ("élevé", ""),
    ("alto", ""),
    ("basso", ""),
    ("baixo", ""),
    ("hoog", ""),
    ("高", ""),
    ("Das ist nicht low.", ""),
    ("Ce n'est pas low.", ""),
    ("No es low.", ""),
    ("Non è low.", ""),
    ("Não é low.", ""),
    ("Dat is niet low.", ""),
    ("ei low", ""),
    ("low değil", ""),
    ("不是 low", ""),
    ("это не low", ""),
    # What may mean more than it names.
    ("not low", ""),
    ("I would not call this low.", ""),
    ("isn't low", ""),
    ("at least medium", ""),
    ("higher than low", ""),
    ("above medium", ""),
    ("rather low", ""),
    ("low, but it could destroy data", ""),
    ("low unless the address is wrong", ""),
    ("low (9/10)", ""),
    ("I cannot say whether this is low.", ""),
    ("Low is wrong here.", ""),
    ("more than high", ""),
    # Nothing of the four.
    ("", ""),
    (" \n", ""),
    ("banana", ""),
    ("lowest", ""),
    ("highest", ""),
    ("lоw", ""),  # with a Cyrillic letter
    ("severe", ""),
    ("3", ""),
    ("I'm sorry, I cannot help with that.", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "risk"), FORMS)
def test_the_risk_is_what_is_named_or_is_not_read(text: str, risk: str) -> None:
    assert read_risk(read(completion(text))) == (RiskLevel(risk) if risk else None)


def test_the_table_is_large_enough() -> None:
    assert len({text for text, _ in FORMS}) >= 80


@pytest.mark.parametrize(
    "more",
    [{"refusal": "I will not."}, {"finish_reason": "length"}, {"finish_reason": "content_filter"}],
)
def test_a_refusal_and_what_was_cut_off_are_not_read(more: dict[str, str]) -> None:
    assert read_risk(read(completion("low", **more))) is None  # type: ignore[arg-type]


def test_reasoning_in_its_own_field_is_no_risk() -> None:
    answer = completion("")
    answer["choices"][0]["message"]["reasoning_content"] = "critical"
    assert read_risk(read(answer)) is None


@given(st.text(), st.text(), st.sampled_from(list(RiskLevel)))
def test_no_text_around_a_level_makes_it_less(before: str, after: str, level: RiskLevel) -> None:
    found = risk_in(f"{before} {level} {after}")
    assert found is None or found.rank >= level.rank


@given(
    st.recursive(
        st.text() | st.none() | st.integers(),
        lambda each: st.lists(each) | st.dictionaries(st.text(), each),
        max_leaves=8,
    )
)
def test_no_json_makes_the_reader_crash(value: object) -> None:
    risk_in(json.dumps(value))


@pytest.mark.parametrize(
    "piece", ["low ", "not ", '{"risk": "low"} ', "<think>", "a", "{", '{"', " ", "\n"]
)
def test_the_time_to_read_grows_with_the_length(piece: str) -> None:
    assert growth(lambda text: read_risk(read(completion(text))), piece) < 3
