"""For views of pages that show a payment session."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, Final, TypeVar

from django.http import HttpResponseBase

View = TypeVar("View", bound=Callable[..., Any])

# The address of a session in the page is a key: whoever has it can pay, or look on.
_HEADERS: Final = {
    "Cache-Control": "no-store, private",
    "X-Robots-Tag": "noindex",
    # Django's own, `same-origin`, hides from Redpin's page on whose page it is; the path stays
    # hidden by this one, too.
    "Referrer-Policy": "strict-origin-when-cross-origin",
}


def payment_page(view: View) -> View:
    """Decorate a view, sync or async, whose page shows a payment session.

    The answer is then kept in no cache and in no search engine, and other origins are told this
    site's origin alone. A class-based view takes it by Django's `method_decorator`.
    """

    @wraps(view)
    def decorated(*args: Any, **kwargs: Any) -> HttpResponseBase:
        return _with_headers(view(*args, **kwargs))

    @wraps(view)
    async def decorated_async(*args: Any, **kwargs: Any) -> HttpResponseBase:
        return _with_headers(await view(*args, **kwargs))

    return decorated_async if iscoroutinefunction(view) else decorated  # type: ignore[return-value]


def _with_headers(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in _HEADERS.items():
        response[name] = value
    return response
