"""The registry of actions: what may be declared, what arguments are accepted, what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator

from approvals import actions
from approvals.actions import Action, ActionContext, Arguments, action
from ledger.errors import BadInput
from ledger.risk import RiskLevel


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Line(Arguments):
    item: str
    count: int = Field(ge=1)


class Order(Arguments):
    """Arguments with every kind of value."""

    shop: str
    lines: list[Line]
    price: float = 0.0
    express: bool = False
    size: Size = Size.SMALL
    day: date | None = None

    @field_validator("shop")
    @classmethod
    def _known(cls, shop: str) -> str:
        if shop == "nowhere":
            raise ValueError("there is no such shop.")
        return shop


ORDER: dict[str, Any] = {"shop": "here", "lines": [{"item": "tea", "count": 2}]}


@pytest.fixture
def order() -> Iterator[Action]:
    @action(
        floor="medium",
        undoable=True,
        preview=lambda arguments: f"{len(arguments.lines)} lines\nfrom {arguments.shop}",
        does="Approve orders at once.",
    )
    def order_things(arguments: Order, context: ActionContext) -> str:
        """Order things from a shop.

        This line is for programmers.
        """
        return f"{arguments.shop}/{context.idempotency_key}"

    declared = actions.get("order_things")
    assert declared is not None
    yield declared
    actions.forget("order_things")


def test_the_built_in_actions_are_there_from_the_start() -> None:
    floors = {found.name: found.floor for found in actions.list_actions()}
    assert floors["write_file"] == RiskLevel.LOW
    assert floors["send_email"] == RiskLevel.MEDIUM
    assert floors["http_request"] == RiskLevel.HIGH


def test_every_built_in_action_says_what_approve_does_and_describes_its_arguments() -> None:
    for name in ("write_file", "send_email", "http_request"):
        found = actions.get(name)
        assert found is not None
        assert found.does.startswith("Approve ")
        assert found.description
        assert not found.undoable


def test_only_writing_a_file_may_be_repeated() -> None:
    repeatable = {one.name for one in actions.list_actions() if one.idempotent}
    assert repeatable & {"write_file", "send_email", "http_request"} == {"write_file"}


def test_an_unknown_action_is_none_because_other_programs_have_their_own() -> None:
    assert actions.get("launch_rocket") is None


def test_the_first_line_of_the_docstring_is_the_description(order: Action) -> None:
    assert order.description == "Order things from a shop."
    assert (order.undoable, order.idempotent, order.floor) == (True, False, RiskLevel.MEDIUM)


def test_the_decorated_function_stays_what_it_was(order: Action) -> None:
    context = ActionContext("key-1", None, None)
    assert order.run(order.validate(ORDER), context) == "here/key-1"


def test_good_arguments_become_typed_ones(order: Action) -> None:
    found = order.validate({**ORDER, "price": 3, "size": "large", "day": "2026-11-23"})
    assert isinstance(found, Order)
    assert (found.price, found.size, found.day) == (3.0, Size.LARGE, date(2026, 11, 23))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"shop": 3}, "shop"),
        ({"shop": None}, "shop"),
        ({"shop": "nowhere"}, "shop"),
        ({"lines": [{"item": "tea", "count": "2"}]}, "lines.0.count"),
        ({"lines": [{"item": "tea", "count": True}]}, "lines.0.count"),
        ({"lines": [{"item": "tea", "count": 0}]}, "lines.0.count"),
        ({"lines": [{"item": "tea", "count": 1, "gift": True}]}, "lines.0.gift"),
        ({"lines": {"item": "tea"}}, "lines"),
        ({"express": "yes"}, "express"),
        ({"express": 1}, "express"),
        ({"price": "3.5"}, "price"),
        ({"size": "huge"}, "size"),
        ({"day": "tomorrow"}, "day"),
        ({"coupon": "X"}, "coupon"),
        ({"price": float("nan")}, "details"),
        ({"price": 2**53}, "details"),
        ({"shop": "a\0b"}, "details"),
        ({"shop": "\ud800"}, "details"),
        ({"shop": b"bytes"}, "details"),
    ],
)
def test_bad_arguments_are_refused_by_name(
    order: Action, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        order.validate({**ORDER, **change})
    assert refused.value.field == field
    assert refused.value.message


@pytest.mark.parametrize("details", [None, [], "shop=here", 3, [ORDER]])
def test_arguments_that_are_no_object_are_refused(order: Action, details: object) -> None:
    with pytest.raises(BadInput, match="object"):
        order.validate(details)


def test_everything_wrong_is_named_at_once(order: Action) -> None:
    problems = order.problems({"lines": "tea", "coupon": "X", "another": "Y"})
    assert set(problems) == {"shop", "lines", "coupon", "another"}
    assert "shop" in problems["coupon"]  # the arguments that there are


def test_a_message_does_not_repeat_the_value(order: Action) -> None:
    problems = order.problems({**ORDER, "price": "top secret", "size": "top secret"})
    assert "top secret" not in str(problems)


def test_a_model_that_ignores_unknown_arguments_by_itself_is_made_strict() -> None:
    class Loose(BaseModel):
        n: int

    loose = Action(
        name="loose",
        arguments=Loose,
        floor=RiskLevel.LOW,
        undoable=False,
        idempotent=False,
        run=lambda *given: None,
        preview=str,
        description="Loose.",
    )
    assert set(loose.problems({"n": "3", "m": 1})) == {"n", "m"}
    assert loose.schema()["additionalProperties"] is False


def test_the_preview_is_one_line(order: Action) -> None:
    assert order.preview_line(ORDER) == "1 lines from here"


def test_a_preview_that_cannot_be_made_is_empty(order: Action) -> None:
    assert order.preview_line({"shop": 3}) == ""


def test_the_tool_definition_carries_schema_and_description(order: Action) -> None:
    tool = order.tool()
    assert tool["type"] == "function"
    assert tool["function"]["name"] == "order_things"
    assert tool["function"]["description"] == "Order things from a shop."
    parameters = tool["function"]["parameters"]
    assert parameters["required"] == ["shop", "lines"]
    assert parameters["additionalProperties"] is False


def test_a_name_that_is_taken_is_refused(order: Action) -> None:
    with pytest.raises(ValueError, match="taken"):

        @action(floor="low", undoable=False, preview=str, name="order_things")
        def another(arguments: Order, context: ActionContext) -> None:
            """Another one."""

    assert actions.get("order_things") is order


def test_the_same_function_may_be_registered_again(order: Action) -> None:
    decorate = action(floor="high", undoable=False, preview=str, name="order_things")
    decorate(order.run)
    found = actions.get("order_things")
    assert found is not None
    assert found.floor == RiskLevel.HIGH


def test_a_declaration_that_does_not_hold_together_is_refused() -> None:
    def silent(arguments: Order, context: ActionContext) -> None:
        pass

    def untyped(arguments, context):  # type: ignore[no-untyped-def]
        """No types."""

    def wrong(arguments: str, context: ActionContext) -> None:
        """Text is no model."""

    decorate = action(floor="low", undoable=False, preview=str)
    with pytest.raises(ValueError, match="docstring"):
        decorate(silent)
    for function in (untyped, wrong):
        with pytest.raises(TypeError, match="pydantic"):
            decorate(function)
    with pytest.raises(ValueError, match="name"):
        action(floor="low", undoable=False, preview=str, name="a b")(silent)
    with pytest.raises(ValueError, match="severe"):
        action(floor="severe", undoable=False, preview=str)(silent)
