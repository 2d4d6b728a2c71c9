"""Claim a row, and read it with those that it is about: by one statement, where one can."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone as clock

from ..models import PaymentSession, SessionRecipient, StatusTransition, WebhookEvent
from .leases import LEASE, SKEW, Leased, claim, claiming
from .one_statement import Join, is_able, read_and_join, update_and_join, worded_update
from .transactions import retried

_KEY: Final = -1
_NOW: Final = datetime(2000, 1, 1, tzinfo=timezone.utc)
_OF_EVENT: Final = (
    Join(
        PaymentSession,
        (("account", "account"), ("client_reference_id", "client_reference_id")),
    ),
)
_OF_TRANSITION: Final = (
    Join(PaymentSession, (("id", "session_id"),)),
    Join(SessionRecipient, (("id", "share_id"),)),
    Join(WebhookEvent, (("id", "event_id"),)),
)


def take_event(pk: int) -> tuple[WebhookEvent, PaymentSession | None] | None:
    """Claim the event with this primary key; return it, and the session whose URL it came to.

    Returns None where it is done, not due, or in another worker's hands (`leases.claim`).
    """
    if is_able(WebhookEvent):  # pragma: no cover  SQLite never is.
        taken = _taken(WebhookEvent, pk, _OF_EVENT)
        return None if taken is None else (taken[0], taken[1])
    if not claim(WebhookEvent, pk):
        return None
    event = WebhookEvent.objects.get(pk=pk)
    sessions = PaymentSession.objects.filter(
        account=event.account, client_reference_id=event.client_reference_id
    )
    return event, sessions.first() if event.client_reference_id else None


def take_transition(pk: int) -> StatusTransition | None:
    """Claim the transition with this primary key; return it with its session, share and event.

    Returns None as `take_event` does.
    """
    if is_able(StatusTransition):  # pragma: no cover  SQLite never is.
        taken = _taken(StatusTransition, pk, _OF_TRANSITION)
        return None if taken is None else _whole(taken)
    if not claim(StatusTransition, pk):
        return None
    return read_transition(pk)


def read_transition(pk: int) -> StatusTransition:
    """Return the transition with this primary key, with its session, share and event."""
    if is_able(StatusTransition):  # pragma: no cover  SQLite never is.
        found = read_and_join(StatusTransition, pk, _OF_TRANSITION)
        if found is not None:
            return _whole(found)
    return StatusTransition.objects.select_related("session", "share", "event").get(pk=pk)


def _whole(
    found: tuple[Any, ...],
) -> StatusTransition:  # pragma: no cover  PostgreSQL alone has it.
    transition: StatusTransition = found[0]
    _, transition.session, transition.share, transition.event = found
    return transition


@retried
def _taken(  # pragma: no cover  SQLite takes the other way.
    model: Leased, pk: int, joins: tuple[Join, ...]
) -> tuple[Any, ...] | None:
    update, places = _claim(model)
    now = clock.now()
    values = {_KEY: pk, _NOW: now, _NOW + SKEW: now + SKEW, _NOW + LEASE: now + LEASE}
    return update_and_join(model, update, [values.get(each, each) for each in places], joins)


@cache
def _claim(
    model: Leased,
) -> tuple[str, tuple[Any, ...]]:  # pragma: no cover  PostgreSQL alone has it.
    """Return the claim as the ORM words it, which takes it as long as the database: once for all.

    Where it has `_KEY`, and times as of `_NOW`, each claim has its own.
    """
    return worded_update(*claiming(model, Q(pk=_KEY, next_attempt_at__isnull=False), _NOW))
