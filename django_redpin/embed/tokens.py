"""The address of a session's status: it ends in a signed token that is good for some hours.

Whoever has the address may read the status, and can do nothing else with it. A page or an app gets
it along with the session; it needs no login, and so works for payers who have no account.
"""

from __future__ import annotations

from typing import Final

from django.core.signing import BadSignature, TimestampSigner
from django.urls import NoReverseMatch, reverse

from ..conf import project_settings
from ..models import PaymentSession

SALT: Final = "django_redpin.embed.status"


def status_url(session: PaymentSession) -> str:
    """Return the path that tells the session's status, for as long as `STATUS_TOKEN_MAX_AGE` says.

    Its token holds the primary key and the account, signed with `SECRET_KEY`; nothing else.

    Args:
        session: Whose status.

    Returns:
        The path; empty where the project's URLs lack `django_redpin.urls`, and for a session that
        is not stored.
    """
    if session._state.adding:
        return ""
    token = _signer().sign_object([session.pk, session.account])
    try:
        return reverse("redpin:session-status", args=(token,))
    except NoReverseMatch:
        return ""


def read_token(token: str) -> tuple[int, str] | None:
    """Return the primary key and the account that the token was made for; None if it is not good.

    Raises `ConfigurationError` where the project's settings in `REDPIN` are wrong.
    """
    try:
        pk, account = _signer().unsign_object(
            token, max_age=project_settings().status_token_max_age
        )
    except BadSignature:  # Or expired, which is one.
        return None
    return pk, account


def _signer() -> TimestampSigner:
    # Django's own separator, a colon, is escaped by some clients, and is then another path.
    return TimestampSigner(salt=SALT, sep=".")
