"""Keep the tokens of this package's URLs out of logs: a filter for the handlers of `LOGGING`.

The views of the webhook and of a session's status have nothing logged that holds their URLs. But a
request may never reach them (a host that is not in `ALLOWED_HOSTS`), and servers write request
lines of their own. Imported while logging is configured, so it imports nothing of the app.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Final

from django.apps import apps
from django.urls import get_script_prefix, reverse

# What the URLs of `django_redpin.urls` hold, wherever they are included.
_WEBHOOKS: Final = "/webhooks/"
_SESSIONS: Final = "/sessions/"


class HideTokens(logging.Filter):
    """Shortens this package's URLs in all that a record says: `/redpin/webhooks/default/***`.

    Attach it to handlers, since a logger's filters don't see what its children log. Where a
    record's request is for such a URL, it is taken from the record, as error mails quote it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record where it holds a token; return True: every record is let through."""
        if isinstance(record.args, tuple):
            # One by one, since some formatters (uvicorn's) look for each at its place.
            record.args = tuple(
                shorten(part) if isinstance(part, str) else part for part in record.args
            )
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  Arguments that don't fit; the handler will say so.
            text = ""
        if shorten(text) != text:
            record.msg, record.args = text, None
        if record.exc_info and not record.exc_text:
            trace = logging.Formatter().formatException(record.exc_info)
            if shorten(trace) != trace:
                # Formatters print this text, where there is one, in place of what they would make.
                record.exc_text, record.exc_info = trace, None
        for name, value in list(vars(record).items()):
            if isinstance(value, str):
                setattr(record, name, shorten(value))
        path = getattr(getattr(record, "request", None), "path", "")
        if isinstance(path, str) and shorten(path) != path:
            del vars(record)["request"]
        return True


def shorten(text: str) -> str:
    """Return the text with `***` for what follows the account in a webhook's path.

    And for what follows `sessions/` in that of a session's status.
    """
    # Cheap for what is no URL of ours, which is nearly all that is logged.
    if _WEBHOOKS in text or _SESSIONS in text:
        return _pattern(_place()).sub(r"\1***", text)
    return text


def _place() -> str:
    """Return the path below which our URLs are; "" while that can't be told: any path then."""
    if not apps.ready:
        return ""
    try:
        path = reverse("redpin:account-webhook", args=("a", "t"))
    except Exception:  # noqa: BLE001  Whatever is wrong with the project's URLs, it may be logged.
        return ""
    # Without the script's name: some servers log the path with it, and some without.
    return "/" + path.removeprefix(get_script_prefix()).removesuffix("webhooks/a/t/").strip("/")


@lru_cache(maxsize=8)
def _pattern(place: str) -> re.Pattern[str]:
    # The account may stay. All that follows it goes, up to a query, a space or a quote.
    place = re.escape(place.rstrip("/"))
    ours = rf"{place}{_WEBHOOKS}(?:[\w-]+/)?|{place}{_SESSIONS}"
    return re.compile(rf"({ours})[^\s?#\"'<>]+")
