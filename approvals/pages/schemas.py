"""Reading a JSON schema: which kind of control a value of it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

Schema = Mapping[str, Any]
DEPTH = 8  # references and unions followed


@dataclass(frozen=True)
class Shape:
    """`kind` is text, integer, number, choice, lines, pairs or json."""

    kind: str
    nullable: bool = False
    options: tuple[Any, ...] = ()
    max_length: int | None = None


JSON = Shape("json")


def shape_of(part: Schema, root: Schema, depth: int = DEPTH) -> Shape:
    """The shape of one value; whatever is not plain is JSON."""
    part = _follow(part, root)
    if depth == 0:
        return JSON
    if "anyOf" in part:
        return _union(part["anyOf"], root, depth)
    if "const" in part:
        return Shape("choice", options=(part["const"],))
    if "enum" in part:
        return Shape("choice", options=tuple(part["enum"]))
    kind = part.get("type")
    if isinstance(kind, list):
        return _union([{**part, "type": each} for each in kind], root, depth)
    return _plain(kind, part, root)


def _plain(kind: object, part: Schema, root: Schema) -> Shape:
    if kind == "string":
        return Shape("text", max_length=part.get("maxLength"))
    if kind == "boolean":
        return Shape("choice", options=(True, False))
    if kind == "array" and _is_text(part.get("items"), root):
        return Shape("lines")
    if kind == "object" and not part.get("properties") and "patternProperties" not in part:
        return Shape("pairs") if _is_text(part.get("additionalProperties"), root) else JSON
    return Shape(str(kind)) if kind in ("integer", "number") else JSON


def _union(parts: list[Schema], root: Schema, depth: int) -> Shape:
    """A value or null; any other union is JSON."""
    others = [part for part in parts if part.get("type") != "null"]
    if len(others) != 1:
        return JSON
    shape = shape_of(others[0], root, depth - 1)
    if len(others) == len(parts):
        return shape
    options = (*shape.options, None) if shape.kind == "choice" else ()
    return replace(shape, nullable=True, options=options)


def _is_text(part: object, root: Schema) -> bool:
    return isinstance(part, Mapping) and _follow(part, root).get("type") == "string"


def _follow(part: Schema, root: Schema) -> Schema:
    """The schema that a reference stands for, with what is said beside the reference."""
    for _ in range(DEPTH):
        name = str(part.get("$ref", "")).removeprefix("#/$defs/")
        if not name:
            break
        beside = {key: value for key, value in part.items() if key != "$ref"}
        part = {**root.get("$defs", {}).get(name, {}), **beside}
    return part
