"""What the pages' tables say, and what the code says: texts, names and tables to compare."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from .blocks import ROOT

PACKAGE: Final = ROOT / "django_redpin"
# What stands for a value: of `%` and `format`, in f-strings, and on the pages.
_PLACE: Final = re.compile(r"%\([^)]*\)[sd]|%[sdr]|\{[^{}]*\}")


def rows_of(page: str, title: str) -> list[list[str]]:
    """Return the rows of the first table below a heading, without its two head rows."""
    return tables_of(page, title)[0]


def tables_of(page: str, title: str) -> list[list[list[str]]]:
    """Return the tables below a heading, each as rows of cells."""
    text = (ROOT / "docs" / page).read_text()
    _, found, rest = f"\n{text}".partition(f"\n## {title}\n")
    assert found, f"{page} has no section {title}"
    tables = []
    for part in re.findall(r"(?:^\|.*\n)+", rest.partition("\n## ")[0] + "\n", re.MULTILINE):
        rows = [[each.strip() for each in row.strip("|").split("|")] for row in part.splitlines()]
        tables.append(rows[2:])
    return tables


def plain(cell: str) -> str:
    """Return a cell without marks."""
    return re.sub(r"[`*]|\[([^]]*)\]\([^)]*\)", r"\1", cell).strip()


def text_of(node: ast.AST) -> str | None:
    """Return the text of a literal, with dots for what is put into it."""
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else "…" for each in node.values)
        return "".join(str(part) for part in parts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _PLACE.sub("…", node.value)
    return None


@cache
def modules() -> dict[Path, ast.Module]:
    """Return each module of the package."""
    return {path: ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


@cache
def texts() -> str:
    """Return every text that the package has, one after the other, NUL between them."""
    nodes = (node for tree in modules().values() for node in ast.walk(tree))
    return "\0".join(text for node in nodes if (text := text_of(node)))


@cache
def source() -> str:
    """Return all that is in the package and the example, in one text."""
    kinds = {".py", ".html", ".js", ".css"}
    folders = (PACKAGE, ROOT / "example_project")
    return "\n".join(
        path.read_text()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.suffix in kinds and "vendor" not in path.parts
    )


def is_said(quoted: str) -> bool:
    """Tell whether one text of the package has what is quoted, dots standing for anything."""
    pattern = r"[^\0]*".join(re.escape(part) for part in quoted.strip("… ").split("…"))
    return re.search(pattern, texts()) is not None


def review_reasons() -> Iterator[str]:
    """Yield the reasons for a review that the services have in so many words."""
    for path, tree in modules().items():
        if path.parent.name == "services" and "hold_for_review" in path.read_text():
            for node in ast.walk(tree):
                yield from filter(None, map(text_of, _reasons(node)))
    for name in ("claims", "confirm"):
        tree = modules()[PACKAGE / f"services/{name}.py"]
        for function in (each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)):
            if function.name.endswith("mismatch"):
                found = (each for each in ast.walk(function) if isinstance(each, ast.JoinedStr))
                yield from (text for each in found if (text := text_of(each)) and text[-1] == ".")


def _reasons(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Call(func=ast.Name(id="hold_for_review"), args=[_, reason]):
            return [reason]
        case ast.Assign(targets=[ast.Name(id="reason")], value=ast.JoinedStr() as value):
            return [value]
        case ast.AnnAssign(target=ast.Name(id="_DEAD_ENDS"), value=ast.Dict() as dead):
            return dead.values
    return []
