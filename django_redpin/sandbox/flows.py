"""The motion of a payment: which facts a payment will reach, and how they become true or not.

Posting callbacks about them is the courier's work. Every move is a compare-and-set on
``Payment.facts_true``, so that of two who try, one wins and the other does nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import IntegrityError, transaction

from .conf import options
from .ledger import Delivery, Fact, Payment, Status
from .models import Recipient, Session
from .rates import Offer
from .subscriptions import receivers_of
from .wire import dumps


class Expired(Exception):
    """The session ended before Pay was pressed."""


class _Plan(NamedTuple):
    status: str
    data: dict[str, object]
    recipient: Recipient | None = None


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
    """Make every fact true whose time has come; return how many became true."""
    moved = 0
    due = Payment.objects.filter(next_fact_at__lte=now).order_by("next_fact_at", "pk")
    for payment in due:
        while payment.next_fact_at and payment.next_fact_at <= now:
            if not _make_next_fact_true(payment):
                break
            moved += 1
            payment.refresh_from_db()
    return moved


def cancel_payment(payment: Payment, now: datetime) -> bool:
    """Cancel the payment if it is still AWAITING_FUNDS or PROCESSING; return whether it was."""
    with transaction.atomic():
        cancelled = Payment.objects.filter(
            pk=payment.pk,
            facts_true=1,
            status__in=[Status.AWAITING_FUNDS, Status.PROCESSING],
        ).update(facts_true=2, status=Status.CANCELLED, next_fact_at=None)
        if not cancelled:
            return False
        Fact.objects.filter(payment=payment, position__gte=1).delete()
        fact = Fact.objects.create(
            payment=payment,
            position=1,
            status=Status.CANCELLED,
            data=dumps({"reason_description": "Cancelled by the customer"}),
            due_at=now,
        )
        _announce(fact)
    return True


def _make_next_fact_true(payment: Payment) -> bool:
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
        moved = Payment.objects.filter(pk=payment.pk, facts_true=fact.position).update(
            facts_true=fact.position + 1,
            status=fact.status,
            next_fact_at=upcoming[1].due_at if len(upcoming) > 1 else None,
        )
        if not moved:
            return False
        _announce(fact)
    return True


def _announce(fact: Fact) -> None:
    Delivery.objects.bulk_create(
        Delivery(payment=fact.payment, fact=fact, url=url, next_at=fact.due_at)
        for url in receivers_of(fact.payment.session)
    )


def _plan(session: Session, offer: Offer) -> list[_Plan]:
    """Return the documented flow: with a currency exchange, or in one currency."""
    plans = []
    if offer.rate is None:
        plans.append(_Plan(Status.PROCESSING, {}))
    else:
        sell, buy = offer.sell.wire(), offer.buy.wire()
        plans += [
            _Plan(Status.AWAITING_FUNDS, {}),
            _Plan(Status.RECEIVED_FUNDS, {"amount": sell}),
            _Plan(Status.FX_COMPLETED, {"sell_amount": sell, "buy_amount": buy}),
        ]
    recipients = list(session.recipients.select_related("session"))
    for status in (Status.PAYOUT_INITIATED, Status.PAYOUT_CREDITED):
        plans += [
            _Plan(
                status,
                {"recipient_id": recipient.recipient_id, "amount": recipient.amount.wire()},
                recipient,
            )
            for recipient in recipients
        ]
    plans.append(_Plan(Status.PAYMENT_COMPLETED, {}))
    return plans


def seconds_of(wait: timedelta) -> int:
    """Return ``wait`` in whole seconds, rounded up, at least one: for a page's refresh."""
    return max(1, -int(-wait.total_seconds() // 1))
