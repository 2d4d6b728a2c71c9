"""What drf-spectacular says of the webhook. Imported only where it is among `INSTALLED_APPS`."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.extensions import OpenApiViewExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse

_Schema = dict[str, Any]


def _text(description: str, **more: Any) -> _Schema:
    return {"type": "string", "description": description, **more}


_SLUG: Final[_Schema] = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
_EVENT_ID: Final = _text("Names the event, together with `payment_id`.")
_TIME: Final = _text("When it happened, in UTC.", format="date-time")
_PAYMENT: Final[_Schema] = {
    "payment_id": _text("Redpin's id of the payment."),
    "status": _text("Such as `AWAITING_FUNDS`; others than the documented ones are stored, too."),
    "customer_id": _text("The customer's id at Redpin."),
    "client_customer_ref": _text("The payer's reference."),
    "client_reference_id": _text("The session's reference."),
    "session_id": _text("Redpin's id of the hosted session."),
}
_FLAT: Final[_Schema] = {
    "title": "PaymentEvent",
    "type": "object",
    "required": ["event_id", "payment_id", "status", "customer_id", "event_timestamp", "data"],
    "properties": {
        "event_id": _EVENT_ID,
        "event_timestamp": _TIME,
        **_PAYMENT,
        "data": {"type": "object", "description": "What belongs to the status."},
    },
}
_NESTED: Final[_Schema] = {
    "title": "PaymentEventInEnvelope",
    "type": "object",
    "required": ["event_id", "event_type", "event_timestamp", "data"],
    "properties": {
        "event_id": _EVENT_ID,
        "event_type": _text("`PAYMENT STATUS`, or another of Redpin's."),
        "version": _text("Of the envelope."),
        "event_timestamp": _TIME,
        "data": {
            "type": "object",
            "required": ["payment_id", "status", "customer_id"],
            "properties": _PAYMENT,
        },
    },
}
_ANSWER: Final[_Schema] = {
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string"}},
    "additionalProperties": False,
}
_STATUSES: Final = {
    200: "The event is stored and committed, now or before. The answer is always the same.",
    400: "The body is no plain JSON object in UTF-8, or could not be read.",
    401: "There is no such account, or what the post was to prove is not proved.",
    405: "Anything but POST.",
    413: "The body is larger than any event.",
    415: "The body is not declared as JSON.",
    429: "Too many posts that were refused. Events that are verified are never too many.",
    503: "Not now; `Retry-After` says when.",
}
_EXAMPLE: Final = {
    "event_id": "1",
    "payment_id": "123456",
    "status": "AWAITING_FUNDS",
    "customer_id": "0201001008132685",
    "client_customer_ref": "CUST_001",
    "event_timestamp": "2025-01-01T00:00:00Z",
    "data": {},
}
_PARAMETERS: Final = {
    "account": "The account's alias, such as `default`.",
    "client_reference_id": "The session's reference.",
    "token": "Signed for the session, or for the account. It is the proof, and a secret.",
}


class WebhookSchema(AutoSchema):
    """Says the two URLs that Redpin is told; those without the slash are only put up with."""

    def is_excluded(self) -> bool:
        return not self.path.endswith("/")

    def get_operation_id(self) -> str:
        is_sessions = "client_reference_id" in self.path
        return "redpin_session_webhook" if is_sessions else "redpin_account_webhook"

    def get_summary(self) -> str:
        return "Redpin's events"

    def get_description(self) -> str:  # type: ignore[override]  # As drf-spectacular calls it.
        return "Any JSON object is stored and answered 200; these are the events of payments."

    def get_tags(self) -> list[str]:
        return ["redpin"]

    def get_auth(self) -> list[dict[str, Any]]:
        return []

    def get_override_parameters(self) -> list[Any]:
        return [
            OpenApiParameter(name, _SLUG, OpenApiParameter.PATH, description=description)
            for name, description in _PARAMETERS.items()
            if f"{{{name}}}" in self.path
        ]

    def get_request_serializer(self) -> Any:
        return {"application/json": {"anyOf": [_FLAT, _NESTED, {"type": "object"}]}}

    def get_response_serializers(self) -> Any:
        return {code: OpenApiResponse(_ANSWER, text) for code, text in _STATUSES.items()}

    def get_examples(self) -> list[OpenApiExample]:
        return [OpenApiExample("Flat", _EXAMPLE, request_only=True)]


class WebhookExtension(OpenApiViewExtension):  # type: ignore[no-untyped-call]
    """Has the webhook's view described by the above, whatever the project's default is."""

    target_class = "django_redpin.webhooks.view.WebhookView"

    def view_replacement(self) -> type[Any]:
        return type("WebhookView", (self.target,), {"schema": WebhookSchema()})
