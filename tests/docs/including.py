"""Blocks that are parts of files: the file has to be there, and the part in it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

from .blocks import ROOT, Block

_MARKERS: Final = ("start-after", "start-at", "end-before", "end-at")


def check(block: Block) -> None:
    """See that a `literalinclude` or `include` shows something. Raises `AssertionError`."""
    path = path_of(block)
    assert path.is_file(), f"there is no file {block.argument}"
    text = path.read_text()
    for marker in (block.options[name] for name in _MARKERS if name in block.options):
        assert marker in text, f"{block.argument} has no `{marker}`"
    if name := block.options.get("pyobject"):
        assert has_object(text, name), f"{block.argument} has no {name}"
    if lines := block.options.get("lines"):
        last = len(text.splitlines())
        for each in lines.split(","):
            start, _, end = each.partition("-")
            assert 0 < int(start or 1) <= int(end or last) <= last, f"it has {last} lines"


def path_of(block: Block) -> Path:
    """Return the file, as Sphinx finds it: a slash at its head is the directory of the pages."""
    if block.argument.startswith("/"):
        return ROOT / "docs" / block.argument.lstrip("/")
    return (ROOT / block.page).parent / block.argument


def has_object(text: str, name: str) -> bool:
    """Tell whether a class or function of this dotted name is in the code."""
    bodies: list[ast.stmt] = ast.parse(text).body
    for part in name.split("."):
        found = [
            node
            for node in bodies
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.name == part
        ]
        if not found:
            return False
        bodies = found[0].body
    return True
