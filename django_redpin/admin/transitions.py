"""The journal in the admin."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ..models import StatusTransition
from ..services.redrive import redrive_transitions
from . import filters
from .badges import dispatch_badge, value_badge
from .confirming import list_action
from .listing import KeysetAdmin
from .readonly import link
from .redriving import MOST, RedrivingAdmin
from .verbs import NotDone, Verb

Outcome = StatusTransition.Outcome


def _why_not(transition: StatusTransition) -> str:
    if transition.outcome == Outcome.HELD:
        return "it is held back until its session is released from review."
    if transition.outcome != Outcome.DEAD:
        return f"it was not given up: {transition.get_outcome_display()}."
    return ""


def _redrive(transition: StatusTransition, answers: Mapping[str, Any]) -> str:
    if not redrive_transitions(StatusTransition.objects.filter(pk=transition.pk)).due:
        raise NotDone("Somebody else had it told again just now.")
    return "Due to be told again."


REDRIVE_TRANSITION: Final = Verb(
    name="redrive",
    title=_("Tell receivers again what was given up"),
    explanation=_(
        "Tells your own code again of transitions that were given up because a receiver failed each"
        " time. What was told is not told again."
    ),
    why_not=_why_not,
    run=_redrive,
    most=MOST,
    calls_redpin=False,
)


@admin.register(StatusTransition)
class StatusTransitionAdmin(KeysetAdmin, RedrivingAdmin):
    """Every transition, and whether receivers have been told of it."""

    list_display = (
        "shown_created",
        "session",
        "subject",
        "shown_from",
        "shown_to",
        "shown_outcome",
        "dispatched_at",
        "attempts",
    )
    list_filter = (
        filters.DispatchFilter,
        filters.SubjectFilter,
        filters.DocumentedFilter,
        filters.CreatedFilter,
    )
    list_select_related = ("session",)
    sortable_by = ("shown_created",)
    search_fields = ("session__client_reference_id__exact",)
    search_help_text = _("Exact: the session's reference.")
    fields = (
        "session_link",
        "subject",
        "share",
        "from_value",
        "to_value",
        "is_documented",
        "note",
        "event_link",
        "occurred_at",
        "created_at",
        "outcome",
        "dispatched_at",
        "attempts",
        "next_attempt_at",
        "last_error",
    )

    verbs = (REDRIVE_TRANSITION,)
    actions = (list_action(REDRIVE_TRANSITION),)

    @admin.display(description=_("recorded"), ordering="pk")
    def shown_created(self, obj: StatusTransition) -> datetime:
        return obj.created_at

    @admin.display(description=_("from"))
    def shown_from(self, obj: StatusTransition) -> SafeString | str:
        return value_badge(obj.subject, obj.from_value)

    @admin.display(description=_("to"))
    def shown_to(self, obj: StatusTransition) -> SafeString | str:
        return value_badge(obj.subject, obj.to_value)

    @admin.display(description=_("dispatch"))
    def shown_outcome(self, obj: StatusTransition) -> SafeString:
        return dispatch_badge(obj)

    @admin.display(description=_("session"))
    def session_link(self, obj: StatusTransition) -> SafeString | str:
        return link(obj.session)

    @admin.display(description=_("event"))
    def event_link(self, obj: StatusTransition) -> SafeString | str:
        return link(obj.event)
