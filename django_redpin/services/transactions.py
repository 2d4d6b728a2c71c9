"""No call to Redpin while a transaction is open."""

from __future__ import annotations

from django.db import transaction

from ..exceptions import OpenTransactionError


def require_no_transaction(verb: str) -> None:
    """Raise `OpenTransactionError`, which names `verb`, inside an open transaction."""
    try:
        # Django refuses a durable block inside another one, except a test case's own.
        with transaction.atomic(durable=True):
            pass
    except RuntimeError:
        raise OpenTransactionError(verb) from None
