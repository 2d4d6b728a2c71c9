"""What strangers post, made readable without the accounts that it names."""

from __future__ import annotations

import re
from typing import Any, Final

import simplejson

from ..rules import exact_json
from .recipients import masked

# As Redpin writes them, and as others do: whatever is told under such a name is hidden.
_BANK_NAMES: Final = re.compile(
    r"iban|bban|account_?(?:no|num)|account$|swift|\bbic|routing|sort_?code|bsb|ifsc|clabe|card",
    re.IGNORECASE,
)
# Redpin's own ids and references are digits too, and are what one searches for.
_ID_NAMES: Final = re.compile(
    r"(?:id|ids|identifier|ref|reference|timestamp|amount)$", re.IGNORECASE
)
_IBAN: Final = re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,30}\b", re.IGNORECASE)
_ACCOUNT: Final = re.compile(r"[0-9](?:[ -]?[0-9]){7,33}")
_IN_TEXT: Final = re.compile(r"""(?P<name>"[^"]*"\s*:[\s\[]*)(?P<value>"[^"]*"?|-?[0-9]+)""")


def readable(body: bytes) -> str:
    """Return the body as text, indented where it is JSON; what looks like an account is masked."""
    try:
        value = exact_json.loads(body)
    except ValueError:
        return _masked_text(body.decode("utf-8", "replace"))
    return str(simplejson.dumps(_masked(value), use_decimal=True, ensure_ascii=False, indent=2))


def names_an_iban(text: str) -> bool:
    """Tell whether something in the text looks like an IBAN."""
    return bool(_IBAN.search(text))


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {_masked_scalar(key, "id"): _masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in value]
    return _masked_scalar(value, name)


def _masked_scalar(value: Any, name: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _BANK_NAMES.search(name):
        return masked(value)
    if not isinstance(value, str):
        return value
    if _ACCOUNT.fullmatch(value) and not _ID_NAMES.search(name):
        return masked(value)
    return _IBAN.sub(lambda found: masked(found[0]), value)


def _masked_text(text: str) -> str:
    """Return what is no JSON without the values of such names, IBANs, and any long number."""

    def hide(found: re.Match[str]) -> str:
        is_bank = _BANK_NAMES.search(found["name"].rstrip(' :[\t\r\n"'))
        return f'{found["name"]}"{masked(found["value"].strip(chr(34)))}"' if is_bank else found[0]

    text = _IN_TEXT.sub(hide, text)
    for pattern in (_IBAN, _ACCOUNT):
        text = pattern.sub(lambda found: masked(found[0]), text)
    return text
