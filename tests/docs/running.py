"""What becomes of a block, by its language: run, rendered, parsed or checked."""

from __future__ import annotations

import ast
import builtins
import copy
import doctest
import inspect
import json
import re
import symtable
import traceback
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, Final

import django
import pytest
import yaml
from babel.messages.pofile import read_po
from django.core import checks
from django.template import engines
from django.test import override_settings
from django.urls import reverse
from jinja2 import Environment

from django_redpin.embed import payment_session_html

from . import including, shell
from .blocks import Block
from .prelude import Elisions, environment_of, names_of

# Nothing of ours can run these; a page shows them to be read.
DATA: Final = frozenset(
    [
        "css",
        "diff",
        "html",
        "http",
        "js",
        "javascript",
        "kotlin",
        "mermaid",
        "nginx",
        "sql",
        "svg",
        "swift",
        "text",
        "xml",
    ]
)
# What Django 6 brought. Blocks about it are left out where the tests run on an older one.
NEWER: Final = frozenset({"django.tasks", "django.utils.csp", "django.views.decorators.csp"})
_OF_THE_TEST: Final = (
    *("BASE_URL", "TOKEN_URL", "HOSTED_PAGE_ORIGINS"),
    *("CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID", "READ_TIMEOUT"),
)
_TEMPLATE: Final = re.compile(r"\{# templates/(?P<name>\S+) #\}\n")
_DECLARED: Final = re.compile(r"redpin\.E(00[1-8]|01[0-3]|015|030)")


class Page:
    """The blocks of a page, run in order: what one of them defines, the next ones know."""

    def __init__(
        self,
        names: dict[str, Any],
        folder: Path,
        fixtures: pytest.FixtureRequest,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        self.names = names
        self.folder = folder
        self.fixtures = fixtures
        self.monkeypatch = monkeypatch
        self.settings = fixtures.getfixturevalue("settings")
        self._redpin = self.settings.REDPIN
        self._referred: dict[str, str] = {}
        self._left_out: set[str] = set()

    def run(self, block: Block) -> str:
        """Return what is wrong with a block, or nothing."""
        if block.reason is None:
            return self._attempt(block, self.names)
        if block.language in DATA or block.directive == "literalinclude":
            return f"{block.place}: a mark, though nothing of it is ever run; take the mark away"
        if not self._attempt(block, copy.copy(self.names)):
            return f"{block.place}: a mark, though it runs; take the mark away"
        return ""

    def unknown(self) -> list[str]:
        """Return the names that functions use and that neither the page nor the prelude has."""
        known = {*self.names, *vars(builtins), *self._left_out}
        return [
            f"{place}: `{name}` is neither on the page nor in tests/docs/prelude.py"
            for name, place in self._referred.items()
            if name not in known
        ]

    def _attempt(self, block: Block, names: dict[str, Any]) -> str:
        try:
            if block.directive in {"literalinclude", "include"}:
                including.check(block)
            elif block.directive not in {"toctree", "image", "figure", "eval-rst"}:
                self._runner(block)(block, names)
        except Exception as error:  # noqa: BLE001  Whatever a page's code raises.
            return f"{_place(block, error)}: {type(error).__name__}: {error}"
        return ""

    def _runner(self, block: Block) -> Callable[[Block, dict[str, Any]], None]:
        if block.language in DATA:
            return lambda block, names: None
        if block.language in PARSED:
            return lambda block, names: PARSED[block.language](block)
        return {
            "python": self._python,
            "pycon": self._doctest,
            "django": self._django,
            "html+django": self._django,
            "jinja": self._jinja,
        }[block.language or "(no language is named)"]

    def _python(self, block: Block, names: dict[str, Any]) -> None:
        code = ast.parse(block.padded)
        for name, value in environment_of(code).items():
            self.monkeypatch.setenv(name, value)
        is_run = names is self.names
        if is_run:
            for name in _globals_of(symtable.symtable(block.padded, block.page, "exec")):
                self._referred.setdefault(name, block.place)
        before = copy.deepcopy(names["REDPIN"])
        tests = {name for name in names if name.startswith("test_")}
        try:
            exec(compile(Elisions().visit(code), block.page, "exec"), names)  # noqa: S102  Ours.
        except ModuleNotFoundError as error:
            if django.VERSION >= (6, 0) or error.name not in NEWER:
                raise
            self._left_out |= names_of(code)
            return
        if names["REDPIN"] != before:
            _check_settings(names["REDPIN"])
            if is_run:
                self._apply(names["REDPIN"])
        for name in [each for each in names if each.startswith("test_") and each not in tests]:
            self._call(names[name])

    def _apply(self, redpin: dict[str, Any]) -> None:
        """Let the settings hold from now on, but for whom they lead to."""
        given = {name: self._redpin[name] for name in _OF_THE_TEST if name in self._redpin}
        accounts = {
            alias: {**own, "CLIENT_ID": given["CLIENT_ID"], "CLIENT_SECRET": given["CLIENT_SECRET"]}
            for alias, own in redpin.get("ACCOUNTS", {}).items()
        }
        self.settings.REDPIN = {**self._redpin, **redpin, **given, "ACCOUNTS": accounts}

    def _call(self, test: Callable[..., None]) -> None:
        """Run a test that a page shows, with pytest's fixtures."""
        wanted = inspect.signature(test).parameters
        test(**{name: self.fixtures.getfixturevalue(name) for name in wanted})

    def _doctest(self, block: Block, names: dict[str, Any]) -> None:
        parsed = doctest.DocTestParser().get_doctest(
            block.text, names, block.page, block.page, block.line
        )
        said = StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        if runner.run(parsed, out=said.write, clear_globs=False).failed:
            raise AssertionError(said.getvalue())

    def _django(self, block: Block, names: dict[str, Any]) -> None:
        named = _TEMPLATE.match(block.text)
        if named is None:
            template = engines["django"].from_string(block.text)
            assert template.render(_context(names), names["request"]).strip(), "nothing is rendered"
            return
        path = self.folder / named["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        setting = copy.deepcopy(names["TEMPLATES"])
        setting[0]["DIRS"] = [self.folder]
        with override_settings(TEMPLATES=setting):
            page = "{% load redpin %}{% redpin_payment_session session %}"
            is_ours = named["name"].startswith("redpin/session/")
            whole = page if is_ours else f'{{% include "{named["name"]}" %}}'
            template = engines["django"].from_string(whole)
            assert template.render(_context(names), names["request"]).strip(), "nothing is rendered"

    def _jinja(self, block: Block, names: dict[str, Any]) -> None:
        made = names.get("environment")
        env = made() if made else Environment(autoescape=True)
        env.globals = {"payment_session_html": payment_session_html, "url": reverse} | env.globals
        assert env.from_string(block.text).render(_context(names)).strip(), "nothing is rendered"


def _context(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if not name.startswith("_")}


def _place(block: Block, error: BaseException) -> str:
    """Return the page's line at which it went wrong, or that of the fence."""
    if isinstance(error, SyntaxError) and error.lineno and block.language == "python":
        return f"{block.page}:{error.lineno}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == block.page and frame.lineno
    ]
    return f"{block.page}:{lines[-1]}" if lines else block.place


def _globals_of(table: symtable.SymbolTable) -> set[str]:
    """Return the global names that functions and classes within the table use."""
    found = set()
    for child in table.get_children():
        found |= {each.get_name() for each in child.get_symbols() if each.is_global()}
        found |= _globals_of(child)
    return {name for name in found if not name.startswith("__")}


def _check_settings(redpin: dict[str, Any]) -> None:
    """See that what a page puts into `REDPIN` passes the checks of what is declared there."""
    with override_settings(REDPIN=redpin, DEBUG=True):
        found = checks.run_checks(tags=[checks.Tags.security])
        found = [each for each in found if _DECLARED.fullmatch(str(each.id))]
    assert not found, "; ".join(f"{each.id} {each.msg}" for each in found)


def _po(block: Block) -> None:
    assert len(read_po(StringIO(block.text), abort_invalid=True)), "no messages"


PARSED: Final[dict[str, Callable[[Block], Any]]] = {
    **dict.fromkeys(("bash", "console", "sh", "shell"), shell.check_block),
    "cron": shell.check_cron,
    "ini": shell.check_ini,
    "json": lambda block: json.loads(block.text),
    "po": _po,
    "toml": lambda block: shell.toml(block.text),
    "yaml": lambda block: yaml.safe_load(block.text),
}
