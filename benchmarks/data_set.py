"""A database of as many sessions as one likes, to measure on: `python -m benchmarks.data_set`.

Made by PostgreSQL itself, in SQL, with two years of payments whose proportions look like life:
states and statuses that fit each other, a few accounts, some rare currencies. What is under way
today is a thousand sessions from 10,000 rows on: the traffic of one shop, with more or less history
behind it, so that sweeps find the same number of due rows in every table.

Built once for each number of rows and each version of the tables and of the rows; the database's
comment says which. `POSTGRES_URL` names the server.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import psycopg

ROOT: Final = Path(__file__).resolve().parent.parent
SERVER: Final = "postgres://postgres@127.0.0.1:5432"

# Everything else follows from the number of a session, so that each build is the same.
USERS: Final = """
    INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email,
                           is_staff, is_active, date_joined)
    SELECT n, '!', false, 'payer' || n, 'Amal', 'Haddad ' || n, 'payer' || n || '@example.com',
           false, true, now() - interval '730 days'
    FROM generate_series(1, {people}) AS n
"""
RECIPIENTS: Final = """
    INSERT INTO redpin_recipient (id, account, name, type, country_code, currency, bank_details,
        recipient_id, is_own_account, address, further_details, created_at, fingerprint,
        check_request_identifier, check_event_id, last_error, last_error_code, last_error_field,
        attempts, next_attempt_at)
    SELECT n, (ARRAY['default', 'north', 'south'])[1 + n % 3], 'Payee ' || n,
           CASE n % 5 WHEN 0 THEN 'Individual' ELSE 'Corporate' END, 'ARE', 'AED', '{{}}',
           CASE WHEN n <= {payees} - {unregistered} THEN 'r' || n END, n % 50 = 0, '{{}}', '{{}}',
           now() - interval '730 days', '', '', '', '', '', '', 0,
           CASE WHEN n > {payees} - {unregistered} THEN now() - interval '1 hour' END
    FROM generate_series(1, {payees}) AS n
"""
# `luck` is spread evenly and has nothing to do with age, but for what is still under way. Of that,
# every fifth is due, and was to be paid by now; the others wait until long after any benchmark.
SESSIONS: Final = """
    INSERT INTO redpin_paymentsession (id, account, customer_id, client_customer_ref,
        client_reference_id, idempotency_key, fingerprint, amount, currency, due_date,
        purpose_of_transaction, allowed_origins, callbacks, session_id, session_url, expires_at,
        state, payment_id, payment_status, payment_status_position, review_reason, payer_id,
        metadata, last_error, last_error_code, last_error_field, lost_answers, attempts,
        created_at, updated_at, next_attempt_at)
    SELECT n,
           CASE WHEN luck < 700 THEN 'default' WHEN luck < 950 THEN 'north'
                WHEN luck < 999 THEN 'south' ELSE 'pilot' END,
           '0201001008132685', 'CUST-' || person, 'order-' || n,
           CASE WHEN n % 2 = 0 THEN 'key-' || n END, md5(n::text),
           100 + n % 900000 + (n % 4) * 0.25,
           CASE WHEN other < 800 THEN 'AED' WHEN other < 930 THEN 'EUR' WHEN other < 980 THEN 'GBP'
                WHEN other < 999 THEN 'USD' ELSE 'KWD' END,
           (at + interval '10 days')::date, 'PROPERTY_PURCHASE', '[]', '[]',
           CASE WHEN state NOT IN ('rejected', 'creating', 'unknown') THEN 's-' || n END,
           CASE WHEN state = 'open' THEN 'https://pay.example/' || md5(n::text) ELSE '' END,
           CASE WHEN NOT is_under_way THEN at + interval '1 day'
                WHEN n % 5 = 0 THEN now() - interval '1 hour' ELSE now() + interval '400 days' END,
           state, CASE WHEN status <> '' THEN 'p-' || n END, status, '',
           CASE WHEN luck = 500 THEN 'Redpin lists another amount.' ELSE '' END,
           CASE WHEN n % 3 > 0 THEN person END, jsonb_build_object('unit', n % 5000),
           '', '', '', 0, 1, at, at + interval '1 hour',
           CASE WHEN is_under_way AND n % 5 = 0 THEN at
                WHEN is_under_way THEN now() + interval '400 days' END
    FROM (
        SELECT *, CASE WHEN state = 'open' AND luck % 3 = 0 THEN 'AWAITING_FUNDS'
                       WHEN state = 'open' AND luck % 7 = 0 THEN 'PAYOUT_INITIATED'
                       WHEN state <> 'closed' THEN ''
                       WHEN luck < 900 THEN 'PAYMENT_COMPLETED'
                       WHEN luck < 960 THEN 'CANCELLED'
                       WHEN luck < 990 THEN 'REFUNDED'
                       WHEN luck < 998 THEN 'BOUNCED_BACK' ELSE 'ON_HOLD' END AS status
        FROM (
            SELECT *, CASE WHEN is_under_way THEN
                               (ARRAY['open', 'open', 'creating', 'unknown'])[1 + n % 4]
                           WHEN other < 700 THEN 'closed' WHEN other < 950 THEN 'expired'
                           WHEN other < 980 THEN 'superseded' WHEN other < 999 THEN 'rejected'
                           ELSE 'unknown' END AS state
            FROM (
                SELECT n, now() - interval '730 days' * (1 - n / {rows}::float) AS at,
                       (n * 7919) % 1000 AS luck, (n * 6007 + n / 1000) % 1000 AS other,
                       1 + (n * 31) % {people} AS person,
                       n > {rows} - {under_way} AS is_under_way
                FROM generate_series(1::bigint, {rows}) AS n
            ) AS numbers
        ) AS states
    ) AS lives
"""
SHARES: Final = """
    INSERT INTO redpin_sessionrecipient (session_id, recipient_id, amount, payout_status,
                                         payout_position)
    SELECT s.id, 1 + (s.id + k) % {payees}, s.amount / (1 + (s.id % 5 = 0)::int),
           CASE s.payment_status WHEN 'PAYMENT_COMPLETED' THEN 'PAYOUT_CREDITED' ELSE '' END, ''
    FROM redpin_paymentsession AS s, generate_series(0, (s.id % 5 = 0)::int) AS k
"""
ITEMS: Final = """
    INSERT INTO redpin_sessionitem (session_id, item_ref, description, amount)
    SELECT id, 'UNIT-' || id % 5000, 'Deposit, unit ' || id % 5000, amount
    FROM redpin_paymentsession
"""
# What Redpin tells of a payment: one event for each step on its way.
EVENTS: Final = """
    INSERT INTO redpin_webhookevent (account, key, session_id, client_reference_id, event_type,
        event_id, payment_id, client_customer_ref, status, body, verifier, is_signed, outcome,
        duplicates, attempts, last_error, received_at, processed_at, next_attempt_at)
    SELECT s.account, md5(s.id || '-' || k), s.id, s.client_reference_id, 'PAYMENT STATUS',
           'e-' || s.id || '-' || k, s.payment_id, s.client_customer_ref,
           CASE k WHEN 0 THEN 'AWAITING_FUNDS' WHEN 1 THEN 'PAYOUT_INITIATED'
                  ELSE s.payment_status END,
           '', 'path_token', false,
           CASE WHEN is_due THEN 'pending' WHEN s.id % 997 = 0 THEN 'dead'
                WHEN s.id % 499 = 0 THEN 'contradicted'
                WHEN s.id % 10 = 0 THEN 'known' ELSE 'applied' END,
           (s.id % 10 = 0)::int, 1, '', at, CASE WHEN NOT is_due THEN at END,
           CASE WHEN is_due THEN s.created_at END
    FROM redpin_paymentsession AS s,
         LATERAL (SELECT CASE s.payment_status WHEN 'AWAITING_FUNDS' THEN 0 ELSE 2 END) AS l (last),
         generate_series(0, last) AS k,
         LATERAL (SELECT s.created_at + k * interval '20 minutes',
                         k = last AND s.id > {rows} - {under_way}) AS news (at, is_due)
    WHERE s.payment_status <> ''
    ORDER BY s.id
"""
TRANSITIONS: Final = """
    INSERT INTO redpin_statustransition (session_id, subject, from_value, to_value, is_documented,
        note, created_at, outcome, dispatched_at, attempts, last_error, next_attempt_at)
    SELECT s.id, step.subject, step.from_value, step.to_value, s.id % 991 > 0, '',
           s.created_at + step.after,
           CASE WHEN is_due THEN 'pending' WHEN s.id % 2003 = 0 THEN 'dead'
                WHEN s.review_reason <> '' THEN 'held' ELSE 'told' END,
           CASE WHEN NOT is_due THEN s.created_at + step.after END, 1, '',
           CASE WHEN is_due THEN s.created_at END
    FROM redpin_paymentsession AS s,
         LATERAL (SELECT s.id > {rows} - {under_way} / 5 AND s.review_reason = '') AS news (is_due),
         LATERAL (VALUES
        ('state', 'creating', 'open', interval '1 second', s.session_id IS NOT NULL),
        ('payment_status', '', s.payment_status, interval '20 minutes', s.payment_status <> ''),
        ('review', '', s.review_reason, interval '30 minutes', s.review_reason <> ''),
        ('state', 'open', s.state, interval '1 hour', s.state NOT IN ('open', 'creating'))
    ) AS step (subject, from_value, to_value, after, is_taken)
    WHERE step.is_taken
    ORDER BY s.id
"""
# What drops each index and each unique constraint, and what makes it again.
_INDEXES: Final = """
    SELECT indrelid::regclass::text, 'DROP INDEX ' || indexrelid::regclass,
           pg_get_indexdef(indexrelid)
    FROM pg_index
    WHERE indrelid::regclass::text LIKE 'redpin\\_%' AND NOT indisprimary
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
"""
_UNIQUE: Final = """
    SELECT conrelid::regclass::text,
           format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
           format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
                  pg_get_constraintdef(oid))
    FROM pg_constraint
    WHERE contype = 'u' AND conrelid::regclass::text LIKE 'redpin\\_%'
"""
_RISING: Final = (
    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT MAX(id) FROM {table}))"
)
_NUMBERED: Final = ("auth_user", "redpin_recipient", "redpin_paymentsession")
STEPS: Final = (USERS, RECIPIENTS, SESSIONS, SHARES, ITEMS, EVENTS, TRANSITIONS)
# Each waits for the ones before it; those of one line are filled at the same time.
_ORDER: Final = ((USERS, RECIPIENTS), (SESSIONS,), (EVENTS, TRANSITIONS, SHARES, ITEMS))
# As many as the two cores that a machine has at least.
_CONNECTIONS: Final = 2


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data_set", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="how many sessions")
    parser.add_argument("--drop", action="store_true", help="drop the database instead")
    options = parser.parse_args()
    server = os.environ.get("POSTGRES_URL", SERVER)
    if options.drop:
        drop(server, options.rows)
        return 0
    began = time.monotonic()
    url = build(server, options.rows)
    print(f"{url}: {options.rows:,} sessions, {time.monotonic() - began:.0f} s")
    return 0


def build(server: str, rows: int) -> str:
    """Return the URL of a database with so many sessions; build it unless it is there already."""
    name, version = _name(rows), _version(rows)
    url = f"{server}/{name}"
    with closing(_connect(f"{server}/postgres")) as connection:
        told = connection.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [name],
        ).fetchone()
        if told == (version,):
            return url
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    _migrate(url)
    _fill(url, rows)
    with closing(_connect(url)) as connection:
        # Last of all: what was broken off says nothing, and is built anew.
        connection.execute(f"COMMENT ON DATABASE \"{name}\" IS '{version}'")
    return url


def drop(server: str, rows: int) -> None:
    """Drop the database with so many sessions, if there is one."""
    with closing(_connect(f"{server}/postgres")) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{_name(rows)}" WITH (FORCE)')


def _fill(url: str, rows: int) -> None:
    """Make the rows without indexes and without a look at each foreign key; then the indexes."""
    sizes = _sizes(rows)
    makes: dict[str, list[str]] = defaultdict(list)
    with closing(_connect(url)) as connection:
        kept = [each for query in (_INDEXES, _UNIQUE) for each in connection.execute(query)]
        for table, dropping, making in kept:
            connection.execute(dropping)
            makes[table].append(making)
    for steps in _ORDER:
        _at_once(url, ([step.format(**sizes)] for step in steps))
    # Table by table, the one with the most indexes first: two of one table would only wait.
    _at_once(url, sorted(makes.values(), key=len, reverse=True))
    _at_once(url, [[_RISING.format(table=table) for table in _NUMBERED], ["VACUUM (ANALYZE)"]])


def _at_once(url: str, works: Iterable[list[str]]) -> None:
    """Execute each list of statements over a connection of its own, two lists at a time."""
    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        for done in [pool.submit(_execute, url, statements) for statements in works]:
            done.result()


def _execute(url: str, statements: Iterable[str]) -> None:
    with closing(_connect(url)) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET maintenance_work_mem = '512MB'")
        for statement in statements:
            connection.execute(statement.encode())


def _sizes(rows: int) -> dict[str, int]:
    """Return how many there are of what, by the names in the statements."""
    payees = max(1, min(rows // 100, 2_000))
    return {
        "rows": rows,
        "people": max(1, min(rows // 10, 50_000)),
        "payees": payees,
        "unregistered": min(payees // 5, 20),
        "under_way": max(1, min(rows // 10, 1_000)),
    }


def _name(rows: int) -> str:
    return f"redpin_data_{rows}"


def _version(rows: int) -> str:
    migrations = sorted((ROOT / "django_redpin/migrations").glob("0*.py"))
    texts = [*(path.read_text() for path in migrations), *STEPS, repr(_sizes(rows))]
    return hashlib.sha256(" ".join(" ".join(texts).split()).encode()).hexdigest()


def _migrate(url: str) -> None:
    command = [sys.executable, "-m", "django", "migrate", "--verbosity", "0"]
    environment = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run(command, env=environment, cwd=ROOT, check=True)  # noqa: S603


def _connect(url: str) -> psycopg.Connection[Any]:
    import psycopg

    return psycopg.connect(url, autocommit=True)


if __name__ == "__main__":
    raise SystemExit(main())
