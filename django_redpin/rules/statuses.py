"""Redpin's payment statuses, their documented order, and which of two facts is the greater."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Final

AWAITING_FUNDS: Final = "AWAITING_FUNDS"
PROCESSING: Final = "PROCESSING"
RECEIVED_FUNDS: Final = "RECEIVED_FUNDS"
FX_COMPLETED: Final = "FX_COMPLETED"
PAYOUT_INITIATED: Final = "PAYOUT_INITIATED"
PAYOUT_CREDITED: Final = "PAYOUT_CREDITED"
PAYMENT_COMPLETED: Final = "PAYMENT_COMPLETED"
CANCELLED: Final = "CANCELLED"
BOUNCED_BACK: Final = "BOUNCED_BACK"
REFUNDED: Final = "REFUNDED"

# Where a status stands in the documented flows: with FX AWAITING_FUNDS, RECEIVED_FUNDS,
# FX_COMPLETED, PAYOUT_INITIATED, PAYOUT_CREDITED, PAYMENT_COMPLETED; in one currency PROCESSING,
# PAYOUT_INITIATED, PAYOUT_CREDITED, PAYMENT_COMPLETED. Money that comes back follows what was paid.
RANKS: Final[dict[str, int]] = {
    AWAITING_FUNDS: 10,
    PROCESSING: 15,
    RECEIVED_FUNDS: 20,
    FX_COMPLETED: 30,
    PAYOUT_INITIATED: 40,
    PAYOUT_CREDITED: 50,
    PAYMENT_COMPLETED: 60,
    BOUNCED_BACK: 70,
    CANCELLED: 80,
    REFUNDED: 90,
}

# The ends of the documented flows. (BOUNCED_BACK is followed by REFUNDED. The oldest diagram lets
# REFUNDED bounce back too; that is applied, and the session stays closed.)
FINAL: Final = frozenset({PAYMENT_COMPLETED, CANCELLED, REFUNDED})
FAILED: Final = frozenset({CANCELLED, BOUNCED_BACK, REFUNDED})

# One of these comes once for each recipient and tells of its share.
PAYOUT: Final = frozenset({PAYOUT_INITIATED, PAYOUT_CREDITED, BOUNCED_BACK})

# Which statuses Redpin may show once it has announced the first one: the documented edges of all
# versions of its diagram, followed to their ends, and from PAYOUT_CREDITED those that several
# recipients make: another's payout begins, or one comes back.
_EDGES: Final[dict[str, frozenset[str]]] = {
    AWAITING_FUNDS: frozenset({RECEIVED_FUNDS, PROCESSING, CANCELLED}),
    PROCESSING: frozenset({PAYOUT_INITIATED, CANCELLED}),
    RECEIVED_FUNDS: frozenset({FX_COMPLETED, REFUNDED}),
    FX_COMPLETED: frozenset({PAYOUT_INITIATED}),
    PAYOUT_INITIATED: frozenset({PAYOUT_CREDITED, BOUNCED_BACK, CANCELLED}),
    PAYOUT_CREDITED: frozenset({PAYMENT_COMPLETED, PAYOUT_INITIATED, BOUNCED_BACK}),
    PAYMENT_COMPLETED: frozenset(),
    CANCELLED: frozenset(),
    BOUNCED_BACK: frozenset({REFUNDED}),
    REFUNDED: frozenset({BOUNCED_BACK}),
}


# What has happened whenever Redpin shows a status, whichever of the documented ways led there. A
# payment may be cancelled or refunded before anybody was paid, so these prove no payout.
_BEGUN: Final = frozenset({AWAITING_FUNDS, PROCESSING})
_FUNDED: Final = _BEGUN | {RECEIVED_FUNDS, FX_COMPLETED}
_PROVES: Final[dict[str, frozenset[str]]] = {
    PROCESSING: frozenset({AWAITING_FUNDS}),
    RECEIVED_FUNDS: _BEGUN,
    FX_COMPLETED: _BEGUN | {RECEIVED_FUNDS},
    PAYOUT_INITIATED: _FUNDED,
    PAYOUT_CREDITED: _FUNDED | {PAYOUT_INITIATED},
    PAYMENT_COMPLETED: _FUNDED | {PAYOUT_INITIATED, PAYOUT_CREDITED},
    BOUNCED_BACK: _FUNDED | {PAYOUT_INITIATED},
    CANCELLED: _BEGUN,
    REFUNDED: _BEGUN | {RECEIVED_FUNDS},
}


def proves(listed: str, claimed: str) -> bool:
    """Tell whether a payment that Redpin lists as `listed` has been `claimed` for sure."""
    return listed == claimed or claimed in _PROVES.get(listed, frozenset())


def is_known(status: str) -> bool:
    """Tell whether Redpin documents this status."""
    return status in RANKS


def may_follow(status: str, later: str) -> bool:
    """Tell whether a payment that was once in `status` can be in `later` by the documented flows.

    True for the same status. An unknown status follows nothing and is followed by nothing.
    """
    if status not in RANKS or later not in RANKS:
        return status == later
    seen, waiting = {status}, [status]
    while waiting:
        for following in _EDGES[waiting.pop()] - seen:
            seen.add(following)
            waiting.append(following)
    return later in seen


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a fact stands among all facts of one payment: time (UTC), rank in the flow, event key.

    The greatest fact that was seen sets the status. So the status depends on the set of facts,
    and neither on the order in which they arrive nor on how often each arrives.
    """

    at: datetime
    rank: int
    key: str

    @classmethod
    def of(cls, status: str, at: datetime, key: str) -> Position:
        """Return the position of the fact, told by event `key`, that `status` was reached."""
        return cls(at.astimezone(timezone.utc), RANKS.get(status, 0), key)

    def __str__(self) -> str:
        """Return the position as text that sorts as positions do."""
        at = self.at.replace(tzinfo=None).isoformat(timespec="microseconds")
        return f"{at}Z {self.rank:03d} {self.key}"
