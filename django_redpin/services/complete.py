"""Bring an intent to its end: send it, or find out what became of an earlier attempt.

An attempt whose outcome nobody knows is looked up at Redpin before anything is sent again, and
every attempt uses the same reference, which Redpin accepts once.
"""

from __future__ import annotations

import logging
from typing import Final

from django.db import IntegrityError
from django.utils import timezone

from ..client import CreatedSession, RedpinClient, SessionRecord
from ..conf import get_account
from ..exceptions import (
    APIError,
    ConflictError,
    InvalidRequestError,
    NoAnswer,
    OutcomeUnknown,
    PaymentUnderWay,
    RedpinError,
    SessionRejected,
)
from ..models import PaymentSession, WebhookEvent
from .journal import hold_for_review, move_state
from .leases import claim, retry_at
from .queue import PROCESS_EVENT, enqueue
from .replace import replace_session
from .requests import stored_request
from .schedule import next_look
from .transactions import require_no_transaction, update

logger = logging.getLogger("django_redpin")
State = PaymentSession.State

UNFINISHED: Final = (State.CREATING, State.UNKNOWN)


def complete_payment_session(session: PaymentSession) -> PaymentSession:
    """Finish a session whose creation was cut off, and return it once it is open.

    Looks it up at Redpin by its reference first; sends it again, under the same reference, only if
    Redpin doesn't have it. Where Redpin has it but doesn't tell its URL any more, nobody can ever
    have seen its page: it is replaced by a new one, which is returned.

    Does nothing for a session that is not `creating` or `unknown`. Raises `SessionRejected` and
    `OutcomeUnknown` as `create_payment_session` does.
    """
    require_no_transaction("complete_payment_session")
    session.refresh_from_db()
    if session.state not in UNFINISHED:
        return session
    is_ours = claim(PaymentSession, session.pk, even_if_not_due=True, states=UNFINISHED)
    session.refresh_from_db()
    if not is_ours:
        if session.state in UNFINISHED:
            raise OutcomeUnknown(session)  # Somebody else is at it just now.
        return session
    try:
        record = RedpinClient(get_account(session.account)).find_session(
            session.client_reference_id
        )
    except (NoAnswer, APIError) as error:
        raise _leave_unknown(session, error) from error
    if record is None:
        return send(session)
    return _adopt(session, record)


def send(session: PaymentSession) -> PaymentSession:
    """Send a claimed intent to Redpin and store what it answers. Not for merchants."""
    account = get_account(session.account)
    try:
        created = RedpinClient(account).create_session(stored_request(session, account))
    except InvalidRequestError as error:
        return _refused(session, error)
    except RedpinError as error:
        # A failed token, a refused connection, a 5xx, garbage: at the next attempt we look it up.
        raise _leave_unknown(session, error) from error
    try:
        return _open(session, created)
    except IntegrityError:
        clash = NoAnswer("Redpin answered with the session id of another session.")
        hold_for_review(session, str(clash))
        raise _leave_unknown(session, clash) from None


def _open(session: PaymentSession, created: CreatedSession) -> PaymentSession:
    session.expires_at = created.expires_at
    known = {
        "session_id": created.session_id,
        "expires_at": created.expires_at,
        "attempts": 0,
        "leased_until": None,
        # From then on the sweep asks Redpin what became of it, should no webhook have told.
        "next_attempt_at": next_look(session, timezone.now()),
        "last_error": "",
        "last_error_code": "",
        "last_error_field": "",
    }
    while session.state in UNFINISHED:  # Another attempt may have moved it between the two.
        if move_state(session, State.OPEN, session_url=created.session_url, **known):
            break
    else:
        # A webhook overtook this answer and closed the session: what Redpin said is kept.
        update(PaymentSession.objects.filter(pk=session.pk), **known | {"next_attempt_at": None})
        session.refresh_from_db()
    _wake_events(session)
    return session


def _adopt(session: PaymentSession, record: SessionRecord) -> PaymentSession:
    """Take over the session that an earlier attempt left at Redpin."""
    if record.client_customer_ref not in ("", session.client_customer_ref):
        hold_for_review(session, "Redpin has this reference for another client_customer_ref.")
        raise _leave_unknown(session, NoAnswer("Redpin's session is not the one that we sent."))
    expires_at = record.expires_at or timezone.now()
    if record.session_url or record.has_payment:
        return _open(session, CreatedSession(record.session_id, record.session_url, expires_at))
    row = PaymentSession.objects.filter(pk=session.pk)
    update(row, session_id=record.session_id, expires_at=expires_at)
    session.refresh_from_db()
    try:
        replacement = replace_session(session)
    except PaymentUnderWay as error:  # A webhook was faster than this look-up.
        raise _leave_unknown(session, error) from error
    return send(replacement)


def _refused(session: PaymentSession, error: InvalidRequestError) -> PaymentSession:
    is_duplicate = isinstance(error, ConflictError) or error.field == "client_reference_id"
    if is_duplicate and session.attempts > 1:
        # An earlier attempt did get through after all. At the first attempt it would be a
        # stranger's session, which is none of ours.
        account = get_account(session.account)
        try:
            record = RedpinClient(account).find_session(session.client_reference_id)
        except (NoAnswer, APIError) as failure:
            raise _leave_unknown(session, failure) from failure
        if record is not None:
            return _adopt(session, record)
        raise _leave_unknown(session, error) from error
    is_rejected = move_state(
        session,
        State.REJECTED,
        idempotency_key=None,  # Given back: a corrected request may use it.
        leased_until=None,
        next_attempt_at=None,
        last_error=error.description[:500] or str(error)[:500],
        last_error_code=error.code or str(error.status_code),
        last_error_field=error.field,
    )
    if not is_rejected:  # Another attempt was faster, and knows better.
        if session.state in UNFINISHED:
            raise OutcomeUnknown(session, error)
        return session
    raise SessionRejected(session, error)


def _leave_unknown(session: PaymentSession, error: RedpinError) -> OutcomeUnknown:
    move_state(
        session,
        State.UNKNOWN,
        leased_until=None,
        next_attempt_at=retry_at(session.attempts),
        last_error=str(error)[:500],
        last_error_code=getattr(error, "code", "") or "",
        last_error_field="",
    )
    logger.warning("Session %s: %s", session.client_reference_id, error)
    return OutcomeUnknown(session, error)


def _wake_events(session: PaymentSession) -> None:
    """Process the events that came before their session."""
    waiting = WebhookEvent.objects.filter(
        client_reference_id=session.client_reference_id,
        account=session.account,
        next_attempt_at__isnull=False,
    )
    update(waiting, next_attempt_at=timezone.now())
    for pk in waiting.values_list("pk", flat=True):
        enqueue(PROCESS_EVENT, pk)
