"""What the sandbox's log must not show: the key of a hosted page, and what stands in its query."""

from __future__ import annotations

import logging
import re
from typing import Final

_KEY: Final = re.compile(r"(/(?:pay|sessions)/)[^/\s?\"']+")
_QUERY: Final = re.compile(r"\?[^\s\"']+")


class HideKeys(logging.Filter):
    """Replaces keys and queries of addresses in a record before it is written."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = hide_keys(record.getMessage())
        record.args = ()
        return True


def hide_keys(text: str) -> str:
    """Return ``text`` with the keys of hosted pages and all queries left out."""
    return _QUERY.sub("?…", _KEY.sub(r"\1…", text))
