"""Redpin's rules for creating a session, read from its page independently of the client's side.

Input is parsed JSON; output is a ``ValidRequest`` or the faults, each with the path of its field.
Whether a reference is already taken is for the database to say, in ``api``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from .addresses import is_allowed_origin, is_callback
from .fields import Fault, Fields, is_clean
from .money import Amount
from .versions import VERSIONS, Version

EARLIEST_DUE_DAYS: Final = 5
RECIPIENT_TYPES: Final = ("Individual", "Corporate")
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
COUNTRY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_ORIGIN_RULE: Final = (
    "must be an HTTPS origin without a path, an Android package name or an iOS bundle identifier; "
    "wildcards are not supported"
)
_CALLBACK_RULE: Final = "must be an absolute HTTPS URL without a fragment"


@dataclass(frozen=True, slots=True)
class ValidRecipient:
    """A payee by ``recipient_id``, or embedded with its details; the other half is empty."""

    amount: Amount
    recipient_id: str
    name: str
    type: str
    country_code: str
    bank_details: dict[str, str]


@dataclass(frozen=True, slots=True)
class ValidItem:
    amount: Amount
    item_ref: str
    description: str


@dataclass(frozen=True, slots=True)
class ValidRequest:
    client_customer_ref: str
    client_reference_id: str
    amount: Amount
    due_date: date
    purpose_of_transaction: str
    recipients: tuple[ValidRecipient, ...]
    items: tuple[ValidItem, ...]
    allowed_origins: tuple[str, ...]
    callbacks: tuple[str, ...]


class InvalidRequest(Exception):
    """At least one rule is broken. ``faults`` are in the order of Redpin's page."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(f"{len(faults)} broken rules")
        self.faults = tuple(faults)


def validate(
    document: dict[str, object],
    *,
    today: date,
    purposes: Sequence[str] = (),
    version: Version = VERSIONS["seed"],
) -> ValidRequest:
    """Return ``document`` as a request that keeps every rule of the API's ``version``.

    ``today`` is the current date in UTC; ``purposes`` the allowed purposes, empty for any.
    Raises InvalidRequest.
    """
    fields = Fields(document, [])
    customer_ref = fields.text("client_customer_ref", most=100)
    reference = _reference(fields, version.reference_most)
    total = fields.amount()
    due_date = _due_date(fields, today)
    purpose = _purpose(fields, purposes)
    recipients = _recipients(fields, total)
    items = _items(fields, total)
    origins = fields.strings("allowed_origins", is_allowed_origin, _ORIGIN_RULE)
    callbacks: tuple[str, ...] = ()
    if version.has_callbacks:
        callbacks = fields.strings("callbacks", is_callback, _CALLBACK_RULE)
    if fields.faults or total is None or due_date is None:
        raise InvalidRequest(fields.faults)
    return ValidRequest(
        client_customer_ref=customer_ref,
        client_reference_id=reference,
        amount=total,
        due_date=due_date,
        purpose_of_transaction=purpose,
        recipients=recipients,
        items=items,
        allowed_origins=origins,
        callbacks=callbacks,
    )


def _reference(fields: Fields, most: int) -> str:
    reference = fields.text("client_reference_id", most=most)
    if reference and not _REFERENCE.fullmatch(reference):
        fields.fault(
            "client_reference_id", "may only have letters A-Z a-z, digits, hyphens and underscores"
        )
    return reference


def _due_date(fields: Fields, today: date) -> date | None:
    text = fields.text("due_date", most=100)
    if not text:
        return None
    try:
        due = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        due = None
    if due is None:
        fields.fault("due_date", "must be a date of the form YYYY-MM-DD")
        return None
    earliest = today + timedelta(days=EARLIEST_DUE_DAYS)
    if due < earliest:
        fields.fault(
            "due_date",
            f"must be at least {EARLIEST_DUE_DAYS} calendar days from today, "
            f"so {earliest.isoformat()} or later",
        )
    return due


def _purpose(fields: Fields, purposes: Sequence[str]) -> str:
    purpose = fields.text("purpose_of_transaction", most=100)
    if purpose and purposes and purpose not in purposes:
        fields.fault(
            "purpose_of_transaction",
            f"must be exactly one of {', '.join(purposes)} (case-sensitive)",
        )
    return purpose


def _recipients(fields: Fields, total: Amount | None) -> tuple[ValidRecipient, ...]:
    currency = total.currency if total else None
    entries = fields.objects("recipient_details")
    found = [_recipient(entry, currency) for entry in entries]
    recipients = tuple(recipient for recipient in found if recipient is not None)
    _sum_equals(fields, "recipient_details", total, [r.amount for r in recipients], len(entries))
    return recipients


def _recipient(entry: Fields, currency: str | None) -> ValidRecipient | None:
    amount = entry.amount(currency=currency)
    recipient_id = entry.text("recipient_id", most=100, required=False)
    name = kind = country = ""
    details: dict[str, str] = {}
    if entry.has("recipient_id"):
        name = entry.text("name", most=200, required=False)
    else:
        name = entry.text("name", most=200)
        kind = entry.text("type", most=20)
        if kind and kind not in RECIPIENT_TYPES:
            entry.fault("type", f"must be {' or '.join(RECIPIENT_TYPES)}")
        country = entry.text("country_code", most=100)
        if country and not COUNTRY.fullmatch(country):
            entry.fault("country_code", "must be an ISO 3166-1 alpha-3 code such as ARE")
        details = _bank_details(entry, currency)
    if amount is None:
        return None
    return ValidRecipient(amount, recipient_id, name, kind, country, details)


def _bank_details(entry: Fields, currency: str | None) -> dict[str, str]:
    given = entry.document.get("recipient_bank_details")
    if not isinstance(given, dict):
        entry.fault("recipient_bank_details", "is required, as an object")
        return {}
    inner = Fields(given, entry.faults, entry.name("recipient_bank_details"))
    details: dict[str, str] = {}
    for key in given:
        if len(key) <= 50 and is_clean(key):
            details[key] = inner.text(key, most=200, required=False)
        else:
            entry.fault("recipient_bank_details", "has a field name that cannot be read")
    if not inner.has("iban") and not inner.has("account_number"):
        entry.fault("recipient_bank_details", "must have an iban or an account_number")
    if currency and details.get("currency") not in (None, "", currency):
        inner.fault("currency", f"must be {currency}, the currency of the session's amount")
    return details


def _items(fields: Fields, total: Amount | None) -> tuple[ValidItem, ...]:
    if "items" not in fields.document:
        return ()
    currency = total.currency if total else None
    entries = fields.objects("items")
    items = []
    for entry in entries:
        amount = entry.amount(currency=currency)
        item_ref = entry.text("item_ref", most=255, required=False)
        description = entry.text("description", most=1000, required=False)
        if amount is not None:
            items.append(ValidItem(amount, item_ref, description))
    _sum_equals(fields, "items", total, [item.amount for item in items], len(entries))
    return tuple(items)


def _sum_equals(
    fields: Fields, field: str, total: Amount | None, amounts: list[Amount], entries: int
) -> None:
    # A sum over amounts some of which could not be read would only repeat their faults.
    if total is None or not entries or len(amounts) != entries:
        return
    together = sum(amount.minor for amount in amounts)
    if together != total.minor:
        fields.fault(field, f"amounts must add up to the session's amount, {total.value}")
