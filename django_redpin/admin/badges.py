"""Words with a colour: how states, statuses and outcomes look."""

from __future__ import annotations

from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString

from ..models import PaymentSession
from ..rules.statuses import FAILED, PAYMENT_COMPLETED

State = PaymentSession.State

_STATES: Final[dict[str, str]] = {
    State.OPEN: "wait",
    State.CREATING: "wait",
    State.UNKNOWN: "wait",
    State.REJECTED: "bad",
}


def badge(text: object, tone: str = "plain") -> SafeString:
    """Return the text as a badge: good, bad, wait or plain."""
    return format_html('<span class="redpin-badge redpin-badge--{}">{}</span>', tone, text)


def state_badge(session: PaymentSession) -> SafeString:
    """Return the session's state as a badge."""
    return badge(session.get_state_display(), _STATES.get(session.state, "plain"))


def payment_status_badge(status: str) -> SafeString:
    """Return Redpin's status as a badge, or nothing where there is none."""
    if not status:
        return SafeString("")
    tone = "good" if status == PAYMENT_COMPLETED else "bad" if status in FAILED else "wait"
    return badge(status, tone)
