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
# ISO 13616, whatever the country: two letters, two check digits, and at most 30 more characters.
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30}", re.IGNORECASE | re.ASCII)


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
        elif name == "iban":
            faults += iban_faults(value, where)
    return faults


def iban_faults(iban: str, path: str) -> list[Fault]:
    """Return whether the check digits say that the IBAN was copied wrongly.

    They are those of ISO 7064 in every country, and stay when a country changes the rest. Spaces
    and small letters make no difference.
    """
    plain = iban.replace(" ", "")
    if _IBAN.fullmatch(plain):
        digits = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
        # 00, 01 and 99 leave the same remainder as the right ones, and are given to no account.
        if int(digits) % 97 == 1 and 2 <= int(plain[2:4]) <= 98:
            return []
    message = "This is no IBAN: its check digits don't fit. Look for a typing error."
    return [Fault(path, "invalid_iban", message)]
