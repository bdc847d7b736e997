"""A form made from an action's JSON schema: what a reviewer edits keeps its type.

A text stays a text, a number a number and null null. What no simple control can hold without
loss is edited as JSON: deeper values, texts with carriage returns, values of another type than
the schema says. Without a registered action all arguments are one JSON value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from approvals.actions import Action
from approvals.models import ApprovalRequest
from approvals.pages.schemas import Shape, shape_of
from approvals.pages.values import READ, SHOW, WORDS
from ledger.errors import BadInput

WHOLE = "details"
LINE = 30  # characters that a control of one line shows on a phone; a longer value gets room
WIDE = 80  # characters in a line of an area
LINE_LIMIT = 1_000  # texts that may be longer than this get room


@dataclass
class Control:
    """One argument in the form: what it shows, and what is wrong with what was entered."""

    name: str
    kind: str  # line, text, integer, number, choice, lines, pairs, json
    text: str
    nullable: bool = False
    null: bool = False
    help: str = ""
    options: list[tuple[str, str]] = field(default_factory=list)
    whole: bool = False
    error: str = ""

    @property
    def input(self) -> str:
        """The control's name in what the browser sends."""
        return f"arg-{self.name}"

    @property
    def null_input(self) -> str:
        """The name of its box "null"; an empty number or a choice says so by itself."""
        can_say = self.nullable and self.kind in ("line", "text", "lines", "pairs")
        return f"null-{self.name}" if can_say else ""

    @property
    def rows(self) -> int:
        """Lines that an area shows at once."""
        return min(24, max(4, self.text.count("\n") + len(self.text) // WIDE + 2))

    @property
    def words(self) -> str:
        """The type in words."""
        return WORDS[self.kind] + (", or null" if self.nullable else "")

    def take(self, sent: Mapping[str, str]) -> None:
        """Hold what the browser sent instead; its line ends are LF again."""
        self.text = sent.get(self.input, "").replace("\r\n", "\n")
        self.null = bool(self.null_input) and self.null_input in sent

    def value(self) -> Any:
        """The JSON value of what was entered; BadInput with a sentence if it is none."""
        if self.null and self.text:
            raise BadInput(self.name, "There is a value, and null is ticked: which of them?")
        if self.null or (self.nullable and self.kind in ("integer", "number") and not self.text):
            return None
        if self.kind == "choice" and self.text not in dict(self.options):
            raise BadInput(self.name, "This is not among the choices.")
        return READ[self.kind](self.text, self.name)


class EditForm:
    """The controls for one request's arguments. `details` is there once `is_valid()` says so."""

    def __init__(self, approval: ApprovalRequest, sent: Mapping[str, str] | None = None) -> None:
        self.action: Action | None = approval.declared
        self.before = approval.details
        self.controls = _controls(self.action, approval.details)
        self.errors: dict[str, str] = {}  # what belongs to no control
        self.details: Any = None
        self.sent = sent
        names = {control.name for control in self.controls}
        one_value = any(control.whole for control in self.controls)
        self.left_out = [] if one_value else sorted(set(self.before) - names)
        for control in self.controls if sent is not None else []:
            control.take(sent or {})

    def is_valid(self) -> bool:
        """Whether what was entered are arguments that the action takes; errors are noted."""
        values: dict[str, Any] = {}
        for control in self.controls:
            try:
                values[control.name] = control.value()
            except BadInput as error:
                control.error = error.message
        if any(control.error for control in self.controls):
            return False
        entered = values[WHOLE] if self.controls and self.controls[0].whole else values
        if self.action is not None:
            self.add_errors(self.action.problems(entered))
        if self.errors or any(control.error for control in self.controls):
            return False
        self.details = _complete(self.action, entered)
        return True

    def add_errors(self, problems: Mapping[str, str]) -> None:
        """Put sentences beside the controls they are about, by the first part of their path."""
        by_name = {control.name: control for control in self.controls}
        for path, sentence in problems.items():
            name, _, rest = path.partition(".")
            control = by_name.get(name) or by_name.get(WHOLE)
            if control is None:
                self.errors[path] = sentence
            elif not control.error:
                control.error = f"{rest}: {sentence}" if rest else sentence

    @property
    def typed(self) -> str:
        """What was entered, as JSON where it is, for giving it back when it did not count."""
        if self.details is not None:
            return json.dumps(self.details, ensure_ascii=False, indent=2)
        return "\n".join(f"{control.name}: {control.text}" for control in self.controls)


def _controls(action: Action | None, details: Any) -> list[Control]:
    if action is None or not isinstance(details, dict):
        return [Control(WHOLE, "json", SHOW["json"](details) or "", whole=True)]
    schema = action.schema()
    return [
        _control(name, shape_of(part, schema), part, details)
        for name, part in schema.get("properties", {}).items()
    ]


def _control(
    name: str, shape: Shape, part: Mapping[str, Any], details: Mapping[str, Any]
) -> Control:
    control = Control(
        name,
        shape.kind,
        "",
        nullable=shape.nullable,
        help=str(part.get("description", "")),
        options=[(_json(option), _label(option)) for option in shape.options],
    )
    if name not in details and "default" not in part:
        control.kind = _roomy(shape, "") if shape.kind == "text" else shape.kind
        return control
    _fill(control, shape, details.get(name, part.get("default")))
    return control


def _fill(control: Control, shape: Shape, value: Any) -> None:
    """Show the value in the control; as JSON where its kind cannot hold it without loss."""
    if value is None and shape.nullable and control.kind not in ("choice", "json"):
        control.null = bool(control.null_input)
        control.kind = _roomy(shape, "") if shape.kind == "text" else shape.kind
        return
    text = SHOW[control.kind](value)
    if text is None or (control.kind == "choice" and text not in dict(control.options)):
        control.kind, text = "json", SHOW["json"](value)
    elif control.kind == "text":
        control.kind = _roomy(shape, text)
    control.text = text or ""


def _roomy(shape: Shape, text: str) -> str:
    """One line or an area for a text: by what it may hold, and by what it holds."""
    short = shape.max_length is not None and shape.max_length <= LINE_LIMIT
    return "line" if short and len(text) <= LINE and "\n" not in text else "text"


def _complete(action: Action | None, entered: Any) -> Any:
    """The arguments as they would be stored: with the defaults of what was left away."""
    return entered if action is None else action.validate(entered).model_dump(mode="json")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _label(option: Any) -> str:
    return option if isinstance(option, str) and option else _json(option)
