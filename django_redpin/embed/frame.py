"""What a payer sees of a session: the hosted page in an iframe, or what its state calls for."""

from __future__ import annotations

import logging
from typing import Final

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from ..l10n import display_money
from ..models import PaymentSession
from ..rules.addresses import origin_of
from ..services.opening import in_place_of
from ..services.schedule import EXPIRY_GRACE
from .source import frame_source
from .view_names import NOTHING, view_of

logger = logging.getLogger("django_redpin")

State = PaymentSession.State

# One template for each view; a merchant overrides them one by one.
TEMPLATE: Final = "redpin/session/{view}.html"


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
        return render_to_string(TEMPLATE.format(view=NOTHING), {}, request)
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
    return render_to_string(TEMPLATE.format(view=view_of(session)), context, request)


def _is_renewable(session: PaymentSession) -> bool:
    """Tell whether a renewal has a chance; what is then refused should not be offered."""
    if session.payment_status or session.state != State.OPEN or session.expires_at is None:
        return True
    return session.expires_at + EXPIRY_GRACE < timezone.now()
