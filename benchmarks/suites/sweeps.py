"""What each sweep does first, in a small table and in a large one, with as many rows due.

The work on each row is left out: it is the same in both, and would hide how the rows are found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any, Final
from unittest import mock

from ..options import Options
from ..rounds import Samples, Way, race, ratio
from ..suite import Row, Suite
from ..tables import Table, of

SMALL: Final = 10_000


def batches() -> dict[str, Callable[[], object]]:
    """Return what finds, and where that is its part claims, the first batch of each sweep."""
    from django_redpin.models import WebhookEvent
    from django_redpin.services import retention, sweeps
    from django_redpin.services.expire import due_to_expire
    from django_redpin.services.reconcile import reconcile_payment_sessions

    kinds = {
        "events": sweeps.EVENTS,
        "transitions": sweeps.TRANSITIONS,
        "sessions to complete": sweeps.SESSIONS,
        "recipients": sweeps.RECIPIENTS,
    }
    idle = {name: replace(kind, work=_nothing) for name, kind in kinds.items()}
    events = WebhookEvent.objects.all()
    return {
        **{name: partial(kind.run, sweeps.BATCH) for name, kind in idle.items()},
        "sessions to ask about": partial(reconcile_payment_sessions, limit=sweeps.BATCH),
        "ended sessions to ask about": partial(
            reconcile_payment_sessions, limit=sweeps.BATCH, is_over=True
        ),
        "sessions to expire": lambda: list(due_to_expire()[: sweeps.BATCH]),
        "bodies to empty": lambda: _oldest(retention.emptiable(events), retention.BATCH),
        "events to delete": lambda: _oldest(retention.deletable(events), retention.BATCH),
    }


def _nothing(pk: int) -> None:
    """Leave the row as it is."""


def _oldest(rows: Any, count: int) -> list[Any]:
    return list(rows.order_by("received_at", "pk").values_list("received_at", "pk")[:count])


def run(options: Options) -> Iterable[Row]:
    from django_redpin.services.rounds import Round

    found = batches()
    plan = replace(options.plan, calls=20 if options.quick else 30)
    # A round claims its sessions, asks nobody, and gives them back.
    with of(SMALL, options.rows) as tables, mock.patch.object(Round, "_ask", _asks_nobody):
        ways = [_way(name, work, table) for name, work in found.items() for table in tables]
        samples = race(ways, plan)
    yield _row(list(found), samples, options.rows)


def _asks_nobody(*args: object) -> None:
    """Learn nothing of any session."""


def _way(name: str, work: Callable[[], object], table: Table) -> Way:
    return Way(f"{name}, {table.rows} rows", work, table.use)


def _row(names: Iterable[str], samples: dict[str, Samples], rows: int) -> Row:
    """Return the ratio of the sweep that grows the most, and of each in the details."""
    each = {
        name: ratio(samples[f"{name}, {rows} rows"], samples[f"{name}, {SMALL} rows"])
        for name in names
    }
    worst = max(each, key=lambda name: each[name].value)
    details = {
        "ratios": {name: round(found.value, 3) for name, found in each.items()},
        "ways": {name: found.described() for name, found in samples.items()},
    }
    note = worst if rows == 1_000_000 else f"{worst}, with {rows:,} rows"
    return Row.of("sweep_1m_vs_10k", each[worst], note, details)


SUITE: Final = Suite("sweeps", ("sweep_1m_vs_10k",), run, databases=("postgresql",))
