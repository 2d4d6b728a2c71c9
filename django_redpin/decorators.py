"""For views of pages that show a payment session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import isawaitable
from typing import Any, Final, TypeVar

from asgiref.sync import iscoroutinefunction
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

    Args:
        view: The view.

    Returns:
        The view, sync or async as it was.
    """

    @wraps(view)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        response = view(*args, **kwargs)
        # A class whose handlers are async has a `dispatch` that is not.
        return _awaited(response) if isawaitable(response) else _with_headers(response)

    @wraps(view)
    async def decorated_async(*args: Any, **kwargs: Any) -> HttpResponseBase:
        return await _awaited(view(*args, **kwargs))

    return decorated_async if iscoroutinefunction(view) else decorated  # type: ignore[return-value]


async def _awaited(response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
    return _with_headers(await response)


def _with_headers(response: HttpResponseBase) -> HttpResponseBase:
    for name, value in _HEADERS.items():
        response[name] = value
    return response
