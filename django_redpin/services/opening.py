"""A session that Redpin has created: its row becomes open, and what waited for it goes on."""

from __future__ import annotations

from typing import Final

from django.utils import timezone

from ..client import CreatedSession
from ..models import PaymentSession, WebhookEvent
from .journal import hold_for_review, move_and_see
from .one_statement import Alike
from .queue import PROCESS_EVENT, enqueue
from .schedule import next_look
from .transactions import update

State = PaymentSession.State

UNFINISHED: Final = (State.CREATING, State.UNKNOWN)


def open_session(session: PaymentSession, created: CreatedSession) -> PaymentSession:
    """Store what Redpin answered to create, and return the session.

    Raises `IntegrityError` where another session has this session id.
    """
    session.expires_at = created.expires_at
    told = {
        "session_id": created.session_id,
        "expires_at": created.expires_at,
        "unanswered_at": None,
    }
    known = {
        **told,
        "attempts": 0,
        "leased_until": None,
        # From then on the sweep asks Redpin what became of it, should no webhook have told.
        "next_attempt_at": next_look(session, timezone.now()),
        "last_error": "",
        "last_error_code": "",
        "last_error_field": "",
    }
    # Among them are those that came before their session.
    events = Alike(
        WebhookEvent,
        {"client_reference_id": session.client_reference_id, "account": session.account},
    )
    while session.state in UNFINISHED:  # Another attempt may have moved it between the two.
        found = move_and_see(session, State.OPEN, events, session_url=created.session_url, **known)
        if found is not None:
            break
    else:
        # A webhook or another attempt overtook this answer: what Redpin said is kept, and when the
        # session is looked at again is theirs to say.
        update(PaymentSession.objects.filter(pk=session.pk), **told)
        session.refresh_from_db()
        if session.state == State.REJECTED:
            hold_for_review(session, "Redpin created a session that it had refused.")
        found = None
    if found != []:  # As a rule there are none.
        _wake(events)
    return session


def in_place_of(session: PaymentSession) -> PaymentSession:
    """Return the session that stands in the place of this one by now, or this one.

    A replaced session through which something happened all the same stands for itself.
    """
    while session.pk and session.state == State.SUPERSEDED:
        if session.payment_status or session.review_reason:
            break
        renewal = PaymentSession.objects.filter(renews=session.pk).first()
        if renewal is None:
            break
        session = renewal
    return session


def _wake(events: Alike[WebhookEvent]) -> None:
    """Process those that wait."""
    waiting = events.rows().filter(next_attempt_at__isnull=False)
    update(waiting, next_attempt_at=timezone.now())
    for pk in waiting.values_list("pk", flat=True):
        enqueue(PROCESS_EVENT, pk)
