"""Claim a row, and read it with those that it is about: by one statement, where one can."""

from __future__ import annotations

from typing import Any, Final

from ..models import PaymentSession, SessionRecipient, StatusTransition, WebhookEvent
from .leases import Leased, claim, claiming
from .one_statement import Join, is_able, read_and_join, update_and_join
from .transactions import retried

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
        taken: tuple[WebhookEvent, PaymentSession | None] | None
        taken = _taken(WebhookEvent, pk, _OF_EVENT)
        return taken
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


def _whole(found: tuple[Any, ...]) -> StatusTransition:  # pragma: no cover
    transition: StatusTransition = found[0]
    _, transition.session, transition.share, transition.event = found
    return transition


@retried
def _taken(  # pragma: no cover  SQLite takes the other way.
    model: Leased, pk: int, joins: tuple[Join, ...]
) -> Any:
    return update_and_join(*claiming(model, pk), joins)
