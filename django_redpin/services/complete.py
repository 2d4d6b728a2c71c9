"""Finish what was cut off: an intent whose creation has no end yet."""

from __future__ import annotations

from ..models import PaymentSession
from ..telemetry import Spans, note, traced
from .attempts import BACKGROUND, INTERACTIVE, pursue
from .endings import elsewhere
from .leases import claim
from .opening import UNFINISHED, in_place_of
from .transactions import require_no_transaction


@traced(Spans.COMPLETE)
def complete_payment_session(session: PaymentSession) -> PaymentSession:
    """Finish a session whose creation was cut off, and return it once it is open.

    An earlier attempt that may have been carried out is looked up at Redpin by its reference first;
    it is sent again, under the same reference, only if Redpin doesn't have it. Where Redpin has it
    but doesn't tell its URL any more, nobody can ever have seen its page: it is replaced by a new
    one, which is returned.

    Args:
        session: Nothing is done for one that is not `creating` or `unknown`; for one that was
            replaced, what stands in its place counts.

    Returns:
        The session, or the one in its place.

    Raises:
        OpenTransactionError: Inside a transaction; nothing was sent.
        SessionRejected: As by `create_payment_session`, as the others.
        NotCreatedYet: Redpin surely has no such session yet.
        OutcomeUnknown: Nobody can tell yet.
    """
    require_no_transaction("complete_payment_session")
    session.refresh_from_db()
    note(
        Spans.COMPLETE,
        account=session.account,
        session=session.pk,
        reference=session.client_reference_id,
    )
    session = in_place_of(session)
    if session.state not in UNFINISHED:
        return session
    is_ours = claim(PaymentSession, session.pk, even_if_not_due=True, states=UNFINISHED)
    session.refresh_from_db()
    return pursue(session, INTERACTIVE) if is_ours else elsewhere(session)


def complete_in_background(pk: int) -> None:
    """Pursue the intent with this primary key, if it is due and free. Raises as above."""
    if claim(PaymentSession, pk, states=UNFINISHED):
        pursue(PaymentSession.objects.get(pk=pk), BACKGROUND)
