"""The same work by hand: what one writes who has no package for it.

Each verifies an HMAC over the body and stores one row in the same table with the same columns; none
hands the event on, as nothing that is raced against them does.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from http import HTTPStatus
from typing import Any, Final

from celery import current_app
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from django_redpin.models import WebhookEvent

SECRET: Final = b"bench-webhook-secret-0123456789-abcdef"
HEADER: Final = "X-Signature"


def signature(body: bytes) -> str:
    """Return what the header of a right post says."""
    return hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, given: str) -> bool:
    """Tell whether this is the body's signature."""
    return hmac.compare_digest(signature(body), given)


def columns(reference: str, body: bytes, event: dict[str, Any]) -> dict[str, Any]:
    """Return what is stored of an event: the columns that our own view fills."""
    return {
        "account": "default",
        "key": hashlib.sha256(event["event_id"].encode()).hexdigest(),
        "client_reference_id": reference,
        "event_type": "PAYMENT STATUS",
        "event_id": event["event_id"],
        "payment_id": event["payment_id"],
        "client_customer_ref": event["data"]["client_customer_ref"],
        "status": event["status"],
        "body": body,
        "verifier": "hmac",
        "is_signed": True,
        "next_attempt_at": timezone.now(),
    }


@csrf_exempt
def bare(request: HttpRequest, reference: str) -> HttpResponse:
    """Verify, parse, insert by the ORM, answer."""
    body = request.body
    if not is_signed(body, request.headers.get(HEADER, "")):
        return HttpResponse(status=401)
    WebhookEvent.objects.create(**columns(reference, body, json.loads(body)))
    return HttpResponse()


@csrf_exempt
def task(request: HttpRequest, reference: str) -> HttpResponse:
    """Do as the bare view does, and send the merchant's task."""
    response = bare(request, reference)
    if response.status_code == HTTPStatus.OK:
        event_id = json.loads(request.body)["event_id"]
        current_app.signature("bench.started", args=(event_id,)).delay()
    return response


@csrf_exempt
def raw(request: HttpRequest, reference: str) -> HttpResponse:
    """Verify, parse, insert by SQL of one's own, answer."""
    body = request.body
    if not is_signed(body, request.headers.get(HEADER, "")):
        return HttpResponse(status=401)
    filled = {
        **columns(reference, body, json.loads(body)),
        "outcome": "pending",
        "duplicates": 0,
        "attempts": 0,
        "last_error": "",
        "received_at": timezone.now(),
    }
    names = ", ".join(connection.ops.quote_name(name) for name in filled)
    marks = ", ".join(["%s"] * len(filled))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO redpin_webhookevent ({names}) VALUES ({marks})",  # noqa: S608
            list(filled.values()),
        )
    return HttpResponse()


class Payment(serializers.Serializer[dict[str, Any]]):
    """What belongs to a payment's status."""

    client_customer_ref = serializers.CharField(max_length=255)


class Event(serializers.Serializer[dict[str, Any]]):
    """What an event has to have."""

    event_id = serializers.CharField(max_length=255)
    payment_id = serializers.CharField(max_length=100)
    status = serializers.CharField(max_length=64)
    customer_id = serializers.CharField(max_length=255)
    event_timestamp = serializers.DateTimeField()
    data = Payment()  # type: ignore[assignment]  # The name is Redpin's.


class Rest(APIView):
    """The same with REST framework: its parser, a serializer, and an insert by the ORM."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def post(self, request: Request, reference: str) -> Response:
        body = request._request.body
        if not is_signed(body, request.headers.get(HEADER, "")):
            return Response(status=HTTPStatus.UNAUTHORIZED)
        event = Event(data=request.data)
        event.is_valid(raise_exception=True)
        WebhookEvent.objects.create(**columns(reference, body, event.validated_data))
        return Response({"detail": "stored"})
