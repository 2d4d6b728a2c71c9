"""What a diagnosis finds at the webhook's public address: a name, a certificate, and our view.

Seen from this machine; a firewall may let Redpin in, or not, all the same. The address is that of
the settings alone, and no redirect is followed.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Final
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from ...client.own_site import NothingAnswers, Seen, post
from ...conf import Account
from ...exceptions import ConfigurationError
from ...rules.addresses import is_loopback
from ..callbacks import NOT_VERIFIED, TOO_MANY, UNCONFIGURED, unsigned_url
from .findings import ERROR, OK, WARNING, Finding, TooLate, within

_PATIENCE: Final = 10.0  # Seconds, for each step.
_TRUSTED: Final[str] = DEFAULT_CA_BUNDLE_PATH  # Mozilla's list, as everybody has it.
_SOON: Final = timedelta(days=14)
_ELSEWHERE: Final = (
    "Where your network lets no server reach its own public address, try it from outside."
)
_REDIRECT: Final = (
    "Redpin follows no redirect. Give WEBHOOK_BASE_URL the scheme and host that answer themselves,"
    " and let no login, language or slash redirect paths of django_redpin.urls."
)
# By status: what that most likely is, and the cure. What is not here is told by its class.
_ANSWERS: Final[dict[int, tuple[str, str]]] = {
    401: (
        "something before our view asks for a login",
        "Let POSTs to paths of django_redpin.urls pass the proxy and the middleware without one.",
    ),
    403: (
        "something before our view forbids it, such as a firewall or a CSRF check",
        "Let POSTs to paths of django_redpin.urls pass; they prove themselves by their token.",
    ),
    404: (
        "there is no such path",
        "Is this site deployed there, with path('redpin/', include('django_redpin.urls'))?",
    ),
    405: ("no POST is let through", "Let the proxy pass POSTs to paths of django_redpin.urls."),
    400: (
        "the request is refused before our view sees it",
        "Add the host of WEBHOOK_BASE_URL to ALLOWED_HOSTS.",
    ),
    413: ("the body is refused", "Let the proxy pass bodies of up to WEBHOOK_MAX_BODY_BYTES."),
}


def webhook_findings(account: Account) -> Iterator[Finding]:
    """Yield what answers where Redpin is told to post: with a token that nobody signed."""
    subject = f"webhook {account.alias}"
    try:
        url = unsigned_url(account)
    except ConfigurationError as error:
        yield Finding(subject, ERROR, str(error), error.next_step)
        return
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    finding = _resolved(subject, host, port)
    yield finding
    if finding.level == ERROR:
        return
    if parts.scheme == "https":
        finding = _certified(subject, host, port)
        yield finding
        if finding.level == ERROR:
            return
    try:
        seen = post(url, b"{}", {}, seconds=_PATIENCE, verify=_TRUSTED)
    except NothingAnswers as error:
        text = f"{host} gives no answer to a POST ({error})."
        yield Finding(subject, ERROR, text, f"Is the site up? {_ELSEWHERE}")
        return
    yield _judged(subject, seen)


def _resolved(subject: str, host: str, port: int) -> Finding:
    try:
        found = within(_PATIENCE, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError, TooLate):
        text = f"{host} has no address in the DNS."
        return Finding(subject, ERROR, text, "Mend WEBHOOK_BASE_URL, or the DNS record.")
    if is_loopback(host):
        text = f"{host} is this machine: only a sandbox on it can post there."
        return Finding(subject, WARNING, text, "Give WEBHOOK_BASE_URL this site's public address.")
    # A link-local address has its interface behind a percent sign.
    addresses = {str(each[4][0]).partition("%")[0] for each in found}
    if not any(ipaddress.ip_address(address).is_global for address in addresses):
        text = f"{host} has no public address as seen from here: {', '.join(sorted(addresses))}."
        cure = "Redpin needs one; where it sees another DNS than this machine, all is well."
        return Finding(subject, WARNING, text, cure)
    return Finding(subject, OK, f"{host} has a public address.")


def _certified(subject: str, host: str, port: int) -> Finding:
    try:
        # The bounds of its steps add up: a name may have many addresses, none of which answers.
        until = within(_PATIENCE, lambda: _end_of_certificate(host, port))
    except TooLate:
        text = f"{host} says nothing at port {port} for {_PATIENCE:.0f} seconds."
        return Finding(subject, ERROR, text, f"Is the web server up? {_ELSEWHERE}")
    except ssl.SSLCertVerificationError as error:
        text = f"{host} has a certificate that does not hold: {error.verify_message}."
        return Finding(subject, ERROR, text, "Redpin would post nothing. Renew or complete it.")
    except ssl.SSLError as error:
        text = f"{host} speaks no TLS that this machine knows ({error.reason})."
        return Finding(subject, ERROR, text, "Let the web server speak TLS 1.2 and 1.3 there.")
    except OSError as error:
        text = f"{host} takes no connection at port {port} ({type(error).__name__})."
        return Finding(subject, ERROR, text, f"Is the web server up? {_ELSEWHERE}")
    left = until - datetime.now(timezone.utc)
    if left < _SOON:
        text = f"The certificate of {host} ends in {left.days} days."
        return Finding(subject, WARNING, text, "Renew it; does its renewal still run?")
    return Finding(subject, OK, f"The certificate of {host} is good until {until:%Y-%m-%d}.")


def _end_of_certificate(host: str, port: int) -> datetime:
    context = ssl.create_default_context(cafile=_TRUSTED)
    with (
        socket.create_connection((host, port), _PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        ends = str((secure.getpeercert() or {}).get("notAfter", ""))
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), timezone.utc)


def _judged(subject: str, seen: Seen) -> Finding:
    if (seen.status, seen.detail) in ((401, NOT_VERIFIED), (429, TOO_MANY)):
        text = "Our view answers there, and refuses a token that nobody signed."
        return Finding(subject, OK, text)
    if (seen.status, seen.detail) == (503, UNCONFIGURED):
        text = "Our view answers there, but its settings let nothing be verified."
        cure = "Run redpin_check where it runs, with its environment: the settings differ."
        return Finding(subject, ERROR, text, cure)
    said = f"Another than our view answers there: {seen.status}"
    if seen.content_type == "text/html":
        said += ", a web page"
    if 300 <= seen.status < 400:
        return Finding(subject, ERROR, f"{said}, a redirect{_leads(seen.location)}.", _REDIRECT)
    if seen.status in _ANSWERS:
        what, cure = _ANSWERS[seen.status]
        return Finding(subject, ERROR, f"{said}; {what}.", cure)
    if seen.status >= 500:
        cure = "Look into the log of the proxy and of the site."
        return Finding(subject, ERROR, f"{said}; the site, or what is before it, fails.", cure)
    text = f"{said}, to a post that proves nothing."
    cure = "Redpin would take it for stored. Let WEBHOOK_BASE_URL lead to this site."
    return Finding(subject, ERROR, text, cure)


def _leads(location: str) -> str:
    """Return where a redirect leads, without what may be a secret of somebody's."""
    try:
        parts = urlsplit(location)
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="")
    except ValueError:
        return ""
    text = "".join(each for each in shown.geturl() if each.isprintable())[:200]
    return f" to {text}" if text else ""
