"""What staff can do about payment sessions: a table of the services' verbs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from ..models import PaymentSession
from ..rules.statuses import CANCELLED, REFUNDED
from ..services import (
    expire_payment_session,
    redispatch_transitions,
    refresh_payment_session,
    release_from_review,
    renew_payment_session,
)
from ..services.expire import why_not_expired
from .masking import names_an_iban
from .verbs import NAMED, NotDone, Verb

State = PaymentSession.State

# Each may take a call to Redpin of many seconds; a session's page needs one at a time.
_MOST_CALLS: Final = 50
_MOST_ROWS: Final = 200

_NOT_RENEWED: Final[dict[str, str]] = {
    State.CREATING: "its creation has not come to an end; refresh it first.",
    State.UNKNOWN: "nobody knows yet whether Redpin has created it; refresh it first.",
    State.REJECTED: "Redpin refused it. Correct the order, and create another session.",
}
_CALLED_OFF: Final = frozenset({CANCELLED, REFUNDED})


class RenewForm(forms.Form):
    """The renewal's due date, where the old one is too near."""

    due_date = forms.DateField(
        label=_("New due date"),
        required=False,
        help_text=_("Leave it empty to keep the old one. Redpin wants at least 5 days from today."),
        widget=forms.DateInput(attrs={"type": "date"}),
    )


class ReleaseForm(forms.Form):
    """Why a session needs no review any more: what was found, in the person's own words."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("What you found, and how you know. It is kept for good; no bank details."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def clean_reason(self) -> str:
        """Return the reason; one that names an IBAN is refused, as it is kept and shown."""
        reason = str(self.cleaned_data["reason"])
        if names_an_iban(reason):
            raise forms.ValidationError(_("Leave the account number out: this is kept for good."))
        return reason


def _why_not_refresh(session: PaymentSession) -> str:
    is_refused = session.state == State.REJECTED
    return "Redpin refused it: there is nothing to ask about." if is_refused else ""


def _refresh(session: PaymentSession, answers: Mapping[str, Any]) -> str:
    key, before = session.pk, _standing(session)
    current = refresh_payment_session(session)
    after = _standing(current)
    if current.pk != key:
        return f"Redpin was asked; {current} stands in its place: {after}."
    is_same = before == after
    return (
        f"Redpin was asked: it is still {after}." if is_same else f"It was {before}; it is {after}."
    )


def _why_not_renew(session: PaymentSession) -> str:
    renewal = PaymentSession.objects.filter(renews=session).only("client_reference_id").first()
    if renewal is not None:
        return f"the session {renewal} stands in its place already."
    if session.state in _NOT_RENEWED:
        return _NOT_RENEWED[session.state]
    if session.review_reason:
        return "a person has to look at it first: release it from review."
    if session.payment_status in _CALLED_OFF or session.state == State.EXPIRED:
        is_paid = session.payment_status and session.payment_status not in _CALLED_OFF
        return f"its payment is {session.payment_status}." if is_paid else ""
    return why_not_expired(session)


def _renew(session: PaymentSession, answers: Mapping[str, Any]) -> str:
    renewal = renew_payment_session(session, due_date=answers["due_date"])
    return f"{renewal} stands in its place, and is {_standing(renewal)}."


def _expire(session: PaymentSession, answers: Mapping[str, Any]) -> str:
    expire_payment_session(session)
    return "Redpin was asked: it has ended unpaid, and is expired."


def _why_not_dispatch(session: PaymentSession) -> str:
    found = redispatch_transitions(session, dry_run=True)
    if found.due:
        return ""
    if found.held:
        return "what was not told is held back until it is released from review."
    return "its receivers are being told just now." if found.in_hand else "all was told."


def _dispatch(session: PaymentSession, answers: Mapping[str, Any]) -> str:
    done = redispatch_transitions(session)
    if not done.due:
        raise NotDone("Somebody else had it told just now.")
    held = f" {done.held} held back until it is released from review." if done.held else ""
    return f"{done.due} due to be told.{held}"


def _why_not_release(session: PaymentSession) -> str:
    return "" if session.review_reason else "it needs no review."


def _release(session: PaymentSession, answers: Mapping[str, Any]) -> str:
    if not release_from_review(session, note=answers["reason"]):
        raise NotDone("Somebody released it, or it was given another reason, just now. Look again.")
    return f"Released, because: {answers['reason']}"


def _standing(session: PaymentSession) -> str:
    return " ".join(filter(None, (session.get_state_display(), session.payment_status)))


SESSION_VERBS: Final = (
    Verb(
        name="refresh",
        title=_("Refresh from Redpin"),
        explanation=_("Asks Redpin what became of the payment, and applies what it says."),
        why_not=_why_not_refresh,
        run=_refresh,
        most=_MOST_CALLS,
        is_one_click=True,
    ),
    Verb(
        name="renew",
        title=_("Renew"),
        explanation=_(
            "Puts a new session, with a new page to pay on, in the place of one that expired or"
            " whose payment was called off. Redpin is asked first whether a payment is under way."
        ),
        why_not=_why_not_renew,
        run=_renew,
        most=_MOST_CALLS,
        form=RenewForm,
    ),
    Verb(
        name="expire",
        title=_("Mark as expired"),
        explanation=_(
            "Asks Redpin, and marks the session as expired if its page has ended unpaid. It closes"
            " no page: Redpin has no call for that."
        ),
        why_not=why_not_expired,
        run=_expire,
        most=_MOST_CALLS,
    ),
    Verb(
        name="dispatch",
        title=_("Tell receivers now"),
        explanation=_(
            "Tells your own code of what it was not told yet: what waits, and what was given up."
            " What was told is not told again."
        ),
        why_not=_why_not_dispatch,
        run=_dispatch,
        most=_MOST_ROWS,
        calls_redpin=False,
    ),
    Verb(
        name="release",
        title=_("Release from review"),
        explanation=_(
            "Says that a person has looked at the session. What was held back meanwhile, that its"
            " payment is complete, is then told: goods may be given out for it."
        ),
        why_not=_why_not_release,
        run=_release,
        most=NAMED,  # Nobody releases what the page did not show.
        form=ReleaseForm,
        seen=lambda session: str(session.review_reason),
        calls_redpin=False,
    ),
)
