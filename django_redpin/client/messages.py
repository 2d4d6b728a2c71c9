"""The wire's shapes: what is sent when a session is created, what create and list answer.

Redpin's page doesn't expand the nested objects. What is inferred about them (`{"currency",
"value"}` for money, `recipient_id` or embedded details for a recipient, the names in an item)
stands here and nowhere else, so that one edit mends it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Final

from moneyed import Money

from ..exceptions import NoAnswer
from ..rules.money import quantise
from ..rules.requests import Item, PayeeShare, SessionRequest
from ..telemetry import LogEvent, tell

_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?"
    r"(?:[Zz]|([+-]\d\d)(?::?([0-5]\d))?)?)?",
    re.ASCII,
)
logger: logging.Logger = logging.getLogger("django_redpin")

# Redpin: the list shows 100 sessions on a page at most.
PAGE_LIMIT: Final = 100


@dataclass(frozen=True, slots=True)
class CreatedSession:
    """What Redpin answers to create. `session_url` is a capability: whoever has it can pay."""

    session_id: str
    session_url: str
    expires_at: datetime | None

    def __repr__(self) -> str:
        return f"<CreatedSession {self.session_id}>"


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What Redpin's list call says of one session. `as_of` is Redpin's clock (UTC).

    `session_url` is not among the fields that Redpin documents for the list.
    """

    session_id: str
    client_reference_id: str
    client_customer_ref: str
    customer_id: str
    expires_at: datetime | None
    latest_status: str
    has_payment: bool
    payment_id: str
    session_url: str
    created_at: datetime | None
    as_of: datetime

    def __repr__(self) -> str:
        return f"<SessionRecord {self.session_id}>"


@dataclass(frozen=True, slots=True)
class SessionPage:
    """One page of Redpin's list of sessions. `as_of` is Redpin's clock (UTC).

    `total_pages` is how many there are as far as this page tells; 0 where there is no session.
    """

    records: tuple[SessionRecord, ...]
    total_pages: int
    as_of: datetime


def create_body(request: SessionRequest) -> dict[str, Any]:
    """Return the JSON of a create call. Lists that are empty are left out, as optional ones."""
    body: dict[str, Any] = {
        "client_customer_ref": request.client_customer_ref,
        "client_reference_id": request.client_reference_id,
        "amount": _money(request.amount),
        "due_date": request.due_date.isoformat(),
        "purpose_of_transaction": request.purpose_of_transaction,
        "recipient_details": [_recipient(share) for share in request.recipients],
    }
    if request.items:
        body["items"] = [_item(item) for item in request.items]
    if request.allowed_origins:
        body["allowed_origins"] = list(request.allowed_origins)
    if request.callbacks:
        body["callbacks"] = list(request.callbacks)
    return body


def read_created(body: Mapping[str, Any], client_reference_id: str) -> CreatedSession:
    """Read the answer to create. Raises `NoAnswer` where it lacks parts or isn't ours."""
    session_id, url = body.get("session_id"), body.get("session_url")
    expires_at = read_time(body.get("expires_at") or body.get("session_expires_at"))
    if not _is_id(session_id, 100) or not _is_id(url, 2048) or expires_at is None:
        raise NoAnswer("Redpin's answer lacks session_id, session_url or expires_at.")
    echo = body.get("client_reference_id", client_reference_id)
    if echo != client_reference_id:
        raise NoAnswer("Redpin's answer is about another client_reference_id.")
    return CreatedSession(str(session_id), str(url), expires_at)


def read_record(entry: object, as_of: datetime) -> SessionRecord:
    """Read one entry of the list. Raises `NoAnswer` where it has no session_id."""
    if not isinstance(entry, dict) or not _is_id(entry.get("session_id"), 100):
        raise NoAnswer("Redpin's list has an entry without session_id.")
    return SessionRecord(
        session_id=entry["session_id"],
        client_reference_id=text(entry.get("client_reference_id")),
        client_customer_ref=text(entry.get("client_customer_ref")),
        customer_id=text(entry.get("customer_id")),
        expires_at=read_time(entry.get("session_expires_at") or entry.get("expires_at")),
        latest_status=text(entry.get("latest_status"), 64),
        has_payment=entry.get("has_payment") is True or bool(entry.get("payment_id")),
        payment_id=text(entry.get("payment_id"), 100),
        session_url=text(entry.get("session_url"), 2048),
        created_at=read_time(entry.get("created_at")),
        as_of=as_of,
    )


def read_page(body: Mapping[str, Any], page: int, limit: int, as_of: datetime) -> SessionPage:
    """Read one page of the list, without the entries that can't be read.

    Raises `NoAnswer` where there is no list, or `meta` says what is no count of pages.
    """
    entries = body.get("sessions")
    if not isinstance(entries, list):
        raise NoAnswer("Redpin's list of sessions has no list in it.")
    records = []
    for entry in entries:
        # One that can't be read must not hide the others.
        with suppress(NoAnswer):
            records.append(read_record(entry, as_of))
    if unreadable := len(entries) - len(records):
        tell(
            logger,
            LogEvent.LIST_UNREADABLE,
            "Page %s of Redpin's list has %s unreadable entries.",
            page,
            unreadable,
            page=page,
            count=unreadable,
        )
    return SessionPage(tuple(records), read_total_pages(body, page, len(entries), limit), as_of)


def read_total_pages(body: Mapping[str, Any], page: int, entries: int, limit: int) -> int:
    """Return how many pages the list has. Where `meta` doesn't tell, a full one has one after it.

    Raises `NoAnswer` where `meta` says what is no count of pages.
    """
    meta = body.get("meta")
    if meta is not None and not isinstance(meta, Mapping):
        raise NoAnswer("Redpin's list of sessions has a meta that is no object.")
    total = (meta or {}).get("total_pages")
    if total is None:
        return page + (entries >= limit)
    count = text(total, 9)
    if not (count.isascii() and count.isdecimal()):
        raise NoAnswer("Redpin's list of sessions has a total_pages that is no count.")
    return int(count)


def read_time(value: object) -> datetime | None:
    """Return an ISO 8601 time in UTC, or None. A time without a zone is taken as UTC.

    Read by a pattern of our own, since what `fromisoformat` takes differs from one Python to the
    next. Digits beyond microseconds are cut off; a date alone is its midnight.
    """
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= 40 else None
    if match is None:
        return None
    day, clock, seconds, fraction, hours, minutes = match.groups(default="")
    written = f"{day}T{clock or '00:00'}:{seconds or '00'}.{fraction[:6]:0<6}"
    try:
        found = datetime.fromisoformat(f"{written}{hours or '+00'}:{minutes or '00'}")
        return found.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def text(value: object, max_length: int = 255) -> str:
    """Return an identifier as text; numbers become digits, anything else (or too long) nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return ""
    found = str(value)
    return found if len(found) <= max_length and "\x00" not in found else ""


def _is_id(value: object, max_length: int) -> bool:
    return isinstance(value, str) and bool(text(value, max_length))


def _money(money: Money) -> dict[str, Any]:
    return {"currency": money.currency.code, "value": quantise(money).amount}


def _recipient(share: PayeeShare) -> dict[str, Any]:
    payee = share.payee
    if payee.recipient_id:
        return {"recipient_id": payee.recipient_id, "amount": _money(share.amount)}
    return {
        "name": payee.name,
        "type": payee.type,
        "country_code": payee.country_code,
        "recipient_bank_details": {**(payee.bank_details or {}), "currency": payee.currency},
        "amount": _money(share.amount),
    }


def _item(item: Item) -> dict[str, Any]:
    body = {"description": item.description, "amount": _money(item.amount)}
    return {"item_ref": item.item_ref, **body} if item.item_ref else body
