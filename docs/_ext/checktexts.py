"""Read what the system checks say from where it stands in the code: each `Error` and `Warning`."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from .inventory import PACKAGE

# What stands for a value that only the running check knows.
UNKNOWN: Final = "…"


@dataclass(frozen=True)
class CheckText:
    """What a check says in one place of the code; what only the running check knows is `…`."""

    id: str
    message: str
    hint: str


def check_texts() -> list[CheckText]:
    """Return the messages and hints of all checks, as they stand in the code."""
    found: list[CheckText] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text()
        if re.search(r"id=\"redpin\.[EW]\d{3}\"", source):
            found += _check_texts_of(ast.parse(source))
    return sorted(found, key=lambda text: text.id)


def _check_texts_of(tree: ast.Module) -> Iterator[CheckText]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for call in ast.walk(function):
            named = {each.arg: each.value for each in getattr(call, "keywords", [])}
            if not isinstance(call, ast.Call) or not isinstance(named.get("id"), ast.Constant):
                continue
            values = _assigned(tree.body) | _assigned(ast.walk(function), before=call.lineno)
            yield CheckText(
                ast.literal_eval(named["id"]),
                _text(call.args[0], values),
                _text(named["hint"], values),
            )


def _assigned(nodes: Iterable[ast.AST], *, before: float = math.inf) -> dict[str, ast.expr]:
    """Return what was last assigned to each name, above a line."""
    found: dict[str, ast.expr] = {}
    for node in sorted(nodes, key=lambda node: getattr(node, "lineno", 0)):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if not isinstance(target, ast.Name) or not isinstance(value, ast.expr):
            continue
        if value.lineno < before:
            found[target.id] = value
    return found


def _text(node: ast.expr, values: dict[str, ast.expr]) -> str:
    """Return the text of a literal, an f-string, or a name that was assigned one."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, values) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _text(node.value, values)
    if isinstance(node, ast.Name):
        value = values.get(node.id)
        if isinstance(value, (ast.Constant, ast.JoinedStr)):
            return _text(value, {name: each for name, each in values.items() if name != node.id})
        # Where the settings of an account stand: there for all but the others of several.
        return "REDPIN" if node.id == "where" else UNKNOWN
    return UNKNOWN


def check_texts_by_id() -> dict[str, list[CheckText]]:
    """Return them by id."""
    found: dict[str, list[CheckText]] = {}
    for text in check_texts():
        found.setdefault(text.id, []).append(text)
    return found
