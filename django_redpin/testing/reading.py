"""What a request says, read as Redpin's page has it, and which rules it breaks.

The rules are those of `rules/`. What stands here is what the page says of JSON alone, since the
client's own requests are checked before they are one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from moneyed import CurrencyDoesNotExist, Money, get_currency

from ..rules.faults import Fault
from ..rules.requests import Item, Payee, PayeeShare, Policy, SessionRequest, request_faults

_COUNTRY: Final = re.compile(r"[A-Z]{3}")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TYPES: Final = ("Individual", "Corporate")
# Redpin: the currency, with one of these.
_ACCOUNTS: Final = (
    {"iban"},
    {"account_number", "swift_code"},
    {"account_number", "routing_code_type", "routing_code_value", "bank_country_code"},
)


def read_session(
    document: Mapping[str, Any], policy: Policy
) -> tuple[SessionRequest, tuple[Fault, ...]]:
    """Return the request that a document makes, and the rules that it breaks."""
    entries = document.get("recipient_details")
    listed = entries if isinstance(entries, list) else []
    items = document.get("items")
    request = SessionRequest(
        client_customer_ref=document.get("client_customer_ref"),  # type: ignore[arg-type]
        client_reference_id=document.get("client_reference_id"),  # type: ignore[arg-type]
        amount=_money(document.get("amount")),  # type: ignore[arg-type]
        due_date=_date(document.get("due_date")),  # type: ignore[arg-type]
        purpose_of_transaction=document.get("purpose_of_transaction"),  # type: ignore[arg-type]
        recipients=[_share(entry) for entry in listed],  # type: ignore[misc]
        items=None if items is None else [_item(entry) for entry in _list(items)],  # type: ignore[misc]
        allowed_origins=document.get("allowed_origins", []),
        callbacks=document.get("callbacks", []),
    )
    embedded = [
        fault
        for place, entry in enumerate(listed)
        if isinstance(entry, dict) and not entry.get("recipient_id")
        for fault in _person_faults(entry, f"recipient_details[{place}].")
    ]
    return request, (*request_faults(request, policy), *embedded)


def recipient_faults(document: Mapping[str, Any]) -> list[Fault]:
    """Return the rules that a request to add a recipient breaks."""
    faults = _person_faults(document, "")
    if document.get("customer_own_account") not in ("yes", "no"):
        faults.append(Fault("customer_own_account", "invalid_choice", "Say yes or no."))
    if not isinstance(document.get("address"), dict):
        faults.append(Fault("address", "required", "An address is required, as an object."))
    details = document.get("recipient_bank_details")
    named = {key for key, value in details.items() if value} if isinstance(details, dict) else set()
    if "currency" not in named or not any(needed <= named for needed in _ACCOUNTS):
        text = "Give the currency, and an IBAN or an account number with its bank's codes."
        faults.append(Fault("recipient_bank_details", "no_account", text))
    return faults


def _person_faults(document: Mapping[str, Any], path: str) -> list[Fault]:
    faults = []
    if not str(document.get("name") or "").strip():
        faults.append(Fault(f"{path}name", "required", "A name is required."))
    if document.get("type") not in _TYPES:
        faults.append(Fault(f"{path}type", "invalid_choice", f"Use {' or '.join(_TYPES)}."))
    if not _COUNTRY.fullmatch(str(document.get("country_code"))):
        text = "Give an ISO 3166-1 alpha-3 code, such as ARE."
        faults.append(Fault(f"{path}country_code", "invalid_choice", text))
    return faults


def _money(value: object) -> Money | None:
    match value:
        case {"currency": str(code), "value": int() | Decimal() as number} if number is not True:
            try:
                return Money(number, get_currency(code))
            except CurrencyDoesNotExist:
                return None
    return None


def _date(value: object) -> date | None:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _share(entry: object) -> PayeeShare | None:
    if not isinstance(entry, dict):
        return None
    details = entry.get("recipient_bank_details")
    held = dict(details) if isinstance(details, dict) else None
    currency = held.pop("currency", "") if held else ""
    payee = Payee(
        name=entry.get("name", ""),
        type=entry.get("type", ""),
        country_code=entry.get("country_code", ""),
        currency=currency if isinstance(currency, str) else "",
        bank_details=held,
        recipient_id=entry.get("recipient_id"),
    )
    return PayeeShare(payee, _money(entry.get("amount")))  # type: ignore[arg-type]


def _item(entry: object) -> Item | None:
    if not isinstance(entry, dict):
        return None
    texts = (entry.get("item_ref", ""), entry.get("description", ""))
    return Item(*texts, _money(entry.get("amount")))  # type: ignore[arg-type]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
