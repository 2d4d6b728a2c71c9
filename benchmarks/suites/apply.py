"""The worker's side: one stored event, applied to its session.

A signature vouches for the event, so that Redpin is not asked: its time is Redpin's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..options import Options
from ..rounds import Race, Way, fair_race, ratio
from ..suite import Row, Suite

if TYPE_CHECKING:
    from django_redpin.models import Recipient

OURS: Final = "ours"
BY_ORM: Final = "by hand, ORM"
BY_SQL: Final = "by hand, prepared SQL"
_BATCH: Final = 50


class Applied:
    """One way to apply an event: each time another one, of another session."""

    def __init__(self, payee: Recipient, apply: Callable[[int], object]) -> None:
        self._payee = payee
        self._apply = apply
        self._waiting: list[int] = []
        self._pk = 0

    def prepare(self) -> None:
        """Have an event and its session stored: many at a time, to wait less for the disk."""
        from ..shop import new_events, new_sessions

        if not self._waiting:
            events = new_events(new_sessions(self._payee, _BATCH), "AWAITING_FUNDS")
            self._waiting = [event.pk for event in events]
        self._pk = self._waiting.pop()

    def work(self) -> None:
        """Apply the event."""
        self._apply(self._pk)

    def counted(self) -> list[str]:
        """Return the statements of once, after one that is not looked at. Raises if it fails."""
        from django_redpin.models import WebhookEvent

        from ..statements import counted

        self.prepare()
        self.work()
        self.prepare()
        found = counted(self.work)
        event = WebhookEvent.objects.get(pk=self._pk)
        if event.outcome != "applied":
            raise RuntimeError(f"The event was not applied but is {event.outcome}.")
        return found


def run(options: Options) -> Iterable[Row]:
    from django_redpin.services.process import process_event

    from ..databases import race_not_durable
    from ..peers import applying
    from ..shop import open_shop

    works: dict[str, Callable[[int], object]] = {OURS: process_event, BY_ORM: applying.by_orm}
    if options.database == "postgresql":
        works[BY_SQL] = applying.by_sql
    with open_shop(WEBHOOK_TRUST="verified") as payee:
        each = {name: Applied(payee, work) for name, work in works.items()}
        ways = [Way(name, one.work, one.prepare) for name, one in each.items()]
        statements = {name: each[name].counted() for name in (OURS, BY_ORM)}
        yield Row("apply_statements", len(statements[OURS]), details={"statements": statements})
        # A call takes milliseconds, and another has to be stored for it.
        plan = replace(options.plan, calls=min(options.plan.calls, 50))
        race = fair_race(ways, plan)
        details = race.described() | {"to each": _to_each(race)}
        fast = race_not_durable(ways, plan)
        if fast is not None:
            details["not_durable"] = fast.described() | {"to each": _to_each(fast)}
        found = ratio(race.samples[OURS], race.samples[BY_ORM])
        yield Row.of("apply_vs_handwritten", found, race.note, details)


def _to_each(race: Race) -> dict[str, float]:
    """Return how many times as long as each of the others ours takes."""
    ours = race.samples[OURS]
    others = {name: each for name, each in race.samples.items() if not name.startswith(OURS)}
    return {name: round(ratio(ours, each).value, 3) for name, each in others.items()}


SUITE: Final = Suite("apply", ("apply_vs_handwritten", "apply_statements"), run)
