"""Webhooks in a test: signed as the account's settings ask, posted, processed, and told of.

All of it happens in the test's own process and before `post_webhook` returns, by the way of
`WEBHOOK_PROCESSING = "inline"`: no broker, no worker, whatever the settings say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol
from unittest.mock import patch

from django.dispatch import Signal
from django.test import TestCase, override_settings

from .. import signals
from ..accounts import redpin_settings
from ..client import read_event
from ..conf import DEFAULT_ACCOUNT, get_account
from ..models import PaymentSession, StatusTransition, WebhookEvent
from ..services.callbacks import callback_url, subscription_url
from ..services.leases import due
from ..services.record import event_key
from ..services.sweeps import (
    complete_due_sessions,
    dispatch_due_transitions,
    process_due_events,
    register_due_recipients,
)
from ..services.transactions import require_no_transaction
from ..webhooks.samples import passing_address, signed_headers
from .payloads import encode

if TYPE_CHECKING:
    from django.http import HttpResponseBase

JSON: Final = "application/json"
_OURS: Final = tuple(each for each in vars(signals).values() if isinstance(each, Signal))


class PostingClient(Protocol):
    """Django's test `Client`, or the REST framework's `APIClient`."""

    @property
    def post(self) -> Any: ...


class ReceiverFailed(AssertionError):
    """A receiver of a signal raised; what it raised is the cause. A worker would try it again."""


@dataclass(frozen=True, slots=True)
class SignedWebhook:
    """A webhook as Redpin would post it, with every proof that the account's settings ask for.

    `path` is that of `url` at this site; `remote_addr` is an address that the account's
    NetworksVerifier lets in, or "".
    """

    url: str = field(repr=False)
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    remote_addr: str = ""
    content_type: str = JSON


@dataclass(frozen=True, slots=True)
class PostedWebhook:
    """What became of a post: the answer, the event's row, and the transitions it brought about.

    `event` is None where nothing was stored. `outcome` is the event's in a word: "applied",
    "contradicted" (Redpin does not say the same), "waiting", "ignored" and so on.
    """

    response: HttpResponseBase = field(repr=False)
    event: WebhookEvent | None = None
    transitions: tuple[StatusTransition, ...] = ()

    @property
    def status_code(self) -> int:
        """That of the answer: 200 where the event was stored."""
        return self.response.status_code

    @property
    def outcome(self) -> str:
        """What became of the event, or "" where there is none."""
        return self.event.outcome if self.event else ""


def sign_webhook(
    payload: Mapping[str, object] | bytes,
    *,
    session: PaymentSession | None = None,
    account: str = DEFAULT_ACCOUNT,
    is_account_wide: bool = False,
) -> SignedWebhook:
    """Return the webhook that passes the token in the URL and every verifier of the account.

    It goes to the callback URL of `session`, or of the one that the payload names; without either,
    or with `is_account_wide`, to the one URL of the account. Raises `ConfigurationError` where the
    settings have no URL or secret, or a verifier of your own has no `sign()`.
    """
    body = payload if isinstance(payload, bytes) else encode(payload)
    known = get_account(session.account if session else account)
    message = read_event(body) if isinstance(payload, Mapping) else None
    reference = message.client_reference_id if message else ""
    if session is not None:
        reference = session.client_reference_id
    if is_account_wide or not reference:
        url = subscription_url(known)
    else:
        url = callback_url(known, reference)
    return SignedWebhook(
        url=url,
        path=url.removeprefix(known.webhook_base_url),
        headers=signed_headers(known, body, message.event_id if message else ""),
        body=body,
        remote_addr=passing_address(known),
    )


def post_webhook(
    client: PostingClient,
    payload: Mapping[str, object] | bytes | SignedWebhook,
    *,
    session: PaymentSession | None = None,
    account: str = DEFAULT_ACCOUNT,
    is_account_wide: bool = False,
    raise_receiver_exception: bool = True,
) -> PostedWebhook:
    """Post the webhook, process its event, dispatch what it changed, and return what became of it.

    `client` is the test's own. The arguments are those of `sign_webhook`, whose result is taken,
    too. What waited before is told first: that the session was created, say. Functions of
    `transaction.on_commit` are run, so that signals, and what their receivers leave for the commit,
    are seen inside a `TestCase`.

    Raises `ReceiverFailed` where a receiver raises, unless `raise_receiver_exception` is off, and
    `OpenTransactionError` inside a transaction other than the test case's own.
    """
    require_no_transaction("post_webhook")
    signed = payload
    if not isinstance(signed, SignedWebhook):
        signed = sign_webhook(
            signed, session=session, account=account, is_account_wide=is_account_wide
        )
    alias, reference = _target(signed)
    with _at_once() as errors:
        _told_by_now(alias, reference)
        last = StatusTransition.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        with TestCase.captureOnCommitCallbacks(execute=True):
            response = client.post(
                signed.path,
                data=signed.body,
                content_type=signed.content_type,
                secure=True,
                headers=dict(signed.headers),
                **({"REMOTE_ADDR": signed.remote_addr} if signed.remote_addr else {}),
            )
    event = _event(alias, reference, signed.body) if response.status_code == 200 else None
    transitions = StatusTransition.objects.filter(pk__gt=last, event=event) if event else ()
    if errors and raise_receiver_exception:
        raise ReceiverFailed(_FAILED) from errors[0]
    return PostedWebhook(response, event, tuple(transitions))


def settle(*, raise_receiver_exception: bool = True) -> None:
    """Do all that a worker would have done by now: for what was enqueued, but by no webhook.

    Sessions of `defer=True` are created, recipients registered, events processed and signals sent,
    until nothing is due. Functions of `transaction.on_commit` are run. Raises as `post_webhook`.
    """
    require_no_transaction("settle")
    with _at_once() as errors:
        while _one_round():
            pass
    if errors and raise_receiver_exception:
        raise ReceiverFailed(_FAILED) from errors[0]


_FAILED: Final = "A receiver raised; see the exception above. A worker would tell it again, later."


def _one_round() -> int:
    with TestCase.captureOnCommitCallbacks(execute=True):
        return (
            complete_due_sessions()
            + register_due_recipients()
            + process_due_events()
            + dispatch_due_transitions()
        )


def _told_by_now(alias: str, reference: str) -> None:
    """Dispatch what a worker would have told of this session before the post came."""
    mine = {"session__account": alias, "session__client_reference_id": reference}
    if reference and due(StatusTransition.objects.filter(**mine)).exists():
        with TestCase.captureOnCommitCallbacks(execute=True):
            dispatch_due_transitions()


@contextmanager
def _at_once() -> Iterator[list[Exception]]:
    """Have what is enqueued done in this process, and yield what receivers raised meanwhile."""
    errors: list[Exception] = []
    send = Signal.send_robust

    def send_and_hear(signal: Signal, *args: Any, **named: Any) -> list[tuple[Any, Any]]:
        answers = send(signal, *args, **named)
        if signal in _OURS:
            errors.extend(answer for _, answer in answers if isinstance(answer, Exception))
        return answers

    inline = {**redpin_settings(), "WEBHOOK_PROCESSING": "inline"}
    # Not by what Django logs of it: a project's tests may have logging switched off.
    with patch.object(Signal, "send_robust", send_and_hear), override_settings(REDPIN=inline):
        yield errors


def _target(signed: SignedWebhook) -> tuple[str, str]:
    """Return the account and the reference that a path ends in, before its token."""
    from django.urls import resolve

    found = resolve(signed.path).kwargs
    return found["account"], found.get("client_reference_id", "")


def _event(alias: str, reference: str, body: bytes) -> WebhookEvent | None:
    message = read_event(body)
    key = event_key(message, body, reference or message.client_reference_id)
    return WebhookEvent.objects.filter(account=alias, key=key).first()
