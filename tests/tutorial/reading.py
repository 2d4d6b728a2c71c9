"""What a page tells its reader to do, in its order. Nothing is done here.

A block of code whose caption is a path is that file; with "at its end" it is added to it. A block
of commands is typed into the first terminal, or into the one that its caption names, and left
running. A block of text is what the commands above it have printed, or what the terminal of its
caption says by and by. A numbered list is done in a browser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

_FENCE: Final = re.compile(r"(?:\{code-block\} )?(?P<language>[\w+]+)")
_CAPTION: Final = re.compile(r":caption: (?P<caption>.+)\n\n?")
_FILE: Final = re.compile(r"(?P<path>[\w./-]+\.\w+)(?P<is_added>, at its end)?")
_TERMINAL: Final = re.compile(r"[\w ]+ terminal")
_NOT_DONE: Final = "<!-- not run: "

_ACTION: Final = re.compile(
    r"(?P<frame>[Ii]n the frame)"
    r"|[Rr]eload the page until you see \*\*(?P<reload>[^*]+)\*\*"
    r"|[Oo]pen <(?P<open>[^>]+)>"
    r"|[Pp]ress \*\*(?P<press>[^*]+)\*\*"
    r"|[Cc]hoose \*\*(?P<choose>[^*]+)\*\* as \*\*(?P<choice_of>[^*]+)\*\*"
    r"|`(?P<type>[^`]+)` into \*\*(?P<field>[^*]+)\*\*"
    r"|[Ss]ee \*\*(?P<see>[^*]+)\*\*",
)


class UnclearPage(Exception):
    """A page tells its reader something that nobody could do; the text says what and where."""


@dataclass(frozen=True)
class File:
    """A file to write, or to add to."""

    path: str
    text: str
    is_added: bool = False


@dataclass(frozen=True)
class Commands:
    """Lines to type, and what they print. With the name of a terminal, they are left running."""

    text: str
    terminal: str = ""
    prints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Said:
    """What is to be read in a terminal where something was left running."""

    terminal: str
    lines: list[str]


@dataclass(frozen=True)
class Action:
    """One thing that a person does in a browser, or sees there."""

    verb: str
    what: str
    where: str = ""
    is_in_frame: bool = False


@dataclass(frozen=True)
class Visit:
    """What a person does in a browser, one thing after the other."""

    actions: list[Action]


Step = File | Commands | Said | Visit


def steps_of(page: str) -> list[Step]:
    """Return what the page tells. Raises `UnclearPage` for what can't be followed."""
    steps: list[Step] = []
    tokens = MarkdownIt().parse(page)
    is_left_out = False
    for place, token in enumerate(tokens):
        if token.type == "fence":
            if not is_left_out:
                _add_block(steps, token)
            is_left_out = False
        elif token.type == "html_block":
            is_left_out = token.content.startswith(_NOT_DONE)
        elif token.type == "ordered_list_open":
            steps.append(Visit(list(_actions(tokens, place))))
    return steps


def _add_block(steps: list[Step], token: Token) -> None:
    found = _FENCE.fullmatch(token.info.strip())
    if found is None:
        raise UnclearPage(f"{_place(token)}: {token.info!r} is no kind of block that is known.")
    captioned = _CAPTION.match(token.content)
    caption = captioned["caption"] if captioned else ""
    text = token.content[captioned.end() if captioned else 0 :]
    match found["language"]:
        case "text" if _TERMINAL.fullmatch(caption):
            steps.append(Said(caption, text.splitlines()))
        case "text":
            _commands_above(steps, token).prints.extend(text.splitlines())
        case "console" if not caption or _TERMINAL.fullmatch(caption):
            steps.append(Commands(text, caption))
        case _:
            file = _FILE.fullmatch(caption)
            if file is None:
                raise UnclearPage(f"{_place(token)}: what is to be done with this block?")
            steps.append(File(file["path"], text, bool(file["is_added"])))


def _commands_above(steps: Sequence[Step], token: Token) -> Commands:
    above = steps[-1] if steps else None
    if not isinstance(above, Commands):
        raise UnclearPage(f"{_place(token)}: no commands above this have printed anything.")
    return above


def _actions(tokens: Sequence[Token], place: int) -> Iterator[Action]:
    level = tokens[place].level
    for token in tokens[place + 1 :]:
        if token.type == "ordered_list_close" and token.level == level:
            return
        if token.type == "inline":
            yield from _actions_of(token)


def _actions_of(token: Token) -> Iterator[Action]:
    """Yield what one point of a list tells. "In the frame" holds until its end."""
    is_in_frame = False
    told = " ".join(token.content.split())
    for found in _ACTION.finditer(told):
        given = {name: value for name, value in found.groupdict().items() if value}
        if "frame" in given:
            is_in_frame = True
            continue
        where = given.pop("field", "") or given.pop("choice_of", "")
        ((verb, what),) = given.items()
        yield Action(verb, what, where, is_in_frame)
    left = _ACTION.sub("", told)
    if "**" in left or "<http" in left:
        raise UnclearPage(f"{_place(token)}: nobody knows what to do there: {left!r}")


def _place(token: Token) -> str:
    return f"line {token.map[0] + 1}" if token.map else "somewhere"
