"""What is measured for each curve: the same work at each size, the sizes by turns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from . import tables
from .curves import Chart, Curve
from .databases import not_durable
from .options import Plan
from .rounds import Way, race

if TYPE_CHECKING:
    from django_redpin.models import PaymentSession, Recipient

    from .wsgi_calls import Caller

PLAN: Final = Plan(rounds=7, calls=20)
STATUS: Final = "AWAITING_FUNDS"
# Where events are applied, a signature is believed; what is posted has none, and another account.
SETTINGS: Final[dict[str, Any]] = {
    "WEBHOOK_TRUST": "verified",
    "ACCOUNTS": {"posted": {"WEBHOOK_TRUST": "confirm"}},
}
POSTED: Final = "posted"
CLAIMED: Final = 10
# What one session has of its own is there for so many calls: those of `_PER_SESSION`.
_PER_SESSION: Final = Plan(rounds=7, calls=5)
_SESSIONS: Final = (_PER_SESSION.rounds + _PER_SESSION.warm_up) * _PER_SESSION.calls

Works = Mapping[str, Mapping[float, Way]]


def measured(works: Works, plan: Plan) -> tuple[Curve, ...]:
    """Return a curve for each name; all sizes of all names take turns in one race."""
    ways = {
        (name, x): replace(way, name=f"{name} {x}")
        for name, sizes in works.items()
        for x, way in sizes.items()
    }
    samples = race(list(ways.values()), plan)
    return tuple(
        Curve(name, {x: samples[ways[name, x].name].median for x in sizes})
        for name, sizes in works.items()
    )


def by_table(sizes: Sequence[int], caller: Caller) -> Chart:
    """Measure intake, claim and the admin's list by how many sessions there are."""
    from .peers.events import REFERENCE
    from .suites.admin import OURS, tour, visiting

    def opens_all(visitor: Any) -> None:
        for page in tour(visitor.table.rows):
            visitor.opens(OURS, page)

    posts = posts_of(caller, itertools.repeat(REFERENCE), "by-table")
    with tables.of(*sizes) as found, visiting(found) as visitors, ExitStack() as stack:
        for table in found:
            stack.callback(_forget_posts, table)
        works: Works = {
            "intake of an event": {t.rows: Way("", partial(next, posts), t.use) for t in found},
            f"claim of {CLAIMED} due events": {
                t.rows: Way("", partial(_claim, CLAIMED), partial(_unclaim, t)) for t in found
            },
        }
        curves = measured(works, PLAN)
        opened: Works = {
            "four pages of the admin": {
                each.table.rows: Way("", partial(opens_all, each), each.table.use)
                for each in visitors
            }
        }
        curves += measured(opened, replace(PLAN, calls=3))
    return Chart("growth-table", "By the size of the tables", "sessions stored", curves)


def by_session(payee: Recipient, caller: Caller) -> Chart:
    """Measure intake and apply by how many events the session has had."""
    from django_redpin.services.process import process_event

    from .shop import new_events, new_sessions

    intakes: dict[float, Way] = {}
    applied: dict[float, Way] = {}
    for size in (1, 10, 100, 1000):
        sessions = new_sessions(payee, _SESSIONS)
        for session in sessions:
            _live_through(session, size)
        due = iter([event.pk for event in new_events(sessions, STATUS)])
        references = itertools.cycle([each.client_reference_id for each in sessions])
        posts = posts_of(caller, references, f"by-session-{size}")
        intakes[size] = Way("", partial(next, posts))
        applied[size] = Way("", lambda due=due: process_event(next(due)))  # type: ignore[misc]
    works: Works = {"intake of an event": intakes, "applying an event": applied}
    curves = measured(works, _PER_SESSION)
    return Chart("growth-session", "By what one session has had", "events of the session", curves)


def by_body(payee: Recipient, caller: Caller) -> Chart:
    """Measure intake by how large the post is."""
    from .shop import new_sessions

    sizes: dict[float, Way] = {}
    for kilobytes in (0.5, 1, 2, 4, 8, 16, 32, 64):
        (session,) = new_sessions(payee, 1)
        references = itertools.repeat(session.client_reference_id)
        posts = posts_of(caller, references, f"by-body-{kilobytes}", int(kilobytes * 1000))
        sizes[kilobytes] = Way("", partial(next, posts))
    curves = measured({"intake of an event": sizes}, PLAN)
    return Chart("growth-body", "By the size of the post", "kB of body", curves)


def by_due(payee: Recipient, most: int) -> Chart:
    """Measure a sweep that claims each row, by how many are due."""
    from .shop import new_events, new_sessions

    sizes = [size for size in (10, 100, 1_000, 10_000, 100_000) if size <= most]
    (session,) = new_sessions(payee, 1)
    keys = [event.pk for event in new_events([session] * sizes[-1], STATUS)]
    works: Works = {
        "a sweep that claims each": {
            size: Way("", partial(_claim, size), partial(_make_due, keys[0], keys[size - 1]))
            for size in sizes
        }
    }
    # Not durable: ten thousand commits in a row would be the disk's time, and take minutes.
    with not_durable():
        curves = measured(works, Plan(rounds=3, calls=1))
    return Chart("growth-due", "By how many are due", "due events", curves)


def posts_of(
    caller: Caller, references: Iterator[str], prefix: str, size: int = 900
) -> Iterator[bytes]:
    """Post an event of the next reference's session each time that the next one is asked for."""
    from django_redpin.conf import get_account
    from django_redpin.rules.callback_tokens import sign

    from .peers import events

    secret = get_account(POSTED).signing_secret
    for body, reference in zip(events.bodies(prefix, size), references, strict=False):
        token = sign(secret, POSTED, reference)
        yield caller.post(f"/redpin/webhooks/{POSTED}/{reference}/{token}/", body, {})


def _live_through(session: PaymentSession, size: int) -> None:
    """Give the session so many events that are done, and as many lines in its journal."""
    from django.utils import timezone

    from django_redpin.models import StatusTransition, WebhookEvent

    from .peers.events import body

    now, told = timezone.now(), body("old")
    with_journal: list[tuple[type[Any], Callable[[int], Any]]] = [
        (
            WebhookEvent,
            lambda number: WebhookEvent(
                account="default",
                key=f"{session.pk}-{number}",
                session=session,
                client_reference_id=session.client_reference_id,
                status=STATUS,
                body=told,
                outcome="applied",
                processed_at=now,
            ),
        ),
        (
            StatusTransition,
            lambda number: StatusTransition(
                session=session,
                subject="review",
                to_value=str(number),
                outcome="told",
                dispatched_at=now,
            ),
        ),
    ]
    for model, made in with_journal:
        model._default_manager.bulk_create(made(number) for number in range(size))


def _claim(limit: int) -> None:
    """Sweep the events that are due, and do no more with each than to claim it."""
    from django_redpin.models import WebhookEvent
    from django_redpin.services.leases import claim
    from django_redpin.services.sweeps import EVENTS

    swept = replace(EVENTS, work=partial(claim, WebhookEvent)).run(limit, seconds=600)
    if swept.tried != limit:
        raise RuntimeError(f"{swept.tried} were due instead of {limit}.")


def _unclaim(table: tables.Table) -> None:
    from django_redpin.models import WebhookEvent

    table.use()
    claimed = WebhookEvent.objects.filter(next_attempt_at__isnull=False, attempts__gt=0)
    claimed.filter(leased_until__isnull=False).update(leased_until=None, attempts=1)


def _make_due(first: int, last: int) -> None:
    """Have these events due, and none else."""
    from datetime import timedelta

    from django.utils import timezone

    from django_redpin.models import WebhookEvent

    WebhookEvent.objects.filter(next_attempt_at__isnull=False).update(next_attempt_at=None)
    past = timezone.now() - timedelta(hours=1)
    rows = WebhookEvent.objects.filter(pk__gte=first, pk__lte=last)
    rows.update(next_attempt_at=past, leased_until=None, attempts=0)


def _forget_posts(table: tables.Table) -> None:
    from django_redpin.models import WebhookEvent

    from .peers.events import REFERENCE

    _unclaim(table)
    WebhookEvent.objects.filter(client_reference_id=REFERENCE).delete()
