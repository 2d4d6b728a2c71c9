"""Deciding what happens next: each control of the table, as the page and the API both call it.

How a payment moves is in ``flows``, what is done to a callback in ``callback_faults``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import events
from .arguments import Arguments, Refused
from .callback_faults import BEFORE_ANSWER, CURRENCY, KINDS, BadValue, take_faults
from .courier import deliver_before_answer
from .flows import Data, Plan, begin_payment, facts_of, go_on, move
from .ledger import CallbackFault, Fact, Payment, Status
from .models import Recipient, Session
from .money import Amount
from .rates import offers

MOST_EVENTS: Final = 1000
MOST_MINUTES: Final = 100_000
# How often a move is tried that meets a payment in motion.
_TRIES: Final = 5
_PAYOUT: Final = (Status.PAYOUT_INITIATED, Status.PAYOUT_CREDITED)


@dataclass(frozen=True, slots=True)
class Control:
    """One thing that can be done: what it does, in words, and what it takes."""

    does: Promise
    run: Callable[[Session, Arguments, datetime], None]
    takes: tuple[str, ...] = ()


def _pause(session: Session, given: Arguments, now: datetime) -> None:
    Session.objects.filter(pk=session.pk).update(paused=True)


def _resume(session: Session, given: Arguments, now: datetime) -> None:
    for _try in range(_TRIES):
        payment = Payment.objects.filter(session=session).first()
        # The plan first: what became due during the pause must not come all at once.
        if payment is None or go_on(payment, now):
            Session.objects.filter(pk=session.pk).update(paused=False)
            return
    raise _in_motion()


def _pay(session: Session, given: Arguments, now: datetime) -> None:
    choices = {offer.currency: offer for offer in offers(session.total)}
    currency = given.text("currency") or session.currency
    if currency not in choices:
        raise Refused(_("must be one of: %s") % ", ".join(choices), "currency")
    if Payment.objects.filter(session=session).exists():
        raise Refused(
            _("The session is paid already. Choose a status, or create another session."),
            status=409,
        )
    if session.has_expired(now):
        raise Refused(_("The session has expired. Extend it first."), status=409)
    begin_payment(session, choices[currency], now)


def _next(session: Session, given: Arguments, now: datetime) -> None:
    wanted = given.text("event_id")

    def plan(payment: Payment) -> Plan:
        fact = _planned(payment)
        # Who names what is to come saw it as the next; meanwhile another may be.
        if wanted not in ("", str(fact.event_id)):
            raise _in_motion()
        return Plan.of(fact)

    _drive(session, plan, now)


def _finish(session: Session, given: Arguments, now: datetime) -> None:
    _next(session, given, now)
    while not _payment(session).is_final:
        _next(session, given, now)


def _status(session: Session, given: Arguments, now: datetime) -> None:
    status = given.required_text("status", most=40)
    recipient = _recipient(session, given, required=status in _PAYOUT)
    reason = given.text("reason", most=500)
    refund = given.number("refund_amount")

    def plan(payment: Payment) -> Plan:
        data = facts_of(status, session, payment.sell, recipient)
        return Plan(status, data | _told(status, payment.sell, reason, refund), recipient)

    _drive(session, plan, now)


def _expire(session: Session, given: Arguments, now: datetime) -> None:
    Session.objects.filter(pk=session.pk).update(expires_at=now.replace(microsecond=0))


def _extend(session: Session, given: Arguments, now: datetime) -> None:
    minutes = given.number("minutes", 30)
    if minutes is None or not 0 < minutes <= MOST_MINUTES:
        raise Refused(_("must be a number of minutes, at most %d") % MOST_MINUTES, "minutes")
    until = now + timedelta(minutes=float(minutes))
    Session.objects.filter(pk=session.pk).update(expires_at=until.replace(microsecond=0))


def _fault(session: Session, given: Arguments, now: datetime) -> None:
    add_fault(session, given)


def _clear_faults(session: Session, given: Arguments, now: datetime) -> None:
    clear_faults(session)


def _forge(session: Session, given: Arguments, now: datetime) -> None:
    status = given.text("status", most=40) or Status.PAYMENT_COMPLETED
    recipient = _recipient(session, given, required=status in _PAYOUT)
    payment = Payment.objects.filter(session=session).first()
    data = facts_of(status, session, payment.sell if payment else session.total, recipient)
    events.forge(session, status, data, now)


def _post_again(session: Session, given: Arguments, now: datetime) -> None:
    events.post_again(session, given.text("event_id"), now)


CONTROLS: Final[dict[str, Control]] = {
    "pay": Control(
        gettext_lazy("Begin the payment as the payer would, without the hosted page."),
        _pay,
        ("currency",),
    ),
    "pause": Control(gettext_lazy("Let the payment wait at its status."), _pause),
    "resume": Control(gettext_lazy("Let the planned statuses come by themselves again."), _resume),
    "next": Control(
        gettext_lazy("Let the next planned status come now, and pause."), _next, ("event_id",)
    ),
    "finish": Control(gettext_lazy("Let all planned statuses come now."), _finish),
    "status": Control(
        gettext_lazy("Let any status come now, documented or not, and pause."),
        _status,
        ("status", "recipient_id", "reason", "refund_amount"),
    ),
    "expire": Control(gettext_lazy("Let the session end now."), _expire),
    "extend": Control(
        gettext_lazy("Let the session end so many minutes from now, also if it had ended."),
        _extend,
        ("minutes",),
    ),
    "callback-fault": Control(
        gettext_lazy("Spoil the callbacks of the next event, or of the next few."),
        _fault,
        ("kind", "value", "events"),
    ),
    "clear-callback-faults": Control(
        gettext_lazy("Forget the faults that still wait."), _clear_faults
    ),
    "forge": Control(
        gettext_lazy("Post an event that is not true: the list call does not confirm it."),
        _forge,
        ("status", "recipient_id"),
    ),
    "post-again": Control(
        gettext_lazy("Post a past event once more, whole, or all of them without event_id."),
        _post_again,
        ("event_id",),
    ),
}


def add_fault(session: Session | None, given: Arguments) -> None:
    """Let a fault wait for the next event of a session, or of any. Raises Refused."""
    kind = given.choice("kind", KINDS)
    if kind == BEFORE_ANSWER and session is not None:
        raise Refused(
            _(
                "must be another one here: before_answer waits for the next session that is"
                " created. Set it for all sessions."
            ),
            "kind",
        )
    try:
        value = KINDS[kind].check(given.text("value"))
    except BadValue as problem:
        raise Refused(str(problem), "value") from None
    events_left = given.whole("events", 1, MOST_EVENTS, 1) or 1
    CallbackFault.objects.create(session=session, kind=kind, value=value, events_left=events_left)


def clear_faults(session: Session | None) -> None:
    """Forget the faults that wait for a session's events, or those for any session's."""
    CallbackFault.objects.filter(session=session).delete()


def call_back_before_answer(session: Session, now: datetime) -> None:
    """Pay a session that was just created, and post its callback, if that fault waits."""
    for fault in take_faults(session, before_answer=True):
        choices = {offer.currency: offer for offer in offers(session.total)}
        begin_payment(session, choices.get(fault.value, choices[session.currency]), now)
        deliver_before_answer(session)


def _drive(session: Session, plan_of: Callable[[Payment], Plan], now: datetime) -> None:
    """Move the payment by hand. From then on nothing comes by itself."""
    payment = _payment(session)
    _pause(session, Arguments({}), now)
    for _try in range(_TRIES):
        if move(payment, plan_of(payment), now):
            return
        payment.refresh_from_db()
    raise _in_motion()


def _payment(session: Session) -> Payment:
    payment = Payment.objects.filter(session=session).first()
    if payment is None:
        raise Refused(
            _("The session has no payment yet. Pay it first, here or on its hosted page."),
            status=409,
        )
    return payment


def _planned(payment: Payment) -> Fact:
    planned = payment.facts.filter(position__gte=payment.facts_true).select_related("recipient")
    fact: Fact | None = planned.first()
    if fact is None:
        raise Refused(
            _("Nothing more is planned for this payment. Choose a status instead."),
            status=409,
        )
    return fact


def _recipient(session: Session, given: Arguments, *, required: bool) -> Recipient | None:
    wanted = given.text("recipient_id", most=100)
    recipients = list(session.recipients.select_related("session"))
    if not wanted and required and len(recipients) == 1:
        return recipients[0]
    if not wanted and not required:
        return None
    for recipient in recipients:
        if recipient.recipient_id == wanted:
            return recipient
    known = ", ".join(recipient.recipient_id for recipient in recipients)
    raise Refused(_("must be one of: %s") % known, "recipient_id")


def _told(status: str, sell: Amount, reason: str, refund: Decimal | None) -> Data:
    """Return what the status tells beside whom it pays: why, and how much comes back."""
    if status == Status.CANCELLED:
        return {"reason_description": reason or "Cancelled by the customer"}
    if status == Status.BOUNCED_BACK:
        return {"bounce_reason": reason or "The account is closed"}
    if status == Status.REFUNDED:
        value = sell.value if refund is None else refund
        return {"refund_amount": {CURRENCY: sell.currency, "value": value}}
    return {}


def _in_motion() -> Refused:
    return Refused(_("The payment moved meanwhile. Look at it, then try again."), status=409)
