"""Moves of a session's state, each with its line in the journal, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from ..models import PaymentSession, SessionRecipient, StatusTransition, WebhookEvent
from .leases import LEASE
from .one_statement import Alike, is_able, update_both_with_line, update_with_line
from .queue import DISPATCH_TRANSITION, enqueue_on_commit, is_keeping, keep_row
from .transactions import retried, update

Subject = StatusTransition.Subject

_ALWAYS: Final[Mapping[str, object]] = {}
_REASONS_LENGTH: Final = 1000  # Of the columns.
_NOTE_LENGTH: Final = 500


def _waiting() -> dict[str, Any]:
    """Return what a line that is to be told begins with: claimed, where this worker tells of it."""
    now = timezone.now()
    claimed = {"leased_until": now + LEASE, "attempts": 1} if is_keeping() else {}
    return {"next_attempt_at": now, **claimed}


def write(
    session: PaymentSession,
    subject: StatusTransition.Subject,
    from_value: str,
    to_value: str,
    *,
    event: WebhookEvent | None = None,
    share: SessionRecipient | None = None,
    occurred_at: datetime | None = None,
    is_documented: bool = True,
    note: str = "",
) -> StatusTransition:
    """Write one line, to be dispatched after the commit. Call it in the transaction of the move."""
    transition = StatusTransition(
        session=session,
        subject=subject,
        from_value=from_value,
        to_value=to_value,
        event=event,
        share=share,
        occurred_at=occurred_at,
        is_documented=is_documented,
        note=note,
        **_waiting(),
    )
    transition.save(force_insert=True)
    enqueue_on_commit(DISPATCH_TRANSITION, transition.pk)
    return transition


def write_of_payment(
    session: PaymentSession,
    row: Mapping[str, object],
    changes: Mapping[str, Any],
    event: WebhookEvent,
    done: Mapping[str, Any],
    occurred_at: datetime,
) -> bool:  # pragma: no cover  SQLite never is able.
    """Move the payment of a session by an event, which is done then, and write one line of it.

    Only where `is_able(StatusTransition)`, and in a transaction that is rolled back where this
    returns False: the session's row has other values than `row`, or another worker has finished
    the event.
    """
    transition = StatusTransition(
        session=session,
        subject=Subject.PAYMENT_STATUS,
        from_value=session.payment_status,
        to_value=changes["payment_status"],
        event=event,
        occurred_at=occurred_at,
        **_waiting(),
    )
    written = update_both_with_line(
        (Alike(PaymentSession, row), changes),
        (Alike(WebhookEvent, {"id": event.pk, "processed_at": None}), done),
        transition,
        "session",
    )
    if written is None:
        return False
    moved, finished, transition = written
    transition.session, transition.event, transition.share = moved, finished, None
    keep_row(transition)
    enqueue_on_commit(DISPATCH_TRANSITION, transition.pk)
    return True


def move_state(
    session: PaymentSession,
    to: PaymentSession.State,
    condition: Mapping[str, object] = _ALWAYS,
    /,
    **changes: Any,
) -> bool:
    """Move the session to another state, and set `changes` with it, if nobody moved it meanwhile.

    Compare-and-set: returns False, and changes nothing, where the row is no longer in the state
    that `session` shows, or its columns no longer have the values of the `condition`. The instance
    is brought up to date either way.
    """
    return move_and_see(session, to, None, condition, **changes) is not None


@retried
def move_and_see(
    session: PaymentSession,
    to: PaymentSession.State,
    beside: Alike[Any] | None,
    condition: Mapping[str, object] = _ALWAYS,
    /,
    **changes: Any,
) -> list[Any] | None:
    """Move as `move_state` does, and return the primary keys that `beside` has by then.

    Returns None where the session was not moved.
    """
    from_state = session.state
    rows = Alike(PaymentSession, {**condition, "id": session.pk, "state": from_state})
    changes |= {"state": to, "updated_at": timezone.now()}
    if from_state != to and is_able(StatusTransition):  # pragma: no cover  SQLite never is.
        return _moved_at_once(session, rows, changes, beside)
    with transaction.atomic():
        moved = rows.rows().update(**changes)
        if moved and from_state != to:
            write(session, Subject.STATE, from_state, to)
    session.refresh_from_db()
    if not moved:
        return None
    return [] if beside is None else list(beside.rows().values_list("pk", flat=True))


def _moved_at_once(  # pragma: no cover  SQLite takes the other way.
    session: PaymentSession,
    rows: Alike[PaymentSession],
    changes: dict[str, Any],
    beside: Alike[Any] | None,
) -> list[Any] | None:
    line = StatusTransition(
        session=session,
        subject=Subject.STATE,
        from_value=session.state,
        to_value=changes["state"],
        **_waiting(),
    )
    moved = update_with_line(rows, changes, line, "session", beside)
    if moved is None:
        session.refresh_from_db()
        return None
    values, seen = moved
    for name, value in values.items():
        setattr(session, name, value)
    enqueue_on_commit(DISPATCH_TRANSITION, line.pk)
    return seen


@retried
def hold_for_review(
    session: PaymentSession, reason: str, *, event: WebhookEvent | None = None
) -> None:
    """Say that a person has to look at the session; told once for each new reason.

    A reason hides no other: they stand one after the other until the session is released.
    """
    while reason not in session.review_reason:
        before = session.review_reason
        after = f"{before} {reason}".strip()[:_REASONS_LENGTH]
        if after == before:
            return  # There is no room for more, and enough to look at.
        # Compare-and-set, so that no reason gets lost.
        rows = PaymentSession.objects.filter(pk=session.pk, review_reason=before)
        with transaction.atomic():
            if rows.update(review_reason=after, updated_at=timezone.now()):
                write(session, Subject.REVIEW, before, after, event=event)
        session.refresh_from_db(fields=["review_reason"])


@retried
def release_from_review(session: PaymentSession, *, note: str = "") -> bool:
    """Say that a person has looked at the session: it needs no review any more.

    What was held back meanwhile, that its payment is complete, is told then.

    Args:
        session: As it was read by the person who looked at it.
        note: What they found; its first 500 characters are kept in the journal.

    Returns:
        False where it needed no review, or has been given another reason since it was read.
    """
    reason = session.review_reason
    with transaction.atomic():
        released = bool(reason) and (
            PaymentSession.objects.filter(pk=session.pk, review_reason=reason).update(
                review_reason="", updated_at=timezone.now()
            )
        )
        if released:
            write(session, Subject.REVIEW, reason, "", note=note[:_NOTE_LENGTH])
    session.refresh_from_db()
    rearm_held(session)
    return bool(released)


def rearm_held(session: PaymentSession) -> None:
    """Have what was held back told, where the session needs no review any more."""
    if session.review_reason:
        return
    held = StatusTransition.objects.filter(session=session, outcome=StatusTransition.Outcome.HELD)
    for transition in held:
        row = held.filter(pk=transition.pk)
        outcome = StatusTransition.Outcome.PENDING
        if update(row, outcome=outcome, attempts=0, next_attempt_at=timezone.now()):
            enqueue_on_commit(DISPATCH_TRANSITION, transition.pk)
