"""Edit and approve: the form keeps types, shows what would change, and one edit wins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Literal

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import Field

from approvals import actions, services
from approvals.actions import ActionContext, Arguments, action
from approvals.models import ApprovalRequest
from approvals.pages.edit import EditForm
from approvals.pages.schemas import Shape, shape_of
from tests.support import people
from tests.support.markup import as_shown

pytestmark = pytest.mark.django_db


class Line(Arguments):
    sku: int
    price: float | None = None


class Everything(Arguments):
    """One argument of every kind."""

    name: str = Field(max_length=60, description="Who gets it.")
    note: str
    count: int
    price: float
    urgent: bool
    size: Literal["s", "m", 3]
    maybe: str | None = None
    maybe_count: int | None = 7
    maybe_urgent: bool | None = None
    tags: list[str]
    headers: dict[str, str] = {}
    lines: list[Line] = []
    either: int | str = 1


VALUES: dict[str, Any] = {
    "name": "Ana",
    "note": "Dear Ana,\n\nsorry.\n",
    "count": 3,
    "price": 14.9,
    "urgent": True,
    "size": 3,
    "maybe": None,
    "maybe_count": None,
    "maybe_urgent": None,
    "tags": ["a", "", "b c"],
    "headers": {"X-Ticket": "88213", "X-Empty": "", "X-Spaced": "  two "},
    "lines": [{"sku": 1, "price": None}],
    "either": "1",
}


@pytest.fixture(autouse=True)
def everything() -> Iterator[None]:
    @action(floor="medium", undoable=True, preview=lambda a: a.name, does="Approve does it all.")
    def do_everything(arguments: Everything, context: ActionContext) -> None:
        """Do everything."""

    yield
    actions.forget("do_everything")


@pytest.fixture
def rita(client: Client) -> Client:
    client.force_login(people.rita())
    return client


def asked(**changes: Any) -> ApprovalRequest:
    return people.asked(action="do_everything", details=VALUES | changes)


def form_of(client: Client, approval: ApprovalRequest) -> dict[str, str]:
    """What a browser would send of the form as it is."""
    response = client.get(f"/approvals/{approval.pk}/edit/")
    assert response.status_code == 200
    return fields(as_shown(response.content.decode()))


def fields(html: str) -> dict[str, str]:
    html = html[html.index('<form class="page"') :]
    sent = {}
    for tag, body in re.findall(r"<(textarea [^>]*)>\n?(.*?)</textarea>", html, re.DOTALL):
        sent[attribute(tag, "name")] = unescape(body).replace("\n", "\r\n")
    for tag in re.findall(r"<input ([^>]*)>", html):
        if 'type="checkbox"' in tag and " checked" not in tag:
            continue
        sent[attribute(tag, "name")] = attribute(tag, "value") or "on"
    for name, body in re.findall(r'<select [^>]*name="([^"]+)"[^>]*>(.*?)</select>', html):
        chosen = re.search(r'<option value="([^"]*)" selected', body)
        sent[name] = unescape(chosen[1]) if chosen else ""
    for tag in re.findall(r'<input (class="form-control mono"[^>]*)>', html):
        sent[attribute(tag, "name")] = attribute(tag, "value")
    return sent


def attribute(tag: str, name: str) -> str:
    found = re.search(rf'(?:^| ){name}="([^"]*)"', tag)
    return unescape(found[1]) if found else ""


def send(client: Client, approval: ApprovalRequest, sent: dict[str, str], **changes: str) -> Any:
    return client.post(f"/approvals/{approval.pk}/edit/", sent | changes)


def newest(approval: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.get(previous=approval)


# ---- Types are kept


def test_what_was_not_touched_keeps_its_value_and_its_type(rita: Client) -> None:
    approval = asked()
    response = send(rita, approval, form_of(rita, approval), **{"arg-name": "Tom"})
    edited = newest(approval)
    assert response.status_code == 303
    assert response["Location"] == f"/approvals/{edited.pk}/"
    assert edited.details == VALUES | {"name": "Tom"}
    assert json.dumps(edited.details["count"]) == "3"
    assert edited.status == "approved"
    assert edited.author == edited.reviewer == people.rita()


def test_every_kind_can_be_changed(rita: Client) -> None:
    approval = asked()
    sent = form_of(rita, approval)
    del sent["null-maybe"]
    send(
        rita, approval, sent,
        **{
            "arg-note": "one\r\ntwo", "arg-count": " -4 ", "arg-price": "3", "arg-urgent": "false",
            "arg-size": '"m"', "arg-maybe": "", "arg-maybe_count": "8", "arg-maybe_urgent": "true",
            "arg-tags": "x\r\ny\r\n", "arg-headers": "A: 1\r\n\r\nB:2", "arg-either": "2",
            "arg-lines": '[{"sku": 2}]',
        },
    )  # fmt: skip
    assert newest(approval).details == {
        "name": "Ana",
        "note": "one\ntwo",
        "count": -4,
        "price": 3,
        "urgent": False,
        "size": "m",
        "maybe": "",
        "maybe_count": 8,
        "maybe_urgent": True,
        "tags": ["x", "y"],
        "headers": {"A": "1", "B": "2"},
        "lines": [{"sku": 2, "price": None}],
        "either": 2,
    }


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"note": "carriage\rreturn"}, "json"),
        ({"tags": ["a", ""]}, "json"),
        ({"tags": ["two\nlines"]}, "json"),
        ({"tags": []}, "lines"),
        ({"headers": {"a:b": "c"}}, "json"),
        ({"headers": {}}, "pairs"),
        ({"name": "x" * 30}, "line"),
        ({"name": "x" * 31}, "text"),
        ({"note": "x"}, "text"),
        ({"size": "m"}, "choice"),
        ({"count": 2**53 - 1}, "integer"),
        ({"price": 1e-7}, "number"),
        ({"maybe": "\n leading"}, "text"),
        ({"maybe_urgent": False}, "choice"),
    ],
)
def test_what_a_control_cannot_hold_is_edited_as_json(
    rita: Client, changes: dict[str, Any], kind: str
) -> None:
    approval = asked(**changes)
    (name,) = changes
    control = next(each for each in EditForm(approval).controls if each.name == name)
    assert control.kind == kind
    send(rita, approval, form_of(rita, approval))
    assert newest(approval).details == VALUES | changes


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries(
        {
            "note": TEXT,
            "maybe": st.none() | TEXT,
            "tags": st.lists(TEXT, max_size=4),
            "headers": st.dictionaries(TEXT, TEXT, max_size=4),
            "count": st.integers(-(2**53) + 1, 2**53 - 1),
            "price": st.floats(-1e15, 1e15),
            "either": st.integers(0, 9) | TEXT,
        }
    )
)
def test_no_value_is_changed_by_passing_through_the_form(changes: dict[str, Any]) -> None:
    details: Any = VALUES | changes
    approval = ApprovalRequest(action="do_everything", details=details)
    sent = {}
    for control in EditForm(approval).controls:
        sent[control.input] = control.text.replace("\n", "\r\n")
        if control.null:
            sent[control.null_input] = "on"
    form = EditForm(approval, sent)
    assert form.is_valid(), [each for each in form.controls if each.error]
    assert form.details == VALUES | changes


# ---- What is wrong stands beside the field


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("count", "3.5", "Must be a whole number."),
        ("count", "", "Must be a whole number."),
        ("count", "true", "Must be a whole number."),
        ("count", "9" * 20, "beyond 2^53-1"),
        ("price", "NaN", "Must be a number."),
        ("price", "ten", "Must be a number."),
        ("urgent", "1", "This is not among the choices."),
        ("size", '"xl"', "This is not among the choices."),
        ("name", "x" * 61, "at most 60 characters"),
        ("headers", "no colon", "Each line needs a name, a colon and a value."),
        ("headers", "A: 1\nA: 2", "A stands twice."),
        ("lines", "[", "Not valid JSON"),
        ("lines", '[{"sku": 1, "sku": 2}]', "stands twice"),
        ("lines", '[{"sku": "1"}]', "0.sku: Input should be a valid integer."),
        ("either", "null", "either"),
        ("note", "nul \0", "U+0000"),
    ],
)
def test_wrong_input_is_named_and_nothing_is_decided(
    rita: Client, name: str, value: str, sentence: str
) -> None:
    approval = asked()
    sent = form_of(rita, approval)
    response = send(rita, approval, sent, **{f"arg-{name}": value, "feedback": "my words"})
    assert response.status_code == 422
    html = unescape(as_shown(response.content.decode()))
    assert sentence in html
    assert "Nothing was decided." in html
    assert "my words</textarea>" in html
    assert ApprovalRequest.objects.get(pk=approval.pk).status == "pending"
    if name != "note":
        assert f'id="arg-{name}-error"' in html
    if name not in ("urgent", "size", "note"):  # a select cannot show what it does not offer
        kept = fields(as_shown(response.content.decode()))[f"arg-{name}"]
        assert kept == value.replace("\n", "\r\n")


def test_the_focus_goes_to_what_is_wrong(rita: Client) -> None:
    approval = asked()
    sent = form_of(rita, approval)
    html = as_shown(
        send(rita, approval, sent, **{"arg-count": "ten", "arg-price": "ten"}).content.decode()
    )
    focused = re.findall(r'id="([^"]+)"[^>]* autofocus', html)
    assert focused == ["arg-count", "arg-price"]  # a browser takes the first
    assert "autofocus" not in as_shown(rita.get(f"/approvals/{approval.pk}/edit/").content.decode())


def test_null_and_a_value_at_once_is_asked_about(rita: Client) -> None:
    approval = asked()
    response = send(rita, approval, form_of(rita, approval), **{"arg-maybe": "a value"})
    assert response.status_code == 422
    assert "There is a value, and null is ticked: which of them?" in as_shown(
        response.content.decode()
    )


def test_what_the_action_does_not_take_is_left_out_and_said(rita: Client) -> None:
    approval = asked(surprise="x")
    html = as_shown(rita.get(f"/approvals/{approval.pk}/edit/").content.decode())
    assert "Left out:" in html
    assert "<code>surprise</code>" in html
    send(rita, approval, form_of(rita, approval))
    assert newest(approval).details == VALUES


def test_hidden_characters_are_shown_beside_the_field(rita: Client) -> None:
    approval = asked(note="pay\u202enow")
    html = as_shown(rita.get(f"/approvals/{approval.pk}/edit/").content.decode())
    assert "Characters hide or imitate in 1 line" in html
    assert "U+202E RLO" in html


def test_hostile_values_stay_in_their_fields(rita: Client) -> None:
    evil = '"></textarea><script>alert(1)</script>'
    approval = people.asked(action="<b>other", details={evil: evil})
    html = as_shown(rita.get(f"/approvals/{approval.pk}/edit/").content.decode())
    assert "<script>alert" not in html
    assert "<b>other" not in html


# ---- Without a registered action


def test_other_programs_arguments_are_one_json_value(rita: Client) -> None:
    approval = people.asked(action="other", details={"a": [1, None, "é\u2028"]})
    sent = form_of(rita, approval)
    assert json.loads(sent["arg-details"]) == approval.details
    send(rita, approval, sent, **{"arg-details": '{"a": 2}'})
    assert newest(approval).details == {"a": 2}


@pytest.mark.parametrize("value", ["{", '{"a":1,"a":2}', "NaN", "9007199254740993", '"\\ud800"'])
def test_json_is_taken_as_strictly_as_from_an_agent(rita: Client, value: str) -> None:
    approval = people.asked(action="other")
    response = send(rita, approval, form_of(rita, approval), **{"arg-details": value})
    assert response.status_code == 422
    assert 'id="arg-details-error"' in as_shown(response.content.decode())


def test_arguments_that_are_no_object_are_edited_as_json(rita: Client) -> None:
    approval = people.asked(action="do_everything", details=[1])
    sent = form_of(rita, approval)
    assert send(rita, approval, sent).status_code == 422
    sent["arg-details"] = json.dumps(VALUES)
    assert send(rita, approval, sent).status_code == 303


# ---- The difference, before it is sent


def test_the_difference_is_shown_and_decides_nothing(rita: Client) -> None:
    approval = asked()
    sent = form_of(rita, approval)
    response = send(rita, approval, sent, **{"arg-name": "Tom", "preview": "1"})
    assert response.status_code == 200
    html = as_shown(response.content.decode())
    assert "What you would change" in html
    assert "1 argument; nothing is decided yet" in html
    assert fields(html)["arg-name"] == "Tom"
    assert fields(html)["digest"] == approval.digest
    assert ApprovalRequest.objects.get(pk=approval.pk).status == "pending"
    assert not ApprovalRequest.objects.filter(previous=approval).exists()


def test_return_in_a_field_shows_the_difference_first(rita: Client) -> None:
    html = as_shown(rita.get(f"/approvals/{asked().pk}/edit/").content.decode())
    buttons = re.findall(r'<button class="btn[^"]*" type="submit"( name="preview")?', html)
    assert buttons == [' name="preview"', ""]  # a browser presses the first


# ---- Conflicts, and who may


def test_the_second_edit_is_told_and_keeps_what_was_entered(rita: Client) -> None:
    approval = asked()
    sent = form_of(rita, approval)
    services.reject(approval.pk, by=people.person("jonas", "Reviewers"), feedback="no")
    response = send(rita, approval, sent, **{"arg-name": "Tom", "feedback": "mine"})
    assert response.status_code == 409
    html = unescape(as_shown(response.content.decode()))
    assert "jonas decided first: rejected" in html
    assert "Your edit did not count" in html
    assert '"name": "Tom"' in html
    assert "mine" in html


def test_an_edit_of_an_older_revision_is_answered_with_the_current_one(rita: Client) -> None:
    old = asked()
    sent = form_of(rita, old)
    services.request_revision(old.pk, by=people.rita(), feedback="again")
    new = people.asked(action="do_everything", details=VALUES | {"name": "New"}, previous=old)
    response = send(rita, old, sent, **{"arg-name": "Tom"})
    assert response.status_code == 412
    html = unescape(as_shown(response.content.decode()))
    assert f'data-subject="approvals.approvalrequest:{new.pk}"' in html
    assert "The arguments you had edited" in html
    assert '"name": "Tom"' in html
    assert ApprovalRequest.objects.get(pk=new.pk).status == "pending"


def test_an_edit_without_a_digest_is_out_of_date(rita: Client) -> None:
    approval = asked()
    sent = form_of(rita, approval)
    del sent["digest"]
    assert send(rita, approval, sent).status_code == 412


def test_wrong_input_after_the_decision_is_told_of_the_decision(rita: Client) -> None:
    approval = asked()
    sent = form_of(rita, approval)
    services.reject(approval.pk, by=people.rita(), feedback="no")
    assert send(rita, approval, sent, **{"arg-count": "x"}).status_code == 409


def test_a_decided_request_offers_nothing_to_edit(rita: Client) -> None:
    approval = asked()
    services.reject(approval.pk, by=people.rita(), feedback="no")
    assert rita.get(f"/approvals/{approval.pk}/edit/")["Location"] == f"/approvals/{approval.pk}/"


def test_who_may_not_decide_may_not_edit(client: Client) -> None:
    approval = asked()
    client.force_login(people.person("olga", "Operators"))
    response = client.get(f"/approvals/{approval.pk}/edit/")
    assert response.status_code == 403
    assert "You cannot decide this one." in as_shown(response.content.decode())
    sent = {"digest": approval.digest} | {
        each.input: each.text for each in EditForm(approval).controls
    }
    assert send(client, approval, sent | {"null-maybe": "on"}).status_code == 403
    client.force_login(people.otto())
    assert "do_everything" not in as_shown(
        client.get(f"/approvals/{approval.pk}/edit/").content.decode()
    )
    assert ApprovalRequest.objects.get(pk=approval.pk).status == "pending"


def test_the_requester_may_not_edit_their_own(client: Client) -> None:
    rick = people.person("rick", "Reviewers")
    approval = people.asked(people.a_run(requester=rick), action="other")
    client.force_login(rick)
    sent = {"digest": approval.digest, "arg-details": "{}"}
    assert send(client, approval, sent).status_code == 403


def test_the_page_of_the_edit_says_who_wrote_it(rita: Client) -> None:
    approval = asked()
    response = send(rita, approval, form_of(rita, approval), **{"arg-name": "Tom"})
    html = as_shown(rita.get(response["Location"]).content.decode())
    assert "Edited and approved by rita" in html
    assert "What changed since revision 1" in html


# ---- Schemas


@pytest.mark.parametrize(
    ("part", "shape"),
    [
        ({"type": "string"}, Shape("text")),
        ({"type": "string", "maxLength": 5}, Shape("text", max_length=5)),
        ({"type": ["integer", "null"]}, Shape("integer", nullable=True)),
        ({"anyOf": [{"type": "null"}, {"enum": [1, 2]}]}, Shape("choice", True, (1, 2, None))),
        ({"const": "x"}, Shape("choice", options=("x",))),
        ({"$ref": "#/$defs/Text", "description": "d"}, Shape("text")),
        ({"$ref": "#/$defs/Loop"}, Shape("json")),
        ({"$ref": "#/$defs/Missing"}, Shape("json")),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, Shape("json")),
        ({"type": "array", "items": {"$ref": "#/$defs/Text"}}, Shape("lines")),
        ({"type": "array", "items": {"type": "integer"}}, Shape("json")),
        ({"type": "array"}, Shape("json")),
        ({"type": "object", "additionalProperties": {"type": "string"}}, Shape("pairs")),
        ({"type": "object", "additionalProperties": True}, Shape("json")),
        ({"type": "object", "properties": {"a": {}}}, Shape("json")),
        ({}, Shape("json")),
    ],
)
def test_a_schema_is_read_or_left_as_json(part: dict[str, Any], shape: Shape) -> None:
    root = {"$defs": {"Text": {"type": "string"}, "Loop": {"$ref": "#/$defs/Loop"}}}
    assert shape_of(part, root) == shape
