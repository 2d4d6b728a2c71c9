"""`{% load redpin %}`: shells over the functions in `django_redpin.embed`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from django import template
from django.http import HttpRequest
from django.template import Context, Node, TemplateSyntaxError, Variable
from django.template.base import FilterExpression, Parser, Token
from django.template.library import SimpleNode
from django.utils.safestring import SafeString

from ..embed import payment_session_html
from ..embed.options import READERS
from ..models import PaymentSession
from ..telemetry import LogEvent, tell

logger: logging.Logger = logging.getLogger("django_redpin")

register = template.Library()

NAME: Final = "redpin_payment_session"


@register.simple_tag(takes_context=True)
def redpin_payment_session(
    context: Context,
    session: PaymentSession | None,
    *,
    mode: object = None,
    theme: object = None,
    title: object = "",
    height: object = None,
    renew_url: object = "",
) -> SafeString:
    """Show the session's hosted page, or what its state calls for.

    ```django
    {% redpin_payment_session session mode="iframe" height=720 renew_url="/orders/7/renew/" %}
    ```

    The options are those of `payment_session_html`. A literal that can't be used is a
    `TemplateSyntaxError`; a variable that can't is left out, with an error in the log, and the
    payer sees the page all the same.
    """
    options: dict[str, Any] = {"mode": mode, "theme": theme, "height": height}
    for name, read in READERS.items():
        try:
            read(options[name])
        except ValueError as error:
            text = "{%% %s %%} leaves an option out: %s"
            tell(logger, LogEvent.OPTION_LEFT_OUT, text, NAME, error, option=name)
            del options[name]
    return payment_session_html(
        session,
        request=_request_of(context),
        title=str(title or ""),
        renew_url=str(renew_url or ""),
        csrf_token=context.get("csrf_token"),
        **options,
    )


_compile_tag: Final[Callable[[Parser, Token], SimpleNode]] = register.tags[NAME]


@register.tag(NAME)
def _compile_with_right_literals(parser: Parser, token: Token) -> Node:
    """Refuse options that no context can set right when the template is loaded, not when shown."""
    node = _compile_tag(parser, token)
    for name, read in READERS.items():
        try:
            read(_literal_of(node.kwargs.get(name)))
        except ValueError as error:
            raise TemplateSyntaxError(f"{{% {NAME} %}}: {error}") from None
    return node


def _literal_of(expression: FilterExpression | None) -> object:
    """Return what stands in the template itself, or None for what its context decides."""
    if expression is None or expression.filters:
        return None
    value = expression.var
    return value.literal if isinstance(value, Variable) else value


def _request_of(context: Context) -> HttpRequest | None:
    """Return the page's request, whether or not there is a context processor that adds it."""
    request = getattr(context, "request", None) or context.get("request")
    return request if hasattr(request, "META") else None
