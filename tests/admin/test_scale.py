"""The admin at a million sessions, on PostgreSQL: as many queries as at a hundred, by index.

`POSTGRES_URL` names the server. The data sets are `benchmarks.data_set`'s; they are built once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import environ
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler
from django.test import Client
from django.test.utils import CaptureQueriesContext

from benchmarks import data_set
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent

from .world import Row, page

SERVER: Final = os.environ.get("POSTGRES_URL", "")
FEW: Final = 100
MANY: Final = 1_000_000
# Blocks of 8 KiB that a statement may touch; the sessions alone fill 40,000. Most touch some 100.
BLOCKS: Final = 6_000
BIG: Final = {
    "redpin_paymentsession",
    "redpin_sessionrecipient",
    "redpin_sessionitem",
    "redpin_webhookevent",
    "redpin_statustransition",
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SERVER, reason="NOT TESTED: POSTGRES_URL names no server."),
]


@dataclass(frozen=True)
class Visit:
    """What a page asked of the database."""

    statements: list[str]
    connection: BaseDatabaseWrapper

    def plans(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each statement that reads one of the big tables, run anew, with its plan."""
        for sql in self.statements:
            if sql.startswith(("SELECT", "WITH")) and any(table in sql for table in BIG):
                with self.connection.cursor() as cursor:
                    cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
                    (told,) = cursor.fetchone()
                found = json.loads(told) if isinstance(told, str) else told
                yield sql, found[0]["Plan"]


Visits = Callable[[str], Visit]


@contextmanager
def visiting(rows: int) -> Iterator[Visits]:
    """Be signed in to the admin of a project with so many sessions; nothing of it stays."""
    url = data_set.build(SERVER, rows)
    databases = {"default": {**settings.DATABASES["default"], **environ.Env.db_url_config(url)}}
    databases["default"]["OPTIONS"] = {}
    own = connections["default"]
    connection = ConnectionHandler(databases)["default"]
    connections["default"] = connection
    try:
        with closing(connection), transaction.atomic():
            client = Client()
            client.force_login(User.objects.create_superuser("visitor"))

            def visit(address: str) -> Visit:
                with CaptureQueriesContext(connection) as captured:
                    response = client.get(address)
                    assert response.status_code == 200, address
                return Visit([query["sql"] for query in captured], connection)

            visit(page(PaymentSession, "change", 1))  # Django looks content types up once.
            yield visit
            transaction.set_rollback(True)
    finally:
        connections["default"] = own


@pytest.fixture(scope="module")
def few(django_db_blocker: Any) -> Iterator[list[Visit]]:
    with django_db_blocker.unblock(), visiting(FEW) as visit:
        yield [visit(address) for address in addresses(FEW)]


@pytest.fixture(scope="module")
def many(django_db_blocker: Any) -> Iterator[Visits]:
    with django_db_blocker.unblock(), visiting(MANY) as visit:
        yield visit


def at(model: type[Row], query: str) -> str:
    return f"{page(model)}?{query}"


QUERIES: Final[list[tuple[type[Row], str]]] = [
    *((model, "") for model in (PaymentSession, WebhookEvent, StatusTransition, Recipient)),
    *(
        (PaymentSession, query)
        for query in (
            "o=6",
            "state__in=closed",
            "state__in=open",
            "state__in=unknown,rejected",
            "state__in=creating,open,closed",
            "payment_status__in=PAYMENT_COMPLETED",
            "payment_status__in=BOUNCED_BACK,REFUNDED",
            "payment_status__in=none",
            "payment_status__in=other",
            "payment_status__in=none,other",
            "currency__in=AED",
            "currency__in=KWD",
            "currency__in=KWD,USD",
            "account__in=pilot",
            "account__in=default,north",
            "needs_review=1",
            "needs_review=0",
            "created=today",
            "created=7days",
            "created=30days",
            "created=year",
            "state__in=closed&payment_status__in=BOUNCED_BACK",
            "state__in=open&currency__in=KWD",
            "state__in=closed&currency__in=AED&account__in=default&created=year",
            "needs_review=1&created=year&state__in=closed",
            "q=order-{middle}",
            "q=s-{middle}",
            "q=p-{middle}",
            "q=CUST-5",
            "q=key-{middle}",
            "q=payer5",
            "q=nobody",
            "q=order-{middle}&state__in=closed,expired",
            "p=after.{middle}",
            "p=before.{middle}",
            "p=after.{early}",
            "p=after.{middle}&state__in=closed,expired",
            "p=after.{early}&currency__in=USD",
            "p=after.{middle}&created=year",
        )
    ),
    *(
        (WebhookEvent, query)
        for query in (
            "outcome__in=applied",
            "outcome__in=dead,contradicted",
            "outcome__in=orphan",
            "account__in=pilot",
            "received=today",
            "received=year&outcome__in=dead",
            "q=order-{middle}",
            "q=e-{middle}-0",
            "q=p-{middle}",
            "p=after.{middle}&outcome__in=known",
        )
    ),
    *(
        (StatusTransition, query)
        for query in (
            "outcome__in=dead",
            "outcome__in=told,held",
            "subject__in=review",
            "subject__in=state,payment_status",
            "is_documented=0",
            "created=today",
            "created=year&outcome__in=dead",
            "q=order-{middle}",
            "p=after.{middle}",
        )
    ),
]


def addresses(rows: int) -> list[str]:
    """Return each list as it is filtered and searched, and a session's page."""
    numbers = {"middle": rows // 2, "early": rows // 100 + 1}
    lists = [at(model, query.format(**numbers)) for model, query in QUERIES]
    return [*lists, page(PaymentSession, "change", numbers["middle"])]


@pytest.mark.parametrize("number", range(len(QUERIES) + 1))
def test_a_page_asks_the_same_and_by_index_at_a_hundred_and_a_million(
    few: list[Visit], many: Visits, number: int
) -> None:
    address = addresses(MANY)[number]
    visit = many(address)

    assert [words(sql) for sql in visit.statements] == [
        words(sql) for sql in few[number].statements
    ]
    # One session's own rows may be counted, never a table's.
    counts = [sql for sql in visit.statements if "COUNT(" in sql.upper()]
    assert all('."session_id" = ' in sql for sql in counts), (address, counts)
    for sql, plan in visit.plans():
        nodes = list(each_node(plan))
        scans = [node for node in nodes if node["Node Type"].endswith("Seq Scan")]
        assert not BIG.intersection(node["Relation Name"] for node in scans), (address, sql)
        touched = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
        assert touched <= BLOCKS, (address, touched, sql)


def words(sql: str) -> list[str]:
    """Return what a statement is, without the values in it."""
    return [word for word in sql.split() if word.isupper() and word.isalpha()]


def each_node(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from each_node(child)
