"""A stretch of days, cut into days, weeks or months of the active time zone.

Where a piece begins is reckoned here and not by the database: MariaDB knows no time zones until
somebody loads them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final

from django.conf import settings
from django.utils import timezone

DAY: Final = "day"
WEEK: Final = "week"
MONTH: Final = "month"

# The longest is what bounds the cost of whoever looks.
LENGTHS: Final = (7, 30, 90, 365)
# More bars than that nobody can tell apart; each is one part of one statement.
MOST_PIECES: Final = 100


def _day(day: date) -> date:
    return day


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _first(day: date) -> date:
    return day.replace(day=1)


# Where the piece that a day lies in begins; and a number of days that surely leads into the next.
_BEGINNINGS: Final[dict[str, tuple[Callable[[date], date], int]]] = {
    DAY: (_day, 1),
    WEEK: (_monday, 7),
    MONTH: (_first, 31),
}
STEPS: Final = tuple(_BEGINNINGS)


@dataclass(frozen=True, slots=True)
class Span:
    """The last so many days, today included, in whole pieces: the first may begin before them."""

    days: int
    step: str
    starts: tuple[date, ...]
    end: date  # The first day after it.

    @classmethod
    def last(cls, days: int, step: str) -> Span:
        """Return the last `days` (of `LENGTHS`) in steps (of `STEPS`), up to today.

        A step that would make more than `MOST_PIECES` gives way to the next longer one.
        """
        today = timezone.localdate() if settings.USE_TZ else timezone.now().date()
        if step == DAY and days > MOST_PIECES:
            step = WEEK
        begin, stride = _BEGINNINGS[step]
        starts = [begin(today - timedelta(days=days - 1))]
        while (following := begin(starts[-1] + timedelta(days=stride))) <= today:
            starts.append(following)
        return cls(days, step, tuple(starts), today + timedelta(days=1))

    @property
    def moments(self) -> list[tuple[datetime, datetime]]:
        """When each piece begins, and when the next does."""
        bounds = [_midnight(day) for day in (*self.starts, self.end)]
        return list(pairwise(bounds))

    def place(self, moment: datetime) -> int:
        """Return which piece a moment of the span lies in."""
        local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
        return bisect_right(self.starts, local.date()) - 1


def _midnight(day: date) -> datetime:
    naive = datetime.combine(day, time())
    return timezone.make_aware(naive) if settings.USE_TZ else naive
