"""Who is told of a payment: the callbacks of its session, or who has subscribed."""

from __future__ import annotations

from .conf import options
from .models import Session, Subscription
from .versions import PAYMENT_STATUS


def receivers_of(session: Session) -> list[str]:
    """Return the URLs that are told of the session's payment: its own callbacks, or subscribers."""
    if options().version.has_callbacks:
        return list(session.callbacks)
    found = Subscription.objects.filter(
        customer_id=session.customer_id, event_type=PAYMENT_STATUS
    ).values_list("endpoint", flat=True)
    return list(found)
