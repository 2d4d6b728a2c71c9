"""Put a new session in an old one's place, in one transaction, so that only one can be live."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from ..client import SessionRecord
from ..exceptions import PaymentUnderWay
from ..models import PaymentSession, SessionItem, SessionRecipient
from ..rules.references import new_reference
from .intents import write_intent
from .journal import Subject, write
from .transactions import retried

State = PaymentSession.State


@retried
def replace_session(
    old: PaymentSession, *, due_date: date | None = None, lost: SessionRecord | None = None
) -> PaymentSession:
    """Store a copy of `old` under a new reference and return it, claimed, for its first attempt.

    The old row hands over its idempotency key and becomes `superseded`, unless its payment ended
    (`closed`). Each session has at most one renewal: the unique constraint on `renews` decides
    between two callers, and the loser gets an `IntegrityError`. Raises `PaymentUnderWay` where the
    row is no longer as `old` shows it: news of a payment may have come in between.

    `lost` is what Redpin lists of a session whose page nobody was told: `old` keeps that, and has
    to be under the caller's lease still.
    """
    with transaction.atomic():
        key, from_state = old.idempotency_key, old.state
        to_state = State.CLOSED if old.state == State.CLOSED else State.SUPERSEDED
        rows = PaymentSession.objects.filter(
            pk=old.pk, state=old.state, payment_status=old.payment_status
        )
        learned: dict[str, object] = {}
        if lost is not None:
            rows = rows.filter(leased_until=old.leased_until, leased_until__isnull=False)
            learned = {"session_id": lost.session_id, "expires_at": lost.expires_at}
        replaced = rows.update(
            idempotency_key=None,
            state=to_state,
            session_url="",
            unanswered_at=None,
            leased_until=None,
            next_attempt_at=None,
            updated_at=timezone.now(),
            **learned,
        )
        if not replaced:
            raise PaymentUnderWay(old, "it was changed at this very moment.")
        new = write_intent(
            [
                SessionRecipient(recipient_id=share.recipient_id, amount=share.amount)
                for share in old.shares.all()
            ],
            [
                SessionItem(
                    item_ref=item.item_ref, description=item.description, amount=item.amount
                )
                for item in old.items.all()
            ],
            is_claimed=True,
            account=old.account,
            customer_id=old.customer_id,
            client_customer_ref=old.client_customer_ref,
            client_reference_id=new_reference(),
            idempotency_key=key,
            fingerprint=old.fingerprint,
            amount=old.amount,
            currency=old.currency,
            due_date=due_date or old.due_date,
            purpose_of_transaction=old.purpose_of_transaction,
            allowed_origins=old.allowed_origins,
            callbacks=old.callbacks,
            payer=old.payer,
            metadata=old.metadata,
            renews=old,
            lost_answers=0 if lost is None else old.lost_answers + 1,
        )
        if from_state != to_state:
            write(old, Subject.STATE, from_state, to_state)
    old.refresh_from_db()
    return new.session
