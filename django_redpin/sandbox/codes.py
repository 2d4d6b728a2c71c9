"""One-time codes: sending one (to the sandbox's outbox) and trying one.

Redpin: required when a session was created without ``allowed_origins``.
"""

from __future__ import annotations

import enum
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.db.models import F

from .models import OneTimeCode, Session

CODE_LIFETIME: Final = timedelta(minutes=10)
MOST_ATTEMPTS: Final = 5
# Without it, asking again and again would buy unlimited guesses.
MOST_CODES: Final = 5
# In English, as all of the outbox is.
_DIGITS: Final = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class Outcome(enum.Enum):
    """What became of an entered code."""

    RIGHT = enum.auto()
    WRONG = enum.auto()
    NONE_SENT = enum.auto()
    TOO_OLD = enum.auto()
    TOO_MANY_ATTEMPTS = enum.auto()


def send_code(
    session: Session, now: datetime, channel: str = OneTimeCode.Channel.SMS
) -> OneTimeCode | None:
    """Put a new code into the outbox; only the newest one counts. None: too many were sent.

    ``channel`` is how it is sent, as the payer chose: a ``OneTimeCode.Channel``.
    """
    recent = OneTimeCode.objects.filter(session=session, sent_at__gt=now - CODE_LIFETIME)
    if recent.count() >= MOST_CODES:
        return None
    return OneTimeCode.objects.create(
        session=session,
        channel=channel,
        code=f"{secrets.randbelow(10**6):06d}",
        sent_at=now,
        expires_at=now + CODE_LIFETIME,
    )


def waiting_code(session: Session, now: datetime) -> OneTimeCode | None:
    """Return the code that the payer could enter now."""
    newest = OneTimeCode.objects.filter(session=session).first()
    if newest is None or newest.used_at is not None or now >= newest.expires_at:
        return None
    return newest if newest.attempts < MOST_ATTEMPTS else None


def try_code(
    session: Session, entered: str, nonce: str, now: datetime
) -> tuple[Outcome, OneTimeCode | None]:
    """Try ``entered``, typed into the form named ``nonce``.

    Returns the outcome, and the code with it if that is RIGHT.
    Each try is counted before it is compared, so that tries side by side cannot exceed the limit.
    """
    newest = OneTimeCode.objects.filter(session=session).first()
    if newest is None:
        return Outcome.NONE_SENT, None
    fits = secrets.compare_digest(newest.code.encode(), entered.encode("utf-8", "replace"))
    if newest.used_at is not None:
        if fits and secrets.compare_digest(newest.used_by, nonce):
            return Outcome.RIGHT, newest
        return Outcome.NONE_SENT, None
    if now >= newest.expires_at:
        return Outcome.TOO_OLD, None
    this = OneTimeCode.objects.filter(pk=newest.pk, used_at__isnull=True)
    if not this.filter(attempts__lt=MOST_ATTEMPTS).update(attempts=F("attempts") + 1):
        return Outcome.TOO_MANY_ATTEMPTS, None
    if not fits:
        last = newest.attempts + 1 >= MOST_ATTEMPTS
        return (Outcome.TOO_MANY_ATTEMPTS if last else Outcome.WRONG), None
    if not this.update(used_at=now, used_by=nonce):
        return Outcome.NONE_SENT, None
    return Outcome.RIGHT, newest


def spoken(code: str) -> str:
    """Return a code as a voice says it: digit by digit, as nobody writes down a million."""
    return ", ".join(_DIGITS[int(digit)] for digit in code)
