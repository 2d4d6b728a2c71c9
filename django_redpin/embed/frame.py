"""What a payer sees of a session: the hosted page in an iframe, or what its state calls for."""

from __future__ import annotations

import logging
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from ..conf import get_account
from ..exceptions import ConfigurationError
from ..l10n import display_money
from ..models import PaymentSession
from ..rules.addresses import is_secure_url, origin_of
from ..rules.statuses import BOUNCED_BACK, CANCELLED, PAYMENT_COMPLETED, REFUNDED
from ..services.opening import in_place_of
from ..services.schedule import EXPIRY_GRACE

logger = logging.getLogger("django_redpin")

State = PaymentSession.State

# One template for each thing there is to say; a merchant overrides them one by one.
OPEN: Final = "redpin/session/open.html"
PREPARING: Final = "redpin/session/preparing.html"
UNDER_WAY: Final = "redpin/session/under_way.html"
PAID: Final = "redpin/session/paid.html"
CALLED_OFF: Final = "redpin/session/called_off.html"
EXPIRED: Final = "redpin/session/expired.html"
ATTENTION: Final = "redpin/session/attention.html"
NOTHING: Final = "redpin/session/nothing.html"

_BY_STATUS: Final[dict[str, str]] = {
    PAYMENT_COMPLETED: PAID,
    CANCELLED: CALLED_OFF,
    REFUNDED: CALLED_OFF,
    BOUNCED_BACK: ATTENTION,
}
_BY_STATE: Final[dict[str, str]] = {
    State.CREATING: PREPARING,
    State.UNKNOWN: PREPARING,
    State.EXPIRED: EXPIRED,
    State.REJECTED: ATTENTION,
    State.SUPERSEDED: EXPIRED,
    State.CLOSED: ATTENTION,
}


def frame_source(session: PaymentSession) -> str | None:
    """Return the session's URL if it may be put into a page, else None.

    It has to be HTTPS and on one of `HOSTED_PAGE_ORIGINS` (with DEBUG, one on this machine may be
    plain HTTP). Anything else would let whoever can write a row put any page before a payer.
    """
    url = session.session_url
    if not is_secure_url(url, allow_loopback=bool(settings.DEBUG)):
        return None
    try:
        origins = get_account(session.account).hosted_page_origins
    except ConfigurationError:  # The account left the settings; its sessions are still shown.
        return None
    return url if origin_of(url) in origins else None


def payment_session_html(
    session: PaymentSession | None,
    *,
    request: HttpRequest | None = None,
    renew_url: str = "",
    csrf_token: object = None,
) -> SafeString:
    """Return the HTML for the session's state. Shows what is known; changes nothing.

    A session that was replaced shows the one that stands in its place.

    With `renew_url`, a form that posts to it lets the payer start again where the session expired
    or was called off; it needs `request`, or `csrf_token`, for its CSRF token.

    What is no session, such as a variable that the template's context lacks, gives words that there
    is no payment to show, and a warning in the log.
    """
    if not isinstance(session, PaymentSession):
        # Its type alone: the value may be an address that is a key.
        logger.warning("No payment session was given to be shown: %s.", type(session).__name__)
        return render_to_string(NOTHING, {}, request)
    session = in_place_of(session)
    source = frame_source(session)
    context: dict[str, object] = {
        "session": session,
        "source": source,
        "origin": origin_of(source) if source else "",
        "amount": display_money(session.money),
        "renew_url": renew_url if _is_renewable(session) else "",
    }
    if csrf_token is not None:
        context["csrf_token"] = csrf_token
    return render_to_string(_template(session, source), context, request)


def _template(session: PaymentSession, source: str | None) -> str:
    if session.review_reason:
        return ATTENTION
    if session.payment_status:
        return _BY_STATUS.get(session.payment_status) or (
            # While money is under way the page still tells the payer how to send it.
            OPEN if source and not _is_past(session) else UNDER_WAY
        )
    if session.state != State.OPEN:
        return _BY_STATE[session.state]
    if _is_past(session):
        return EXPIRED
    return OPEN if source else ATTENTION


def _is_renewable(session: PaymentSession) -> bool:
    """Tell whether a renewal has a chance; what is then refused should not be offered."""
    if session.payment_status or session.state != State.OPEN or session.expires_at is None:
        return True
    return session.expires_at + EXPIRY_GRACE < timezone.now()


def _is_past(session: PaymentSession) -> bool:
    return session.expires_at is not None and session.expires_at <= timezone.now()
