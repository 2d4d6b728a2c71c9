"""The sandbox's addresses: usable as a ROOT_URLCONF, or included below a path.

Names carry a prefix instead of a namespace, so that they are found either way.
"""

from __future__ import annotations

from django.urls import path

from . import (
    api,
    call_pages,
    control_api,
    control_pages,
    fault_pages,
    hosted,
    oauth,
    pages,
    recipients,
    subscriptions,
)
from .versions import WEBHOOKS_PATH

urlpatterns = [
    path("", pages.index, name="redpin_sandbox_index"),
    path("outbox/", pages.outbox, name="redpin_sandbox_outbox"),
    path("faults/", fault_pages.faults, name="redpin_sandbox_faults"),
    path("log/", call_pages.log, name="redpin_sandbox_log"),
    path("log/<int:pk>/", call_pages.call, name="redpin_sandbox_call"),
    path("healthz", pages.healthz, name="redpin_sandbox_healthz"),
    path("pay/<str:key>/", hosted.pay, name="redpin_sandbox_pay"),
    path("sessions/<str:key>/control/", control_pages.control, name="redpin_sandbox_control"),
    path("callbacks/", control_pages.callbacks, name="redpin_sandbox_callbacks"),
    path("control/state", control_api.state, name="redpin_sandbox_state"),
    path("control/sessions/<uuid:session_id>", control_api.session_state),
    path("control/sessions/<uuid:session_id>/<str:control>", control_api.session_control),
    path("control/faults", fault_pages.control_faults, name="redpin_sandbox_control_faults"),
    path("control/log", call_pages.control_log, name="redpin_sandbox_control_log"),
    path("control/callback-fault", control_api.callback_fault),
    path("control/clear-callback-faults", control_api.clear_callback_faults),
    path("auth/oauth/v2/token", oauth.token, name="redpin_sandbox_token"),
    path("v1/customers/<str:customer_id>/sessions", api.sessions, name="redpin_sandbox_sessions"),
    path(
        "v2/customers/<str:customer_id>/recipients",
        recipients.recipients,
        name="redpin_sandbox_recipients",
    ),
    path(WEBHOOKS_PATH, subscriptions.webhooks, name="redpin_sandbox_webhooks"),
    # Below all others, as it takes what they leave.
    path("control/<path:rest>", control_api.nothing),
]

handler400 = "django_redpin.sandbox.pages.bad_request"
handler404 = "django_redpin.sandbox.pages.not_found"
handler500 = "django_redpin.sandbox.pages.server_error"
