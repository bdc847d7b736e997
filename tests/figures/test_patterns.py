"""What the events of each pattern count as."""

from __future__ import annotations

from typing import Any

import pytest

from figures import looking, reading
from figures.declared import collect_declared
from figures.looking import Reading
from figures.numbers import COUNTS, Numbers
from figures.reading import Wanted
from ledger import patterns
from ledger.transitions import record
from reviews import claims, services
from tests.support import people, reviewing

pytestmark = pytest.mark.django_db

WHOLE = (0, 4_000_000)


def figures(pattern: str, dimension: str = "") -> dict[str, Numbers]:
    """The figures of a pattern by the values of a dimension."""
    found = reading.read(Wanted([WHOLE], [pattern], [dimension])).figures[0][0]
    return {value: numbers for (_, _, value), numbers in found.items()}


def counts(pattern: str, dimension: str = "", value: str = "") -> dict[str, int]:
    numbers = figures(pattern, dimension)[value]
    return {name: numbers[name] for name in COUNTS if numbers[name]}


def test_every_installed_pattern_is_declared() -> None:
    installed = [pattern.model._meta.app_label for pattern in patterns.list_patterns()]
    assert sorted(installed) == [each.pattern for each in collect_declared().patterns]


def test_no_event_belongs_to_two_patterns() -> None:
    kinds = [kind for each in collect_declared().patterns for kind in (*each.kinds, each.asked)]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize("each", collect_declared().patterns, ids=lambda each: each.pattern)
def test_outcomes_are_columns(each: Any) -> None:
    assert set(each.outcomes.values()) <= set(COUNTS)
    assert all(kind.startswith(f"{each.pattern}.") for kind in (*each.kinds, each.asked))


def test_reviews_are_approved_corrected_rejected_and_released() -> None:
    rita = people.rita()
    services.approve(reviewing.added().pk, by=rita)
    services.reject(reviewing.added().pk, by=rita, feedback="No.")
    services.correct(reviewing.added().pk, by=rita, content="Better.")
    reviewing.output_type("draft", share=0)
    reviewing.added(output_type="draft")
    whole = figures("reviews")[""]
    assert counts("reviews") == {"approved": 1, "changed": 1, "rejected": 1, "automatic": 1}
    assert (whole.decided, whole.yes) == (3, 2)
    assert counts("reviews", "type", "draft") == {"automatic": 1}
    assert counts("reviews", "rule", "sample") == {"automatic": 1}
    assert counts("reviews", "agent", "reviewed")["rejected"] == 1
    assert counts("reviews", "reviewer", "rita") == {"approved": 1, "changed": 1, "rejected": 1}


def test_taking_an_output_in_hand_is_the_first_look_at_it() -> None:
    item, rita = reviewing.added(), people.rita()
    assert claims.take_next(rita) == item
    assert not looking.note_look(item.subject, by=rita)
    assert counts("reviews")["looks"] == 1
    assert figures("reviews")[""].percentile("to_look", 0.5) is not None


def test_a_look_at_an_output_that_nobody_has_in_hand_is_one_too() -> None:
    item, rita = reviewing.added(), people.rita()
    assert looking.note_look(item.subject, by=rita)
    services.approve(item.pk, by=rita)
    assert looking.read(item.subject, Reading(4, 1, 500), by=rita)
    assert counts("reviews", "reviewer", "rita") == {
        "approved": 1,
        "looks": 1,
        "open_10": 1,
        "read_whole": 1,
    }


def test_escalations_are_answered_dismissed_handled_and_expire() -> None:
    for number, (kind, actor) in enumerate(
        [
            ("answered", "user:rita"),
            ("dismissed", "user:rita"),
            ("handled", "handler:refunds"),
            ("expired", "deadline"),
            ("cancelled", "user:olga"),
        ]
    ):
        subject = f"escalations.escalation:{number}"
        record("escalations.asked", subject, actor="agent:desk", type="money", risk="high")
        record("escalations.claimed", subject, actor="user:rita")
        record(f"escalations.{kind}", subject, actor=actor)
    assert counts("escalations") == {
        "answered": 1,
        "dismissed": 1,
        "automatic": 1,
        "timed_out": 1,
        "cancelled": 1,
        "looks": 5,
    }
    assert counts("escalations", "rule", "refunds") == {"automatic": 1}
    assert counts("escalations", "type", "money")["timed_out"] == 1


@pytest.mark.parametrize(
    ("outcome", "column"),
    [
        ("accept", "approved"),
        ("edit", "changed"),
        ("feedback", "revision"),
        ("stop", "rejected"),
        ("input", "answered"),
        ("retry", "answered"),
        ("moot", None),
    ],
)
def test_a_turn_of_a_plan_counts_as_what_people_did_with_it(
    outcome: str, column: str | None
) -> None:
    record("plans.asked", "plans.planturn:1", actor="agent:planner", turn="feedback")
    record("plans.answered", "plans.planturn:1", actor="user:rita", outcome=outcome)
    if column is None:
        assert figures("plans") == {}
        return
    assert counts("plans") == {column: 1}
    assert counts("plans", "type", "feedback") == {column: 1}


def test_an_event_that_is_no_decision_counts_as_nothing() -> None:
    record("runs.submitted", "ledger.run:1", actor="system")
    record("approvals.delivered", "approvals.approvalrequest:1", actor="runner:a")
    assert figures("approvals") == {}
