"""Nobody approves their own, superusers included; and only those decide whom the gate names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User

from approvals import rules, services
from approvals.models import ApprovalRequest
from ledger import catalogue, runs
from ledger.catalogue import AgentSpec
from ledger.errors import BadInput, NotAllowed, UnknownId
from ledger.models import Event, Run
from tests.support.people import a_run, asked, gate, otto, person, rita, root

pytestmark = pytest.mark.django_db

VERBS: dict[str, Callable[[int, Any], Any]] = {
    "approve": lambda pk, by: services.approve(pk, by=by),
    "reject": lambda pk, by: services.reject(pk, by=by, feedback="No."),
    "revise": lambda pk, by: services.request_revision(pk, by=by, feedback="Shorter."),
    "edit": lambda pk, by: services.edit_and_approve(pk, by=by, details={"to": "bob"}),
}


def refused(request: ApprovalRequest, by: Any, why: str) -> None:
    """Each verb refuses, with that sentence; nothing changes, and the page says the same."""
    before, events = ApprovalRequest.objects.values().get(pk=request.pk), Event.objects.count()
    for verb in VERBS.values():
        with pytest.raises(NotAllowed, match=why) as error:
            verb(request.pk, by)
        assert error.value.http_status == 403
        assert error.value.reason == rules.refusal(services.find_by_id(request.pk), by)
    assert ApprovalRequest.objects.values().get(pk=request.pk) == before
    assert ApprovalRequest.objects.count() == 1
    assert Event.objects.count() == events


def everybody() -> list[User]:
    """Those who may decide at the gate: a member of its group, and a superuser."""
    return [rita(), root()]


@pytest.mark.parametrize("number", [0, 1], ids=["reviewer", "superuser"])
def test_the_requester_of_a_run_does_not_decide_what_it_asks(number: int) -> None:
    person = everybody()[number]
    refused(asked(a_run(requester=person)), person, "You asked for this run")


@pytest.mark.parametrize("number", [0, 1], ids=["reviewer", "superuser"])
def test_the_owner_of_an_agent_does_not_decide_what_it_asks(number: int) -> None:
    person = everybody()[number]
    refused(asked(a_run(owner=person)), person, "You own this agent")


@pytest.mark.parametrize("number", [0, 1], ids=["reviewer", "superuser"])
def test_the_author_of_a_revision_does_not_decide_it(number: int) -> None:
    person = everybody()[number]
    request = asked()
    ApprovalRequest.objects.filter(pk=request.pk).update(author=person)
    refused(services.find_by_id(request.pk), person, "You wrote this revision")


def test_another_person_decides_what_one_may_not() -> None:
    for run in (a_run(requester=rita()), a_run(owner=rita())):
        assert services.approve(asked(run).pk, by=root()).reviewer == root()


def test_an_edit_is_the_one_case_in_which_the_author_decides_and_says_so() -> None:
    request = asked()
    edited = services.edit_and_approve(request.pk, by=rita(), details={"to": "bob"})
    assert (edited.author, edited.reviewer, edited.resolution) == (rita(), rita(), "edited")
    payload = Event.objects.get(subject=edited.subject, kind="approvals.approved").payload
    assert payload["by"] == "edited"


def test_the_owner_is_taken_from_the_catalogue_when_work_is_given() -> None:
    spec = AgentSpec("owned", "Owned", "Owned by rita.", "tests.nowhere", owner="rita")
    catalogue.register(spec)
    try:
        person = rita()
        run = runs.submit("owned", "Do it.", requester=root())
        assert (run.owner, run.requester) == (person, root())
        refused(asked(run), person, "You own this agent")
    finally:
        catalogue._specs.pop("owned")


def test_a_run_without_requester_is_decided_by_anybody_whom_the_gate_names() -> None:
    assert services.approve(asked(a_run()).pk, by=root()).status == "approved"


# ---- Permission ----------------------------------------------------------------------------------


def test_a_stranger_does_not_decide() -> None:
    refused(asked(), otto(), "may not decide requests")


def test_the_permission_alone_is_not_enough_where_the_gate_names_groups() -> None:
    user = person("pia")
    user.user_permissions.add(Permission.objects.get(codename="decide_approvalrequest"))
    refused(asked(), user, "Only Reviewers may decide at the gate mail")


def test_the_group_alone_is_not_enough_without_the_permission() -> None:
    place = gate()
    place.deciders.set(person("gus", "Drivers").groups.all())
    refused(asked(gate=place), person("gus"), "may not decide requests")


def test_a_gate_that_names_nobody_is_for_superusers() -> None:
    place = gate()
    place.deciders.clear()
    request = asked(gate=place)
    refused(request, rita(), "Only superusers")
    assert services.approve(request.pk, by=root()).status == "approved"


@pytest.mark.parametrize("number", [0, 1], ids=["reviewer", "superuser"])
def test_a_closed_account_does_not_decide_even_in_a_program_that_holds_it(number: int) -> None:
    held = everybody()[number]
    request = asked()
    assert rules.refusal(request, held) is None
    User.objects.filter(pk=held.pk).update(is_active=False)
    with pytest.raises(NotAllowed, match="not active"):
        services.approve(request.pk, by=held)
    assert services.find_by_id(request.pk).status == "pending"


def test_a_permission_that_was_taken_away_counts_at_once() -> None:
    held = rita()
    request = asked()
    assert held.has_perm("approvals.decide_approvalrequest")  # and remembers that
    held.groups.clear()
    with pytest.raises(NotAllowed):
        services.approve(request.pk, by=held)


def test_a_superuser_who_is_one_no_more_does_not_decide() -> None:
    held = root()
    User.objects.filter(pk=held.pk).update(is_superuser=False)
    with pytest.raises(NotAllowed):
        services.approve(asked().pk, by=held)


@pytest.mark.parametrize("verb", VERBS)
def test_nobody_in_particular_decides_nothing(verb: str) -> None:
    request = asked()
    with pytest.raises(NotAllowed):
        VERBS[verb](request.pk, AnonymousUser())
    for unknown in (None, "", "nobody", 5, object(), User(username="made-up", is_superuser=True)):
        with pytest.raises(UnknownId):
            VERBS[verb](request.pk, unknown)
    assert services.find_by_id(request.pk).status == "pending"


def test_a_reviewer_is_a_user_or_a_username() -> None:
    rita()
    assert services.approve(asked().pk, by="rita").reviewer == rita()
    assert Event.objects.latest("id").actor == "user:rita"


# ---- Runs ----------------------------------------------------------------------------------------


def test_only_who_may_cancels_a_run() -> None:
    run = a_run()
    for stranger in (otto(), rita(), AnonymousUser()):
        with pytest.raises(NotAllowed):
            runs.cancel(run.pk, by=stranger)
    assert runs.cancel(run.pk, by=person("olga", "Operators")).status == "cancelled"


def test_only_who_may_says_what_happened_to_a_run_in_doubt() -> None:
    run = a_run(status="in_doubt", doubt={"kind": "diverged"})
    for stranger in (otto(), AnonymousUser()):
        with pytest.raises(NotAllowed):
            runs.resolve_doubt(run.pk, "abandon", by=stranger, note="Looked.")
    assert runs.resolve_doubt(run.pk, "abandon", by=rita(), note="Looked.").status == "failed"


def test_work_for_an_agent_whose_owner_is_unknown_is_refused() -> None:
    """Else the exclusion would silently be off, and whoever was meant could approve."""
    spec = AgentSpec("misspelt", "Misspelt", "Owned by ritta.", "tests.nowhere", owner="ritta")
    catalogue.register(spec)
    try:
        with pytest.raises(BadInput, match="ritta"):
            runs.submit("misspelt", "do it")
    finally:
        catalogue._specs.pop("misspelt")
    assert not Run.objects.exists()
