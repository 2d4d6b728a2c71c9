"""The URLs of the webhook and of a session's status, to be included once, anywhere:

`path("redpin/", include("django_redpin.urls"))`.
"""

from __future__ import annotations

from django.urls import URLPattern, path

from .embed.status import PaymentSessionDetailView, PaymentSessionStatusView
from .webhooks.view import WebhookView

app_name = "redpin"

urlpatterns: list[URLPattern] = [
    # What every session's callback URL is made of.
    path(
        "webhooks/<slug:account>/<slug:client_reference_id>/<slug:token>/",
        WebhookView.as_view(),
        name="session-webhook",
    ),
    # Without the slash, too: a redirect would be a failed delivery, with the token in the log.
    path("webhooks/<slug:account>/<slug:client_reference_id>/<slug:token>", WebhookView.as_view()),
    path("webhooks/<slug:account>/<slug:token>", WebhookView.as_view()),
    # For the account-wide subscription of Redpin's newer API.
    path("webhooks/<slug:account>/<slug:token>/", WebhookView.as_view(), name="account-webhook"),
    path("sessions/<str:token>/", PaymentSessionStatusView.as_view(), name="session-status"),
    # Without the slash, too: Django logs the path of what it redirects.
    path("sessions/<str:token>", PaymentSessionStatusView.as_view()),
    # For a payer who is logged in, and for staff.
    path(
        "sessions/<slug:account>/<slug:client_reference_id>/",
        PaymentSessionDetailView.as_view(),
        name="session-detail",
    ),
]
