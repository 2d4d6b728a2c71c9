"""What can go wrong with callbacks: the table of faults, what each does, and whose turn it is.

A fault waits until an event becomes true, and marks the deliveries of that event. ``messages``
spoils the text of a marked one, and the courier posts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Final

from django.db.models import F, Q
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .ledger import CallbackFault, Delivery, Fact
from .models import Session
from .receivers import receivers_of

DUPLICATE: Final = "duplicate"
REORDER: Final = "reorder"
DELAY: Final = "delay"
DROP: Final = "drop"
BEFORE_ANSWER: Final = "before_answer"
BROKEN_JSON: Final = "broken_json"
WRONG_CONTENT_TYPE: Final = "wrong_content_type"
MISSING_FIELD: Final = "missing_field"
NESTED: Final = "nested"
FLAT: Final = "flat"
AMOUNT: Final = "amount"
CURRENCY: Final = "currency"

MOST_TIMES: Final = 20
MOST_SECONDS: Final = 3600
IDENTIFIERS: Final = (
    "payment_id",
    "status",
    "customer_id",
    "client_customer_ref",
    "client_reference_id",
    "session_id",
)
_FIELDS: Final = ("event_id", *IDENTIFIERS, "event_timestamp", "data")
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)


class BadValue(ValueError):
    """The value does not suit the kind of fault. The text says what would."""


def _times(value: str) -> str:
    value = value or "2"
    if not value.isdecimal() or len(value) > 3 or not 2 <= int(value) <= MOST_TIMES:
        raise BadValue(
            _("must be a whole number from 2 to %d: how often it is posted") % MOST_TIMES
        )
    return value


def _seconds(value: str) -> str:
    value = value or "5"
    number = _decimal(value)
    if number is None or not 0 < number <= MOST_SECONDS:
        raise BadValue(_("must be a number of seconds, at most %d") % MOST_SECONDS)
    return value


def _field(value: str) -> str:
    if value not in _FIELDS:
        raise BadValue(_("must be one of: %s") % ", ".join(_FIELDS))
    return value


def _amount(value: str) -> str:
    if _decimal(value) is None:
        raise BadValue(_("must be a number, such as 1.00"))
    return value


def _currency(value: str) -> str:
    if not _CURRENCY.fullmatch(value):
        raise BadValue(_("must be three capital letters, such as EUR"))
    return value


def _no_value(value: str) -> str:
    if value:
        raise BadValue(_("must be left out: this fault takes none"))
    return ""


def _currency_or_none(value: str) -> str:
    return _currency(value) if value else ""


def _decimal(value: str) -> Decimal | None:
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    # Also refuses nan and infinity, and exponents that would cost memory when written out.
    return number if len(value) <= 20 and number.is_finite() and abs(number) < 10**18 else None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: its name for people, what it does, and what its value must be."""

    label: Promise
    does: Promise
    check: Callable[[str], str] = _no_value
    # What the value means, or None where it takes none.
    value: Promise | None = None


KINDS: Final[dict[str, Kind]] = {
    DUPLICATE: Kind(
        gettext_lazy("Duplicated"),
        gettext_lazy("The callback is posted several times, side by side."),
        _times,
        gettext_lazy("times"),
    ),
    REORDER: Kind(
        gettext_lazy("Out of order"),
        gettext_lazy("The callback is held until a later one has been posted."),
    ),
    DELAY: Kind(
        gettext_lazy("Delayed"),
        gettext_lazy("The callback is posted so many seconds late; later ones overtake it."),
        _seconds,
        gettext_lazy("seconds"),
    ),
    DROP: Kind(gettext_lazy("Dropped"), gettext_lazy("The callback is never posted.")),
    BEFORE_ANSWER: Kind(
        gettext_lazy("Before the create call answers"),
        gettext_lazy(
            "The next session that is created is paid at once, in its own currency or the one"
            " given if that is offered, and its first callback is posted before the create call"
            " is answered."
        ),
        _currency_or_none,
        gettext_lazy("currency"),
    ),
    BROKEN_JSON: Kind(
        gettext_lazy("Broken JSON"), gettext_lazy("The body breaks off in the middle.")
    ),
    WRONG_CONTENT_TYPE: Kind(
        gettext_lazy("Wrong content type"), gettext_lazy("The body is declared as text/plain.")
    ),
    MISSING_FIELD: Kind(
        gettext_lazy("A field is missing"),
        gettext_lazy("The body comes without the field of that name."),
        _field,
        gettext_lazy("field"),
    ),
    NESTED: Kind(
        gettext_lazy("Nested envelope"),
        gettext_lazy("The body has event_type and version, and all about the payment in data."),
    ),
    FLAT: Kind(
        gettext_lazy("Flat envelope"),
        gettext_lazy("The body has all about the payment at its top, as without any fault."),
    ),
    AMOUNT: Kind(
        gettext_lazy("Another amount"),
        gettext_lazy("Each amount in the body has that value; one is put in if there is none."),
        _amount,
        gettext_lazy("value"),
    ),
    CURRENCY: Kind(
        gettext_lazy("Another currency"),
        gettext_lazy(
            "Each amount in the body is in that currency; one is put in if there is none."
        ),
        _currency,
        gettext_lazy("currency"),
    ),
}


def announce(fact: Fact) -> None:
    """Put a callback about the fact into the post, for each URL, with the faults that wait.

    To be called in the transaction that makes the fact true.
    """
    session = fact.payment.session
    faults = [[fault.kind, fault.value] for fault in take_faults(session)]
    Delivery.objects.bulk_create(
        delivery for url in receivers_of(session) for delivery in _deliveries(fact, url, faults)
    )


def take_faults(session: Session, *, before_answer: bool = False) -> list[CallbackFault]:
    """Return the faults that the session's next event is to suffer; each counts down by one."""
    mine = CallbackFault.objects.filter(Q(session=session) | Q(session=None), events_left__gt=0)
    of_kind = mine.filter(kind=BEFORE_ANSWER) if before_answer else mine.exclude(kind=BEFORE_ANSWER)
    taken = [
        fault
        for fault in of_kind
        if mine.filter(pk=fault.pk).update(events_left=F("events_left") - 1)
    ]
    CallbackFault.objects.filter(events_left=0).delete()
    return taken


def _deliveries(fact: Fact, url: str, faults: list[list[str]]) -> list[Delivery]:
    given = dict(faults)
    is_dropped, on_hold = DROP in given, REORDER in given
    delay = timedelta(seconds=float(given.get(DELAY, 0)))
    copies = int(given.get(DUPLICATE, 1))
    return [
        Delivery(
            session=fact.payment.session,
            fact=fact,
            url=url,
            faults=faults,
            # What comes late, or twice, is not waited for.
            in_turn=not (delay or on_hold or copies > 1),
            on_hold=on_hold and not is_dropped,
            next_at=fact.due_at + delay,
            finished_at=fact.due_at if is_dropped else None,
        )
        for _copy in range(1 if is_dropped else copies)
    ]


def release_held(delivery: Delivery) -> None:
    """Let go what waited for a later event, now that ``delivery`` has been posted.

    It takes over when that was due, and so goes before what has been due since.
    """
    Delivery.objects.filter(
        session=delivery.session_id, url=delivery.url, on_hold=True, pk__lt=delivery.pk
    ).exclude(fact=delivery.fact_id).update(on_hold=False, next_at=delivery.next_at)
