"""A request for a payment session, and all the rules of Redpin's page about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from moneyed import Money

from .addresses import callback_faults, origin_faults
from .bank_details import bank_details_faults
from .faults import Fault, gettext_noop
from .money import amount_faults, sum_faults
from .references import (
    REFERENCE_MAX_LENGTH,
    customer_ref_faults,
    is_text,
    purpose_faults,
    reference_faults,
)

# Redpin: the due date is at least 5 calendar days from the current date.
MIN_DAYS_AHEAD: Final = 5

ITEM_REF_MAX_LENGTH: Final = 100
ITEM_DESCRIPTION_MAX_LENGTH: Final = 255


@dataclass(frozen=True, slots=True)
class Item:
    """One line of what is paid for: the merchant's own reference, a description, an amount."""

    item_ref: str
    description: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Payee:
    """A recipient as Redpin is told of it: by its `recipient_id`, or by its bank details."""

    name: str
    type: str = ""
    country_code: str = ""
    currency: str = ""
    bank_details: Mapping[str, str] | None = None
    recipient_id: str | None = None

    def __repr__(self) -> str:
        return f"<Payee {self.recipient_id or 'with bank details'}>"


@dataclass(frozen=True, slots=True)
class PayeeShare:
    """What one payee gets."""

    payee: Payee
    amount: Money


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """All that Redpin is told when a payment session is created. Amounts in major units."""

    client_customer_ref: str
    client_reference_id: str
    amount: Money
    due_date: date
    purpose_of_transaction: str
    recipients: Sequence[PayeeShare]
    items: Sequence[Item] | None = None
    allowed_origins: Sequence[str] = ()
    callbacks: Sequence[str] = field(default=(), repr=False)  # Ours ends in a token.


@dataclass(frozen=True, slots=True)
class Policy:
    """What the rules need to know besides the request. `today` is the date in UTC."""

    today: date
    purposes: Collection[str] | None = None
    reference_max_length: int = REFERENCE_MAX_LENGTH
    allow_loopback: bool = False


def request_faults(request: SessionRequest, policy: Policy) -> tuple[Fault, ...]:
    """Return every rule that the request breaks, all of them at once, in the page's order."""
    origins, callbacks = _listed(request.allowed_origins), _listed(request.callbacks)
    loopback = policy.allow_loopback
    return (
        *customer_ref_faults(request.client_customer_ref),
        *reference_faults(request.client_reference_id, policy.reference_max_length),
        *amount_faults(request.amount, "amount"),
        *_due_date_faults(request.due_date, policy.today),
        *purpose_faults(request.purpose_of_transaction, policy.purposes),
        *_recipients_faults(request),
        *_items_faults(request),
        *_list_faults(request.allowed_origins, "allowed_origins"),
        *(
            fault
            for place, origin in enumerate(origins)
            for fault in origin_faults(origin, f"allowed_origins[{place}]")
        ),
        *_list_faults(request.callbacks, "callbacks"),
        *(
            fault
            for place, url in enumerate(callbacks)
            for fault in callback_faults(url, f"callbacks[{place}]", allow_loopback=loopback)
        ),
    )


def _due_date_faults(value: object, today: date) -> list[Fault]:
    if not isinstance(value, date) or isinstance(value, datetime):
        message = "Give a datetime.date (ISO 8601, YYYY-MM-DD)."
        return [Fault("due_date", "not_a_date", message)]
    earliest = today + timedelta(days=MIN_DAYS_AHEAD)
    if value < earliest:
        text = gettext_noop("The due date has to be %(earliest)s or later.")
        return [Fault("due_date", "too_soon", text, {"earliest": earliest})]
    return []


def _recipients_faults(request: SessionRequest) -> list[Fault]:
    path = "recipient_details"
    shares = _listed(request.recipients)
    if not shares:
        return [Fault(path, "required", "At least one recipient is required.")]
    faults: list[Fault] = []
    amounts: dict[int, object] = {}
    for place, share in enumerate(shares):
        if isinstance(share, PayeeShare):
            faults += _payee_faults(share.payee, request.amount, f"{path}[{place}]")
            amounts[place] = share.amount
        else:
            faults.append(
                Fault(f"{path}[{place}]", "not_a_share", "Give a Share(recipient, amount).")
            )
    return faults + sum_faults(
        request.amount,
        amounts,
        path,
        what="The recipients' amounts",
        part_path=path + "[{}].amount",
        is_whole=len(amounts) == len(shares),
    )


def _payee_faults(payee: object, total: object, path: str) -> list[Fault]:
    if not isinstance(payee, Payee):
        return [Fault(path, "not_a_payee", "Give a recipient.")]
    faults = []
    recipient_id: object = payee.recipient_id
    if not isinstance(recipient_id, (str, type(None))):
        message = "Redpin's recipient_id is text."
        faults.append(Fault(f"{path}.recipient_id", "invalid_text", message))
    if payee.bank_details is not None:
        where = f"{path}.recipient_bank_details"
        faults += bank_details_faults(payee.bank_details, payee.currency, where)
    if not payee.recipient_id and not payee.bank_details:
        message = "The recipient needs Redpin's recipient_id, or bank details."
        faults.append(Fault(path, "no_account", message))
    if payee.currency and isinstance(total, Money) and payee.currency != total.currency.code:
        message = f"The recipient's account is in {payee.currency}, not {total.currency.code}."
        faults.append(Fault(f"{path}.amount.currency", "account_currency_mismatch", message))
    return faults


def _items_faults(request: SessionRequest) -> list[Fault]:
    path = "items"
    if request.items is None:
        return []
    items = _listed(request.items)
    if not items:
        message = "Give at least one item, or leave the items out altogether."
        return [Fault(path, "required", message)]
    faults: list[Fault] = []
    amounts: dict[int, object] = {}
    for place, item in enumerate(items):
        faults += _item_faults(item, f"{path}[{place}]")
        if isinstance(item, Item):
            amounts[place] = item.amount
    return faults + sum_faults(
        request.amount,
        amounts,
        path,
        what="The items' amounts",
        part_path=path + "[{}].amount",
        is_whole=len(amounts) == len(items),
    )


def _item_faults(item: object, path: str) -> list[Fault]:
    if not isinstance(item, Item):
        return [Fault(path, "not_an_item", "Give an Item(item_ref, description, amount).")]
    limits = (
        ("item_ref", item.item_ref, ITEM_REF_MAX_LENGTH),
        ("description", item.description, ITEM_DESCRIPTION_MAX_LENGTH),
    )
    return [
        Fault(
            f"{path}.{name}",
            "invalid_text",
            gettext_noop("Give text of at most %(longest)s characters."),
            {"longest": longest},
        )
        for name, text, longest in limits
        if not is_text(text, longest)
    ]


def _list_faults(value: object, path: str) -> list[Fault]:
    if isinstance(value, (list, tuple)):
        return []
    return [Fault(path, "not_a_list", "Give a list of strings.")]


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, (list, tuple)) else ()
