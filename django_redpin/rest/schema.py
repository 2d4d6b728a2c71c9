"""What drf-spectacular says of a session's views. Imported only where it is installed as an app."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from ..embed.serializers import PaymentSessionSerializer
from ..embed.status import PaymentSessionDetailView, PaymentSessionStatusView
from .problems import MEDIA_TYPE
from .views import PaymentSessionCreateView, PaymentSessionRenewView

_Schema = dict[str, Any]

_SLUG: Final[_Schema] = {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$"}
_PATH: Final = {
    "account": (_SLUG, "The account's alias, such as `default`."),
    "client_reference_id": (_SLUG, "The session's reference."),
    "token": (
        {"type": "string", "pattern": "^[^/]+$"},
        "Signed for the session, and good for a while. It is the proof, and a secret.",
    ),
}
_DETAIL: Final[_Schema] = {
    "type": "object",
    "required": ["detail"],
    "properties": {"detail": {"type": "string"}},
}
_DESCRIPTION: Final = (
    "How the payment stands. `view` is what there is to show; `amount` is in major units, as text;"
    " `replaced` tells that a renewal stands in the place of the session that was asked for."
)
_NULLABLE_ADDRESS: Final[_Schema] = {"type": "string", "nullable": True}
_PROBLEM: Final[_Schema] = {
    "title": "RedpinProblem",
    "type": "object",
    "required": ["title", "status", "detail", "code", "money_may_have_moved", "errors"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What the payer may be told."},
        "code": {"type": "string", "description": "The name of an error of django-redpin."},
        "money_may_have_moved": {
            "type": "boolean",
            "description": "Where true, take no other payment for the same thing.",
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
        "status_url": {**_NULLABLE_ADDRESS, "description": "Of the session that it is about."},
    },
}
_MORE: Final[_Schema] = {
    "type": "object",
    "required": ["session_url", "status_url", "detail"],
    "properties": {
        "session_url": {
            **_NULLABLE_ADDRESS,
            "description": "The hosted page, to be opened now; null where there is none to pay on.",
        },
        "status_url": {**_NULLABLE_ADDRESS, "description": "The path that tells its status."},
        "detail": {"type": "string", "description": "What the payer may be told, or empty."},
    },
}
_REFUSED: Final = {
    409: "The payment is under way, or the key belongs to another one.",
    422: "Some details are not right; `errors` lists them.",
    500: "The merchant's settings or code don't allow it.",
    503: "Not now; `Retry-After` says when.",
}


class _Session(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Names the component, so that a serializer of the project's own may have the short name."""

    target_class = PaymentSessionSerializer

    def get_name(self, auto_schema: AutoSchema, direction: Any) -> str:
        return "RedpinPaymentSession"

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> _Schema:
        mapped: _Schema = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target_class, direction, bypass_extensions=True
        )
        return {**mapped, "description": _DESCRIPTION}


class StatusSchema(AutoSchema):
    """Describes both ways to a session's status; the one without the slash is only put up with."""

    def is_excluded(self) -> bool:
        return not self.path.endswith("/")

    def get_operation_id(self) -> str:
        return "redpin_session_status" if "{token}" in self.path else "redpin_session_detail"

    def get_summary(self) -> str:
        return "How a payment session stands"

    def get_description(self) -> str:  # type: ignore[override]  # As drf-spectacular calls it.
        return "Ask again with `If-None-Match` until `is_final`, ever more slowly."

    def get_tags(self) -> list[str]:
        return ["redpin"]

    def get_override_parameters(self) -> list[Any]:
        path = [
            OpenApiParameter(name, shape, OpenApiParameter.PATH, description=description)
            for name, (shape, description) in _PATH.items()
            if f"{{{name}}}" in self.path
        ]
        known = "The `ETag` of the last answer."
        return [
            *path,
            OpenApiParameter("If-None-Match", str, OpenApiParameter.HEADER, description=known),
        ]

    def get_response_serializers(self) -> Any:
        texts = {
            404: "No session, or none that the asker may see.",
            405: "Anything but GET, HEAD and OPTIONS.",
            429: "Asked too often.",
            503: "Not now; `Retry-After` says when.",
        }
        if "{token}" not in self.path:
            texts |= dict.fromkeys((401, 403), "Credentials that are not good.")
        return {
            200: OpenApiResponse(PaymentSessionSerializer, "How it stands."),
            304: OpenApiResponse(None, "As it stood."),
            **{code: OpenApiResponse(_DETAIL, text) for code, text in texts.items()},
        }


class SessionSchema(AutoSchema):
    """Describes what creates or renews a session. `extend_schema` on a subclass adds to it."""

    def get_tags(self) -> list[str]:
        return ["redpin"]

    def get_request_serializer(self) -> Any:
        return None  # Nothing of a body is read.

    def get_response_serializers(self) -> Any:
        session = self.resolve_serializer(PaymentSessionSerializer, "response").ref
        told = {"allOf": [session, _MORE]}
        texts = {
            400: "A request that can't be read.",
            401: "Nobody is logged in.",
            403: "Not allowed.",
            404: "No such order.",
            405: "Anything but POST and OPTIONS.",
            429: "Too many requests.",
        }
        return {
            200: OpenApiResponse(told, "The session that was there."),
            201: OpenApiResponse(told, "A new session."),
            202: OpenApiResponse(told, "It is still being prepared: ask its status, post again."),
            **{code: OpenApiResponse(_DETAIL, text) for code, text in texts.items()},
            **{
                (code, MEDIA_TYPE): OpenApiResponse(_PROBLEM, text)
                for code, text in _REFUSED.items()
            },
        }


# As attributes, not as extensions, which would take the place of what a project says of its own
# subclasses by `extend_schema`.
PaymentSessionStatusView.schema = StatusSchema()
PaymentSessionDetailView.schema = StatusSchema()
PaymentSessionCreateView.schema = SessionSchema()
PaymentSessionRenewView.schema = SessionSchema()
