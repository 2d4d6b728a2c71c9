"""Bank details: text by name, for an account in one currency."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .faults import Fault
from .references import is_text

# Ours alone: no name and no value of Redpin's comes near.
BANK_DETAIL_MAX_LENGTH: Final = 255
# Redpin's names look so (iban, account_number), and no account number does.
_NAME: Final = re.compile(r"[a-z_]{1,64}")


def bank_details_faults(details: object, currency: str, path: str) -> list[Fault]:
    """Return what keeps `details` from being the bank details of an account in `currency`.

    Redpin: all currencies match that of the session's amount. So a `currency` among the details,
    which need not be there, is the recipient's own. No fault quotes a value.
    """
    if not isinstance(details, Mapping):
        message = "Bank details are a dict, such as {'iban': ...}."
        return [Fault(path, "not_a_dict", message)]
    faults = []
    for name, value in details.items():
        where = f"{path}.{name}" if isinstance(name, str) and _NAME.fullmatch(name) else path
        if not all(part and is_text(part, BANK_DETAIL_MAX_LENGTH) for part in (name, value)):
            message = f"Give text of 1 to {BANK_DETAIL_MAX_LENGTH} characters, by its name."
            faults.append(Fault(where, "invalid_text", message))
        elif name == "currency" and value != currency:
            message = "This is not the recipient's currency; leave it out, and that one is sent."
            faults.append(Fault(where, "account_currency_mismatch", message))
    return faults
