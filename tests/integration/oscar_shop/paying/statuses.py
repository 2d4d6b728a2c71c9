"""The statuses of an order, and which may follow which: `OSCAR_ORDER_STATUS_PIPELINE`."""

from __future__ import annotations

from typing import Final

PENDING: Final = "Awaiting payment"
PAID: Final = "Paid"
NOT_PAID: Final = "Not paid"  # Its session ended. The payer may start again.
ATTENTION: Final = "Needs attention"  # Money is somewhere, and a person has to decide.
REFUNDED: Final = "Refunded"
CANCELLED: Final = "Cancelled"  # By a person, in the dashboard.

PIPELINE: Final[dict[str, tuple[str, ...]]] = {
    PENDING: (PAID, NOT_PAID, ATTENTION, CANCELLED),
    PAID: (REFUNDED, ATTENTION),
    NOT_PAID: (PENDING, PAID, ATTENTION, CANCELLED),
    ATTENTION: (PAID, NOT_PAID, REFUNDED, CANCELLED),
    REFUNDED: (ATTENTION,),
    CANCELLED: (ATTENTION,),
}

# Whoever waits for money keeps the goods, until the order ends unpaid.
HOLDS_STOCK: Final = frozenset({PENDING, ATTENTION})
RELEASES_STOCK: Final = frozenset({NOT_PAID, REFUNDED, CANCELLED})
