"""What a payer sees of a session: the hosted page, or what the session's state calls for."""

from __future__ import annotations

import html
import logging
from typing import Final

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.safestring import SafeString

from ..l10n import display_money, display_time, words_language
from ..models import PaymentSession
from ..rules.addresses import origin_of
from ..services.opening import in_place_of
from ..services.schedule import EXPIRY_GRACE
from ..telemetry import LogEvent, tell
from .options import IFRAME, height_of, mode_of
from .page import has_origin, is_own_address, nonce_of
from .source import frame_source
from .theme import theme_message
from .tokens import status_url
from .view_names import ATTENTION, NOTHING, is_final, view_of

logger: logging.Logger = logging.getLogger("django_redpin")

State = PaymentSession.State

# One template for each view; a merchant overrides them one by one.
TEMPLATE: Final = "redpin/session/{view}.html"

_UNLISTED: Final = (
    "The hosted page of session %s is not shown: its address is no HTTPS URL on one of the"
    " HOSTED_PAGE_ORIGINS of the account %s. If the page is Redpin's, list its origin there."
)
_OWN: Final = (
    "The hosted page of session %s is not shown: it has this site's own origin, and could take its"
    " frame's sandbox off. Take that origin out of the HOSTED_PAGE_ORIGINS of the account %s."
)


def payment_session_html(
    session: PaymentSession | None,
    *,
    request: HttpRequest | None = None,
    mode: str = IFRAME,
    theme: object = None,
    title: str = "",
    height: int | str | None = None,
    renew_url: str = "",
    csrf_token: object = None,
) -> SafeString:
    """Return the HTML for the session's state. Shows what is known; changes nothing.

    A session that was replaced shows the one that stands in its place. The words are those of the
    active language, or of the one that Django falls back to where there are none in it; amounts and
    times then have that one's form, too.

    Args:
        session: What is none, such as a variable that the template's context lacks, gives words
            that there is no payment to show, and a warning in the log. So does one whose address
            must not be shown, with words that a person looks into it.
        request: Has the CSRF token for `renew_url`, and the nonce of the content security policy.
        mode: The way to the hosted page: `"iframe"` shows it in the merchant's, `"redirect"` is a
            link to it, `"popup"` one that opens a window.
        theme: What the frame sends the hosted page: `"light"`, `"dark"`, `"auto"`, or a mapping of
            JSON values; nothing without it.
        title: The frame's name for those who can't see it.
        height: The frame's, in whole pixels, 200 to 4000; the style sheet's without.
        renew_url: An address of this site. A form that posts to it lets the payer start again where
            the session expired or was called off.
        csrf_token: For the form, where there is no `request`.

    Returns:
        HTML, safe to be put into a page.

    Raises:
        ValueError: For a `mode`, `theme` or `height` that there is not.
    """
    context: dict[str, object] = {
        "mode": mode_of(mode),
        "theme": theme_message(theme),
        "height": height_of(height),
        "title": _plain(title),
        "csp_nonce": nonce_of(request),
    }
    if csrf_token is not None:
        context["csrf_token"] = csrf_token
    if not isinstance(session, PaymentSession):
        # Its type alone: the value may be an address that is a key.
        text = "No payment session was given to be shown: %s."
        tell(logger, LogEvent.NOTHING_TO_SHOW, text, type(session).__name__)
        return _render(NOTHING, context, request)
    session = in_place_of(session)
    context |= {"session": session}
    source = frame_source(session)
    if source is None and session.session_url:
        tell(
            logger,
            LogEvent.ORIGIN_UNLISTED,
            _UNLISTED,
            session.client_reference_id,
            session.account,
            account=session.account,
            session=session.pk,
            reference=session.client_reference_id,
        )
    origin = origin_of(source) if source else None
    if origin and has_origin(request, origin):
        # The two would share an origin, and the frame could take its own sandbox off. Nothing that
        # the status tells would change that, so the page does not ask for it.
        tell(
            logger,
            LogEvent.ORIGIN_OURS,
            _OWN,
            session.client_reference_id,
            session.account,
            account=session.account,
            session=session.pk,
            reference=session.client_reference_id,
        )
        return _render(ATTENTION, context, request)
    view = view_of(session)
    context |= {
        "source": source,
        "origin": origin,
        "is_final": is_final(session, view),
        "status_url": status_url(session),
        "renew_url": _renewal(session, _plain(renew_url), request),
    }
    return _render(view, context, request)


def _render(view: str, context: dict[str, object], request: HttpRequest | None) -> SafeString:
    # One language for all of it, which is that of the section's `lang` and `dir`.
    with translation.override(words_language()):
        session = context.get("session")
        if isinstance(session, PaymentSession):
            ends = session.expires_at
            context |= {
                "amount": display_money(session.money),
                "valid_until": display_time(ends) if ends else "",
            }
        return render_to_string(TEMPLATE.format(view=view), {**context, "view": view}, request)


def _plain(text: object) -> str:
    """Return the text as the templates may escape it.

    What passes for HTML, as literals in templates do, stands in an attribute here: its quotes would
    end that.
    """
    written = str(text or "")
    is_html = hasattr(text, "__html__") or hasattr(written, "__html__")
    return html.unescape(written) + "" if is_html else written  # Safe and plain text add up plain.


def _renewal(session: PaymentSession, url: str, request: HttpRequest | None) -> str:
    """Return where to start again, or an empty text where that can't be offered."""
    if not url or not _is_renewable(session):
        return ""
    if is_own_address(url, request):
        return url
    text = "renew_url= leads to another site, so nobody can start again: give a path here."
    tell(logger, LogEvent.RENEWAL_ELSEWHERE, text, session=session.pk)
    return ""


def _is_renewable(session: PaymentSession) -> bool:
    """Tell whether a renewal has a chance; what is then refused should not be offered."""
    if session.payment_status or session.state != State.OPEN or session.expires_at is None:
        return True
    return session.expires_at + EXPIRY_GRACE < timezone.now()
