"""What stands in a row in the place of a person, and keeps news from bringing the person back."""

from __future__ import annotations

import secrets
from typing import Any, Final

from django.apps import apps
from django.db.models import Model

from ..models import PaymentSession

_BEGINNING: Final = "anonymous-"


def pseudonym() -> str:
    """Return a name that says nothing: by chance, so that nobody finds out what it stands for."""
    return _BEGINNING + secrets.token_hex(8)


def emptied(name: str) -> dict[str, Any]:
    """Return what an event's row is emptied by, with `name` in the payer's place."""
    return {"body": b"", "client_customer_ref": name}


def rename_in_history(model: type[Model], pk: int, name: str) -> None:
    """Put `name` in the place of what the admin's history calls a row, which is what it was."""
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=kind, object_id=str(pk)).update(object_repr=name)


def of_nobody(session: PaymentSession | None, *, is_done: bool) -> dict[str, Any]:
    """Return what an event's row is emptied by where its `session` is anonymous, else nothing.

    News of such a session bring its payer along again. One that is given up keeps its body until
    that is pruned: it tells of money, and a person may have it processed again.
    """
    if session is None or session.anonymised_at is None:
        return {}
    columns = emptied(session.client_customer_ref)
    return columns if is_done else {"client_customer_ref": columns["client_customer_ref"]}
