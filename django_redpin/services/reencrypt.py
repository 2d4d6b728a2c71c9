"""Bring the encrypted columns up to date with the keys: from plain, or from an older key.

Each batch is one transaction whose first statement writes to its rows, and so keeps everybody else
off them until they are written anew: what somebody saves meanwhile is not undone. What is done is
passed by; so runs may overlap, and be killed, and the next one goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction
from django.db.models import ExpressionWrapper, F, JSONField, Value
from django.views.decorators.debug import sensitive_variables

from ..encryption import is_newest, is_on
from ..exceptions import ConfigurationError
from ..exceptions.frames import frameless
from ..models import Recipient
from ..models.fields import ENVELOPE, EncryptedJSONField, Sealed, is_envelope
from .retention import LIMIT, SECONDS
from .transactions import retried
from .watching import watch

BATCH: Final = 100

COLUMNS: Final = tuple(
    field.name for field in Recipient._meta.concrete_fields if isinstance(field, EncryptedJSONField)
)
_STORED: Final = "stored_{}"
_NO_KEY: Final = (
    "REDPIN['BANK_DETAILS_KEYS'] has no key: add one to encrypt; to have plain rows again, keep the"
    " keys, run `redpin_encrypt --decrypt`, and then take the keys out."
)


@dataclass(frozen=True, slots=True)
class Reencrypted:
    """How many recipients were `written` anew, and how many are `unreadable`: no key opens them."""

    written: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class _Stored:
    """A recipient's columns as the table holds them, and opened."""

    recipient: Recipient

    @property
    def is_unreadable(self) -> bool:
        return any(isinstance(getattr(self.recipient, name), Sealed) for name in COLUMNS)

    def is_as_wanted(self, *, is_plain: bool) -> bool:
        """Tell whether each column is plain, or under the newest key; `NULL` is both."""
        stored = [getattr(self.recipient, _STORED.format(name)) for name in COLUMNS]
        tokens = [value[ENVELOPE] for value in stored if is_envelope(value)]
        if is_plain:
            return not tokens
        whole = len(tokens) == sum(value is not None for value in stored)
        return whole and all(map(is_newest, tokens))


def reencrypt_recipients(
    *,
    is_plain: bool = False,
    dry_run: bool = False,
    limit: int = LIMIT,
    seconds: float = SECONDS,
    account: str | None = None,
) -> Reencrypted:
    """Write each recipient that is plain, or under an older key, under the newest one.

    With `is_plain` the other way round: from whichever key to plain. `limit` rows are written at
    most, and no batch is begun after so many `seconds`; without an `account`, those of all. With
    `dry_run` nothing is changed. Raises `ConfigurationError` without any key: then nothing can be
    read, either.
    """
    if not is_on():
        raise ConfigurationError(_NO_KEY)
    rows = Recipient.objects.order_by("pk").values_list("pk", flat=True)
    rows = rows if account is None else rows.filter(account=account)
    deadline, done, last = time.monotonic() + seconds, Reencrypted(), 0
    while done.written < limit and time.monotonic() < deadline and watch().goes_on():
        keys = list(rows.filter(pk__gt=last)[:BATCH])
        if not keys:
            break
        most = limit - done.written
        batch = _batch(keys, most, is_plain=is_plain, dry_run=dry_run)
        done = Reencrypted(done.written + batch.written, done.unreadable + batch.unreadable)
        watch().note(batch.written)
        last = keys[-1]
    return done


@sensitive_variables()
def _batch(keys: list[int], most: int, *, is_plain: bool, dry_run: bool) -> Reencrypted:
    outdated, unreadable = _read(keys, is_plain=is_plain)
    chosen = [row.pk for row in outdated[:most]]
    if not chosen or dry_run:
        return Reencrypted(len(chosen), unreadable)
    return Reencrypted(_write(chosen, is_plain=is_plain), unreadable)


@sensitive_variables()
@frameless
@retried
def _write(keys: list[int], *, is_plain: bool) -> int:
    with transaction.atomic():
        # The write that decides comes first; what it kept others off is read after it.
        Recipient.objects.filter(pk__in=keys).update(attempts=F("attempts"))
        outdated, _ = _read(keys, is_plain=is_plain)
        for row in outdated:
            Recipient.objects.filter(pk=row.pk).update(**_columns(row, is_plain=is_plain))
    return len(outdated)


@sensitive_variables()
def _read(keys: list[int], *, is_plain: bool) -> tuple[list[Recipient], int]:
    """Return the rows that are not as they should be, and how many can't be read."""
    as_stored = {
        _STORED.format(name): ExpressionWrapper(F(name), output_field=JSONField())
        for name in COLUMNS
    }
    found = Recipient.objects.filter(pk__in=keys).order_by("pk").only(*COLUMNS)
    rows = [_Stored(row) for row in found.annotate(**as_stored)]
    readable = [row for row in rows if not row.is_unreadable]
    outdated = [row.recipient for row in readable if not row.is_as_wanted(is_plain=is_plain)]
    return outdated, len(rows) - len(readable)


@sensitive_variables()
def _columns(row: Recipient, *, is_plain: bool) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in COLUMNS}
    if not is_plain:
        return values
    return {name: Value(value, output_field=JSONField()) for name, value in values.items()}
