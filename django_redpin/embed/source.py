"""Which session URLs may be put into a page."""

from __future__ import annotations

from django.conf import settings

from ..conf import get_account
from ..exceptions import ConfigurationError
from ..models import PaymentSession
from ..rules.addresses import is_secure_url, origin_of


def frame_source(session: PaymentSession) -> str | None:
    """Return the session's URL if it may be put into a page, else None.

    It has to be HTTPS and on one of `HOSTED_PAGE_ORIGINS` (with DEBUG, one on this machine may be
    plain HTTP). Anything else would let whoever can write a row put any page before a payer.

    Args:
        session: Whose page.

    Returns:
        The address. It is a key, as whoever has it can pay, or look on.
    """
    url = session.session_url
    if not is_secure_url(url, allow_loopback=bool(settings.DEBUG)):
        return None
    try:
        origins = get_account(session.account).hosted_page_origins
    except ConfigurationError:  # The account left the settings; its sessions are still shown.
        return None
    return url if origin_of(url) in origins else None
