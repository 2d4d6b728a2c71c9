"""Apply one believed fact: by compare-and-set, with its journal, in one transaction.

The greatest fact sets the status (`rules.statuses.Position`), so that any order of arrival, and
any number of repetitions, ends the same.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final, cast

from django.db import IntegrityError, transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from ..exceptions import FactNotApplied
from ..models import PaymentSession, SessionRecipient, StatusTransition, WebhookEvent
from ..rules.statuses import PAYOUT, may_follow
from ..telemetry import LogEvent, tell
from .anonymous import of_nobody
from .changes import DEAD_ENDS, changes_of, payout_position
from .changes import Fact as Fact
from .journal import Subject, hold_for_review, write, write_of_payment
from .one_statement import is_able
from .shares import shares_of
from .transactions import retried

State = PaymentSession.State
logger: logging.Logger = logging.getLogger("django_redpin")

_TRIES: Final = 5


class _Lost(Exception):
    """Somebody moved the row between our read and our write."""


def apply_fact(session: PaymentSession, fact: Fact) -> bool:
    """Apply the fact and mark its event done; return whether anything was new.

    The session may have been read before Redpin was asked: what it shows is compared with its row
    in the first try, and read anew only where somebody has moved it meanwhile. It and the event are
    brought up to date. Raises `FactNotApplied` after five lost races, with nothing changed.
    """
    for attempt in range(_TRIES):
        if attempt:
            if fact.event is not None and _is_finished(fact.event):
                fact.event.refresh_from_db()
                return False  # Another worker, after our lease ran out.
            session.refresh_from_db()
        try:
            applied = _apply(session, fact)
        except _Lost:
            continue
        except IntegrityError:
            session.refresh_from_db()
            hold_for_review(
                session,
                "Redpin tells of a payment or session id that another session has.",
                event=fact.event,
            )
            raise FactNotApplied("The payment belongs to another session.") from None
        # Not before the commit: a repetition begins with what the rows hold.
        _show(session, applied.of_session)
        if fact.event is not None:
            _show(fact.event, applied.of_event)
        return applied.is_new
    raise FactNotApplied("The session was being changed by others; the event stays due.")


def _show(instance: Model, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(instance, name, value)


@dataclass(frozen=True, slots=True)
class _Applied:
    """What was written to the row of the session, and to that of the event."""

    is_new: bool
    of_session: dict[str, Any]
    of_event: dict[str, Any]


@retried
def _apply(session: PaymentSession, fact: Fact) -> _Applied:
    changes = changes_of(session, fact)
    if not changes and not _row(session).exists():
        raise _Lost  # By what the row holds by now, the fact may be news.
    review_reason = session.review_reason
    try:
        with transaction.atomic():
            if _is_plain(session, fact, changes):  # pragma: no cover  SQLite never is able.
                return _apply_at_once(session, fact, changes)
            # The first statement is a write, as SQLite wants it of two that come at once.
            is_new = bool(changes) and _move_payment(session, fact, changes)
            is_new |= _move_payouts(session, fact)
            if is_new and session.state in DEAD_ENDS:
                _hold(session, fact, DEAD_ENDS[State(session.state)])
            finished = _finish(fact.event, session, is_new=is_new) if fact.event else {}
    except Exception:
        # Rolled back: a repetition has to find the session as the database has it, not one that
        # is held for review already.
        session.review_reason = review_reason
        raise
    return _Applied(is_new, changes, finished)


def _is_plain(session: PaymentSession, fact: Fact, changes: dict[str, Any]) -> bool:
    """Tell whether the fact moves the payment alone, by a documented step, and by one statement."""
    return (
        bool(changes)
        and fact.event is not None
        and fact.status != session.payment_status
        and fact.status not in PAYOUT
        and _is_documented(session, fact)
        and changes.get("state", session.state) == session.state
        and session.state not in DEAD_ENDS
        and is_able(StatusTransition)
    )


def _apply_at_once(  # pragma: no cover  SQLite takes the other way.
    session: PaymentSession, fact: Fact, changes: dict[str, Any]
) -> _Applied:
    event = cast("WebhookEvent", fact.event)
    done = _done(session, is_new=True)
    if not write_of_payment(session, _shown(session), changes, event, done, fact.at):
        raise _Lost
    return _Applied(is_new=True, of_session=changes, of_event=done)


def _shown(session: PaymentSession) -> dict[str, Any]:
    """Return what the instance shows of all that decides here: its row has to hold the same."""
    return {
        "id": session.pk,
        "payment_status_position": session.payment_status_position,
        "state": session.state,
        "anonymised_at": session.anonymised_at,
        "session_id": session.session_id,
        "payment_id": session.payment_id,
    }


def _row(session: PaymentSession) -> QuerySet[PaymentSession]:
    return PaymentSession.objects.filter(**_shown(session))


def _move_payment(session: PaymentSession, fact: Fact, changes: dict[str, Any]) -> bool:
    """Move the session, and write of it; return whether it has another status now."""
    if not _row(session).update(**changes):
        raise _Lost
    if fact.status == session.payment_status:
        return False
    is_documented = _is_documented(session, fact)
    write(
        session,
        Subject.PAYMENT_STATUS,
        session.payment_status,
        fact.status,
        event=fact.event,
        occurred_at=fact.at,
        is_documented=is_documented,
    )
    if not is_documented:
        step = f"from {session.payment_status} to {fact.status}"
        tell(
            logger,
            LogEvent.SESSION_UNDOCUMENTED_STEP,
            "Session %s went %s, which is not documented.",
            session,
            step,
            account=session.account,
            session=session.pk,
            reference=session.client_reference_id,
            status=fact.status,
        )
        _hold(session, fact, f"Redpin went {step}, which its documents do not show.")
    if changes.get("state", session.state) != session.state:
        write(session, Subject.STATE, session.state, changes["state"], event=fact.event)
    return True


def _is_documented(session: PaymentSession, fact: Fact) -> bool:
    return not session.payment_status or may_follow(session.payment_status, fact.status)


def _hold(session: PaymentSession, fact: Fact, reason: str) -> None:
    # Somebody may have released it since it was read; by now our transaction has its row.
    session.refresh_from_db(fields=["review_reason"])
    hold_for_review(session, reason, event=fact.event)


def _move_payouts(session: PaymentSession, fact: Fact) -> bool:
    """Move the share of the recipient that the fact is about."""
    if fact.status not in PAYOUT:
        return False
    shares = shares_of(session, fact.recipient_id)
    # Of several payees, what Redpin shows at this moment may be another's.
    may_go_back = fact.is_signed or (fact.is_latest and session.shares.count() == len(shares))
    is_new = False
    for share in shares:
        position = payout_position(share, fact, may_go_back=may_go_back)
        if position is None:
            continue
        won = SessionRecipient.objects.filter(
            pk=share.pk, payout_position=share.payout_position
        ).update(payout_status=fact.status, payout_position=str(position))
        if not won:
            raise _Lost
        if share.payout_status != fact.status:
            is_new = True
            write(
                session,
                Subject.PAYOUT,
                share.payout_status,
                fact.status,
                event=fact.event,
                share=share,
                occurred_at=fact.at,
            )
    return is_new


def _is_finished(event: WebhookEvent) -> bool:
    return WebhookEvent.objects.filter(pk=event.pk, processed_at__isnull=False).exists()


def _finish(event: WebhookEvent, session: PaymentSession, *, is_new: bool) -> dict[str, Any]:
    """Mark the event done; return the columns that were written."""
    columns = _done(session, is_new=is_new)
    if not WebhookEvent.objects.filter(pk=event.pk, processed_at=None).update(**columns):
        raise _Lost
    return columns


def _done(session: PaymentSession, *, is_new: bool) -> dict[str, Any]:
    return {
        "session_id": session.pk,
        "outcome": WebhookEvent.Outcome.APPLIED if is_new else WebhookEvent.Outcome.KNOWN,
        "processed_at": timezone.now(),
        "next_attempt_at": None,
        "leased_until": None,
        "last_error": "",
        **of_nobody(session, is_done=True),
    }
