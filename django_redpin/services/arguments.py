"""Arguments of a create call that Redpin is never told of: ours to check, and to name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from django.contrib.auth import get_user_model

from ..rules.faults import Fault

_KEY_MAX_LENGTH: Final = 255


def own_faults(metadata: object, idempotency_key: object) -> list[Fault]:
    """Return what keeps the metadata or the idempotency key from being stored."""
    faults = []
    try:
        stored = json.dumps(metadata or {}, allow_nan=False, ensure_ascii=False)
        stored.encode()  # A lone surrogate, which not every database holds, raises ValueError.
        if "\\u0000" in stored or not isinstance(metadata, (Mapping, type(None))):
            raise ValueError
    except (TypeError, ValueError, RecursionError):
        message = "Give a dict that JSON can hold: text, numbers, lists and dicts."
        faults.append(Fault("metadata", "not_json", message))
    if idempotency_key is not None and not (
        isinstance(idempotency_key, str)
        and 1 <= len(idempotency_key) <= _KEY_MAX_LENGTH
        and idempotency_key.isprintable()
    ):
        message = f"Give text of 1 to {_KEY_MAX_LENGTH} printable characters, or None."
        faults.append(Fault("idempotency_key", "invalid_key", message))
    return faults


def payer_faults(payer: object) -> list[Fault]:
    """Return what keeps `payer` from being the session's payer: no saved user of this project."""
    user_model = get_user_model()
    if payer is None or (isinstance(payer, user_model) and payer.pk is not None):
        return []
    message = "Give a saved user of this project, or None."
    return [Fault("payer", "not_a_user", message)]
