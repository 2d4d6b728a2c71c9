"""Create a payment session: check every rule, commit the intent, then call Redpin."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError
from moneyed import Money

from ..conf import DEFAULT_ACCOUNT, Account, get_account
from ..exceptions import InvalidPaymentSession
from ..models import PaymentSession, Recipient, SessionItem, SessionRecipient
from ..rules import exact_json
from ..rules.faults import Fault
from ..rules.money import quantise
from ..rules.references import new_reference
from ..rules.requests import Item, PayeeShare, SessionRequest, request_faults
from ..telemetry import Spans, note, traced
from .arguments import own_faults, payer_faults
from .attempts import INTERACTIVE, pursue
from .callbacks import callback_url
from .intents import Intent, write_intent
from .queue import COMPLETE_SESSION, enqueue_on_commit
from .requests import Parts, payee
from .resume import require_same, resume, session_of
from .transactions import require_no_transaction, retried


@dataclass(frozen=True, slots=True)
class Share:
    """What one recipient gets of the total. `amount` in major units, in the session's currency."""

    recipient: Recipient
    amount: Money


@traced(Spans.CREATE)
def create_payment_session(
    *,
    client_customer_ref: str,
    amount: Money,
    due_date: date,
    purpose_of_transaction: str,
    recipients: Sequence[Share],
    items: Sequence[Item] | None = None,
    allowed_origins: Sequence[str] | None = None,
    callbacks: Sequence[str] = (),
    client_reference_id: str | None = None,
    payer: AbstractBaseUser | AnonymousUser | None = None,
    metadata: Mapping[str, Any] | None = None,
    idempotency_key: str | None = None,
    account: str = DEFAULT_ACCOUNT,
    defer: bool = False,
) -> PaymentSession:
    """Create a payment session at Redpin and return its row, with the page's URL in it.

    With `defer=True` nothing is sent yet: the row, still `creating`, is committed with the caller's
    own transaction (or rolled back with it), a Celery task then calls Redpin, and the tag shows
    that the page is being prepared. What became of it is told by `payment_session_created` or
    `payment_session_rejected`.

    Args:
        client_customer_ref: Your reference of the payer.
        amount: The total, in major units of its currency, with no more decimals than it has.
        due_date: The day by which the money has to be *credited*. Redpin: at least 5 calendar days
            from today (UTC).
        purpose_of_transaction: One of `PURPOSES_OF_TRANSACTION`, where the setting lists any.
        recipients: Who gets what of it. Redpin: their amounts sum to the total, in one currency.
        items: What is paid for. Redpin: where there are any, their amounts sum to the total.
        allowed_origins: Where the page may be shown; by default `ALLOWED_ORIGINS`. Without any,
            Redpin asks the payer for a one-time code.
        callbacks: Further URLs for events; this project's own webhook is added by itself.
        client_reference_id: Redpin: unique for the customer, of letters, digits, `-` and `_`. One
            is made where it is `None`.
        payer: The user who pays. An anonymous one is none.
        metadata: Yours: any JSON object, never sent to Redpin.
        idempotency_key: With it (say, `f"order-{order.pk}"`) the call can be repeated: it returns
            the session that the first one made, and finishes what was cut off.
        account: An alias of `ACCOUNTS`, or one that the `ACCOUNT_RESOLVER` knows.
        defer: Leave the call to a task, after the commit.

    Returns:
        The session, `open`, or `creating` if deferred; by a key that was used before, as it is by
        now: `closed`, say, where it was paid.

    Raises:
        InvalidPaymentSession: With every broken rule at once; nothing stored, nothing sent.
        IdempotencyConflict: The key belongs to another payment.
        ConfigurationError: The settings don't allow it.
        OpenTransactionError: Inside a transaction; nothing stored. Not if deferred, as those below.
        SessionRejected: Redpin refuses; the row is kept as `rejected`.
        NotCreatedYet: Redpin can't be reached; the row is kept as `creating`.
        OutcomeUnknown: Nobody can tell; the row is kept as `unknown`.
    """
    if not defer:
        require_no_transaction("create_payment_session")
    if isinstance(payer, AnonymousUser):
        payer = None
    settings = get_account(account)
    note(Spans.CREATE, account=settings.alias)
    request = SessionRequest(
        client_customer_ref=client_customer_ref,
        client_reference_id=new_reference() if client_reference_id is None else client_reference_id,
        amount=amount,
        due_date=due_date,
        purpose_of_transaction=purpose_of_transaction,
        recipients=_payee_shares(recipients),
        items=items,
        allowed_origins=settings.allowed_origins if allowed_origins is None else allowed_origins,
        callbacks=callbacks,
    )
    faults = (
        *request_faults(request, settings.policy()),
        *_saved_faults(recipients, settings),
        *own_faults(metadata, idempotency_key),
        *payer_faults(payer),
    )
    # A day later the due date of a session that exists may be too near for a new one. Its key still
    # leads to it.
    is_key = not own_faults(None, idempotency_key)
    existing = session_of(settings, idempotency_key) if is_key else None
    if any(fault.code != "too_soon" for fault in faults) or (faults and existing is None):
        raise InvalidPaymentSession(faults, existing)
    fingerprint = _fingerprint(request, recipients, client_reference_id, allowed_origins)
    if existing is None:
        own_callback = _own_callback(settings, request)
        try:
            intent = _store_intent(
                settings, request, recipients, payer, metadata, idempotency_key, fingerprint, defer
            )
        except IntegrityError:
            existing = session_of(settings, idempotency_key)  # Another caller with this key?
            if existing is None:
                _name_cause(settings, request, recipients)
                raise
        else:
            session = intent.session
            note(Spans.CREATE, session=session.pk, reference=session.client_reference_id)
            if defer:
                return session
            parts = _parts(intent, request, recipients, own_callback)
            return pursue(session, INTERACTIVE, is_new=True, parts=parts)
    note(Spans.CREATE, session=existing.pk, reference=existing.client_reference_id)
    require_same(existing, idempotency_key, fingerprint)
    return existing if defer else resume(existing)


def _payee_shares(recipients: Any) -> Any:
    """Return the shares as the rules know them; what is no Share the rules then name."""
    if not isinstance(recipients, (list, tuple)):
        return recipients
    return [
        PayeeShare(payee(share.recipient), share.amount)
        if isinstance(share, Share) and isinstance(share.recipient, Recipient)
        else None
        for share in recipients
    ]


def _parts(
    intent: Intent, request: SessionRequest, recipients: Sequence[Share], own_callback: str
) -> Parts:
    read = intent.recipients
    # Who is missing has been deleted: the database is about to say so.
    is_whole = all(share.recipient.pk in read for share in recipients)
    shares = [(read[each.recipient.pk], each.amount) for each in recipients] if is_whole else None
    return Parts(own_callback, request.items or (), shares)


def _saved_faults(recipients: Any, settings: Account) -> list[Fault]:
    faults: list[Fault] = []
    for place, share in enumerate(recipients if isinstance(recipients, (list, tuple)) else ()):
        path = f"recipient_details[{place}]"
        if not isinstance(share, Share) or not isinstance(share.recipient, Recipient):
            continue  # The rules name it.
        if share.recipient.pk is None or share.recipient._state.adding:
            faults.append(Fault(path, "not_saved", "Save the recipient first."))
        elif share.recipient.account != settings.alias:
            message = f"This recipient belongs to the account {share.recipient.account!r}."
            faults.append(Fault(path, "other_account", message))
        elif share.recipient.anonymised_at:
            message = "This recipient was anonymised: name another one."
            faults.append(Fault(path, "anonymised", message))
    return faults


def _fingerprint(
    request: SessionRequest,
    recipients: Sequence[Share],
    client_reference_id: str | None,
    allowed_origins: Sequence[str] | None,
) -> str:
    """Return a digest of what the caller asked for, to tell one payment from another.

    Only what the caller gave: neither a reference made here nor a default of the settings, which
    may differ when the same call is repeated.
    """
    asked = {
        "client_customer_ref": request.client_customer_ref,
        "client_reference_id": client_reference_id,
        "amount": _written(request.amount),
        "due_date": request.due_date.isoformat(),
        "purpose_of_transaction": request.purpose_of_transaction,
        "recipients": [[share.recipient.pk, _written(share.amount)] for share in recipients],
        "items": [
            [item.item_ref, item.description, _written(item.amount)] for item in request.items or ()
        ],
        "allowed_origins": None if allowed_origins is None else list(allowed_origins),
        "callbacks": list(request.callbacks),
    }
    return hashlib.sha256(exact_json.dumps(asked)).hexdigest()


def _written(money: Money) -> str:
    """Return the amount in letters that no locale of this process changes, as `str(money)` is."""
    return f"{money.currency.code} {quantise(money).amount}"


def _own_callback(settings: Account, request: SessionRequest) -> str:
    """Raise `ConfigurationError` before anything is stored, rather than after."""
    for name in ("customer_id", "client_id", "client_secret"):
        settings.required(name)
    return callback_url(settings, request.client_reference_id)


def _name_cause(settings: Account, request: SessionRequest, recipients: Sequence[Share]) -> None:
    """Raise what kept the row from being stored, where it is the caller's to mend."""
    taken = PaymentSession.objects.filter(
        account=settings.alias, client_reference_id=request.client_reference_id
    ).first()
    if taken is not None:
        message = "This reference belongs to another session; each may be used once."
        fault = Fault("client_reference_id", "duplicate", message)
        raise InvalidPaymentSession((fault,), taken) from None
    known = set(
        Recipient.objects.values_list("pk", flat=True).filter(
            pk__in=[share.recipient.pk for share in recipients]
        )
    )
    gone = [place for place, share in enumerate(recipients) if share.recipient.pk not in known]
    if gone:
        raise InvalidPaymentSession(
            tuple(
                Fault(f"recipient_details[{place}]", "not_saved", "This recipient was deleted.")
                for place in gone
            )
        ) from None


@retried
def _store_intent(
    settings: Account,
    request: SessionRequest,
    recipients: Sequence[Share],
    payer: AbstractBaseUser | None,
    metadata: Mapping[str, Any] | None,
    idempotency_key: str | None,
    fingerprint: str,
    is_deferred: bool,
) -> Intent:
    intent = write_intent(
        [
            SessionRecipient(recipient=share.recipient, amount=share.amount.amount)
            for share in recipients
        ],
        [
            SessionItem(
                item_ref=item.item_ref, description=item.description, amount=item.amount.amount
            )
            for item in request.items or ()
        ],
        is_claimed=not is_deferred,
        account=settings.alias,
        customer_id=settings.customer_id,
        client_customer_ref=request.client_customer_ref,
        client_reference_id=request.client_reference_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint,
        amount=request.amount.amount,
        currency=request.amount.currency.code,
        due_date=request.due_date,
        purpose_of_transaction=request.purpose_of_transaction,
        allowed_origins=list(request.allowed_origins),
        callbacks=list(request.callbacks),
        payer=cast("Any", payer),  # The project's own user model.
        metadata=dict(metadata or {}),
    )
    if is_deferred:
        enqueue_on_commit(COMPLETE_SESSION, intent.session.pk)
    return intent
