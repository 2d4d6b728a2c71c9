"""What an action is, and what became of it: the vocabulary of `confirming.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.db.models import Model
from django.utils.translation import gettext as _

from ..exceptions import RedpinError

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# What one message, or one page, tells of.
NAMED: Final = 20
_MOST_CAUSES: Final = 10


class NotDone(Exception):
    """An action did nothing to a row; the text says why, for whoever chose it."""


class NothingAsked(forms.Form):
    """The form of an action that needs to know nothing more."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One action: who may do it is told by the permission `<name>_<model>`.

    `why_not` says why it would do nothing to a row, or "". `run` does it, says what was done, and
    raises `NotDone` or a `RedpinError` where nothing was. `seen` is what a person decides about: if
    that has changed since they saw it, nothing is done. `most` rows are taken at once. Where
    `calls_redpin` is False, what `run` does and who did it are one transaction.
    """

    name: str
    title: _StrPromise
    explanation: _StrPromise
    why_not: Callable[[Any], str]
    run: Callable[[Any, Mapping[str, Any]], str]
    most: int
    form: type[forms.Form] = NothingAsked
    seen: Callable[[Any], str] | None = None
    is_one_click: bool = False
    calls_redpin: bool = True

    def mark(self, row: Model) -> str:
        """Return how the row is chosen: its key, and a digest of what the person was shown."""
        return f"{row.pk}-{self.digest(row)}" if self.seen else str(row.pk)

    def digest(self, row: Model) -> str:
        """Return a digest of what a person decides about, or ""."""
        return sha256(self.seen(row).encode()).hexdigest()[:16] if self.seen else ""


@dataclass(slots=True)
class Done:
    """What an action did: how many rows it was done to, and to which not, by cause."""

    done: list[str] = field(default_factory=list)
    not_done: dict[str, list[str]] = field(default_factory=dict)
    left: int = 0

    def refuse(self, cause: str, row: Model | str) -> None:
        """Note that nothing was done to the row, and why."""
        self.not_done.setdefault(cause, []).append(named(row))

    @property
    def is_all(self) -> bool:
        """Whether it was done to all rows, and there were some."""
        return bool(self.done) and not self.not_done and not self.left

    def summary(self, title: object) -> str:
        """Return the counts of both outcomes; of a single row, what was done to it."""
        not_done = sum(map(len, self.not_done.values()))
        counts = {"title": title, "done": len(self.done), "not_done": not_done, "left": self.left}
        told = [_("%(title)s: %(done)s done, %(not_done)s not done.") % counts]
        if len(self.done) == 1:
            told += self.done
        if self.left:
            told.append(
                _("%(left)s were not tried, as that takes time: choose them again.") % counts
            )
        return " ".join(told)

    def causes(self) -> list[str]:
        """Return each cause with those that it kept, the first ten causes."""
        return [
            f"{', '.join(names[:NAMED])}{', …' if len(names) > NAMED else ''}: {cause}"
            for cause, names in list(self.not_done.items())[:_MOST_CAUSES]
        ]


def named(row: Model | str) -> str:
    """Return what the row is called."""
    return row if isinstance(row, str) else str(row) or f"#{row.pk}"


def sentence(reason: str) -> str:
    """Return the reason with a capital letter."""
    return reason[:1].upper() + reason[1:]


def told(error: RedpinError) -> str:
    """Return what happened and what to do about it, for those who run the site."""
    text = str(error)
    return text if error.next_step in text else f"{text} {error.next_step}"
