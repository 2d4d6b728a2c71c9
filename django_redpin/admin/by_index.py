"""What is found by an index alone, however long the table is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from django.db import connections
from django.db.models import Q, QuerySet
from django.utils import timezone


def used_values(rows: QuerySet[Any], column: str, most: int) -> list[str]:
    """Return the different values of a column, rising; each is one step along an index.

    `SELECT DISTINCT` would read the whole index, a million entries for five currencies.
    """
    connection = connections[rows.db]
    table = connection.ops.quote_name(rows.model._meta.db_table)
    name = connection.ops.quote_name(rows.model._meta.get_field(column).column)
    with connection.cursor() as cursor:
        # The names are the model's own.
        cursor.execute(
            f"WITH RECURSIVE used (value) AS (SELECT MIN({name}) FROM {table} UNION ALL"  # noqa: S608
            f" SELECT (SELECT MIN({name}) FROM {table} WHERE {name} > used.value)"
            f" FROM used WHERE used.value IS NOT NULL)"
            f" SELECT value FROM used WHERE value IS NOT NULL LIMIT {most:d}"
        )
        return [value for (value,) in cursor.fetchall()]


def none_of(column: str, values: Iterable[str]) -> Q:
    """Return the condition that a text is none of these, nor empty; by an index, as ranges."""
    ends = ["", *sorted(values)]
    found = Q(**{f"{column}__gt": ends[-1]})
    for low, high in pairwise(ends):
        found |= Q(**{f"{column}__gt": low, f"{column}__lt": high})
    return found


def start_of(span: str) -> datetime:
    """Return when the span began that lasts until now, in the reader's time zone."""
    now = timezone.now()
    day = timezone.localtime(now) if timezone.is_aware(now) else now
    day = day.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "today": day,
        "7days": day - timedelta(days=7),
        "30days": day - timedelta(days=30),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }[span]
