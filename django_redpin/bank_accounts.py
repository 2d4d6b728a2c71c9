"""What well-kept libraries know of bank accounts: how the IBANs of a country look, and a BIC.

The checks are for what a person types, where they can mend it. What they refuse, a request may
still hold: a country may have changed its IBANs since the library was released. A rule that holds
for every IBAN is in `rules/bank_details.py`. The libraries are slow to import, and so are imported
by whoever uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .rules.bank_details import iban_faults
from .rules.faults import Fault

_ABROAD: Final = (
    "This account is in %(theirs)s, and the payee in %(ours)s. Mend the one that is wrong, or say"
    " that the account is in another country."
)
_LENGTH: Final = (
    "An IBAN of %(country)s has %(right)s characters, and this one has %(given)s: look for what was"
    " left out or typed twice."
)
_SHAPE: Final = (
    "No IBAN of %(country)s looks like this: look for a letter in the place of a digit, or two"
    " that were swapped."
)
# Kosovo's, in IBANs and SWIFT codes, though not of ISO 3166-1.
_USER_ASSIGNED: Final = frozenset({"XK"})
_BIC: Final = (
    "A SWIFT code (BIC) has 8 or 11 characters, of which the fifth and sixth are the bank's"
    " country: look for what was left out or typed wrongly."
)


def compact(text: str) -> str:
    """Return an IBAN, or a BIC, without the spaces it is printed with, in capital letters."""
    return "".join(text.split()).upper()


def account_faults(
    details: Mapping[str, str], country_code: str, *, is_abroad: bool
) -> list[Fault]:
    """Return what is wrong with the IBAN and the SWIFT code, which are compact, of a payee.

    The payee's country is `country_code` (ISO 3166-1 alpha-3); the account is in the same one, or
    in any where `is_abroad`. No fault quotes an account.
    """
    faults = []
    if iban := details.get("iban"):
        faults += iban_faults(iban, "iban") or _of_country(iban)
    if bic := details.get("swift_code"):
        faults += _bic_faults(bic)
    if faults or is_abroad:
        return faults
    places = (("iban", iban and iban[:2]), ("swift_code", bic and bic[4:6]))
    return [
        Fault(name, "another_country", _ABROAD, {"theirs": theirs, "ours": ours})
        for name, code in places
        if code and (theirs := _name(alpha_2=code)) != (ours := _name(alpha_3=country_code))
    ]


def _of_country(iban: str) -> list[Fault]:
    from schwifty import IBAN
    from schwifty.exceptions import InvalidCountryCode, InvalidLength, SchwiftyException

    given = IBAN(iban, allow_invalid=True)
    country: dict[str, object] = {"country": _name(alpha_2=iban[:2])}
    try:
        given.validate()
    except InvalidCountryCode:  # One that the library does not know yet.
        return []
    except InvalidLength:
        lengths: dict[str, object] = {"right": given.spec.iban_length, "given": len(iban)}
        return [Fault("iban", "invalid_length", _LENGTH, country | lengths)]
    except SchwiftyException:
        return [Fault("iban", "invalid_structure", _SHAPE, country)]
    return []


def _bic_faults(bic: str) -> list[Fault]:
    from schwifty import BIC
    from schwifty.exceptions import InvalidCountryCode, SchwiftyException

    try:
        BIC(bic)
    except InvalidCountryCode:
        return [] if bic[4:6] in _USER_ASSIGNED else [Fault("swift_code", "invalid_bic", _BIC)]
    except SchwiftyException:
        return [Fault("swift_code", "invalid_bic", _BIC)]
    return []


def _name(*, alpha_2: str = "", alpha_3: str = "") -> str:
    """Return the name of the country with this code, or the code."""
    import pycountry

    countries = pycountry.countries
    found = countries.get(alpha_2=alpha_2) if alpha_2 else countries.get(alpha_3=alpha_3)
    return str(getattr(found, "common_name", found.name)) if found else alpha_2 or alpha_3
