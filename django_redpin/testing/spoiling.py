"""What can go wrong with a webhook on its way: a table, by name, as in the sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from .payloads import Payload

DUPLICATE: Final = "duplicate"
DROP: Final = "drop"
REORDER: Final = "reorder"
DELAY: Final = "delay"
BEFORE_ANSWER: Final = "before_answer"
BROKEN_JSON: Final = "broken_json"
WRONG_CONTENT_TYPE: Final = "wrong_content_type"
MISSING_FIELD: Final = "missing_field"
NESTED: Final = "nested"
FLAT: Final = "flat"
AMOUNT: Final = "amount"
CURRENCY: Final = "currency"

_FIELDS: Final = (
    *("event_id", "payment_id", "status", "customer_id", "client_customer_ref"),
    *("client_reference_id", "session_id", "event_timestamp", "data"),
)


def _nothing(value: str) -> str:
    if value:
        raise ValueError("this fault takes no value")
    return ""


def _times(value: str) -> str:
    value = value or "2"
    if not value.isdecimal() or not 2 <= int(value) <= 20:
        raise ValueError("value has to be a whole number from 2 to 20: how often it is posted")
    return value


def _field(value: str) -> str:
    if value not in _FIELDS:
        raise ValueError(f"value has to be one of {', '.join(_FIELDS)}")
    return value


def _number(value: str) -> str:
    try:
        if Decimal(value).is_finite():
            return value
    except ArithmeticError:
        pass
    raise ValueError("value has to be a number, such as 1.00")


def _code(value: str) -> str:
    if len(value) != 3 or not value.isalpha() or not value.isupper():
        raise ValueError("value has to be three capital letters, such as EUR")
    return value


@dataclass(frozen=True, slots=True)
class Spoiling:
    """One way to spoil a post: what it does in words, and what its value has to be."""

    text: str
    check: Callable[[str], str] = field(default=_nothing, repr=False)


WEBHOOK_FAULTS: Final[dict[str, Spoiling]] = {
    DUPLICATE: Spoiling("Posted so many times, one after the other (2)", _times),
    REORDER: Spoiling("Held until a later one has been posted"),
    DELAY: Spoiling("Held until the test calls deliver()"),
    DROP: Spoiling("Never posted"),
    BEFORE_ANSWER: Spoiling(
        "The next session is paid at once; its event comes before create is answered"
    ),
    BROKEN_JSON: Spoiling("The body breaks off in the middle"),
    WRONG_CONTENT_TYPE: Spoiling("The body is declared as text/plain"),
    MISSING_FIELD: Spoiling("The body comes without the field of that name", _field),
    NESTED: Spoiling("In the nested envelope"),
    FLAT: Spoiling("In the flat envelope"),
    AMOUNT: Spoiling("Each amount in it has that value; one is put in if there is none", _number),
    CURRENCY: Spoiling(
        "Each amount in it is in that currency; one is put in if there is none", _code
    ),
}


def spoilt_payload(
    payload: Payload, faults: Mapping[str, str], total: Mapping[str, object]
) -> Payload:
    """Return the payload as the faults leave it; `total` is the amount that is put in."""
    change: dict[str, object] = {}
    if AMOUNT in faults:
        change["value"] = Decimal(faults[AMOUNT])
    if CURRENCY in faults:
        change["currency"] = faults[CURRENCY]
    gone = faults.get(MISSING_FIELD)
    whole = dict(payload)
    # A payer's status in the flat envelope has a list there, or nothing, and no amount anyhow.
    if isinstance(whole.get("data"), dict):
        whole["data"] = _spoilt_data(whole["data"], change, gone, total)
    return {name: value for name, value in whole.items() if name != gone}


def _spoilt_data(
    data: Payload, change: Mapping[str, object], gone: str | None, total: Mapping[str, object]
) -> Payload:
    if change:
        names = [name for name, held in data.items() if isinstance(held, dict)]
        data = data if names else {**data, "amount": total}
        data = {**data, **{name: {**data[name], **change} for name in names or ["amount"]}}
    return {name: value for name, value in data.items() if name != gone}


def spoilt_body(body: bytes, faults: Mapping[str, str]) -> bytes:
    """Return the body as the faults leave it."""
    return body[: len(body) // 2] if BROKEN_JSON in faults else body
