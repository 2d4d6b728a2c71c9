"""Encryption at rest: JSON in, a Fernet token out, by the keys of `REDPIN["BANK_DETAILS_KEYS"]`.

A token is bound to its purpose, the column that it was made for, so that one that is copied into
another column opens nothing there. It is not bound to its row: the row has no key of its own yet
when it is inserted, and a table may be moved to other keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.views.decorators.debug import sensitive_variables

from .conf import project_settings
from .exceptions import ConfigurationError

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

SETTING: Final = "REDPIN['BANK_DETAILS_KEYS']"
NEW_KEY: Final = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)


@sensitive_variables()
def is_on() -> bool:
    """Tell whether what is written is encrypted: whether the settings have a key.

    Raises `ConfigurationError` for keys of a wrong form.
    """
    return bool(project_settings().bank_details_keys)


@sensitive_variables()
def encrypted(value: object, purpose: str) -> str:
    """Return `value` as a token, under the newest key.

    Raises `ConfigurationError` where there is no key or no library, and `TypeError` for what is
    no JSON.
    """
    boxes = _boxes(project_settings().bank_details_keys)
    if not boxes:
        raise ConfigurationError(f"{SETTING} has no key; make one with: {NEW_KEY}")
    return boxes[0].encrypt(json.dumps([purpose, value]).encode()).decode("ascii")


@sensitive_variables()
def decrypted(token: str, purpose: str) -> Any:
    """Return what was encrypted for this purpose, under whichever key.

    Raises `ConfigurationError` where the settings have no key that opens it.
    """
    keys = project_settings().bank_details_keys
    for box in _boxes(keys):
        found = _opened(box, token)
        if found is not None:
            return _of_purpose(found, purpose)
    why = "none of its keys opens it" if keys else "the settings have no key"
    raise ConfigurationError(
        f"This value is encrypted, and {why}: put the key that it was written under into {SETTING}."
    )


@sensitive_variables()
def is_newest(token: str) -> bool:
    """Tell whether the token is under the newest key."""
    boxes = _boxes(project_settings().bank_details_keys)
    return bool(boxes) and _opened(boxes[0], token) is not None


@sensitive_variables()
def _opened(box: Fernet, token: str) -> bytes | None:
    from cryptography.fernet import InvalidToken

    try:
        return box.decrypt(token.encode())
    except InvalidToken:
        return None


@sensitive_variables()
def _of_purpose(opened: bytes, purpose: str) -> Any:
    made_for, value = json.loads(opened)
    if made_for != purpose:
        raise ConfigurationError(
            "This value was encrypted for another column: somebody copied it. Restore the row."
        )
    return value


@sensitive_variables()
def _boxes(keys: Sequence[str]) -> list[Fernet]:
    """Return what encrypts and decrypts, the newest first."""
    if not keys:
        return []
    try:
        import cryptography.fernet  # noqa: F401  It is slow to import, and not everybody needs it.
    except ImportError:
        raise ConfigurationError(
            f"{SETTING} needs the library cryptography: pip install django-redpin[encryption]"
        ) from None
    return [_box(key) for key in keys]


@lru_cache(maxsize=32)
@sensitive_variables()
def _box(key: str) -> Fernet:
    from cryptography.fernet import Fernet

    try:
        return Fernet(key)
    except ValueError:  # What the settings' own check lets through, and the library does not.
        raise ConfigurationError(
            f"{SETTING} has a key of a wrong form; make one with: {NEW_KEY}"
        ) from None
