"""What each figure has to be: what must hold, and what would be better still."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

Direction = Literal["<=", ">="]
_COMPARED: Final[dict[Direction, Callable[[float, float], bool]]] = {
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Goal:
    """Which way is better, what must hold, and what is hoped for; and what the figure is."""

    direction: Direction
    must: float
    stretch: float
    what: str

    def holds(self, value: float) -> bool:
        """Tell whether the value is what it must be."""
        return _COMPARED[self.direction](value, self.must)

    def is_stretched(self, value: float) -> bool:
        """Tell whether the value is what was hoped for."""
        return _COMPARED[self.direction](value, self.stretch)


GOALS: Final[dict[str, Goal]] = {
    "webhook_new_vs_bare": Goal(
        "<=", 1.25, 0.8, "A new event: our view ÷ a bare Django view with the same insert"
    ),
    "djstripe_vs_ours": Goal(">=", 8, 15, "A new event: dj-stripe's webhook ÷ ours"),
    "webhook_statements": Goal("<=", 3, 1, "SQL statements for a new event"),
    "webhook_duplicate_vs_new": Goal("<=", 0.9, 0.7, "A repetition ÷ a new event"),
    "webhook_forged_statements": Goal("<=", 0, 0, "SQL statements for a forged post"),
    "webhook_forged_vs_bare": Goal("<=", 1.3, 1.1, "A forged post: our view ÷ a bare view"),
    "apply_vs_handwritten": Goal(
        "<=", 1.3, 1.1, "Applying an event ÷ a hand-written transaction of the same statements"
    ),
    "apply_statements": Goal("<=", 6, 4, "SQL statements for applying an event"),
    "create_call_vs_requests": Goal(
        "<=", 1.0, 0.8, "The client's create call ÷ requests.Session.post().json()"
    ),
    "create_service_vs_two_inserts": Goal(
        "<=", 1.5, 1.1, "What the service adds to the call ÷ two bare inserts"
    ),
    "token_warm_us": Goal("<=", 5, 1, "Looking up a token that is there, in µs"),
    "token_warm_cache_calls": Goal("<=", 0, 0, "Calls of the cache for that"),
    "token_cold_requests": Goal(
        "<=", 1, 1, "Token requests when 8 processes of 16 threads start at once"
    ),
    "admin_list_1m_vs_1k": Goal("<=", 1.5, 1.1, "The admin's list: 1,000,000 rows ÷ 1,000"),
    "admin_list_counts": Goal("<=", 0, 0, "COUNT(*) statements of the admin's list"),
    "admin_default_vs_ours_1m": Goal(
        ">=", 10, 20, "A plain ModelAdmin's list ÷ ours, at 1,000,000 rows"
    ),
    "sweep_1m_vs_10k": Goal(
        "<=", 1.3, 1.05, "A sweep's first batch: 1,000,000 rows ÷ 10,000, as many of them due"
    ),
    "throughput_vs_bare": Goal(
        ">=", 0.8, 1.0, "Events a second with gunicorn, 4 workers: our view ÷ a bare view"
    ),
    "end_to_end_p99_vs_floor": Goal(
        "<=", 2.0, 1.3, "Accepted → merchant's task started, p99 ÷ a commit and a task of Celery's"
    ),
}
