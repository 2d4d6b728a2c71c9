"""The journal in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import StatusTransition
from .readonly import ReadOnlyAdmin, link


@admin.register(StatusTransition)
class StatusTransitionAdmin(ReadOnlyAdmin):
    """Every transition, and whether receivers have been told of it."""

    list_display = (
        "created_at",
        "session",
        "subject",
        "from_value",
        "to_value",
        "dispatched_at",
        "attempts",
    )
    list_filter = ("subject", "to_value", ("dispatched_at", admin.EmptyFieldListFilter))
    list_select_related = ("session",)
    search_fields = ("session__client_reference_id__exact",)
    search_help_text = _("Exact: the session's reference.")
    fields = (
        "session_link",
        "subject",
        "share",
        "from_value",
        "to_value",
        "event_link",
        "occurred_at",
        "created_at",
        "dispatched_at",
        "attempts",
        "next_attempt_at",
        "last_error",
    )

    @admin.display(description=_("session"))
    def session_link(self, obj: StatusTransition) -> SafeString | str:
        return link(obj.session)

    @admin.display(description=_("event"))
    def event_link(self, obj: StatusTransition) -> SafeString | str:
        return link(obj.event)
