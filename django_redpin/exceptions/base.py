"""The root of the errors, and those that are raised before Redpin comes into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from ..rules.quoting import bounded

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

# Text, or what becomes text in the language of whoever reads it.
Words: TypeAlias = "str | _StrPromise"

_TEXT_LENGTH: Final = 2000

# The attributes that are rows of our tables.
_ROWS: Final = ("session", "recipient")


class RedpinError(Exception):
    """The root of every error of this package.

    `str()` says what happened, in one bounded line without secrets, fit for a log. `next_step`
    tells the developer or operator what to do; `user_message` is for the payer, in the active
    language.

    `money_may_have_moved` is False where the failed call can have led to no payment: no page that
    can be paid came of it, and it was about none that was there before. Where it is True, take no
    other payment for the same thing, and give it to nobody else, before the session is known. For
    `OutcomeUnknown` False means "not yet": the session may still open, so sell to nobody else then
    either.
    """

    money_may_have_moved: bool = False
    next_step: str = "Read the text, and the error that it was raised from."
    user_message: Words = _(
        "Payments are not available at the moment. You were not charged. Please try again later."
    )

    def __init__(self, text: str = "") -> None:
        super().__init__(bounded(text, _TEXT_LENGTH))

    def __reduce__(self) -> tuple[Any, ...]:
        """Let the error travel between processes; of its row, only the primary key does."""
        state = dict(self.__dict__)
        rows = {
            name: (type(row), row._state.db, row.pk)
            for name in _ROWS
            if (row := state.pop(name, None)) is not None
        }
        return _rebuilt, (type(self), self.args, state, rows)


def _rebuilt(
    kind: type[RedpinError], args: Any, state: dict[str, Any], rows: dict[str, Any]
) -> RedpinError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    for name, (model, database, pk) in rows.items():
        # Its other fields are read from the database when they are asked for.
        error.__dict__[name] = model.from_db(database, [model._meta.pk.attname], [pk])
    return error


class ConfigurationError(RedpinError, ImproperlyConfigured):
    """The project's `REDPIN` settings don't allow what was asked.

    No money has moved: it is raised before anything is sent.
    """

    next_step: str = "Correct the setting that the text names; manage.py check lists what is wrong."


class UnknownAccount(ConfigurationError):
    """No account has this alias, neither in `ACCOUNTS` nor for the `ACCOUNT_RESOLVER`.

    No money has moved: there is nobody to whom it could be asked to go.
    """

    next_step: str = (
        "Correct the alias, or add the account: to REDPIN['ACCOUNTS'], or to your tenants."
    )


class OpenTransactionError(RedpinError):
    """A call to Redpin was asked for while the caller's database transaction was open.

    A rollback would then lose the record of a session that exists at Redpin. With autocommit off
    one is always open. No money has moved: nothing was sent.
    """

    next_step: str = (
        "Call it outside transaction.atomic(); in a view with ATOMIC_REQUESTS, decorate the view"
        " with transaction.non_atomic_requests, and leave autocommit on."
    )

    def __init__(self, verb: str) -> None:
        super().__init__(
            f"{verb}() was called inside an open database transaction, whose rollback would lose"
            f" the record of what Redpin was asked. {self.next_step}"
        )
