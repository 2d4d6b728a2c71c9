"""What the example's logs must not show: an order's address, which is its own password.

Those of the webhooks are hidden by `django_redpin.logs.HideTokens`.
"""

from __future__ import annotations

import logging
import re
from typing import Final

_KEYS: Final = re.compile(r"(/orders/)[^\s?]+")


class HideKeys(logging.Filter):
    """Shortens request lines to the part of the address that is no secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's texts; let every record through."""
        if isinstance(record.msg, str):
            record.msg = _shorten(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(
                _shorten(part) if isinstance(part, str) else part for part in record.args
            )
        return True


def _shorten(text: str) -> str:
    return _KEYS.sub(r"\1***", text)
