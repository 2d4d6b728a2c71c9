"""References and purposes: the short strings of a request, and when they are right."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from typing import Final

from .faults import Fault

# Redpin: format ^[A-Za-z0-9_-]+$, 1-100 characters. The newer API says 36.
REFERENCE_MAX_LENGTH: Final = 100
_REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]+")

# Ours alone: what a column holds.
CUSTOMER_REF_MAX_LENGTH: Final = 255
PURPOSE_MAX_LENGTH: Final = 100


def new_reference() -> str:
    """Return a new reference: a UUID, whose 36 characters every version of the API accepts."""
    return str(uuid.uuid4())


def reference_faults(value: object, max_length: int = REFERENCE_MAX_LENGTH) -> list[Fault]:
    """Return what is wrong with a `client_reference_id`."""
    path = "client_reference_id"
    if not isinstance(value, str) or not value:
        return [Fault(path, "required", f"Give a reference of 1 to {max_length} characters.")]
    faults = []
    if len(value) > max_length:
        message = f"The reference has {len(value)} characters; at most {max_length} are allowed."
        faults.append(Fault(path, "too_long", message))
    if not _REFERENCE.fullmatch(value):
        message = "Use only the characters A-Z, a-z, 0-9, '-' and '_'."
        faults.append(Fault(path, "invalid_characters", message))
    return faults


def customer_ref_faults(value: object) -> list[Fault]:
    """Return what is wrong with a `client_customer_ref`, the merchant's own id of the payer."""
    path = "client_customer_ref"
    if not isinstance(value, str) or not value.strip():
        return [Fault(path, "required", "Give your own reference of the person who pays.")]
    if len(value) > CUSTOMER_REF_MAX_LENGTH:
        message = f"At most {CUSTOMER_REF_MAX_LENGTH} characters are allowed."
        return [Fault(path, "too_long", message)]
    if not value.isprintable():
        return [Fault(path, "invalid_characters", "Control characters are not allowed.")]
    return []


def purpose_faults(value: object, allowed: Collection[str] | None = None) -> list[Fault]:
    """Return what is wrong with a `purpose_of_transaction`.

    Redpin: given, not empty, one of its values, case-sensitive. Its list is not published; where
    the merchant knows it, it comes as `allowed`.
    """
    path = "purpose_of_transaction"
    if not isinstance(value, str) or not value.strip():
        return [Fault(path, "required", "Give the purpose of the transaction.")]
    if len(value) > PURPOSE_MAX_LENGTH:
        return [Fault(path, "too_long", f"At most {PURPOSE_MAX_LENGTH} characters are allowed.")]
    if not value.isprintable():
        return [Fault(path, "invalid_characters", "Control characters are not allowed.")]
    if allowed is not None and value not in allowed:
        message = f"Use one of {', '.join(sorted(allowed))}, exactly as written here."
        return [Fault(path, "invalid_choice", message)]
    return []


def is_text(value: object, max_length: int) -> bool:
    """Tell whether `value` is text that every database holds: no NUL, no lone surrogate."""
    return (
        isinstance(value, str)
        and len(value) <= max_length
        and not any(letter == "\x00" or "\ud800" <= letter <= "\udfff" for letter in value)
    )
