"""The admin's list of sessions, ours and a plain one, in a small table and in a large one.

One tour is what one does with such a list: open it, filter it, find a payment by its reference,
and turn to a page in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from ..options import Options
from ..rounds import Ratio, Samples, Way, race, ratio
from ..suite import Row, Suite
from ..tables import Table, of

SMALL: Final = 1_000
PAGE: Final = 100
OURS: Final = "ours"
PLAIN: Final = "plain"
_LISTS: Final = {
    OURS: "/admin/redpin/paymentsession/",
    PLAIN: "/plain/benchmarks/session/",
}


def tour(rows: int) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the query of each page of the tour, for both lists, in a table of so many rows."""
    middle = rows // 2
    status = "PAYMENT_COMPLETED"
    return {
        "first page": {OURS: {}, PLAIN: {}},
        "filtered by status": {
            OURS: {"payment_status__in": status},
            PLAIN: {"payment_status__exact": status},
        },
        "search by reference": {OURS: {"q": f"order-{middle}"}, PLAIN: {"q": f"order-{middle}"}},
        "a page in the middle": {OURS: {"p": f"after.{middle}"}, PLAIN: {"p": middle // PAGE}},
    }


@dataclass(frozen=True)
class Visitor:
    """A superuser who is signed in to the admin of one table."""

    table: Table
    cookie: str
    get: Any

    def opens(self, list_name: str, page: str) -> None:
        """Open a page of the tour."""
        query = urlencode(tour(self.table.rows)[page][list_name])
        self.get(_LISTS[list_name], query=query, cookie=self.cookie)

    def way(self, list_name: str, page: str) -> Way:
        """Return that as one way of a race."""
        return Way(
            _name(list_name, self.table.rows, page),
            partial(self.opens, list_name, page),
            self.table.use,
        )


@contextmanager
def visiting(tables: Sequence[Table]) -> Iterator[list[Visitor]]:
    """Be signed in to the admin of each table; nothing of it stays."""
    from ..wsgi_calls import Caller

    get = Caller().get
    with ExitStack() as stack:
        yield [Visitor(table, stack.enter_context(_signed_in(table)), get) for table in tables]


@contextmanager
def _signed_in(table: Table) -> Iterator[str]:
    """Return, as a context, the cookie of a superuser who is there as long."""
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    table.use()
    # Committed: Django closes a connection that a request finds in a transaction.
    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    try:
        yield f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
    finally:
        table.use()
        session.delete()
        user.delete()


def run(options: Options) -> Iterable[Row]:
    pages = list(tour(SMALL))
    calls = 2 if options.quick else 5
    with of(SMALL, options.rows) as tables, visiting(tables) as (small, large):
        yield _counts(large, pages)
        ways = [who.way(OURS, page) for page in pages for who in (small, large)]
        found = race(ways, replace(options.plan, calls=calls))
        own = {
            page: ratio(found[_name(OURS, options.rows, page)], found[_name(OURS, SMALL, page)])
            for page in pages
        }
        # The page that grows the most; three of the four mostly render a hundred rows.
        yield Row.of("admin_list_1m_vs_1k", _worst(own), _note(options), _told(own, found))
        ways = [large.way(name, page) for page in pages for name in (OURS, PLAIN)]
        found = race(ways, replace(options.plan, rounds=7, calls=1))
        whole = ratio(*(_tour(found, name, options.rows, pages) for name in (PLAIN, OURS)))
        each = {
            page: ratio(
                found[_name(PLAIN, options.rows, page)], found[_name(OURS, options.rows, page)]
            )
            for page in pages
        }
        yield Row.of("admin_default_vs_ours_1m", whole, _note(options), _told(each, found))


def _counts(visitor: Visitor, pages: Sequence[str]) -> Row:
    from ..statements import counted

    visitor.table.use()
    statements = {page: counted(partial(visitor.opens, OURS, page)) for page in pages}
    counts = sum("COUNT(" in sql.upper() for page in pages for sql in statements[page])
    number = {page: len(each) for page, each in statements.items()}
    return Row("admin_list_counts", counts, details={"statements": number})


def _name(list_name: str, rows: int, page: str) -> str:
    return f"{list_name}, {rows} rows: {page}"


def _tour(found: dict[str, Samples], name: str, rows: int, pages: Sequence[str]) -> Samples:
    """Return what the whole tour takes, round by round."""
    medians = zip(*(found[_name(name, rows, page)].medians for page in pages), strict=True)
    return Samples(rounds=[[sum(each)] for each in medians])


def _worst(ratios: dict[str, Ratio]) -> Ratio:
    return max(ratios.values(), key=lambda each: each.value)


def _told(ratios: dict[str, Ratio], found: dict[str, Samples]) -> dict[str, Any]:
    return {
        "ratios": {name: round(each.value, 3) for name, each in ratios.items()},
        "ways": {name: each.described() for name, each in found.items()},
    }


def _note(options: Options) -> str:
    return "" if options.rows == 1_000_000 else f"with {options.rows:,} rows"


SUITE: Final = Suite(
    "admin",
    ("admin_list_1m_vs_1k", "admin_list_counts", "admin_default_vs_ours_1m"),
    run,
    databases=("postgresql",),  # Of which the data sets are.
)
