"""What a suite is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .options import DATABASES, Database, Options
from .rounds import Ratio


@dataclass(frozen=True)
class Row:
    """One figure, by the key that `benchmarks/goals.py` has of it; `details` go into the JSON."""

    key: str
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""
    details: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(
        cls, key: str, ratio: Ratio, note: str = "", details: Mapping[str, object] | None = None
    ) -> Row:
        """Return the row of a ratio."""
        return cls(key, ratio.value, ratio.low, ratio.high, note, details or {})

    def to_dict(self) -> dict[str, Any]:
        """Return it as what JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class Suite:
    """What finds the figures of some keys.

    It runs in a process of its own, with Django set up by `benchmarks.settings` on a new database
    that has its tables and nothing else. `apps` are those of peers, which are installed if they
    can be imported. With another of the `databases` it is left out.
    """

    name: str
    keys: tuple[str, ...]
    run: Callable[[Options], Iterable[Row]]
    apps: tuple[str, ...] = ()
    databases: tuple[Database, ...] = DATABASES
