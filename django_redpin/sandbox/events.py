"""Events that are posted by hand: a past one once more, and one that never was."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.utils.translation import gettext as _

from .arguments import Refused
from .flows import Data
from .ledger import Delivery, Payment, new_payment_id
from .messages import event_of
from .models import Session
from .receivers import receivers_of
from .wire import dumps, stamp


def forge(session: Session, status: str, data: Data, now: datetime) -> None:
    """Post an event of that status, perfect in form, that no fact stands behind. Raises Refused."""
    payment = Payment.objects.filter(session=session).first()
    event = event_of(
        session,
        event_id=str(uuid.uuid4()),
        payment_id=payment.payment_id if payment else new_payment_id(),
        status=status,
        event_timestamp=stamp(now),
        data=data,
    )
    Delivery.objects.bulk_create(
        Delivery(session=session, url=url, event=dumps(event), in_turn=False, next_at=now)
        for url in _urls(session)
    )


def post_again(session: Session, event_id: str, now: datetime) -> None:
    """Post a past event of this session once more, whole; every one if ``event_id`` is "".

    Raises Refused: there is no such event, or none at all, or nobody to post to.
    """
    urls = _urls(session)
    payment = Payment.objects.filter(session=session).first()
    facts = list(payment.facts.filter(position__lt=payment.facts_true)) if payment else []
    chosen = [fact for fact in facts if event_id in ("", str(fact.event_id))]
    if not chosen and event_id:
        raise Refused(_("is no event that has happened in this session"), "event_id")
    if not chosen:
        raise Refused(_("Nothing has happened in this session yet. Pay it first."), status=409)
    Delivery.objects.bulk_create(
        Delivery(session=session, fact=fact, url=url, in_turn=False, next_at=now)
        for fact in chosen
        for url in urls
    )


def _urls(session: Session) -> list[str]:
    urls = receivers_of(session)
    if not urls:
        cure = _("Create the session with callbacks, or (with --api new) subscribe to its events.")
        raise Refused(_("There is nobody to post to. %s") % cure, status=409)
    return urls
