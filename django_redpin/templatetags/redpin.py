"""`{% load redpin %}`: shells over the functions in `django_redpin.embed`."""

from __future__ import annotations

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from ..embed import payment_session_html
from ..models import PaymentSession

register = template.Library()


@register.simple_tag(takes_context=True)
def redpin_payment_session(
    context: Context, session: PaymentSession | None, renew_url: str = ""
) -> SafeString:
    """Show the session's hosted page in an iframe, or what its state calls for.

    ```django
    {% redpin_payment_session session renew_url="/orders/7/renew/" %}
    ```
    """
    return payment_session_html(
        session,
        request=context.get("request"),
        renew_url=renew_url,
        csrf_token=context.get("csrf_token"),
    )
