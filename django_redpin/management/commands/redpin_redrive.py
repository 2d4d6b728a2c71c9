"""`manage.py redpin_redrive`: try again what was given up."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from datetime import datetime, timezone
from typing import Any, Final

from django.core.management.base import CommandError
from django.db.models import QuerySet
from django.utils.dateparse import parse_datetime

from ...models import StatusTransition, WebhookEvent
from ...services.redrive import EVENT_OUTCOMES, Redriven, redrive_events, redrive_transitions
from ..running import USAGE, RedpinCommand, count, shows_progress, watched

_HELD: Final = "services.release_from_review(session) tells what is held back by a review."


class Command(RedpinCommand):
    help = (
        "Process given-up webhook events again, or tell receivers of given-up transitions again."
        " What was applied or told is left alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_argument_group("what to try again; all that fits all of it")
        what.add_argument("--event", type=int, nargs="+", metavar="ID", help="events by id")
        what.add_argument("--transition", type=int, nargs="+", metavar="ID", help="transitions")
        what.add_argument("--outcome", choices=EVENT_OUTCOMES, help="events of this outcome")
        what.add_argument("--account", help="events of this account")
        what.add_argument("--since", type=_time, metavar="TIME", help="received then or later, UTC")
        what.add_argument("--until", type=_time, metavar="TIME", help="received before, UTC")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")
        parser.add_argument("--limit", type=count, default=sys.maxsize, help="default: all")
        parser.add_argument("--per-second", type=_rate, default=10.0, help="at most; default 10")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make them due again, or tell how many would be."""
        with watched(self._total(options)) as watcher:
            what, done = _redriven(options)
        verb = "would be due" if options["dry_run"] else "are due"
        self.tell(f"{done.due} {what} {verb} again; {done.left} left as they are.", options)
        if options["transition"] and done.left:
            self.tell(_HELD, options)
        watcher.raise_if_stopped()

    def _total(self, options: dict[str, Any]) -> int | None:
        if options["dry_run"] or not shows_progress(self, options):
            return None
        return _redriven({**options, "dry_run": True})[1].due


def _redriven(options: dict[str, Any]) -> tuple[str, Redriven]:
    """Redrive what the options name; return what that is, and what became of it."""
    how = {name: options[name] for name in ("dry_run", "per_second", "limit")}
    events = _events(options)
    if options["transition"]:
        if events is not None:
            text = "--transition goes with none of the options for events."
            raise CommandError(text, returncode=USAGE)
        rows = StatusTransition.objects.filter(pk__in=options["transition"])
        return "transitions", redrive_transitions(rows, **how)
    if events is None:
        text = "Say which: --event, --outcome, --account, --since, --until."
        raise CommandError(text, returncode=USAGE)
    return "events", redrive_events(events, **how)


def _events(options: dict[str, Any]) -> QuerySet[WebhookEvent] | None:
    """Return the events that the options name, or None where they name none."""
    given = {
        "pk__in": options["event"],
        "outcome": options["outcome"],
        "account": options["account"],
        "received_at__gte": options["since"],
        "received_at__lt": options["until"],
    }
    named = {name: value for name, value in given.items() if value is not None}
    return WebhookEvent.objects.filter(**named) if named else None


def _time(text: str) -> datetime:
    try:
        moment = parse_datetime(text) or datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(text)  # argparse says which argument it was.
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 1000:
        raise ValueError(text)
    return rate


# argparse tells by these what an argument should have been.
_time.__name__ = "time such as 2026-11-25T14:30"
_rate.__name__ = "number above 0, up to 1000"
