"""JSON whose numbers stay exact: Decimal in, Decimal out, and nothing that JSON does not know."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import simplejson

_MAX_DEPTH: Final = 64
_MAX_DIGITS: Final = 64


def dumps(value: object) -> bytes:
    """Return `value` as JSON in UTF-8; a Decimal becomes a number with every digit it has.

    Keys are sorted, so that equal values have equal bytes.
    """
    return simplejson.dumps(
        value, use_decimal=True, allow_nan=False, sort_keys=True, separators=(",", ":")
    ).encode()


def loads(body: bytes) -> Any:  # The shape of what others send is theirs; readers check it.
    """Return what `body` says; numbers with a point or an exponent become Decimal.

    Raises `ValueError` for all that is not plain JSON in UTF-8: NaN and Infinity, the same key
    twice, more than 64 levels or 64 digits, lone surrogates.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_float=_number,
            parse_int=_integer,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None
    # What holds no escape has no lone surrogate, and what opens so few is not nested too deeply.
    if b"\\u" in body or body.count(b"{") + body.count(b"[") > _MAX_DEPTH:
        _check(value, 0)
    return value


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= _MAX_DIGITS else Decimal("NaN")
    except InvalidOperation:  # An exponent that not even decimal can hold.
        number = Decimal("NaN")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or abs(exponent) > _MAX_DIGITS:
        raise ValueError("The JSON has a number of too many digits.")
    return number


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("The JSON has a number of too many digits.")
    return int(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("The JSON has the same key twice in one object.")
    return found


def _check(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH or (depth == _MAX_DEPTH and isinstance(value, (dict, list))):
        raise ValueError("The JSON is nested too deeply.")
    if isinstance(value, str):
        value.encode()  # A lone surrogate raises UnicodeEncodeError, which is a ValueError.
    elif isinstance(value, dict):
        for key, inner in value.items():
            _check(key, depth + 1)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
