"""A sample event, posted to this project as Redpin would: by its URL, past all of its verifiers.

It is signed with this project's own secrets, and so proves nothing to anybody but the webhook's
view; what it claims is believed no further than any other event.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..client.events import ENVELOPES as ENVELOPES
from ..client.events import sample_body
from ..client.own_site import NothingAnswers as NothingAnswers
from ..client.own_site import Seen, post
from ..conf import Account
from ..exceptions import ConfigurationError
from ..exceptions.interrupts import is_interrupt
from ..services.callbacks import callback_url, subscription_url
from .base import Verifier, WeakSecret
from .verification import make_verifiers
from .verifiers import NetworksVerifier

_PATIENCE: Final = 30.0  # Seconds.


@dataclass(frozen=True, slots=True)
class Sample:
    """What is to be posted, and where. `shown_url` is the URL without its token."""

    url: str = field(repr=False)
    shown_url: str
    headers: dict[str, str] = field(repr=False)
    body: bytes
    is_signed: bool

    def send(self) -> Seen:
        """Post it, and return what was answered. Raises `NothingAnswers`."""
        return post(self.url, self.body, self.headers, seconds=_PATIENCE)


def make_sample(
    account: Account,
    claims: dict[str, str],
    *,
    event_id: str,
    at: datetime,
    envelope: str,
    is_account_wide: bool,
    base_url: str = "",
) -> Sample:
    """Return the sample of an event that claims this of a payment, in the envelope of that name.

    `at` is the time of the event, in UTC; one with the same id, time and claims is a repetition.
    It goes to the callback URL of the session in `client_reference_id`, or to the one of the
    account; `base_url` stands in for `WEBHOOK_BASE_URL`. Raises `ConfigurationError` where that
    has no URL, or where a verifier's proof can't be made here.
    """
    body = sample_body(envelope, event_id, at, claims)
    reference = claims["client_reference_id"]
    url = subscription_url(account) if is_account_wide else callback_url(account, reference)
    if base_url:
        url = base_url + url.removeprefix(account.webhook_base_url)
    before_token = url.rstrip("/").rpartition("/")[0]
    verifiers = _verifiers(account)
    return Sample(
        url=url,
        shown_url=f"{before_token}/***/",
        headers=_headers(verifiers, body, event_id),
        body=body,
        is_signed=any(each.is_signed for each in verifiers),
    )


def signed_headers(account: Account, body: bytes, message_id: str) -> dict[str, str]:
    """Return the headers with which the body passes all of the account's verifiers.

    Raises `ConfigurationError` where a verifier's proof can't be made here.
    """
    return _headers(_verifiers(account), body, message_id)


def passing_address(account: Account) -> str:
    """Return an address from which a post passes the account's verifiers, or "" for any.

    Raises `ConfigurationError` where two of them let in no address in common.
    """
    listed = [each for each in _verifiers(account) if isinstance(each, NetworksVerifier)]
    if not listed:
        return ""
    for address in (address for each in listed for address in each.addresses()):
        if all(each.lets_in(address) for each in listed):
            return str(address)
    raise ConfigurationError("Two of WEBHOOK_VERIFIERS let in no network in common.")


def _verifiers(account: Account) -> list[Verifier]:
    try:
        return make_verifiers(account.webhook_verifiers)
    except WeakSecret as error:
        raise ConfigurationError(str(error)) from None


def _headers(verifiers: list[Verifier], body: bytes, event_id: str) -> dict[str, str]:
    """Return the headers with which the body passes all of the verifiers."""
    found: dict[str, str] = {}
    for verifier in verifiers:
        for name, value in _signed(verifier, body, event_id).items():
            # One header can't hold two values; both verifiers could never be passed by anybody.
            if found.setdefault(name.title(), value) != value:
                raise ConfigurationError(
                    f"Two of WEBHOOK_VERIFIERS want different values of the header {name}: no post"
                    " passes both of them."
                )
    return found


def _signed(verifier: Verifier, body: bytes, event_id: str) -> dict[str, str]:
    name = type(verifier).__name__
    try:
        return verifier.sign(body, now=time.time(), message_id=event_id)
    except NotImplementedError:
        raise ConfigurationError(
            f"{name}, one of WEBHOOK_VERIFIERS, can't be satisfied from here: give it a method"
            " sign(), as the page Securing webhooks shows."
        ) from None
    except Exception as error:  # A stranger's code.
        if is_interrupt(error):
            raise
        raise ConfigurationError(f"{name}.sign() failed ({type(error).__name__}).") from None
