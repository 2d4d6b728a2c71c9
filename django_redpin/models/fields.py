"""A column of JSON that is encrypted at rest where the settings have a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NoReturn

from django.core.exceptions import FieldError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.db.models.lookups import IsNull

from ..encryption import decrypted, encrypted, is_on
from ..exceptions import ConfigurationError

# No name of Redpin's begins so, and none of ours.
ENVELOPE: Final = "$encrypted"

# Generic for type checkers alone.
if TYPE_CHECKING:
    _JSONField = models.JSONField[Any, Any]
else:
    _JSONField = models.JSONField


class Sealed(Mapping[str, Any]):
    """A value that the settings have no key for: it can be kept and saved, and not be used.

    Whatever is asked of it raises `ConfigurationError`, which names the cure.
    """

    def __init__(self, token: str, why: str) -> None:
        self.token = token
        self._why = why

    def __repr__(self) -> str:
        return "<Sealed>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.token == self.token

    def __hash__(self) -> int:
        return hash(self.token)

    def _refuse(self) -> NoReturn:
        raise ConfigurationError(self._why)

    def __bool__(self) -> bool:
        self._refuse()

    def __getitem__(self, name: str) -> Any:
        self._refuse()

    def __iter__(self) -> Iterator[str]:
        self._refuse()

    def __len__(self) -> int:
        self._refuse()


def unsealed(value: Any) -> Any:
    """Return the value of an encrypted column as it is.

    Raises `ConfigurationError` where it is encrypted and can't be read.
    """
    if isinstance(value, Sealed):
        value._refuse()
    return value


class EncryptedJSONField(_JSONField):
    """JSON, stored as `{"$encrypted": "<token>"}` where `BANK_DETAILS_KEYS` has a key, else plain.

    Both are read, so that keys can be added and changed while the table is in use;
    `redpin_encrypt` brings the rows up to date. What can't be decrypted is `Sealed`: the other
    columns of such a row can be read, and saving it changes nothing of it. Nothing is looked up by
    this column, since equal values have different tokens.
    """

    def deconstruct(self) -> Any:
        """Return what a migration has of it: to the database it is JSON."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.JSONField", args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return what was stored, decrypted; `Sealed` where that can't be."""
        return self._open(super().from_db_value(value, expression, connection))

    def to_python(self, value: Any) -> Any:
        """Return the value; a fixture has it as it is stored."""
        return self._open(super().to_python(value))

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return what is stored: the token of the newest key, or plain JSON where there is none."""
        if value is not None and not hasattr(value, "as_sql"):
            value = self._shut(value)
        return super().get_db_prep_save(value, connection)

    def value_to_string(self, obj: Model) -> Any:
        """Return what a serializer writes: what the table holds, and no more."""
        value = self.value_from_object(obj)
        return None if value is None else self._shut(value)

    def validate(self, value: Any, model_instance: Model | None) -> None:
        """Let pass what can't be read: it is not what the form is about."""
        if not isinstance(value, Sealed):
            super().validate(value, model_instance)

    def get_lookup(self, lookup_name: str) -> Any:
        """Return `isnull`. Raises `FieldError` for all other lookups."""
        if lookup_name != "isnull":
            self._refuse_lookup()
        return IsNull

    def get_transform(self, name: str) -> Any:
        """Raise `FieldError`."""
        self._refuse_lookup()

    def _refuse_lookup(self) -> NoReturn:
        raise FieldError(
            f"{self.name} may be encrypted, so nothing is found by it; find rows by another column."
        )

    @property
    def _purpose(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"

    def _open(self, value: Any) -> Any:
        if not is_envelope(value):
            return value
        token = value[ENVELOPE]
        try:
            return decrypted(token, self._purpose)
        except ConfigurationError as error:
            return Sealed(token, str(error))

    def _shut(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            return {ENVELOPE: value.token}
        if is_envelope(value):  # Encrypted once more, it would be taken for what was written.
            raise ValueError(f"A value of {self.name} can't be named {ENVELOPE!r}.")
        return {ENVELOPE: encrypted(value, self._purpose)} if is_on() else value


def is_envelope(value: object) -> bool:
    """Tell whether a stored value is encrypted."""
    return isinstance(value, dict) and [*value] == [ENVELOPE] and isinstance(value[ENVELOPE], str)
