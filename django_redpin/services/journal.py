"""Moves of a session's state, each with its line in the journal, in one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ..models import PaymentSession, SessionRecipient, StatusTransition, WebhookEvent
from .queue import DISPATCH_TRANSITION, enqueue_on_commit
from .transactions import retried

Subject = StatusTransition.Subject

_ALWAYS: Final = Q()


def write(
    session: PaymentSession,
    subject: StatusTransition.Subject,
    from_value: str,
    to_value: str,
    *,
    event: WebhookEvent | None = None,
    share: SessionRecipient | None = None,
    occurred_at: datetime | None = None,
) -> StatusTransition:
    """Write one line, to be dispatched after the commit. Call it in the transaction of the move."""
    transition = StatusTransition.objects.create(
        session=session,
        subject=subject,
        from_value=from_value,
        to_value=to_value,
        event=event,
        share=share,
        occurred_at=occurred_at,
        next_attempt_at=timezone.now(),
    )
    enqueue_on_commit(DISPATCH_TRANSITION, transition.pk)
    return transition


@retried
def move_state(
    session: PaymentSession,
    to: PaymentSession.State,
    condition: Q = _ALWAYS,
    /,
    **changes: Any,
) -> bool:
    """Move the session to another state, and set `changes` with it, if nobody moved it meanwhile.

    Compare-and-set: returns False, and changes nothing, where the row is no longer in the state
    that `session` shows, or no longer meets the `condition`. The instance is brought up to date
    either way.
    """
    from_state = session.state
    rows = PaymentSession.objects.filter(condition, pk=session.pk, state=from_state)
    with transaction.atomic():
        moved = rows.update(state=to, updated_at=timezone.now(), **changes)
        if moved and from_state != to:
            write(session, Subject.STATE, from_state, to)
    session.refresh_from_db()
    return bool(moved)


@retried
def hold_for_review(
    session: PaymentSession, reason: str, *, event: WebhookEvent | None = None
) -> None:
    """Say that a person has to look at the session; told once for each new reason."""
    with transaction.atomic():
        held = (
            PaymentSession.objects.filter(pk=session.pk)
            .exclude(review_reason=reason)
            .update(review_reason=reason, updated_at=timezone.now())
        )
        if held:
            write(session, Subject.REVIEW, session.review_reason, reason, event=event)
    session.review_reason = reason
