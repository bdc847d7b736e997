"""A runner that works until nothing is runnable ends right then, not at its next look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from hitl_agents.runner import noticing
from tests.support import people, sample_agents
from tests.support.driving import driven

pytestmark = pytest.mark.django_db(transaction=True)

NEVER = 3600.0  # seconds between two looks: longer than any test


@pytest.fixture(autouse=True)
def agents(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(noticing, "TICK", NEVER)
    people.gate("shapes")
    with sample_agents.in_catalogue(sample_agents.tidy, sample_agents.exiting):
        yield


@pytest.mark.parametrize(("agent", "status"), [("tidy", "waiting"), ("exiting", "failed")])
def test_it_ends_when_its_last_run_waits_for_people_or_is_over(agent: str, status: str) -> None:
    assert driven(agent).status == status
