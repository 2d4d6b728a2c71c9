"""Tell receivers of one session's transitions now: of those that they were not told of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.utils import timezone

from ..models import PaymentSession, StatusTransition
from .queue import DISPATCH_TRANSITION, enqueue_on_commit
from .transactions import update

Outcome = StatusTransition.Outcome

_MOST: Final = 1000
_UNTOLD: Final = (Outcome.PENDING, Outcome.DEAD)


@dataclass(frozen=True, slots=True)
class Redispatched:
    """How many transitions are `due` now, how many are `held` back, and `in_hand` of a worker."""

    due: int
    held: int
    in_hand: int


def redispatch_transitions(session: PaymentSession, *, dry_run: bool = False) -> Redispatched:
    """Make those of the session's transitions due now that wait or were given up.

    The oldest first, 1000 at most. What was told is never told again; what is held back is told
    when its session is released from review; what a worker has in hand is left to it.

    Args:
        session: Whose transitions.
        dry_run: Change nothing, and only count.

    Returns:
        How many are due, held back, and in hand.
    """
    now = timezone.now()
    of_session = StatusTransition.objects.filter(session=session, dispatched_at=None)
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    untold = of_session.filter(outcome__in=_UNTOLD)
    found = list(untold.filter(free).order_by("pk").values_list("pk", "outcome")[:_MOST])
    held = of_session.filter(outcome=Outcome.HELD).count()
    in_hand = untold.filter(leased_until__gte=now).count()
    if dry_run:
        return Redispatched(len(found), held, in_hand)
    due = 0
    for pk, outcome in found:
        # Compare-and-set: a worker may have told of it, or taken it, since it was read.
        row = of_session.filter(free, pk=pk, outcome=outcome)
        again = {"attempts": 0, "leased_until": None, "next_attempt_at": now}
        if update(row, outcome=Outcome.PENDING, **again):
            enqueue_on_commit(DISPATCH_TRANSITION, pk)
            due += 1
    return Redispatched(due, held, in_hand)
