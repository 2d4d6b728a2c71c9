"""What waits for somebody, in one number each, at the head of the overview."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..models import StatusTransition, WebhookEvent
from ..services.overview import MOST_COUNTED, Overview, Waiting
from ..services.stages import Stage

_Event = WebhookEvent.Outcome
_Transition = StatusTransition.Outcome

# What a number says, and whether any at all calls for a person.
_EVENTS: Final[dict[str, tuple[Promise, bool]]] = {
    _Event.PENDING: (gettext_lazy("Events to be processed"), False),
    _Event.WAITING: (gettext_lazy("Events waiting for their session"), False),
    _Event.DEAD: (gettext_lazy("Events given up"), True),
}
_TRANSITIONS: Final[dict[str, tuple[Promise, bool]]] = {
    _Transition.PENDING: (gettext_lazy("Transitions to be told"), False),
    _Transition.HELD: (gettext_lazy("Transitions held until a review"), True),
    _Transition.DEAD: (gettext_lazy("Transitions given up"), True),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """A number, what it counts, since when, where to look, and whether somebody has to."""

    name: Promise | str
    number: str
    since: str
    address: str
    is_urgent: bool


def tiles_of(found: Overview) -> list[Tile]:
    """Return the tiles; the sessions are those of the span, the rest is all that there is."""
    in_review = sum(count[Stage.REVIEW] for count in found.counts())
    sessions = reverse("admin:redpin_paymentsession_changelist")
    review = Tile(
        name=_("Sessions that need review"),
        number=str(in_review),
        since="",
        address=f"{sessions}?needs_review=1",
        is_urgent=in_review > 0,
    )
    events = reverse("admin:redpin_webhookevent_changelist")
    transitions = reverse("admin:redpin_statustransition_changelist")
    return [
        review,
        *(_tile(*_EVENTS[name], found.events[name], events, name) for name in _EVENTS),
        *(
            _tile(*_TRANSITIONS[name], found.transitions[name], transitions, name)
            for name in _TRANSITIONS
        ),
    ]


def _tile(name: Promise, is_urgent: bool, rows: Waiting, address: str, outcome: str) -> Tile:
    number = f"{MOST_COUNTED}+" if rows.may_be_more else str(rows.count)
    return Tile(
        name=name,
        number=number,
        since=_age(rows.oldest) if rows.oldest else "",
        address=f"{address}?outcome__in={outcome}",
        is_urgent=is_urgent and rows.count > 0,
    )


def _age(moment: datetime) -> str:
    return _("oldest %(age)s ago") % {"age": timesince(moment, depth=1)}
