"""Webhook subscriptions, as the newer API has them: the call that makes one."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from .addresses import is_callback
from .api import refusal_of
from .conf import options
from .fields import Fields
from .models import Subscription
from .versions import EVENT_TYPES, PAYMENT_STATUS
from .wire import BadBody, answer, body_of, error, json_object, method_not_allowed

_MOST: Final = 2048


@csrf_exempt  # As for sessions.
def webhooks(request: HttpRequest, customer_id: str) -> HttpResponse:
    """``/v1/customers/{customer_id}/webhooks``: POST subscribes an endpoint to an event type."""
    if options().version.has_callbacks:
        return error(
            "not_found", "Subscriptions are of the newer API: start the sandbox with --api new."
        )
    refusal = refusal_of(request, customer_id)
    if refusal is not None:
        return refusal
    if request.method != "POST":
        return method_not_allowed(["POST"])
    try:
        document = json_object(body_of(request))
    except BadBody as problem:
        return error(problem.error, problem.description)
    fields = Fields(document, [])
    endpoint = fields.text("endpoint", most=_MOST)
    if endpoint and not is_callback(endpoint):
        fields.fault("endpoint", "must be an absolute HTTPS URL without a fragment")
    event_type = fields.text("event_type", most=100)
    if event_type and event_type not in EVENT_TYPES:
        fields.fault("event_type", f"must be exactly one of {', '.join(EVENT_TYPES)}")
    if fields.faults:
        first = fields.faults[0]
        return error("invalid", first.description, field=first.field)
    return answer({"id": subscribe(endpoint, event_type)}, 201)


def subscribe(endpoint: str, event_type: str = PAYMENT_STATUS) -> int:
    """Post events of this type to ``endpoint`` from now on; return the subscription's id."""
    subscription, _ = Subscription.objects.update_or_create(
        customer_id=options().customer_id, event_type=event_type, defaults={"endpoint": endpoint}
    )
    return subscription.pk
