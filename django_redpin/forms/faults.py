"""Show what is wrong with a payment on the form that asked for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from django.core.exceptions import ValidationError
from django.forms.forms import BaseForm

from ..exceptions import InvalidPaymentSession, RedpinError, SessionRejected
from ..l10n import fault_message

_SAME_NAMES: Final[Mapping[str, str]] = MappingProxyType({})


def add_faults(form: BaseForm, error: RedpinError, fields: Mapping[str, str] = _SAME_NAMES) -> None:
    """Add the faults that the error tells of to the form's fields, as Django's own errors.

    `InvalidPaymentSession` tells of each broken rule, `SessionRejected` of the field that Redpin
    named, in Redpin's words. Any other error adds its `user_message` to the form as a whole.

    Args:
        form: A bound form of any kind.
        error: What the service raised.
        fields: Names of form fields by Redpin's field paths. A path stands for all below it, so
            that `{"recipient_details": "payee"}` takes the fault of
            `recipient_details[0].amount`, too. What is not mapped goes to the form field of the
            same name, and what has none to the form as a whole, beside its other non-field errors.
    """
    for path, message, code in _faults(error):
        form.add_error(_form_field(form, path, fields), ValidationError(message, code=code))


def _faults(error: RedpinError) -> Iterator[tuple[str, str, str]]:
    """Yield the field's path in Redpin's names ("" for none), the message, and its code."""
    if isinstance(error, InvalidPaymentSession):
        for fault in error.faults:
            yield fault.field, fault_message(fault), fault.code
    elif isinstance(error, SessionRejected) and error.description:
        yield error.field, error.description, error.code
    else:
        yield "", str(error.user_message), type(error).__name__


def _form_field(form: BaseForm, path: str, fields: Mapping[str, str]) -> str | None:
    for mapped in (fields, {name: name for name in form.fields}):
        for prefix in _prefixes(path):
            if mapped.get(prefix) in form.fields:
                return mapped[prefix]
    return None


def _prefixes(path: str) -> Iterator[str]:
    """Yield `items[0].amount`, `items[0]` and `items`: the path, and what it lies below."""
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
