"""Badges: a status as coloured text. The text says it all; the colour only says it sooner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..models import PaymentSession, StatusTransition, WebhookEvent
from ..rules import statuses

Tone = Literal["good", "bad", "wait", "plain"]

_State = PaymentSession.State
STATE_TONES: Final[Mapping[str, Tone]] = {
    _State.CREATING: "wait",
    _State.OPEN: "good",
    _State.CLOSED: "plain",
    _State.REJECTED: "bad",
    _State.UNKNOWN: "wait",
    _State.EXPIRED: "plain",
    _State.SUPERSEDED: "plain",
}

# A status that Redpin adds some day is in none of them, and plain.
PAYMENT_STATUS_TONES: Final[Mapping[str, Tone]] = {
    **dict.fromkeys(statuses.RANKS, "wait"),
    **dict.fromkeys((statuses.PAYOUT_CREDITED, statuses.PAYMENT_COMPLETED), "good"),
    **dict.fromkeys(statuses.FAILED, "bad"),
}

_Event = WebhookEvent.Outcome
EVENT_TONES: Final[Mapping[str, Tone]] = {
    _Event.PENDING: "wait",
    _Event.APPLIED: "good",
    _Event.KNOWN: "plain",
    _Event.IGNORED: "plain",
    _Event.UNKNOWN_STATUS: "bad",
    _Event.WAITING: "wait",
    _Event.ORPHAN: "bad",
    _Event.CONTRADICTED: "bad",
    _Event.DEAD: "bad",
}

_Dispatch = StatusTransition.Outcome
DISPATCH_TONES: Final[Mapping[str, Tone]] = {
    _Dispatch.PENDING: "wait",
    _Dispatch.TOLD: "good",
    _Dispatch.HELD: "wait",
    _Dispatch.DEAD: "bad",
}


def badge(text: object, tone: Tone) -> SafeString:
    """Return the text, escaped, as a badge of that tone; `redpin/admin.css` has the colours."""
    return format_html('<span class="redpin-badge redpin-badge--{}">{}</span>', tone, text)


def state_badge(session: PaymentSession) -> SafeString:
    """Return the session's state in words, as a badge."""
    return badge(session.get_state_display(), STATE_TONES.get(session.state, "plain"))


def payment_status_badge(status: str) -> SafeString | str:
    """Return a payment or payout status as Redpin writes it, as a badge; a dash for none yet."""
    return badge(status, PAYMENT_STATUS_TONES.get(status, "plain")) if status else "-"


def event_badge(event: WebhookEvent) -> SafeString:
    """Return what became of the event, as a badge."""
    return badge(event.get_outcome_display(), EVENT_TONES.get(event.outcome, "plain"))


def dispatch_badge(transition: StatusTransition) -> SafeString:
    """Return whether receivers were told of the transition, as a badge."""
    return badge(transition.get_outcome_display(), DISPATCH_TONES.get(transition.outcome, "plain"))


def value_badge(subject: str, value: str) -> SafeString | str:
    """Return what a transition led from or to: a badge, or the whole of a reason for a review."""
    if subject == StatusTransition.Subject.REVIEW or not value:
        return value or "-"
    if subject == StatusTransition.Subject.STATE:
        label = dict(_State.choices).get(value, value)
        return badge(label, STATE_TONES.get(value, "plain"))
    return payment_status_badge(value)
