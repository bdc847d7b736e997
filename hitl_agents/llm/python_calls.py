"""Tool calls that a model has written as calls in Python: read, never run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Container, Iterator
from typing import Any

from hitl_agents.llm.objects import decoded
from ledger.canonical import canonical
from ledger.errors import BadInput

LONGEST = 200_000  # characters that are parsed
FENCED = re.compile(r"```[a-z_]*\s*+|<\|[a-z_]{1,20}\|>\s*+|</?tool_calls?>\s*+")


def python_calls(text: str, offered: Container[str]) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a text consists of, one a line or in a list; [] where it is anything else.

    Arguments have to be named, and to be plain values.
    """
    code = FENCED.sub("", text).strip()
    if not code or len(code) > LONGEST or "(" not in code:
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that Python does not know
            tree = ast.parse(code)
        return list(_calls(tree, offered))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _calls(tree: ast.Module, offered: Container[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for statement in tree.body:
        if not isinstance(statement, ast.Expr):
            raise ValueError("a statement")
        value = statement.value
        for one in value.elts if isinstance(value, ast.List | ast.Tuple) else [value]:
            yield _call(one, offered)


def _call(node: ast.expr, offered: Container[str]) -> tuple[str, dict[str, Any]]:
    if not isinstance(node, ast.Call):
        raise ValueError("no call")
    if isinstance(node.func, ast.Name) and node.func.id == "print" and len(node.args) == 1:
        return _call(node.args[0], offered)
    name = _name(node.func)
    if name not in offered or node.args:
        raise ValueError("no tool that was offered, or arguments without names")
    arguments: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None or keyword.arg in arguments:
            raise ValueError("arguments that are not plain")
        arguments[keyword.arg] = ast.literal_eval(keyword.value)
    return name, _as_json(arguments)


def _name(function: ast.expr) -> str:
    """`tool`, `functions.tool`, `tool.call`."""
    if isinstance(function, ast.Name):
        return function.id
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return function.value.id if function.attr == "call" else function.attr
    raise ValueError("no name")


def _as_json(arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        found: dict[str, Any] = decoded(canonical(arguments))
    except (BadInput, TypeError) as error:
        raise ValueError("no JSON") from error
    return found
