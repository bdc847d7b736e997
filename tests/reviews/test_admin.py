"""What operators set for reviews in the admin: types of output and limits of tries, all logged."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from ledger.errors import BadInput, NotAllowed, UnknownId
from ledger.models import Event
from reviews import types
from reviews.models import OutputType, ReviewItem, TryLimit
from tests.support import people
from tests.support.reviewing import added, output_type

pytestmark = pytest.mark.django_db

TYPES, LIMITS = "/admin/reviews/outputtype/", "/admin/reviews/trylimit/"
NEW = {"name": "newsletter", "share": "25.5", "rendering": "markdown", "language": ""}


@pytest.fixture
def olga(client: Client) -> Client:
    client.force_login(people.person("olga", "Operators"))
    return client


def logged(kind: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Who changed what, with the rule before and after, oldest first."""
    events = Event.objects.filter(kind=kind).order_by("id")
    return [(event.actor, event.subject, event.payload) for event in events]


def errors(response: Any) -> list[str]:
    """The fields beside which something is refused."""
    assert response.status_code == 200
    return list(response.context["adminform"].form.errors)


# ---- Types of output


def test_a_new_type_is_saved_and_logged(olga: Client) -> None:
    assert olga.post(f"{TYPES}add/", NEW).status_code == 302
    made = OutputType.objects.get()
    assert (made.name, made.share, made.rendering) == ("newsletter", Decimal("25.5"), "markdown")
    after = {"type": "newsletter", "share": "25.50", "rendering": "markdown", "language": ""}
    subject = f"reviews.outputtype:{made.pk}"
    assert logged("reviews.type_changed") == [
        ("user:olga", subject, {"before": None, "after": after})
    ]


def test_a_changed_type_is_in_the_log_with_before_and_after(olga: Client) -> None:
    kind = types.find_type(output_type().name)
    before = kind.rule
    form = {"share": "10", "rendering": "code", "language": " python "}
    assert olga.post(f"{TYPES}{kind.pk}/change/", form).status_code == 302
    kind.refresh_from_db()
    assert (kind.share, kind.rendering, kind.language) == (10, "code", "python")
    ((actor, subject, data),) = logged("reviews.type_changed")
    assert (actor, subject) == ("user:olga", kind.subject)
    assert data == {"before": before, "after": kind.rule}


def test_saving_a_type_unchanged_writes_nothing(olga: Client) -> None:
    kind = types.find_type(output_type().name)
    form = {"share": "100.00", "rendering": "auto", "language": ""}
    assert olga.post(f"{TYPES}{kind.pk}/change/", form).status_code == 302
    assert logged("reviews.type_changed") == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": "100.01"},
        {"share": "-1"},
        {"share": "half"},
        {"share": ""},
        {"share": "NaN"},
        {"rendering": "film"},
        {"language": "x" * 51},
    ],
)
def test_a_type_that_makes_no_sense_is_refused_beside_the_field(
    olga: Client, wrong: dict[str, str]
) -> None:
    kind = types.find_type(output_type().name)
    assert errors(olga.post(f"{TYPES}add/", {**NEW, "name": "other", **wrong})) == list(wrong)
    form = {"share": "50", "rendering": "auto", "language": ""}
    assert errors(olga.post(f"{TYPES}{kind.pk}/change/", form | wrong)) == list(wrong)
    assert OutputType.objects.get().rule == kind.rule
    assert logged("reviews.type_changed") == []


@pytest.mark.parametrize("name", ["", "   ", "newsletter", " newsletter ", "x" * 201])
def test_a_type_has_a_name_of_its_own(olga: Client, name: str) -> None:
    output_type("newsletter")
    assert errors(olga.post(f"{TYPES}add/", {**NEW, "name": name})) == ["name"]
    assert OutputType.objects.count() == 1


def test_a_type_keeps_its_name_and_is_never_deleted(olga: Client) -> None:
    kind = types.find_type(output_type().name)
    form = {"name": "other", "share": "50", "rendering": "auto", "language": ""}
    olga.post(f"{TYPES}{kind.pk}/change/", form)
    assert OutputType.objects.get().name == "newsletter"
    assert olga.post(f"{TYPES}{kind.pk}/delete/", {"post": "yes"}).status_code == 403
    assert b"delete_selected" not in olga.get(TYPES).content


def test_another_share_counts_for_what_comes_and_not_for_what_waits(olga: Client) -> None:
    waiting = added()
    kind = OutputType.objects.get()
    form = {"share": "0", "rendering": "auto", "language": ""}
    olga.post(f"{TYPES}{kind.pk}/change/", form)
    assert ReviewItem.objects.get(pk=waiting.pk).status == "pending"
    assert added().status == "released"


# ---- Limits of tries


def test_a_limit_is_saved_and_logged_and_counts(olga: Client) -> None:
    form = {"agent_id": "reviewed", "tries": "5"}
    assert olga.post(f"{LIMITS}add/", form).status_code == 302
    limit = TryLimit.objects.get()
    assert types.tries_for("reviewed") == 5
    assert olga.post(f"{LIMITS}{limit.pk}/change/", {"tries": "2"}).status_code == 302
    assert (types.tries_for("reviewed"), types.tries_for("other")) == (2, types.TRIES)
    assert logged("reviews.tries_changed") == [
        ("user:olga", limit.subject, {"agent_id": "reviewed", "before": before, "after": after})
        for before, after in ((None, 5), (5, 2))
    ]


def test_saving_a_limit_unchanged_writes_nothing(olga: Client) -> None:
    limit = types.set_tries("reviewed", 4, by=people.root())
    before = logged("reviews.tries_changed")
    assert olga.post(f"{LIMITS}{limit.pk}/change/", {"tries": "4"}).status_code == 302
    assert logged("reviews.tries_changed") == before


@pytest.mark.parametrize(
    "wrong", [{"tries": "0"}, {"tries": "21"}, {"tries": "-1"}, {"tries": "two"}, {"tries": ""}]
)
def test_a_limit_that_makes_no_sense_is_refused_beside_the_field(
    olga: Client, wrong: dict[str, str]
) -> None:
    limit = types.set_tries("reviewed", 4, by=people.root())
    before = logged("reviews.tries_changed")
    form = {"agent_id": "other", "tries": "3"}
    assert errors(olga.post(f"{LIMITS}add/", form | wrong)) == ["tries"]
    assert errors(olga.post(f"{LIMITS}{limit.pk}/change/", wrong)) == ["tries"]
    assert TryLimit.objects.get().tries == 4
    assert logged("reviews.tries_changed") == before


def test_an_agent_has_one_limit_keeps_its_name_and_the_limit_stays(olga: Client) -> None:
    limit = types.set_tries("reviewed", 4, by=people.root())
    assert errors(olga.post(f"{LIMITS}add/", {"agent_id": "reviewed", "tries": "3"})) == [
        "agent_id"
    ]
    olga.post(f"{LIMITS}{limit.pk}/change/", {"agent_id": "other", "tries": "3"})
    assert list(TryLimit.objects.values_list("agent_id", "tries")) == [("reviewed", 3)]
    assert olga.post(f"{LIMITS}{limit.pk}/delete/", {"post": "yes"}).status_code == 403


# ---- Who may


def test_auditors_only_look_and_reviewers_have_no_admin(client: Client) -> None:
    kind = types.find_type(output_type().name)
    limit = types.set_tries("reviewed", 4, by=people.root())
    before = Event.objects.newest()
    rows = ((TYPES, kind.pk, NEW), (LIMITS, limit.pk, {"agent_id": "x", "tries": "2"}))
    client.force_login(people.person("ada", "Auditors"))
    for address, pk, form in rows:
        assert client.get(f"{address}{pk}/change/").status_code == 200
        assert client.post(f"{address}{pk}/change/", form).status_code == 403
        assert client.post(f"{address}add/", form).status_code == 403
    client.force_login(people.rita())
    for address, _, form in rows:
        assert client.get(address).status_code == 302
        assert client.post(f"{address}add/", form).status_code == 302
    assert Event.objects.newest() == before


def test_the_verbs_check_who_and_what() -> None:
    root, rita, kind = people.root(), people.rita(), output_type()
    rule: dict[str, Any] = {"share": 50, "rendering": "auto", "language": ""}
    with pytest.raises(NotAllowed):
        types.create("other", by=rita, **rule)
    with pytest.raises(NotAllowed):
        types.change(kind.pk, by=rita, **rule)
    with pytest.raises(NotAllowed):
        types.set_tries("reviewed", 2, by=rita)
    with pytest.raises(UnknownId):
        types.change(kind.pk + 1, by=root, **rule)
    for wrong in ({"share": 101}, {"share": -1}, {"rendering": "film"}):
        with pytest.raises(BadInput):
            types.change(kind.pk, by=root, **{**rule, **wrong})
    for tries in (0, 21):
        with pytest.raises(BadInput):
            types.set_tries("reviewed", tries, by=root)
    assert not Event.objects.filter(kind__startswith="reviews.").exists()
