"""The journal in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import StatusTransition
from ..services.redrive import redrive_transitions
from .readonly import link
from .redriving import PER_SECOND, RedrivingAdmin


@admin.register(StatusTransition)
class StatusTransitionAdmin(RedrivingAdmin):
    """Every transition, and whether receivers have been told of it."""

    list_display = (
        "created_at",
        "session",
        "subject",
        "from_value",
        "to_value",
        "outcome",
        "dispatched_at",
        "attempts",
    )
    list_filter = ("subject", "outcome", "is_documented", "to_value")
    list_select_related = ("session",)
    search_fields = ("session__client_reference_id__exact",)
    search_help_text = _("Exact: the session's reference.")
    fields = (
        "session_link",
        "subject",
        "share",
        "from_value",
        "to_value",
        "is_documented",
        "event_link",
        "occurred_at",
        "created_at",
        "outcome",
        "dispatched_at",
        "attempts",
        "next_attempt_at",
        "last_error",
    )

    @admin.action(description=_("Tell receivers again what was given up"), permissions=["redrive"])
    def redrive(self, request: HttpRequest, queryset: QuerySet[StatusTransition]) -> None:
        """Make the selected transitions due again; say how many, and how many were left."""
        self.tell_redriven(request, redrive_transitions(queryset, per_second=PER_SECOND))

    @admin.display(description=_("session"))
    def session_link(self, obj: StatusTransition) -> SafeString | str:
        return link(obj.session)

    @admin.display(description=_("event"))
    def event_link(self, obj: StatusTransition) -> SafeString | str:
        return link(obj.event)
