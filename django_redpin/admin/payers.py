"""Who pays, where the project said which of its users that is."""

from __future__ import annotations

from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import Q

from ..models import PaymentSession

# One name or address may be that of several people; what each of very many pays helps nobody.
_MOST: Final = 20


def payer_name(session: PaymentSession) -> str:
    """Return the payer's name, or what they sign in with; empty where no user is known."""
    payer = session.payer
    if payer is None:
        return ""
    # A project's own users need not have more of a name than they sign in with.
    return str(getattr(payer, "get_full_name", str)() or payer.get_username())


def payers_called(term: str) -> list[Any]:
    """Return the keys of users with this user name or e-mail, by those of the two with an index."""
    users: Any = get_user_model()  # A project's own.
    names = (users.USERNAME_FIELD, getattr(users, "EMAIL_FIELD", None))
    wanted = Q()
    for name in names:
        if name and _has_index(users._meta.get_field(name)):
            wanted |= Q(**{name: term})
    if not wanted:
        return []
    found = users._default_manager.filter(wanted).order_by("pk")
    return list(found.values_list("pk", flat=True)[:_MOST])


def _has_index(field: Any) -> bool:
    meta = field.model._meta
    kept = [getattr(each, "fields", ()) for each in (*meta.indexes, *meta.constraints)]
    leading = {names[0].lstrip("-") for names in kept if names}
    return bool(field.unique or field.db_index or field.name in leading)
