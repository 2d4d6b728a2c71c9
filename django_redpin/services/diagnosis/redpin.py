"""What a diagnosis finds at Redpin's side: a token, the API, the customer id, the clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Final
from urllib.parse import urlsplit

from ...client import RedpinClient
from ...client.token_endpoint import ask_for_token
from ...conf import Account
from ...exceptions import APIError, NoAnswer, RateLimitedError, RedpinError, ServerError
from ...rules.addresses import is_loopback
from ..schedule import EXPIRY_GRACE
from .findings import ERROR, OK, WARNING, Finding

# An answer takes a moment, and its Date counts in whole seconds.
_EXACT: Final = timedelta(seconds=10)


def redpin_findings(account: Account) -> Iterator[Finding]:
    """Yield whether Redpin gives this account a token, and answers for its customer.

    Two calls that change nothing; the token is used for neither and let go of.
    """
    subject = f"account {account.alias}"
    try:
        ask_for_token(account)
    except RedpinError as error:
        yield Finding(
            subject,
            ERROR,
            str(error),
            _cure(error, account.token_url, "TOKEN_URL, CLIENT_ID and CLIENT_SECRET"),
        )
        return
    yield Finding(subject, OK, "Redpin gives an access token for CLIENT_ID and CLIENT_SECRET.")
    try:
        page = RedpinClient(account).list_sessions(1, limit=1)
        now = datetime.now(timezone.utc)
    except RedpinError as error:
        yield Finding(
            subject,
            ERROR,
            f"The API gives no list of sessions. {error}",
            _cure(error, account.base_url, "CUSTOMER_ID, BASE_URL and SESSIONS_PATH"),
        )
        return
    yield Finding(subject, OK, "The API answers, and accepts CUSTOMER_ID.")
    yield from _clock(subject, page.as_of, now)


def _cure(error: RedpinError, url: str, suspects: str) -> str:
    if isinstance(error, NoAnswer) and is_loopback(urlsplit(url).hostname or ""):
        return "Start the sandbox, and leave it running: python manage.py redpin_sandbox"
    if isinstance(error, NoAnswer):
        return (
            "Does this machine reach Redpin? Look at its DNS and firewall, PROXIES and CA_BUNDLE."
        )
    if isinstance(error, APIError) and not isinstance(error, (RateLimitedError, ServerError)):
        return f"Compare {suspects} with what Redpin gave you for this account."
    return error.next_step


def _clock(subject: str, theirs: datetime, ours: datetime) -> Iterator[Finding]:
    # A Date header has whole seconds; without one the client takes our own clock, which has not.
    if theirs.microsecond:
        return
    skew = abs(ours - theirs)
    if skew <= _EXACT:
        seconds = _EXACT.total_seconds()
        yield Finding(subject, OK, f"The clocks differ by less than {seconds:.0f} seconds.")
        return
    level = ERROR if skew > EXPIRY_GRACE else WARNING
    side = "ahead of" if ours > theirs else "behind"
    text = f"This machine's clock is {skew.total_seconds():.0f} seconds {side} Redpin's."
    yield Finding(subject, level, text, "Let NTP set it, such as by chrony or systemd-timesyncd.")
