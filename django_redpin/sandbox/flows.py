"""The motion of a payment: which facts a payment will reach, and how they become true or not.

Posting callbacks about them is the courier's work. Every move is a compare-and-set on
``Payment.facts_true``, so that of two who try, one wins and the other does nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import simplejson
from django.db import IntegrityError, transaction

from .callback_faults import announce
from .conf import options
from .ledger import Fact, Payment, Status
from .models import Recipient, Session
from .money import Amount
from .rates import Offer
from .wire import dumps

Data = dict[str, object]

_WITHOUT_EXCHANGE: Final = (Status.PROCESSING,)
_WITH_EXCHANGE: Final = (Status.AWAITING_FUNDS, Status.RECEIVED_FUNDS, Status.FX_COMPLETED)
_ENDS: Final = (Status.PAYMENT_COMPLETED, Status.CANCELLED, Status.REFUNDED)


class Expired(Exception):
    """The session ended before Pay was pressed."""


class Plan(NamedTuple):
    """A status to reach: what its event tells, and of whose payout it is."""

    status: str
    data: Data
    recipient: Recipient | None = None

    @classmethod
    def of(cls, fact: Fact) -> Plan:
        """Return the plan that a fact to come is kept as."""
        return cls(fact.status, simplejson.loads(fact.data, use_decimal=True), fact.recipient)


def begin_payment(session: Session, offer: Offer, now: datetime) -> Payment:
    """Return the session's payment, paid as ``offer`` says: begun now, or the one begun before.

    Its first fact is true at once; the others are due one step after another.
    Raises Expired when the session is over and has no payment.
    """
    existing = Payment.objects.filter(session=session).first()
    if existing is not None:
        return existing
    if session.has_expired(now):
        raise Expired
    step = options().step
    try:
        with transaction.atomic():
            payment = Payment.objects.create(
                session=session,
                sell_currency=offer.sell.currency,
                sell_minor=offer.sell.minor,
                next_fact_at=now,
                created_at=now,
            )
            Fact.objects.bulk_create(
                Fact(
                    payment=payment,
                    position=position,
                    status=plan.status,
                    recipient=plan.recipient,
                    data=dumps(plan.data),
                    due_at=now + step * position,
                )
                for position, plan in enumerate(_plan(session, offer))
            )
            _make_next_fact_true(payment)
    except IntegrityError:
        # Pay was pressed twice, and the other press won.
        return Payment.objects.get(session=session)
    return Payment.objects.get(pk=payment.pk)


def advance(now: datetime) -> int:
    """Make every fact true whose time has come, but none of a session that is paused.

    Returns how many became true.
    """
    moved = 0
    due = Payment.objects.filter(next_fact_at__lte=now, session__paused=False)
    for payment in due.order_by("next_fact_at", "pk"):
        while payment.next_fact_at and payment.next_fact_at <= now:
            if not _make_next_fact_true(payment, session__paused=False):
                break
            moved += 1
            payment.refresh_from_db()
    return moved


def cancel_payment(payment: Payment, now: datetime) -> bool:
    """Cancel the payment if it is still AWAITING_FUNDS or PROCESSING; return whether it was."""
    plan = Plan(Status.CANCELLED, {"reason_description": "Cancelled by the customer"})
    return payment.can_be_cancelled and move(payment, plan, now)


def move(payment: Payment, plan: Plan, now: datetime) -> bool:
    """Let the payment, as it was read, be at ``plan.status`` now, whatever its flow has next.

    Of the facts still to come those go that the new one makes impossible; the others remain.
    Returns whether it was done: False means that the payment has moved since it was read.
    """
    position = payment.facts_true
    with transaction.atomic():
        moved = Payment.objects.filter(pk=payment.pk, facts_true=position).update(
            facts_true=position + 1, status=plan.status
        )
        if not moved:
            return False
        # After the write that decides, so that nobody else changes the plan meanwhile.
        planned = Fact.objects.filter(payment=payment, position__gte=position)
        rest = _remaining(list(planned.order_by("position")), plan)
        planned.delete()
        fact = Fact.objects.create(
            payment=payment,
            position=position,
            status=plan.status,
            recipient=plan.recipient,
            data=dumps(plan.data),
            due_at=now,
        )
        for place, later in enumerate(rest, position + 1):
            later.pk, later.position = None, place
        Fact.objects.bulk_create(rest)
        Payment.objects.filter(pk=payment.pk).update(next_fact_at=rest[0].due_at if rest else None)
        announce(fact)
    return True


def go_on(payment: Payment, now: datetime) -> bool:
    """Let what is still planned come one step after another from ``now`` on; False as in move."""
    with transaction.atomic():
        mine = Payment.objects.filter(pk=payment.pk, facts_true=payment.facts_true)
        if not mine.update(next_fact_at=None):
            return False
        planned = list(Fact.objects.filter(payment=payment, position__gte=payment.facts_true))
        for steps, fact in enumerate(planned, 1):
            fact.due_at = now + options().step * steps
        Fact.objects.bulk_update(planned, ["due_at"])
        mine.update(next_fact_at=planned[0].due_at if planned else None)
    return True


def _remaining(planned: list[Fact], plan: Plan) -> list[Fact]:
    if plan.status in _ENDS:
        return []
    payee = plan.recipient.pk if plan.recipient else None
    same = [fact for fact in planned if (fact.status, fact.recipient_id) == (plan.status, payee)]
    if same:
        # What led up to it is skipped; what another recipient waits for is not.
        last = same[0].position
        return [f for f in planned if f.position > last or f.recipient_id not in (None, payee)]
    if plan.status == Status.BOUNCED_BACK:
        # This one is not credited any more, and so not all of them.
        return [f for f in planned if payee and f.recipient_id not in (None, payee)]
    return planned


def _make_next_fact_true(payment: Payment, **only_if: object) -> bool:
    """Make the fact after ``payment.facts_true`` true; return whether it was this call's doing."""
    upcoming = list(
        Fact.objects.filter(payment=payment, position__gte=payment.facts_true).order_by("position")[
            :2
        ]
    )
    if not upcoming or upcoming[0].position != payment.facts_true:
        return False
    fact = upcoming[0]
    with transaction.atomic():
        still = Payment.objects.filter(pk=payment.pk, facts_true=fact.position, **only_if)
        moved = still.update(
            facts_true=fact.position + 1,
            status=fact.status,
            next_fact_at=upcoming[1].due_at if len(upcoming) > 1 else None,
        )
        if not moved:
            return False
        announce(fact)
    return True


def facts_of(status: str, session: Session, sell: Amount, recipient: Recipient | None) -> Data:
    """Return the documented ``data`` of a status: who is paid how much, by what exchange."""
    buy = session.total.wire()
    share: Data = {}
    if recipient is not None:
        share = {"recipient_id": recipient.recipient_id, "amount": recipient.amount.wire()}
    known: dict[str, Data] = {
        Status.RECEIVED_FUNDS: {"amount": sell.wire()},
        Status.FX_COMPLETED: {"sell_amount": sell.wire(), "buy_amount": buy},
    }
    return known.get(status, share)


def _plan(session: Session, offer: Offer) -> list[Plan]:
    """Return the documented flow: with a currency exchange, or in one currency."""
    statuses = _WITHOUT_EXCHANGE if offer.rate is None else _WITH_EXCHANGE
    steps: list[tuple[str, Recipient | None]] = [(status, None) for status in statuses]
    recipients = list(session.recipients.select_related("session"))
    for status in (Status.PAYOUT_INITIATED, Status.PAYOUT_CREDITED):
        steps += [(status, recipient) for recipient in recipients]
    steps.append((Status.PAYMENT_COMPLETED, None))
    return [
        Plan(status, facts_of(status, session, offer.sell, recipient), recipient)
        for status, recipient in steps
    ]


def seconds_of(wait: timedelta) -> int:
    """Return ``wait`` in whole seconds, rounded up, at least one: for a page's refresh."""
    return max(1, -int(-wait.total_seconds() // 1))
