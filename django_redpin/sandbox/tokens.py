"""Signed tokens that stand in for cookies, which browsers withhold from a third-party frame.

Each is signed with the session's own secret, so it fits no other session, and ends after a time.
A *form token* goes into every form; a *seat* says that this browser entered a one-time code.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from django.core import signing

from .models import OneTimeCode, Session

FORM_SECONDS: Final = 60 * 60
SEAT_SECONDS: Final = 12 * 60 * 60
_FORM: Final = "redpin_sandbox.form"
_SEAT: Final = "redpin_sandbox.seat"


@dataclass(frozen=True, slots=True)
class FormToken:
    """What a posted form proves: its step, its own name, and the seat it was served to."""

    step: str
    nonce: str
    seat: int | None


def new_form_token(session: Session | None, step: str, seat: int | None) -> str:
    """Return a token for a form of ``step`` served to the browser that holds ``seat``.

    Without a session it fits the forms that concern none, until the sandbox is started anew.
    """
    content = {"step": step, "nonce": secrets.token_urlsafe(16), "seat": seat}
    return _signer(session, _FORM).sign_object(content)


def read_form_token(session: Session | None, text: str) -> FormToken | None:
    """Return what a form's token says; None if it is forged, another session's, or too old."""
    try:
        content = _signer(session, _FORM).unsign_object(text, max_age=FORM_SECONDS)
    except signing.BadSignature:
        return None
    seat = content["seat"]
    if seat is not None and (session is None or not _is_taken(session, seat)):
        return None
    return FormToken(step=content["step"], nonce=content["nonce"], seat=seat)


def seat_token(session: Session, seat: int) -> str:
    """Return a token of ``seat``: the key of the one-time code that was entered in a browser."""
    return _signer(session, _SEAT).sign_object(seat)


def read_seat(session: Session, text: str) -> int | None:
    """Return the seat that the token stands for; None if there is none, or it is forged or old."""
    try:
        seat = _signer(session, _SEAT).unsign_object(text, max_age=SEAT_SECONDS)
    except signing.BadSignature:
        return None
    return seat if _is_taken(session, seat) else None


def _is_taken(session: Session, seat: int) -> bool:
    # The database has the last word: a token counts only while its code is there and was used.
    return OneTimeCode.objects.filter(pk=seat, session=session, used_at__isnull=False).exists()


def _signer(session: Session | None, salt: str) -> signing.TimestampSigner:
    if session is None:
        return signing.TimestampSigner(salt=salt)
    return signing.TimestampSigner(key=session.form_secret, salt=salt, fallback_keys=[])
