"""Earlier answers to similar questions: found by the database's text search, whatever is written."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalations.knowledge import answers, words
from escalations.models import Knowledge, Term
from hitl_agents.patterns.knowledge import earlier_answers
from ledger.errors import BadInput, NotAllowed, UnknownId
from ledger.models import Event
from tests.support import people
from tests.support.escalated import QUESTION, about, answered

pytestmark = pytest.mark.django_db

QUERIES = (  # what a text search would take for operators
    '"',
    "AND OR NOT",
    "NEAR(a b)",
    "question : workbook",
    "work* ^book -rate +vat",
    "a & b | !c <-> 'd' :*",
    "(((",
    "\\ %s ? ; DROP TABLE escalations_search; --",
    "{a b} : c",
    "日本語 の 質問",
    "\u202e\u0301\u200b\ufeff",
)


@pytest.fixture
def rita() -> User:
    return people.rita()


def found(question: str, agent_id: str = "escalating") -> list[str]:
    return [row.answer for row in answers.similar(agent_id, question)]


def test_the_same_question_is_found(rita: User) -> None:
    answered(QUESTION, "Ten percent.", rita)
    assert found(QUESTION) == ["Ten percent."]


@pytest.mark.parametrize(
    "question",
    [
        "which vat RATE applies to a Printed Workbook",
        "The printed workbook: which rate?",
        "VAT rate, workbook",
        "Which VÂT rate applies to the workbook?",
    ],
)
def test_a_similar_one_is_found_whatever_its_case_order_or_accents(
    rita: User, question: str
) -> None:
    answered(QUESTION, "Ten percent.", rita)
    assert found(question) == ["Ten percent."]


def test_one_about_something_else_is_not(rita: User) -> None:
    answered(QUESTION, "Ten percent.", rita)
    assert found("May we ship order 1042 to Norway, although the customer has not paid yet?") == []


def test_common_words_alone_make_nothing_similar(rita: User) -> None:
    answered("What should we do with the order?", "Wait.", rita)
    assert found("What should we do with the cat?") == []


def test_the_likest_come_first_and_not_too_many(rita: User) -> None:
    answered(QUESTION, "The same.", rita)
    for number in range(answers.OFFERED + 2):
        answered(f"Which VAT rate applies to item {number}?", f"Item {number}.", rita)
    offered = found(QUESTION)
    assert offered[0] == "The same."
    assert len(offered) == answers.OFFERED


def test_another_agents_answers_are_not_offered(rita: User) -> None:
    answered(QUESTION, "Ten percent.", rita)
    assert found(QUESTION, "other") == []


def test_an_escalation_is_not_similar_to_itself(rita: User) -> None:
    escalation = answered(QUESTION, "Ten percent.", rita)
    assert answers.similar("escalating", QUESTION, besides=escalation.pk) == []


def test_what_was_dismissed_is_not_offered(rita: User) -> None:
    from escalations import services

    services.dismiss(about(QUESTION).pk, by=rita, feedback="No idea.")
    assert found(QUESTION) == []


@pytest.mark.parametrize("question", QUERIES)
def test_what_looks_like_a_query_is_only_words(rita: User, question: str) -> None:
    answered(QUESTION, "Ten percent.", rita)
    found(question)
    found(f"{QUESTION} {question}")
    answered(question, "Yes.", rita)
    assert found(question)[:1] in (["Yes."], [])  # without a word in it there is nothing to find


def test_questions_in_scripts_without_spaces_are_found(rita: User) -> None:
    answered("印刷された本の税率は何ですか", "10 %", rita)
    assert found("本の税率は") == ["10 %"]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(max_size=300))
def test_no_text_makes_the_search_crash(rita: User, text: str) -> None:
    answers.similar("escalating", text)
    answers.similar(text or "x", QUESTION)


@given(st.text())
def test_words_hold_nothing_that_a_query_could_read(text: str) -> None:
    for word in words.find_words(text):
        assert word
        assert not set(word) & set("\"'\\:*^()&|!<>-+ \t\n\0")
        assert not any(0xD800 <= ord(c) <= 0xDFFF for c in word)


# ---- Retired and corrected


@pytest.fixture
def olga() -> User:
    return people.person("olga", "Operators")


def test_a_retired_answer_is_neither_offered_nor_told(rita: User, olga: User) -> None:
    row = answered(QUESTION, "Ten percent.", rita).knowledge
    answers.retire(row.pk, by=olga)
    assert found(QUESTION) == []
    assert earlier_answers("escalating", QUESTION)["answers"] == []
    assert Event.objects.get(kind="knowledge.retired").actor == "user:olga"


def test_a_restored_answer_is_offered_again(rita: User, olga: User) -> None:
    row = answered(QUESTION, "Ten percent.", rita).knowledge
    for _ in range(2):
        answers.retire(row.pk, by=olga)
        answers.restore(row.pk, by=olga)
        answers.restore(row.pk, by=olga)
    assert found(QUESTION) == ["Ten percent."]
    assert Event.objects.filter(kind="knowledge.restored").count() == 2


def test_a_corrected_answer_is_what_is_offered(rita: User, olga: User) -> None:
    escalation = answered(QUESTION, "Ten percent.", rita)
    answers.correct(escalation.knowledge.pk, by=olga, answer="Twenty percent.")
    assert found(QUESTION) == ["Twenty percent."]
    assert escalation.response == "Ten percent."
    event = Event.objects.get(kind="knowledge.corrected")
    assert (event.payload["before"], event.payload["after"]) == ("Ten percent.", "Twenty percent.")


@pytest.mark.parametrize("answer", ["", " \n", "x" * 20_001, "nul \0"])
def test_an_unusable_correction_is_refused(rita: User, olga: User, answer: str) -> None:
    row = answered(QUESTION, "Ten percent.", rita).knowledge
    with pytest.raises(BadInput):
        answers.correct(row.pk, by=olga, answer=answer)
    assert Knowledge.objects.get().answer == "Ten percent."


def test_only_operators_change_what_is_kept(rita: User) -> None:
    row = answered(QUESTION, "Ten percent.", rita).knowledge
    for verb in (answers.retire, answers.restore):
        with pytest.raises(NotAllowed):
            verb(row.pk, by=rita)
    with pytest.raises(NotAllowed):
        answers.correct(row.pk, by=rita, answer="Five.")


def test_an_unknown_kept_answer_is_named(olga: User) -> None:
    with pytest.raises(UnknownId, match="kept answer 4711"):
        answers.retire(4711, by=olga)


def test_words_are_counted_by_the_questions_that_have_them(rita: User, olga: User) -> None:
    first = answered("Blue whale?", "Yes.", rita).knowledge
    answered("Blue sky?", "Yes.", rita)
    answers.retire(first.pk, by=olga)
    counted = dict(Term.objects.values_list("word", "count"))
    assert counted == {"blue": 1, "whale": 0, "sky": 1}


# ---- In prompts


def test_what_is_put_into_a_prompt_is_counted_and_named(rita: User) -> None:
    escalation = answered(QUESTION, "Ten percent.", rita)
    told = earlier_answers("escalating", QUESTION)
    assert (told["of"], told["requests"]) == ("escalations.escalation", [escalation.pk])
    assert told["answers"] == [{"question": QUESTION, "answer": "Ten percent."}]
    assert told["lessons"] == [f"To “{QUESTION}” a person answered: Ten percent."]
    assert Knowledge.objects.get().uses == 1
