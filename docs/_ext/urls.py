"""The URLs that the reference describes: ours, and a shop's that creates and renews sessions."""

from __future__ import annotations

from django.urls import include, path

from django_redpin.rest import PaymentSessionCreateView, PaymentSessionRenewView


class OrderSessionView(PaymentSessionCreateView):
    """Create the session of an order. The address is the project's own."""


class OrderSessionRenewView(PaymentSessionRenewView):
    """Renew the session of an order. The address is the project's own."""


urlpatterns = [
    path("redpin/", include("django_redpin.urls")),
    path("api/orders/<int:order>/session/", OrderSessionView.as_view()),
    path("api/orders/<int:order>/session/renew/", OrderSessionRenewView.as_view()),
]
