"""A merchant's API, as small as one can be: orders of users, to be paid and started again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import include, path
from rest_framework.request import Request

from django_redpin.models import PaymentSession
from django_redpin.rest import PaymentSessionCreateView, PaymentSessionRenewView

# What each order's payment is, and whose it is: by number, the payer's key and the arguments.
ORDERS: Final[dict[int, tuple[int, dict[str, Any]]]] = {}
PAY: Final = "/orders/7/payment-session/"
RENEW: Final = "/payment-sessions/{reference}/renewal/"


class Pay(PaymentSessionCreateView):
    def get_session_arguments(self, request: Request, **kwargs: Any) -> Mapping[str, Any]:
        owner, arguments = ORDERS.get(kwargs["number"], (0, {}))
        if owner != request.user.pk:
            raise Http404
        return {**arguments, "idempotency_key": f"order-{kwargs['number']}"}


class PayAnybodys(PaymentSessionCreateView):
    """What forgets to ask whose order it is."""

    def get_session_arguments(self, request: Request, **kwargs: Any) -> Mapping[str, Any]:
        return {**ORDERS[kwargs["number"]][1], "idempotency_key": f"order-{kwargs['number']}"}


class PayWithoutKey(PaymentSessionCreateView):
    def get_session_arguments(self, request: Request, **kwargs: Any) -> Mapping[str, Any]:
        return ORDERS[kwargs["number"]][1]


class Renew(PaymentSessionRenewView):
    def get_session_arguments(self, request: Request, **kwargs: Any) -> Mapping[str, Any]:
        """Find it by what the app was told, which stays that session's when another replaces it."""
        reference = kwargs["reference"]
        return {"session": get_object_or_404(PaymentSession, client_reference_id=reference)}


urlpatterns = [
    path("orders/<int:number>/payment-session/", Pay.as_view()),
    path("payment-sessions/<slug:reference>/renewal/", Renew.as_view()),
    path("anybodys/<int:number>/", PayAnybodys.as_view()),
    path("without-key/<int:number>/", PayWithoutKey.as_view()),
    path("without-override/<int:number>/", PaymentSessionCreateView.as_view()),
    path("redpin/", include("django_redpin.urls")),
]
