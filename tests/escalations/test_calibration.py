"""What the figures about an agent's confidence say, on agents whose accuracy is known."""

from __future__ import annotations

import math
import random

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from escalations import services
from escalations.pages import calibration
from escalations.pages.calibration import Judged, Proposal
from tests.support import people
from tests.support.escalated import CONTEXT, escalated
from tests.support.markup import as_shown

NUMBER = 4_000


def agent(right_at: float, slope: float, seed: int = 1) -> list[Judged]:
    """One that is right with a chance of `right_at + slope * confidence`."""
    rng = random.Random(seed)  # noqa: S311  (repeatable, not secret)
    found = []
    for _ in range(NUMBER):
        confidence = round(rng.random(), 3)
        found.append(Judged(confidence, float(rng.random() < right_at + slope * confidence)))
    return found


@pytest.mark.parametrize(("right_at", "slope"), [(0.0, 1.0), (0.1, 0.6), (0.9, -0.5), (0.5, 0.0)])
def test_the_accuracy_of_a_synthetic_agent_is_recovered(right_at: float, slope: float) -> None:
    for each in calibration.bins(agent(right_at, slope)):
        expected = right_at + slope * each.stated
        error = math.sqrt(max(expected * (1 - expected), 0.01) / each.count)
        assert abs(each.right - expected) < 4 * error


def test_the_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = [
        each.surely[0] <= 0.5 <= each.surely[1]
        for seed in range(30)
        for each in calibration.bins(agent(0.5, 0.0, seed))
    ]
    assert 0.92 <= sum(held) / len(held) <= 0.98


def test_a_well_calibrated_agent_has_a_small_gap_and_a_boaster_a_large_one() -> None:
    assert calibration.gap(agent(0.0, 1.0)) < 0.03
    assert calibration.gap(agent(0.1, 0.3)) == pytest.approx(0.27, abs=0.05)


def test_every_attempt_is_in_one_bin() -> None:
    found = [Judged(number / 100, 1.0) for number in range(101)]
    bins = calibration.bins(found)
    assert [each.count for each in bins] == [10] * 9 + [11]
    assert [each.low for each in bins] == pytest.approx([number / 10 for number in range(10)])


def test_partly_counts_a_half() -> None:
    (only,) = calibration.bins([Judged(0.4, 0.5), Judged(0.4, 1.0)])
    assert only.right == 0.75


def brute_force(found: list[Judged], share: float) -> float | None:
    """The lowest whole percent below which lies that share of the errors."""
    errors = sum(1 - each.right for each in found)
    for percent in range(101):
        caught = sum(1 - each.right for each in found if each.confidence < percent / 100)
        if errors and caught >= share * errors - 1e-9:
            return percent / 100
    return None


WHOLE = st.integers(0, 100).map(lambda percent: percent / 100)
ATTEMPTS = st.lists(st.builds(Judged, WHOLE, st.sampled_from([0.0, 0.5, 1.0])), max_size=40)


@given(ATTEMPTS, st.sampled_from([0.5, 0.8, 0.9, 0.95, 1.0]))
def test_the_proposed_threshold_is_what_trying_all_of_them_finds(
    found: list[Judged], share: float
) -> None:
    proposal = calibration.propose(found, share)
    expected = brute_force(found, share)
    assert (proposal and proposal.threshold) == expected
    if proposal is not None:
        asked = [each for each in found if each.confidence < proposal.threshold]
        assert proposal.load == pytest.approx(len(asked) / len(found))
        caught = sum(1 - each.right for each in asked)
        assert proposal.caught == pytest.approx(caught / proposal.errors)


def test_the_same_on_many_confidences_between_the_percents() -> None:
    found = agent(0.2, 0.7)
    for share in (0.5, 0.9, 0.99):
        proposal = calibration.propose(found, share)
        assert isinstance(proposal, Proposal)
        assert proposal.caught >= share
        fewer = [each for each in found if each.confidence < proposal.threshold - 0.01]
        errors = sum(1 - each.right for each in found)
        assert sum(1 - each.right for each in fewer) < share * errors


def test_without_errors_nothing_is_proposed() -> None:
    assert calibration.propose([], 0.9) is None
    assert calibration.propose([Judged(0.4, 1.0)], 0.9) is None
    assert calibration.propose([Judged(1.0, 0.0)], 0.9) is None


# ---- From marks


def mark(confidence: float, was: str, **changes: object) -> None:
    context = {**CONTEXT, "confidence": confidence}
    services.dismiss(escalated(context=context, **changes).pk, by="rita", attempt_was=was)


@pytest.mark.django_db
def test_figures_are_made_of_marked_attempts_of_that_agent_and_type() -> None:
    people.rita()
    mark(0.4, "right")
    mark(0.4, "partly")
    mark(0.6, "wrong")
    mark(0.6, "wrong", agent_id="other")
    services.dismiss(escalated().pk, by="rita")
    pairs = calibration.pairs()
    assert [(pair.agent_id, pair.count) for pair in pairs] == [("escalating", 3), ("other", 1)]
    found = calibration.read_judged("escalating", "low_confidence")
    assert [(each.confidence, each.right) for each in found] == [(0.4, 1.0), (0.4, 0.5), (0.6, 0.0)]


@pytest.mark.django_db
def test_the_page_shows_diagram_table_and_threshold(client: Client) -> None:
    client.force_login(people.rita())
    assert "Nobody has marked an attempt yet" in as_shown(
        client.get("/escalations/calibration/").content.decode()
    )
    mark(0.4, "wrong")
    mark(0.6, "right")
    html = as_shown(client.get("/escalations/calibration/?share=90").content.decode())
    assert 'class="reliability"' in html
    assert '<circle cx="40" cy="100"' in html
    assert "Asking below <strong>41 %</strong> would have caught 100 % of the errors" in html
    assert "50 % of these attempts" in html


@pytest.mark.django_db
@pytest.mark.parametrize("share", ["", "x", "-1", "1e9"])
def test_an_unknown_share_is_the_usual_one(client: Client, share: str) -> None:
    client.force_login(people.rita())
    response = client.get(f"/escalations/calibration/?share={share}")
    assert '<option value="90" selected>' in as_shown(response.content.decode())


@pytest.mark.django_db
def test_outsiders_see_no_figures(client: Client) -> None:
    client.force_login(people.otto())
    assert client.get("/escalations/calibration/").status_code == 403
