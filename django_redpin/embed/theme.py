"""The message that gives the hosted page its theme.

Redpin's guide says that a page may send the hosted one a theme by `postMessage`, and not what the
message looks like. Its shape is inferred, and built here alone, so that one edit mends it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

THEMES: Final = ("light", "dark", "auto")

_CURE: Final = "theme= has to be 'light', 'dark', 'auto', or a mapping of JSON values by name."


def theme_message(theme: object) -> str:
    """Return the message as JSON, or an empty text for no theme (`None`, or an empty one).

    `theme` is one of `THEMES`, or a mapping that is sent as it is under `"theme"`.

    Raises `ValueError` for anything else.
    """
    if theme is None or theme in ("", {}):
        return ""
    if isinstance(theme, Mapping) and all(isinstance(name, str) for name in theme):
        theme = dict(theme)
    elif theme not in THEMES:
        raise ValueError(_CURE)
    try:
        return json.dumps({"type": "redpin:theme", "theme": theme}, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ValueError(_CURE) from None
