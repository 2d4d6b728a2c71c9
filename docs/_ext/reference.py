"""Sphinx directives that show what `inventory.py` reads, as Markdown that MyST then parses.

`{redpin-settings}`, `{redpin-checks}` and so on, each on the page that is about it.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from docutils.statemachine import StringList
from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from django_redpin.checks.table import MEANINGS

from . import checktexts, inventory, links
from . import endpoints as schema

_DOCS: Final = Path(__file__).resolve().parent.parent


def page_links(text: str) -> str:
    """Return the text with links for `page "Securing webhooks"`, as docstrings name a page."""

    def link(found: re.Match[str]) -> str:
        for path in _DOCS.glob("*.md"):
            if path.read_text().startswith(f"# {found[1]}\n"):
                return f"page [{found[1]}]({path.name})"
        raise ValueError(f"No page of the docs has the title {found[1]!r}.")

    return re.sub(r'\bpage "([^"]+)"', link, text)


def entry(directive: str, name: str, body: Iterable[str], *options: str) -> Iterator[str]:
    """Yield a directive of MyST with a body of Markdown."""
    yield from (f"`````{{{directive}}} {name}", *options, "", *body, "`````", "")


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield a table in Markdown."""
    for row in (head, tuple("---" for _ in head), *rows):
        cells = (" ".join(cell.split()).replace("|", r"\|") for cell in row)
        yield f"| {' | '.join(cells)} |"
    yield ""


def as_code(text: str) -> str:
    """Return the text between as many backticks as it takes."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def settings(which: str) -> Iterator[str]:
    """Yield the keys of an `account`, or of the `project`."""
    for each in inventory.settings():
        if each.is_for_project == (which == "project"):
            shape = each.shape.removeprefix("Give ").rstrip(".")
            shape = shape[0].lower() + shape[1:]
            options = [f":type: {json.dumps(shape)}", f":default: `{each.default!r}`"]
            yield from entry("confval", each.name, [page_links(each.meaning)], *options)


def signals(_: str) -> Iterator[str]:
    """Yield every signal with what its receivers get."""
    for each in inventory.signal_texts():
        gets = ", ".join(f"`{name}`" for name in each.arguments)
        told = [] if "Receivers get" in each.meaning else ["", f"Receivers get {gets}."]
        options = [":module: django_redpin.signals"]
        yield from entry("py:data", each.name, [each.meaning, *told], *options)


def checks(_: str) -> Iterator[str]:
    """Yield every id, what it means, and the messages and hints that come with it."""
    texts = checktexts.check_texts_by_id()
    for name, meaning in MEANINGS.items():
        rows = dict.fromkeys((_said(each.message), _said(each.hint)) for each in texts[name])
        yield from entry("check", name, [meaning, "", *table(("message", "hint"), rows)])


def _said(text: str) -> str:
    """Return a plain text as Markdown has it."""
    return re.sub(r"([*_<`\[\]])", r"\\\1", text)


def commands(_: str) -> Iterator[str]:
    """Yield every command with its options."""
    for each in inventory.command_texts():
        rows = []
        for option in each.options:
            value = f" {option.value}" if option.value else ""
            told = option.meaning + (f"; default: {option.default}" if option.default else "")
            rows.append((as_code(f"{', '.join(option.flags)}{value}"), _said(told)))
        yield from entry("command", each.name, [each.meaning, "", *table(("option", ""), rows)])


def errors(_: str) -> Iterator[str]:
    """Yield every exception, those below one after it."""
    for kind in inventory.error_kinds():
        parents = [base.__name__ for base in kind.__bases__]
        body = [
            inspect.getdoc(kind) or "",
            "",
            *(f"- A kind of `{name}`." for name in parents if name != "Exception"),
            f"- Can money have moved: {inventory.money_moved(kind)}.",
            f"- `next_step`: {_said(str(kind.next_step))}",
            f"- `user_message`: {kind.user_message}",
        ]
        yield from entry("py:exception", kind.__name__, body, ":module: django_redpin.exceptions")


def error_summary(_: str) -> Iterator[str]:
    """Yield a table of the errors: what happened, and whether money can have moved."""
    rows = []
    for kind in inventory.error_kinds()[1:]:
        what = (inspect.getdoc(kind) or "").partition("\n\n")[0]
        rows.append((f"`{kind.__name__}`", what, inventory.money_moved(kind)))
    yield from table(("name", "what happened", "can money have moved"), rows)


def model(name: str) -> Iterator[str]:
    """Yield a model's columns, and the ways from it."""
    module = importlib.import_module("django_redpin.models")
    kind = getattr(module, name)
    rows = [
        (f"`{each.name}`", each.kind, each.meaning)
        for each in (*inventory.field_texts(kind), *inventory.relation_texts(kind))
    ]
    body = [inspect.getdoc(kind) or "", "", *table(("name", "what it is", ""), rows)]
    yield from entry("py:class", name, body, ":module: django_redpin.models")


def tags(_: str) -> Iterator[str]:
    """Yield every tag of the library, with its options."""
    for each in inventory.tag_texts():
        yield from entry("tag", each.name, [f"```django\n{each.usage}\n```", "", each.meaning])


def endpoints(kind: str) -> Iterator[str]:
    """Yield what is answered at our addresses: `webhooks`, `sessions`, or those of an `api`."""
    for each in schema.endpoints():
        if f"/{kind}/" in each.path:
            body = [
                *(each.summary, "", each.description, ""),
                *table(("what is asked for", ""), each.parameters),
                *table(("answer", ""), each.answers),
                *table(("in its JSON", "type", ""), each.fields),
            ]
            yield from entry("endpoint", f"{each.method} {each.path}", body)


_SHOWN: Final[dict[str, Callable[[str], Iterator[str]]]] = {
    "redpin-checks": checks,
    "redpin-commands": commands,
    "redpin-endpoints": endpoints,
    "redpin-error-summary": error_summary,
    "redpin-errors": errors,
    "redpin-model": model,
    "redpin-settings": settings,
    "redpin-signals": signals,
    "redpin-tags": tags,
}


class Shown(SphinxDirective):
    """Parses, in its place on the page, the Markdown that one of the functions above yields."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes."""
        for path in sorted(Path(inventory.PACKAGE).rglob("*.py")):
            self.env.note_dependency(str(path))
        lines = "\n".join(_SHOWN[self.name]("".join(self.arguments))).splitlines()
        held = nodes.container()
        self.state.nested_parse(StringList(lines, self.name), 0, held)
        return held.children


def restructured(
    app: Sphinx, what: str, name: str, obj: object, options: Any, lines: list[str]
) -> None:
    """Turn the Markdown of a docstring, as far as it is used there, into what autodoc reads."""
    text = page_links("\n".join(lines))
    text = re.sub(r"page \[([^\]]+)\]\(([\w-]+)\.md\)", r"page :doc:`\1 <\2>`", text)
    text = re.sub(r"^( *)```(\w+)\n((?:.*\n)*?)\1```$", _code_block, text, flags=re.MULTILINE)
    lines[:] = text.splitlines()


def _code_block(found: re.Match[str]) -> str:
    indent, language, body = found.groups()
    inner = "".join(f"    {line}\n" if line.strip() else "\n" for line in body.splitlines())
    return f"{indent}.. code-block:: {language}\n\n{inner}"


def dashes(app: Sphinx, page: nodes.document, name: str) -> None:
    """Write the dash between an argument and its text as one. Options keep their two hyphens."""
    for text in [*page.findall(nodes.Text)]:
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" \N{EN DASH} "))


def setup(app: Sphinx) -> dict[str, bool]:
    """Have Sphinx know the directives, and what is linked to by name."""
    app.add_lexer("cron", TextLexer)
    app.add_object_type("check", "check", "pair: %s; system check")
    app.add_object_type("command", "command", "pair: %s; command")
    app.add_object_type("tag", "tag", "pair: %s; template tag")
    app.add_object_type("endpoint", "endpoint")
    for name in _SHOWN:
        app.add_directive(name, Shown)
    # After napoleon, which turns sections into fields.
    app.connect("autodoc-process-docstring", restructured, priority=900)
    app.connect("doctree-resolved", dashes)
    links.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
