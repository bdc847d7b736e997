"""What open pages are told about outputs under review: the page's own fragments, nothing of a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dashboard.live import rendering
from dashboard.live.changes import ROW, Shown
from dashboard.live.rendering import Frame
from ledger.models import Event
from reviews import claims, services
from reviews.models import ReviewItem
from tests.support import people
from tests.support.reviewing import added

pytestmark = pytest.mark.django_db

IDLE, LIST = frozenset({"idle"}), frozenset({"reviews"})


@pytest.fixture(autouse=True)
def somebody_reviews() -> None:
    rendering.recent.forget()
    people.rita()


def told(item: ReviewItem, on: Shown, after: int = 0) -> dict[str, Any]:
    """What a page that shows `on` hears of that item."""
    rows = Event.objects.after(after).values_list(*ROW)
    frames: dict[str, Frame] = {frame.subject: frame for frame in rendering.frames(rows, on)}
    found: dict[str, Any] = json.loads(frames[item.subject].text_for(on) or "{}")
    return found


def test_a_new_output_is_a_row_of_both_lists_and_a_figure_of_every_menu() -> None:
    item = added(content="About <lamps>")
    for on in (IDLE, LIST):
        frame = told(item, on)
        assert f'id="review-{item.pk}"' in frame["html"][f"review-{item.pk}"]
        assert "About &lt;lamps&gt;" in frame["html"][f"review-{item.pk}"]
        assert frame["lists"] == ["reviews", "idle"]
        assert frame["counts"] == {"reviews": 1}
        assert frame["html"]["count-idle"] == '<span class="num" id="count-idle">1</span>\n'
        assert frame["label"] == "newsletter for review, from reviewed"
    elsewhere = told(item, frozenset({"runs"}))
    assert (elsewhere["counts"], elsewhere["html"]) == ({"reviews": 1}, {})


def test_the_page_of_an_item_hears_that_it_is_decided_and_gets_the_outcome() -> None:
    item, before = added(), Event.objects.newest()
    services.reject(item.pk, by="rita", feedback="Too long.")
    frame = told(item, frozenset({item.subject}), before)
    assert frame["open"] is False
    assert "Too long." in frame["html"][f"outcome-{item.pk}"]
    assert "Rejected" in frame["html"][f"title-{item.pk}"]
    assert "Rejected by rita" in frame["html"][f"history-{item.pk}"]


def test_an_open_item_brings_no_outcome_for_the_place_of_the_form() -> None:
    item = added()
    assert f"outcome-{item.pk}" not in told(item, frozenset({item.subject}))["html"]


def test_a_claim_shows_on_the_row_and_the_page_by_name_and_is_no_figure() -> None:
    item, before = added(), Event.objects.newest()
    claims.claim(item.pk, by=people.rita())
    frame = told(item, frozenset({item.subject, "idle"}), before)
    assert "rita, " in frame["html"][f"review-{item.pk}"]
    assert "rita has it" in frame["html"][f"claim-{item.pk}"]
    rows = Event.objects.after(before).values_list(*ROW)
    assert rendering.frames(rows, frozenset({"runs"})) == []


def test_a_frame_holds_no_form_no_button_and_no_output() -> None:
    item, other = added(content="x" * 400 + " the rest"), added()
    services.correct(other.pk, by="rita", content="new text")
    rows = Event.objects.values_list(*ROW)
    for frame in rendering.frames(rows, None):
        html = "".join(json.loads(frame.text_for(None))["html"].values())
        for word in ("<form", "<button", "csrf", "the rest", "new text"):
            assert word not in html
    assert item.pk


def test_drawing_a_card_reads_no_output(django_assert_num_queries: Any) -> None:
    added(content="x" * 1_000)
    rows = list(Event.objects.values_list(*ROW))
    with django_assert_num_queries(3) as captured:  # the rows; how many are open, in two places
        rendering.frames(rows, IDLE)
    assert '"content"' not in captured[0]["sql"]
