"""What a run is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Database = Literal["postgresql", "sqlite", "mariadb"]
DATABASES: Final[tuple[Database, ...]] = ("postgresql", "sqlite", "mariadb")


@dataclass(frozen=True)
class Plan:
    """How often each way is taken: so many rounds of so many calls, after some that don't count."""

    rounds: int
    calls: int
    warm_up: int = 1  # Rounds.


FULL: Final = Plan(rounds=15, calls=100)
QUICK: Final = Plan(rounds=7, calls=40)


@dataclass(frozen=True)
class Options:
    """What each suite is told. `rows` is how large the large table is."""

    database: Database = "postgresql"
    quick: bool = False
    plan: Plan = FULL
    rows: int = 1_000_000

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Options:
        """Return the options that `to_dict` made this of."""
        return cls(**{**told, "plan": Plan(**told["plan"])})

    def to_dict(self) -> dict[str, Any]:
        """Return them as what JSON can hold."""
        return asdict(self)
