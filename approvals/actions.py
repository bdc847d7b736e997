"""The registry of actions: functions with a typed argument model, a risk floor and a preview.

The registry stands in this layer because a request is checked against it when it is asked and
shown from it when it is decided; the functions themselves live with the agents.
"""

from __future__ import annotations

import asyncio
import re
import typing
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ledger.canonical import canonical
from ledger.errors import BadInput
from ledger.risk import RiskLevel

F = TypeVar("F", bound=Callable[..., Any])
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what model servers accept as the name of a tool


class ActionFailed(Exception):
    """The action is known not to have happened, or to have failed; the text is for people."""


class OutcomeUnknown(Exception):
    """Nobody can say whether the action happened; the run goes in doubt and waits for a person."""


def evidence_of(error: BaseException) -> str:
    """What is known about an action that ended with this, in words for whoever has to say."""
    if isinstance(error, OutcomeUnknown):
        return str(error)
    if isinstance(error, asyncio.CancelledError):
        return "It was cancelled while it ran."
    said = f" {error}" if str(error) else ""
    return f"It broke off with an error that nobody had foreseen:{said} ({type(error).__name__})."


class Arguments(BaseModel):
    """The base for argument models: nothing is coerced, nothing unknown is ignored."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


@dataclass(frozen=True)
class ActionContext:
    """What an action may know about the call besides its arguments.

    `idempotency_key` is the same each time one approved call is tried, and no other call has it.
    """

    idempotency_key: str
    run_id: int | None
    request_id: int | None


@dataclass(frozen=True)
class Action:
    """A registered action.

    `run(arguments, context)`, sync or async, really does it and returns a JSON value, or raises
    ActionFailed or OutcomeUnknown; any other exception counts as OutcomeUnknown. `preview` says in
    one line what would happen, `does` what the button Approve does. `floor` is the least risk that
    counts, whatever a model says. An `idempotent` action may be repeated with the same key.
    """

    name: str
    arguments: type[BaseModel]
    floor: RiskLevel
    undoable: bool
    idempotent: bool
    run: Callable[..., Any]
    preview: Callable[[Any], str]
    description: str
    does: str = ""

    def validate(self, details: object) -> BaseModel:
        """The typed arguments, or BadInput with the path of the first wrong one as `field`."""
        found = self.problems(details)
        if found:
            raise BadInput(*next(iter(found.items())))
        return self._read(details)

    def problems(self, details: object) -> dict[str, str]:
        """Everything wrong with `details`: path of the argument → sentence. Empty if all is well.

        Values are not repeated in the sentences: they may be long, secret or hostile.
        """
        if not isinstance(details, dict):
            return {"details": "must be an object with the arguments by name."}
        try:
            self._read(details)
        except ValidationError as error:
            return _sentences(error, set(self.arguments.model_fields))
        except BadInput as error:
            return {error.field: error.message}
        return {}

    def preview_line(self, details: object) -> str:
        """One line about what would happen; "" when the arguments do not fit or it cannot say."""
        try:
            return " ".join(self.preview(self.validate(details)).split())
        except Exception:  # an author's preview must never keep a request from being asked
            return ""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments; not to be changed."""
        return _schema(self.arguments)

    def tool(self) -> dict[str, Any]:
        """The tool definition that a model server takes."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.schema(),
        }
        return {"type": "function", "function": function}

    def _read(self, details: object) -> BaseModel:
        # From the text that is stored and digested; strict reads a date or an enum from it too.
        text = canonical(details)
        return self.arguments.model_validate_json(text, strict=True, extra="forbid")


@cache  # every page of a request asks for it, and pydantic works it out anew
def _schema(arguments: type[BaseModel]) -> dict[str, Any]:
    return {**arguments.model_json_schema(), "additionalProperties": False}


_registry: dict[str, Action] = {}


def action(
    *,
    floor: RiskLevel | str,
    undoable: bool,
    idempotent: bool = False,
    preview: Callable[[Any], str],
    does: str = "",
    name: str | None = None,
) -> Callable[[F], F]:
    """Register `def f(arguments: Model, context: ActionContext)` as an action, under its name.

    The first line of the docstring is shown to the model and to the reviewer. The function itself
    stays as it is. ValueError or TypeError where the declaration does not hold together.
    """

    def register(function: F) -> F:
        _add(
            Action(
                name=name or function.__name__,
                arguments=_argument_model(function),
                floor=RiskLevel(floor),
                undoable=undoable,
                idempotent=idempotent,
                run=function,
                preview=preview,
                description=(function.__doc__ or "").strip().split("\n")[0],
                does=does,
            )
        )
        return function

    return register


def get(name: str) -> Action | None:
    """The action of that name, or None: other programs have actions of their own."""
    return _registry.get(name)


def list_actions() -> list[Action]:
    """Every registered action, by name."""
    return [_registry[name] for name in sorted(_registry)]


def forget(name: str) -> None:
    """Take an action out of the registry, as a test does with its own."""
    _registry.pop(name, None)


def _add(new: Action) -> None:
    if not NAME.fullmatch(new.name):
        raise ValueError(f"{new.name!r} is no name for an action: use letters, digits, _ and -.")
    if not new.description:
        raise ValueError(f"The action {new.name} needs a docstring: model and reviewer read it.")
    known = _registry.get(new.name)
    if known is not None and _source(known) != _source(new):
        raise ValueError(f"The action name {new.name!r} is taken by {_source(known)}.")
    _registry[new.name] = new


def _source(known: Action) -> str:
    return f"{known.run.__module__}.{known.run.__qualname__}"


def _argument_model(function: Callable[..., Any]) -> type[BaseModel]:
    hints = typing.get_type_hints(function)
    hints.pop("return", None)
    model = next(iter(hints.values()), None)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return model
    raise TypeError(f"{function.__qualname__}: the first parameter needs a pydantic model as type.")


def _sentences(error: ValidationError, names: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in error.errors(include_url=False, include_input=False):
        path = ".".join(str(part) for part in item["loc"]) or "details"
        if item["type"] == "extra_forbidden" and len(item["loc"]) == 1:
            text = f"no such argument; there are {', '.join(sorted(names))}."
        elif item["type"] == "value_error":
            text = str(item["ctx"]["error"])
        else:
            text = f"{item['msg']}."
        found.setdefault(path, text)
    return found
