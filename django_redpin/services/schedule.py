"""When Redpin is asked about a session next, should no webhook tell: at widening intervals."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q
from django.utils import timezone

from ..models import PaymentSession

FIRST_LOOK: Final = timedelta(minutes=15)
LONGEST_WAIT: Final = timedelta(hours=24)

# Clocks differ, and a payment begun in the last second may not be listed yet.
EXPIRY_GRACE: Final = timedelta(seconds=60)

# How long after its end an expired session is looked at again: a list may lag behind a payment.
_LATE_LOOKS: Final = (timedelta(hours=1), timedelta(hours=24))


def ended_unpaid() -> Q:
    """Return what is true of open sessions whose page has ended unpaid, as far as is known here.

    By our clock, which expires none of them: that is for Redpin to tell. One that needs review is
    left to whoever looks at it.
    """
    ended = timezone.now() - EXPIRY_GRACE
    state = PaymentSession.State.OPEN
    return Q(state=state, payment_status="", review_reason="", expires_at__lt=ended)


def next_look(session: PaymentSession, now: datetime) -> datetime:
    """Return when to ask about a session that is open.

    15 minutes after it was created; from then on each wait is as long as the session is old, a day
    at most. In any case soon after its page has ended, from where the waits grow anew.
    """
    if session.expires_at is None:
        return now + _wait(now - session.created_at)
    # Beyond the grace by another one, so that Redpin's clock is beyond it too.
    is_over_at = session.expires_at + 2 * EXPIRY_GRACE
    if now < is_over_at:
        return min(now + _wait(now - session.created_at), is_over_at)
    return now + _wait(now - session.expires_at)


def late_look(session: PaymentSession, now: datetime) -> datetime | None:
    """Return when to look at an expired session again, or None where it was done often enough."""
    if session.expires_at is None:
        return None
    looks = (session.expires_at + after for after in _LATE_LOOKS)
    return next((look for look in looks if look > now), None)


def _wait(age: timedelta) -> timedelta:
    return min(max(age, FIRST_LOOK), LONGEST_WAIT)
