"""Ask Redpin what it has under a session's reference."""

from __future__ import annotations

from ..client import RedpinClient, SessionRecord
from ..conf import get_account
from ..models import PaymentSession


def client_of(session: PaymentSession) -> RedpinClient:
    """Return a client that speaks for the account and the customer that the row names.

    The customer is the row's own: the settings may name another by now.
    """
    return RedpinClient(get_account(session.account), session.customer_id)


def look_up(session: PaymentSession, claimed_session_id: str = "") -> SessionRecord | None:
    """Return what Redpin lists for this session, or None. Raises `NoAnswer` and `APIError`.

    An anonymous one has no reference of its payer to be found by: where it has no session id
    either, it is looked for under the one that an event claims.
    """
    claimed = claimed_session_id if session.anonymised_at else ""
    return client_of(session).find_session(
        session.client_reference_id,
        session_id=session.session_id or claimed,
        client_customer_ref=session.client_customer_ref,
    )
