"""Every fenced block of every page, with the line it begins at. What becomes of it is in `running`.

Read by the parser that the site is built with, so that what a reader sees as a block is one here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin

ROOT: Final = Path(__file__).resolve().parents[2]
# Each has a test of its own, which executes it step by step in a fresh virtual environment.
ELSEWHERE: Final = {
    "tutorial.md": "tests/tutorial follows it step by step, from an empty directory",
    "quickstart.md": "tests/tutorial follows it step by step, in a project of its own",
}
# Directives whose body is code, and those whose body is none: a file, a list, a picture.
CODE: Final = frozenset({"code-block", "code", "sourcecode"})
NO_TEXT: Final = frozenset({"literalinclude", "include", "toctree", "image", "figure", "eval-rst"})

_MARK: Final = re.compile(r"\s*<!-- not run: (?P<reason>.+?) -->\s*")
_DIRECTIVE: Final = re.compile(r"\{(?P<name>[\w:+.-]+)\}\s*(?P<argument>.*)")
_OPTION: Final = re.compile(r":(?P<name>[\w-]+):\s*(?P<value>.*)")


@dataclass(frozen=True)
class Block:
    """One block. `line` is that of its fence; `reason` says why it is not run, if it is not."""

    page: str
    line: int
    language: str
    text: str
    reason: str | None = None
    directive: str = ""
    argument: str = ""
    options: dict[str, str] = field(default_factory=dict)
    # How many lines lie between the fence and the text: a directive's options.
    skipped: int = 0

    @property
    def place(self) -> str:
        """Where it stands, as editors read it."""
        return f"{self.page}:{self.line}"

    @property
    def padded(self) -> str:
        """The text with as many empty lines before it as the page has: errors name its lines."""
        return "\n" * (self.line + self.skipped) + self.text


def pages() -> list[Path]:
    """Return every page but those that are followed elsewhere."""
    texts = sorted((ROOT / "docs").glob("*.md"))
    return [
        *(page for page in texts if page.name not in ELSEWHERE),
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
    ]


def name_of(page: Path) -> str:
    """Return a page's path as the repository has it."""
    return page.relative_to(ROOT).as_posix()


@cache
def blocks_of(page: Path) -> list[Block]:
    """Return the blocks of a page, in order."""
    return blocks_in(page.read_text(), name_of(page))


def blocks_in(text: str, page: str) -> list[Block]:
    """Return the blocks of a text that is said to be this page's."""
    return list(_blocks(text, page, 0))


def code_in(page: Path) -> Iterator[tuple[int, str]]:
    """Yield what stands in code marks within sentences and cells, with its line."""
    for token in _parser().parse(page.read_text()):
        for child in token.children or ():
            if child.type == "code_inline" and token.map is not None:
                yield token.map[0] + 1, child.content


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").use(colon_fence_plugin)


def _blocks(text: str, page: str, before: int) -> Iterator[Block]:
    lines = text.splitlines()
    for token in _parser().parse(text):
        if token.type in {"fence", "colon_fence", "code_block"} and token.map is not None:
            start = token.map[0]
            mark = _MARK.fullmatch(lines[start - 1]) if start else None
            yield from _read(token, page, before + start + 1, mark and mark["reason"])


def _read(token: Token, page: str, line: int, reason: str | None) -> Iterator[Block]:
    directive = _DIRECTIVE.fullmatch(token.info.strip())
    if directive is None:
        yield Block(page, line, token.info.strip(), token.content, reason)
        return
    name, argument = directive["name"], directive["argument"]
    options, body, skipped = _options(token.content)
    if name in CODE:
        yield Block(page, line, argument, body, reason, name, argument, options, skipped)
    elif name in NO_TEXT:
        yield Block(page, line, "", body, reason, name, argument, options, skipped)
    else:  # A note, a warning, a tab: its body is Markdown again.
        yield from _blocks(body, page, line + skipped)


def _options(content: str) -> tuple[dict[str, str], str, int]:
    """Return a directive's options, its body, and how many lines the options took."""
    options = {}
    lines = content.splitlines(keepends=True)
    while lines and (option := _OPTION.fullmatch(lines[0].strip())):
        value = option["value"]
        options[option["name"]] = yaml.safe_load(value) if value[:1] in {'"', "'"} else value
        del lines[0]
    return options, "".join(lines), content.count("\n") - "".join(lines).count("\n")
