"""The verbs of reviews: what each moves, what it writes to the log, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import runs
from ledger.clock import now
from ledger.errors import (
    AlreadyDecided,
    BadInput,
    IllegalMove,
    NotAllowed,
    Refused,
    Stale,
    UnknownId,
)
from ledger.models import Event
from ledger.transitions import move
from reviews import claims, services, types
from reviews.models import OutputType, ReviewItem, ReviewStatus
from tests.support import people
from tests.support.reviewing import added, output_type

pytestmark = pytest.mark.django_db

Verb = Callable[[ReviewItem], ReviewItem]
VERBS: dict[str, Verb] = {
    "approved": lambda item: services.approve(item.pk, by="rita", digest=item.digest),
    "rejected": lambda item: services.reject(item.pk, by="rita", feedback="No."),
    "corrected": lambda item: services.correct(item.pk, by="rita", content="Better."),
}


@pytest.fixture(autouse=True)
def somebody_reviews() -> None:
    people.rita()
    people.person("sam", "Reviewers", first_name="Sam", last_name="Lindner")


def events(item: ReviewItem) -> list[Event]:
    return list(Event.objects.filter(subject=item.subject).order_by("id"))


# ---- The table of moves ----------------------------------------------------------------------


@pytest.mark.parametrize("was", ReviewStatus.values)
@pytest.mark.parametrize("to", ReviewStatus.values)
def test_only_what_is_pending_moves_and_never_back(was: str, to: str) -> None:
    item = added()
    ReviewItem.objects.filter(pk=item.pk).update(status=was)
    item = services.find_by_id(item.pk)
    if was == "pending" and to != "pending":
        move(item, to, kind=f"reviews.{to}", actor="system")
        assert item.status == to
    else:
        with pytest.raises(IllegalMove):
            move(item, to, kind=f"reviews.{to}", actor="system")


# ---- Each verb -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", VERBS)
def test_a_verdict_is_kept_with_who_when_and_what_follows(status: str) -> None:
    item = VERBS[status](added())
    found = services.find_by_id(item.pk)
    assert found.status == status
    assert found.reviewed
    assert found.approved is (status != "rejected")
    assert found.reviewer == people.rita()
    assert found.resolved_at is not None


@pytest.mark.parametrize("status", VERBS)
def test_the_log_has_what_the_figures_need(status: str) -> None:
    item = VERBS[status](added())
    asked, decided = events(item)
    assert (asked.kind, asked.actor) == ("reviews.added", "agent:reviewed")
    assert (decided.kind, decided.actor) == (f"reviews.{status}", "user:rita")
    data = decided.payload
    assert (data["output_type"], data["agent_id"], data["by"]) == (
        "newsletter",
        "reviewed",
        "person",
    )
    assert data["age"] >= 0
    assert data["words"] == 9


@pytest.mark.parametrize("first", VERBS)
@pytest.mark.parametrize("second", VERBS)
def test_the_second_verdict_loses_and_is_told_who_was_first(first: str, second: str) -> None:
    item = added()
    VERBS[first](item)
    with pytest.raises(AlreadyDecided, match=f"rita decided first: {first}"):
        VERBS[second](item)
    assert services.find_by_id(item.pk).status == first
    assert len(events(item)) == 2


def test_the_correction_stands_beside_the_original() -> None:
    item = services.correct(added(content="Old").pk, by="rita", content="New", feedback="So.")
    found = services.find_by_id(item.pk)
    assert (found.content, found.correction, found.usable) == ("Old", "New", "New")


@pytest.mark.parametrize(
    ("status", "usable"), [("approved", "Text"), ("rejected", None), ("corrected", "Better.")]
)
def test_what_may_be_used_follows_from_the_verdict(status: str, usable: Any) -> None:
    item = added(content="Text")
    assert item.usable is None
    assert VERBS[status](item).usable == usable


@pytest.mark.parametrize("verb", ["approve", "reject", "correct"])
def test_an_outdated_digest_decides_nothing(verb: str) -> None:
    item = added()
    more = {"content": "x"} if verb == "correct" else {}
    with pytest.raises(Stale):
        getattr(services, verb)(item.pk, by="rita", feedback="Why.", digest="0" * 64, **more)
    assert services.find_by_id(item.pk).status == "pending"


@pytest.mark.parametrize("feedback", ["", " \n", None])
def test_rejecting_takes_words(feedback: Any) -> None:
    item = added()
    with pytest.raises(BadInput, match="feedback"):
        services.reject(item.pk, by="rita", feedback=feedback)
    assert services.find_by_id(item.pk).status == "pending"


@pytest.mark.parametrize("feedback", ["x" * 10_001, "\0", "\ud800"])
def test_feedback_that_cannot_be_kept_is_refused(feedback: str) -> None:
    with pytest.raises(BadInput, match="feedback"):
        services.approve(added().pk, by="rita", feedback=feedback)


def test_a_correction_that_changes_nothing_is_no_correction() -> None:
    with pytest.raises(BadInput, match="Nothing is changed"):
        services.correct(added(content={"a": 1}).pk, by="rita", content={"a": 1})


@pytest.mark.parametrize("unknown", [0, 999_999, "x", None, "1.5", 2**70])
def test_an_unknown_item_is_named_in_a_key_error(unknown: Any) -> None:
    with pytest.raises(UnknownId) as raised:
        services.approve(unknown, by="rita")
    assert isinstance(raised.value, KeyError)
    assert str(unknown) in str(raised.value)


# ---- Who may ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", VERBS)
def test_an_outsider_decides_nothing(status: str) -> None:
    people.otto()
    item = added()
    verb = {"approved": "approve", "rejected": "reject", "corrected": "correct"}[status]
    more = {"content": "x"} if verb == "correct" else {}
    with pytest.raises(NotAllowed):
        getattr(services, verb)(item.pk, by="otto", feedback="No.", **more)
    assert services.find_by_id(item.pk).status == "pending"


@pytest.mark.parametrize("role", ["requester", "owner"])
def test_nobody_reviews_what_they_asked_for_superusers_included(role: str) -> None:
    root = people.root()
    item = added(people.a_run(**{role: root}))
    with pytest.raises(NotAllowed, match="another person"):
        services.approve(item.pk, by=root)
    assert services.approve(item.pk, by="rita").status == "approved"


def test_a_closed_account_decides_nothing() -> None:
    rita = people.rita()
    rita.is_active = False
    rita.save()
    with pytest.raises(NotAllowed, match="not active"):
        services.approve(added().pk, by="rita")


# ---- What is taken in ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    ["", "text", None, True, 0, -1.5, 2**70, [], {}, {"a": [1, {"b": None}]}, "\U0001f600", [[]]],
)
def test_any_json_comes_back_as_it_was(content: Any) -> None:
    found = services.find_by_id(added(content=content, context={"any": content}).pk)
    assert found.content == content
    assert type(found.content) is type(content)
    assert found.context == {"any": content}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4
    ),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_any_json_at_all_comes_back_as_it_was(content: Any) -> None:
    assert services.find_by_id(added(content=content).pk).content == content


@pytest.mark.parametrize(
    "content",
    [float("nan"), float("inf"), "\0", "\ud800", {1: 2}, {"a": "\0"}, {"\0": 1}, object(), b"x"],
)
def test_what_is_no_json_is_refused_and_nothing_is_stored(content: Any) -> None:
    for field in ("content", "context"):
        with pytest.raises(BadInput, match=field):
            added(**{field: content})
    assert not ReviewItem.objects.exists()


def test_json_that_is_nested_too_deep_is_refused() -> None:
    deep: Any = 0
    for _ in range(101):
        deep = [deep]
    with pytest.raises(BadInput, match="nested"):
        added(content=deep)


def test_an_output_of_ten_megabytes_is_kept_whole() -> None:
    text = "x" * 10 * 1024 * 1024
    item = added(content=text)
    assert services.find_by_id(item.pk).content == text
    assert item.size == len(text)
    assert len(item.preview) < 300


def test_an_output_beyond_every_limit_is_refused_with_the_limit() -> None:
    with pytest.raises(BadInput, match="larger than 32 MB"):
        added(content="x" * (32 * 1024 * 1024))


@pytest.mark.parametrize("field", ["agent_id", "output_type"])
@pytest.mark.parametrize("value", ["", "  ", None, 3, "x" * 201, "\0"])
def test_names_that_are_none_are_refused(field: str, value: Any) -> None:
    with pytest.raises(BadInput, match=field):
        added(**{field: value})


def test_a_run_that_is_over_adds_nothing() -> None:
    run = people.a_run()
    runs.cancel(run.pk, actor="system")
    with pytest.raises(IllegalMove):
        added(run)


def test_the_same_key_of_a_run_is_the_same_item() -> None:
    run = people.a_run()
    assert added(run, key="a").pk == added(run, key="a").pk != added(run, key="b").pk


# ---- The reviewed share ----------------------------------------------------------------------


def test_all_of_a_new_type_is_reviewed_and_the_log_says_who_made_the_type() -> None:
    item = added(output_type="brand new")
    assert item.status == "pending"
    kind = OutputType.objects.get(name="brand new")
    event = Event.objects.get(subject=kind.subject)
    assert (event.kind, event.actor) == ("reviews.type_changed", "system")


def test_what_is_not_in_the_share_is_released_and_marked_as_not_reviewed() -> None:
    output_type(share=0)
    item = services.find_by_id(added().pk)
    assert (item.status, item.reviewed, item.approved, item.reviewer) == (
        "released",
        False,
        None,
        None,
    )
    assert item.usable == item.content
    assert item.resolved_at is not None
    assert [event.kind for event in events(item)] == ["reviews.added", "reviews.released"]
    assert events(item)[1].actor == "rule:sample"


def test_a_further_try_after_a_rejection_always_goes_before_a_person() -> None:
    first = services.reject(added().pk, by="rita", feedback="No.")
    output_type(share=0)
    second = added(previous=first)
    assert (second.status, second.attempt, second.previous_id) == ("pending", 2, first.pk)


def test_items_keep_the_share_that_they_were_asked_under() -> None:
    item = added()
    output_type(share=Decimal("12.50"))
    assert services.find_by_id(item.pk).share == 100
    assert services.find_by_id(added(output_type="other").pk).share == 100


@given(st.integers(1, 2**62), st.decimals(0, 100, places=2))
def test_the_sample_is_the_same_whenever_it_is_asked_and_grows_with_the_share(
    pk: int, share: Decimal
) -> None:
    drawn = services.is_in_sample(pk, share)
    assert drawn is services.is_in_sample(pk, share)
    assert services.is_in_sample(pk, Decimal(100))
    assert not services.is_in_sample(pk, Decimal(0))
    if drawn:
        assert services.is_in_sample(pk, min(Decimal(100), share + 1))


def test_the_sample_has_the_size_that_was_asked_for() -> None:
    share = Decimal("7.5")
    drawn = sum(services.is_in_sample(pk, share) for pk in range(1, 20_001))
    assert 1_350 < drawn < 1_650


# ---- What operators set ----------------------------------------------------------------------


def test_an_operator_sets_the_share_and_the_log_has_it_before_and_after() -> None:
    olga = people.person("olga", "Operators")
    kind = output_type()
    types.change(kind.pk, by=olga, share="25", rendering="markdown", language="")
    event = Event.objects.get(kind="reviews.type_changed")
    assert (event.payload["before"]["share"], event.payload["after"]["share"]) == (
        "100.00",
        "25.00",
    )
    types.change(kind.pk, by=olga, share=25, rendering="markdown", language="")
    assert Event.objects.filter(kind="reviews.type_changed").count() == 1


@pytest.mark.parametrize("share", ["-1", "100.01"])
def test_a_share_beyond_all_is_refused(share: str) -> None:
    olga = people.person("olga", "Operators")
    with pytest.raises(BadInput, match="share"):
        types.create("x", by=olga, share=share, rendering="auto", language="")


def test_setting_types_and_tries_is_for_operators() -> None:
    rita = people.rita()
    with pytest.raises(NotAllowed):
        types.create("x", by=rita, share=1, rendering="auto", language="")
    with pytest.raises(NotAllowed):
        types.change(output_type().pk, by=rita, share=1, rendering="auto", language="")
    with pytest.raises(NotAllowed):
        types.set_tries("a", 1, by=rita)


def test_tries_are_three_until_an_operator_says_otherwise() -> None:
    assert types.tries_for("writer") == 3
    olga = people.person("olga", "Operators")
    types.set_tries("writer", 5, by=olga)
    assert types.tries_for("writer") == 5
    assert Event.objects.get(kind="reviews.tries_changed").payload["after"] == 5
    for wrong in (0, 21):
        with pytest.raises(BadInput, match="tries"):
            types.set_tries("writer", wrong, by=olga)


# ---- Claims ----------------------------------------------------------------------------------


def test_a_claim_is_in_the_log_with_the_age_of_the_item_and_made_longer_without_a_word() -> None:
    item = added()
    claims.claim(item.pk, by=people.rita())
    before = services.find_by_id(item.pk).claimed_until
    claims.claim(item.pk, by=people.rita())
    after = services.find_by_id(item.pk).claimed_until
    assert before is not None
    assert after is not None
    assert after >= before
    claimed = [event for event in events(item) if event.kind == "reviews.claimed"]
    assert [event.payload["output_type"] for event in claimed] == ["newsletter"]
    assert claimed[0].payload["age"] >= 0


def test_what_somebody_has_is_refused_to_others_until_the_claim_ends() -> None:
    item = added()
    claims.claim(item.pk, by=people.rita())
    sam = people.person("sam")
    with pytest.raises(Refused, match="rita has this item until"):
        claims.claim(item.pk, by=sam)
    over = now() - timedelta(seconds=1)
    ReviewItem.objects.filter(pk=item.pk).update(claimed_until=over)
    assert claims.claim(item.pk, by=sam).claimed_by == sam


def test_a_verdict_ends_the_claim_whoever_had_it() -> None:
    item = added()
    claims.claim(item.pk, by=people.rita())
    services.approve(item.pk, by="sam")
    found = services.find_by_id(item.pk)
    assert (found.claimed_by, found.claimed_until) == (None, None)


def test_only_who_has_it_gives_it_back() -> None:
    item = added()
    claims.claim(item.pk, by=people.rita())
    claims.give_back(item.pk, by=people.person("sam"))
    assert services.find_by_id(item.pk).claimed_by == people.rita()
    claims.give_back(item.pk, by=people.rita())
    assert services.find_by_id(item.pk).claimed_by is None


def test_who_may_not_decide_takes_nothing_in_hand() -> None:
    with pytest.raises(NotAllowed):
        claims.claim(added().pk, by=people.otto())


def test_what_is_decided_is_not_claimed() -> None:
    item = services.approve(added().pk, by="rita")
    with pytest.raises(Refused, match="decided already"):
        claims.claim(item.pk, by=people.rita())


# ---- With its run ----------------------------------------------------------------------------


def test_a_cancelled_run_takes_its_outputs_back() -> None:
    run = people.a_run()
    item = added(run)
    runs.cancel(run.pk, actor="user:rita", reason="Not wanted.")
    found = services.find_by_id(item.pk)
    assert (found.status, found.reviewed, found.usable) == ("cancelled", False, None)
    with pytest.raises(AlreadyDecided, match="taken back"):
        services.approve(item.pk, by="rita")


def test_a_verdict_on_an_output_of_a_run_that_is_over_waits_for_no_delivery() -> None:
    run = people.a_run()
    item = added(run)
    run.status = "completed"
    run.save()
    services.approve(item.pk, by="rita")
    assert services.find_by_id(item.pk).delivered_at is not None
