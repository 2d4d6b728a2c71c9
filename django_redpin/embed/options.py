"""How a session is shown: what each option of the tag may be.

An option that is empty, or `None`, is its default: what a template's context lacks is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .theme import theme_message

IFRAME: Final = "iframe"
MODES: Final = (IFRAME, "redirect", "popup")

# In CSS pixels: below, no form can be used; above, nobody has such a screen.
LEAST_HEIGHT: Final = 200
GREATEST_HEIGHT: Final = 4000


def mode_of(value: object) -> str:
    """Return the way to the hosted page. Raises `ValueError` where it is none of `MODES`."""
    if value is None or value == "":
        return IFRAME
    if value not in MODES:
        raise ValueError("mode= has to be 'iframe', 'redirect' or 'popup'.")
    return str(value)


def height_of(value: object) -> str:
    """Return the frame's height in whole pixels, or an empty text, which leaves it to the CSS.

    As text, which no template writes with separators. Raises `ValueError` for anything else than
    a whole number, or its digits, from `LEAST_HEIGHT` to `GREATEST_HEIGHT`.
    """
    if value is None or value == "":
        return ""
    text = str(value) if isinstance(value, (int, str)) else ""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(GREATEST_HEIGHT))
    if not is_number or not LEAST_HEIGHT <= int(text) <= GREATEST_HEIGHT:
        raise ValueError(
            f"height= has to be whole pixels from {LEAST_HEIGHT} to {GREATEST_HEIGHT}, such as 720,"
            " without a unit."
        )
    return str(int(text))


# What reads each option that can be wrong.
READERS: Final[dict[str, Callable[[object], str]]] = {
    "mode": mode_of,
    "theme": theme_message,
    "height": height_of,
}
