"""Numbers for people: sessions and amounts over time, how many are paid, how long it takes.

The cost is bounded: what is counted over time was created within a span, found by the index
`redpin_session_created`; what waits is counted up to `MOST_COUNTED`; times are read of at most
about `SAMPLE` payments. The statements are always as many, whatever there is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import reduce
from math import ceil
from operator import add
from typing import Any, Final

from django.db import models
from django.db.models import Case, Count, F, Min, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Cast, Coalesce, Round
from moneyed import CURRENCIES, Currency, Money

from ..models import PaymentSession, StatusTransition, WebhookEvent
from ..rules.money import exponent
from ..rules.statuses import PAYMENT_COMPLETED
from .spans import Span
from .stages import Stage, stage_of

MOST_COUNTED: Final = 1000
SAMPLE: Final = 10_000

_State = PaymentSession.State
# Multiples of a number in the golden ratio to a prime lie evenly among its remainders.
_PRIME: Final = 2**31 - 1
_GOLDEN: Final = 1_327_217_884
# Most currencies have two decimals; these don't. (No session is created in one that is not listed.)
_TWO: Final = 2
_DECIMALS: Final[dict[str, int]] = {
    code: decimals for code in CURRENCIES if (decimals := exponent(Currency(code))) != _TWO
}


@dataclass(frozen=True, slots=True)
class Group:
    """Sessions that are alike: created in the span's piece `place`, in one currency and status."""

    place: int
    state: str
    payment_status: str
    stage: Stage
    count: int
    money: Money


@dataclass(frozen=True, slots=True)
class StatusTotal:
    """Sessions of the whole span in one status and currency."""

    stage: Stage
    state: str
    payment_status: str
    count: int
    money: Money


@dataclass(frozen=True, slots=True)
class Times:
    """How long it took from a session's creation until every recipient was credited."""

    count: int
    median: timedelta | None
    ninetieth: timedelta | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows with one outcome; from `MOST_COUNTED` + 1 on there may be more. `oldest` is when."""

    count: int
    oldest: datetime | None

    @property
    def may_be_more(self) -> bool:
        """Whether counting ended before the rows did."""
        return self.count > MOST_COUNTED


@dataclass(frozen=True, slots=True)
class Overview:
    """What the page shows. `times` has an entry for each piece of the span.

    Times are those of every payment where `one_of` is 1, and else of one in so many.
    """

    span: Span
    groups: tuple[Group, ...]
    times: tuple[Times, ...]
    all_times: Times
    one_of: int
    events: dict[str, Waiting]
    transitions: dict[str, Waiting]

    def counts(self) -> list[Counter[Stage]]:
        """Return how many sessions there are of each stage, by piece."""
        found: list[Counter[Stage]] = [Counter() for _ in self.span.starts]
        for group in self.groups:
            found[group.place][group.stage] += group.count
        return found

    def amounts(self) -> dict[str, list[dict[Stage, Money]]]:
        """Return the sums of each currency, by piece and stage; the most used currency first."""
        sessions: Counter[str] = Counter()
        found: dict[str, list[dict[Stage, Money]]] = {}
        for group in self.groups:
            code = group.money.currency.code
            sessions[code] += group.count
            pieces = found.setdefault(code, [{} for _ in self.span.starts])[group.place]
            pieces[group.stage] = pieces.get(group.stage, 0) + group.money
        return {code: found[code] for code, _ in sessions.most_common()}

    def conversion(self) -> list[tuple[int, int]]:
        """Return how many were created and how many of them are paid, by piece.

        What a renewal took the place of is not counted: the renewal is.
        """
        found = [(0, 0)] * len(self.span.starts)
        for group in self.groups:
            if group.state == _State.SUPERSEDED and group.stage == Stage.LAPSED:
                continue
            created, paid = found[group.place]
            is_paid = group.stage == Stage.PAID
            found[group.place] = (created + group.count, paid + is_paid * group.count)
        return found

    def statuses(self) -> list[StatusTotal]:
        """Return the whole span by currency, stage, state and payment status, in this order."""
        kinds: dict[tuple[str, Stage, str, str], list[Group]] = defaultdict(list)
        for group in self.groups:
            code = group.money.currency.code
            kinds[code, group.stage, group.state, group.payment_status].append(group)
        order = list(Stage)
        return [
            StatusTotal(
                *(stage, state, status, sum(group.count for group in alike)),
                money=reduce(add, (group.money for group in alike)),
            )
            for (_, stage, state, status), alike in sorted(
                kinds.items(), key=lambda kind: (kind[0][0], order.index(kind[0][1]), kind[0])
            )
        ]


def overview(span: Span, account: str = "") -> Overview:
    """Return the numbers of the span; of one account, where one is named, but for what waits."""
    groups = tuple(_groups(span, account))
    paid = sum(group.count for group in groups if group.payment_status == PAYMENT_COMPLETED)
    one_of = max(1, ceil(paid / SAMPLE))
    lasted = _lasted(span, account, one_of)
    events, transitions = WebhookEvent.Outcome, StatusTransition.Outcome
    return Overview(
        span=span,
        groups=groups,
        times=tuple(_times(piece) for piece in lasted),
        all_times=_times([each for piece in lasted for each in piece]),
        one_of=one_of,
        events={
            outcome: _waiting(WebhookEvent.objects.filter(outcome=outcome), "received_at")
            for outcome in (events.PENDING, events.WAITING, events.DEAD)
        },
        transitions={
            outcome: _waiting(StatusTransition.objects.filter(outcome=outcome), "created_at")
            for outcome in (transitions.PENDING, transitions.HELD, transitions.DEAD)
        },
    )


def _created(within: tuple[datetime, datetime], account: str, *, of: str = "") -> Q:
    """Return the condition on a session, or on what refers to it by the prefix `of`."""
    first, end = within
    named = {f"{of}account": account} if account else {}
    return Q(**{f"{of}created_at__gte": first, f"{of}created_at__lt": end}, **named)


def _scale() -> Case:
    """Return ten to the power of a currency's decimals."""
    codes: dict[int, list[str]] = defaultdict(list)
    for code, decimals in _DECIMALS.items():
        codes[decimals].append(code)
    whens = [When(currency__in=found, then=Value(10**n)) for n, found in codes.items()]
    return Case(*whens, default=Value(10**_TWO), output_field=models.IntegerField())


def _groups(span: Span, account: str) -> Iterator[Group]:
    """Count and add up in one statement, with one part for each piece of the span.

    In minor units, as SQLite adds decimals up as floats; whole numbers it adds up exactly.
    """
    minor = Cast(Round(F("amount") * _scale()), models.BigIntegerField())
    kinds = (
        PaymentSession.objects.order_by()
        .values("currency", "state", "payment_status", "needs_review")
        .annotate(count=Count("pk"), total=Sum(minor))
    )
    parts = [
        kinds.filter(_created(piece, account)).annotate(place=Value(place, models.IntegerField()))
        for place, piece in enumerate(span.moments)
    ]
    for row in parts[0].union(*parts[1:], all=True).order_by():
        state, status, currency = row["state"], row["payment_status"], row["currency"]
        decimals = _DECIMALS.get(currency, _TWO)
        yield Group(
            place=row["place"],
            state=state,
            payment_status=status,
            stage=stage_of(state, status, needs_review=row["needs_review"]),
            count=row["count"],
            money=Money(Decimal(row["total"]).scaleb(-decimals), currency),
        )


def _lasted(span: Span, account: str, one_of: int) -> list[list[timedelta]]:
    """Return how long payments took, by the piece in which their session was created.

    Of one payment of so many, drawn by its key; keys that go up in steps are drawn as any others.
    """
    moments = span.moments
    sessions = PaymentSession.objects.filter(
        _created((moments[0][0], moments[-1][1]), account),
        payment_status=PAYMENT_COMPLETED,
        review_reason="",
    ).order_by()
    if one_of > 1:
        drawn = F("pk") % Value(_PRIME) * Value(_GOLDEN) % Value(_PRIME)
        sessions = sessions.annotate(drawn=drawn).filter(drawn__lt=_PRIME // one_of)
    # Reached twice, by way of a payout that came back, the first counts. A join would tempt
    # databases to read the journal as a whole; this is one look by index for each session.
    credited = (
        StatusTransition.objects.filter(
            session=OuterRef("pk"),
            subject=StatusTransition.Subject.PAYMENT_STATUS,
            to_value=PAYMENT_COMPLETED,
        )
        .order_by()
        .values("session")
        .annotate(first=Min(Coalesce("occurred_at", "created_at")))
        .values("first")
    )
    rows = sessions.values_list("created_at", Subquery(credited))
    found: list[list[timedelta]] = [[] for _ in span.starts]
    for created, done in rows.iterator(chunk_size=2000):
        if done is None:
            continue  # The journal has no line of it.
        # Two clocks: Redpin's may be behind ours.
        found[span.place(created)].append(max(done - created, timedelta(0)))
    return found


def _times(lasted: list[timedelta]) -> Times:
    ordered = sorted(lasted)

    def within(part: float) -> timedelta | None:
        return ordered[ceil(part * len(ordered)) - 1] if ordered else None

    return Times(len(ordered), within(0.5), within(0.9))


def _waiting(rows: QuerySet[Any], moment: str) -> Waiting:
    """Count up to the limit, the oldest first, along an index of outcome and key."""
    first = rows.order_by("pk").values(moment)[: MOST_COUNTED + 1]
    found = first.aggregate(count=Count(moment), oldest=Min(moment))
    return Waiting(found["count"], found["oldest"])
