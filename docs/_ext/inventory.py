"""Read from the code what the reference lists. Knows no Sphinx, so that the tests can read it, too.

Texts are Markdown, as docstrings are: single backticks stand around code.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.db import models
from django.dispatch import Signal

import django_redpin
from django_redpin import accounts, conf, exceptions, signals
from django_redpin.exceptions import RedpinError
from django_redpin.models import fields
from django_redpin.models.meanings import MEANINGS
from django_redpin.shapes import DEFAULTS, PROJECT_DEFAULTS, PROJECT_SHAPES, SHAPES
from django_redpin.templatetags import redpin
from django_redpin.templatetags.redpin import register as library

PACKAGE: Final = Path(str(django_redpin.__file__)).parent
# What every receiver gets, unless the signal's own text says otherwise.
RECEIVERS_GET: Final = ("session", "transition", "event", "share")


def attribute_docs(module: object, owner: str = "") -> dict[str, str]:
    """Return the strings below the assignments in a module, or in one of its classes, by name."""
    tree = ast.parse(Path(str(inspect.getsourcefile(module))).read_text())  # type: ignore[arg-type]
    body = next(
        (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == owner),
        tree.body,
    )
    found: dict[str, str] = {}
    for node, below in pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name) or not isinstance(below, ast.Expr):
            continue
        if isinstance(below.value, ast.Constant) and isinstance(below.value.value, str):
            found[target.id] = inspect.cleandoc(below.value.value)
    return found


@dataclass(frozen=True)
class Setting:
    """One key of `REDPIN`: its default, what it has to look like, and what it is for."""

    name: str
    default: object
    shape: str
    meaning: str
    is_for_project: bool


def settings() -> list[Setting]:
    """Return every key of `REDPIN`, those of an account first."""
    meanings = {
        name.upper(): text
        for source in (
            attribute_docs(conf, "Account"),
            attribute_docs(conf, "Project"),
            attribute_docs(accounts),
        )
        for name, text in source.items()
    }
    cures = {name: cure for name, (_, cure) in {**SHAPES, **PROJECT_SHAPES}.items()}
    cures |= {
        accounts.ACCOUNTS: "Give a dict of dicts, by alias.",
        accounts.ACCOUNT_RESOLVER: "Give a dotted path, or None.",
    }
    defaults = {
        **DEFAULTS,
        **PROJECT_DEFAULTS,
        accounts.ACCOUNTS: {},
        accounts.ACCOUNT_RESOLVER: None,
    }
    return [
        Setting(name, default, cures[name], meanings.get(name, ""), name in accounts.PROJECT_KEYS)
        for name, default in defaults.items()
    ]


@dataclass(frozen=True)
class SignalText:
    """One signal: when it is sent, and what its receivers get."""

    name: str
    meaning: str
    arguments: tuple[str, ...]


def signal_texts() -> list[SignalText]:
    """Return every signal, in the order of the module."""
    docs = attribute_docs(signals)
    found = []
    for name in (name for name, each in vars(signals).items() if isinstance(each, Signal)):
        meaning = docs.get(name, "")
        own = re.search(r"^Receivers get (.+?)(?:: | alone)", meaning, re.MULTILINE)
        arguments = tuple(re.findall(r"`(\w+)`", own.group(1))) if own else RECEIVERS_GET
        found.append(SignalText(name, meaning, arguments))
    return found


def error_kinds(root: type[RedpinError] = RedpinError) -> list[type[RedpinError]]:
    """Return every public exception, what is below one right after it."""
    below = [kind for kind in root.__subclasses__() if kind.__name__ in exceptions.__all__]
    return [root, *(each for kind in below for each in error_kinds(kind))]


def money_moved(kind: type[RedpinError]) -> str:
    """Return whether money can have moved; where the session may still open, it has not yet."""
    if issubclass(kind, exceptions.OutcomeUnknown):
        return "not yet"
    return "yes" if kind.money_may_have_moved else "no"


@dataclass(frozen=True)
class Option:
    """One option of a command."""

    flags: tuple[str, ...]
    value: str
    default: str
    meaning: str


@dataclass(frozen=True)
class CommandText:
    """One of our commands, with the options that it has beside those of Django's."""

    name: str
    meaning: str
    options: tuple[Option, ...]


def command_texts() -> list[CommandText]:
    """Return every command of ours, as its argument parser has it."""
    names = sorted(name for name, app in get_commands().items() if app == django_redpin.__name__)
    django = BaseCommand().create_parser("manage.py", "")
    common = {flag for action in django._actions for flag in action.option_strings}
    found = []
    for name in names:
        command = load_command_class(django_redpin.__name__, name)
        parser = command.create_parser("manage.py", name)
        options = [
            _option(parser, action)
            for action in parser._actions
            if not common.issuperset(action.option_strings)
        ]
        found.append(CommandText(name, str(command.help), tuple(options)))
    return found


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> Option:
    takes_value = action.nargs != 0
    value = ""
    if takes_value:
        choices = "|".join(map(str, action.choices)) if action.choices else ""
        name = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        value = choices if action.choices and action.metavar is None else name
    is_told = "%(default)s" in (action.help or "") or "default:" in (action.help or "")
    has_default = takes_value and not is_told and action.default not in (None, "", [], ())
    return Option(
        flags=tuple(action.option_strings),
        value=value,
        default=str(action.default) if has_default else "",
        meaning=(action.help or "") % {"default": action.default, "prog": parser.prog},
    )


@dataclass(frozen=True)
class FieldText:
    """One column of a model, one way from it to other rows, or one property."""

    name: str
    kind: str
    meaning: str


def field_texts(model: type[models.Model]) -> list[FieldText]:
    """Return the public columns of a model: those with a name for people, or with a meaning."""
    docs = MEANINGS.get(model.__name__, {})
    return [
        FieldText(field.name, _kind(field), _meaning(field, docs))
        for field in model._meta.fields
        if field.name in docs or getattr(field, "_verbose_name", None) is not None
    ]


def relation_texts(model: type[models.Model]) -> list[FieldText]:
    """Return the ways from a model to the rows that refer to it, and its properties."""
    found = []
    for relation in model._meta.related_objects:
        name, other = str(relation.get_accessor_name()), relation.related_model.__name__
        kind = f"`{other}`" if relation.one_to_one else f"manager of `{other}`"
        field = relation.field.name
        found.append(FieldText(name, kind, f"Whose `{field}` is this row."))
    for name, each in vars(model).items():
        if isinstance(each, property) and not name.startswith("_") and each.__doc__:
            kind = str(inspect.signature(each.fget).return_annotation)  # type: ignore[arg-type]
            found.append(
                FieldText(name, f"`{kind.strip(chr(39))}`", inspect.cleandoc(each.__doc__))
            )
    return found


def _meaning(field: models.Field[Any, Any], docs: dict[str, str]) -> str:
    """Return the column's meaning, else its help text, else its name for people."""
    name = "The primary key" if field.primary_key else str(field.verbose_name)
    told = docs.get(field.name) or str(field.help_text) or name
    told = told[0].upper() + told[1:] + ("" if told.endswith(".") else ".")
    if field.choices:
        told += " " + ", ".join(f"`{value}` ({label})" for value, label in field.flatchoices) + "."
    return told


def _kind(field: models.Field[Any, Any]) -> str:
    kind = "JSONField" if isinstance(field, fields.EncryptedJSONField) else type(field).__name__
    if isinstance(field, models.ForeignKey):
        kind = "user" if field.name == "payer" else str(field.remote_field.model.__name__)
    elif isinstance(field, models.DecimalField):
        kind += f"({field.max_digits}, {field.decimal_places})"
    elif field.max_length:
        kind += f"({field.max_length})"
    return f"`{kind}`, or `None`" if field.null else f"`{kind}`"


@dataclass(frozen=True)
class TagText:
    """One template tag: how it is written, and what its function says."""

    name: str
    usage: str
    meaning: str


def tag_texts() -> list[TagText]:
    """Return every tag of `{% load redpin %}`."""
    found = []
    for name in library.tags:
        function = getattr(redpin, name)
        options = [
            f"{each.name}={each.default!r}"
            for each in inspect.signature(function).parameters.values()
            if each.kind is each.KEYWORD_ONLY
        ]
        usage = "{% load redpin %}\n{% " + f"{name} session {' '.join(options)}" + " %}"
        found.append(TagText(name, usage, inspect.getdoc(function) or ""))
    return found
