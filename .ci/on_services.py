"""Run the tests on PostgreSQL and MariaDB, real workers on each database with RabbitMQ and Redis,
the admin at a million sessions on PostgreSQL, and the demo with PostgreSQL, RabbitMQ and Redis.

With CI set a service that does not answer is a failure; elsewhere it is skipped, loudly.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

# The exit code, and what was printed.
Done = tuple[int, str]
# Its name, the services that it needs, and what runs it.
Lane = tuple[str, list[str], Callable[[], Done]]

# The sandbox brings its own SQLite; what the model's worlds find, they find on each database.
ELSEWHERE = ["tests/model", "tests/sandbox"]
QUICKLY = ["-n", "2", "-m", "not slow and not thorough and not browser"]
TESTS = [*QUICKLY, *(f"--ignore={path}" for path in ELSEWHERE)]


def main() -> int:
    postgres, mariadb = os.environ["POSTGRES_URL"], os.environ["MARIADB_URL"]
    rabbitmq, redis = os.environ["RABBITMQ_URL"], os.environ["REDIS_URL"]
    brokers = [rabbitmq, redis]
    tests_lanes: list[Lane] = [
        ("Tests on SQLite at its default options", [], tests_on_plain_sqlite),
        ("Tests on PostgreSQL", [postgres], lambda: tests(f"{postgres}/postgres")),
        ("Tests on MariaDB", [mariadb], lambda: tests(f"{mariadb}/test", "--one-case")),
    ]
    # These wait more than they compute, and so leave room for those.
    waiting_lanes: list[Lane] = [
        ("Workers: SQLite, RabbitMQ, Redis", brokers, lambda: workers(brokers)),
        (
            "Workers: PostgreSQL, RabbitMQ, Redis",
            [postgres, *brokers],
            lambda: workers(brokers, f"{postgres}/redpin_real"),
        ),
        (
            "Workers: MariaDB, RabbitMQ, Redis",
            [mariadb, *brokers],
            lambda: workers(brokers, f"{mariadb}/redpin_real"),
        ),
        ("Admin at a million sessions: PostgreSQL", [postgres], at_scale),
        ("Demo: PostgreSQL, RabbitMQ", [postgres, rabbitmq], lambda: demo(postgres, rabbitmq)),
        ("Demo: PostgreSQL, Redis", [postgres, redis], lambda: demo(postgres, redis)),
    ]
    with ThreadPoolExecutor(2) as pool:
        failures = pool.map(run_lanes, (tests_lanes, waiting_lanes))
        failed = [name for names in failures for name in names]
    if failed:
        print(f"Failed: {'; '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run_lanes(lanes: list[Lane]) -> list[str]:
    """Run these, one after the other, and return the names of those that failed."""
    failed = []
    for name, needed, lane in lanes:
        away = [url for url in needed if not answers(url)]
        if away:
            where = ", ".join(f"{urlsplit(url).hostname}:{urlsplit(url).port}" for url in away)
            print(f"== {name}: SKIPPED, nothing answers at {where}", flush=True)
            if os.environ.get("CI"):
                failed.append(name)
            continue
        began = time.monotonic()
        code, said = lane()
        print(f"== {name}: {time.monotonic() - began:.0f} s\n{said}", flush=True)
        if code != 0:
            failed.append(name)
    return failed


def answers(url: str) -> bool:
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=3):
            return True
    except OSError:
        return False


def tests(database_url: str, *options: str) -> Done:
    command = [sys.executable, "-m", "pytest", *TESTS, "--with-database", *options, *sys.argv[1:]]
    return run(command, DATABASE_URL=database_url)


def tests_on_plain_sqlite() -> Done:
    """Run what reads and writes rows without WAL and IMMEDIATE, as many projects have it."""
    rooms = ["tests/services", "tests/webhooks"]
    command = [sys.executable, "-m", "pytest", *QUICKLY, "--with-database", "--one-case", *rooms]
    return run(command, SQLITE_DEFAULTS="1")


def workers(brokers: list[str], database: str = "") -> Done:
    """Run what needs gunicorn and workers in processes of their own; SQLite at its defaults."""
    tests = ["tests/real/test_lanes.py"]
    environment = {"REAL_BROKERS": " ".join(brokers), "SQLITE_DEFAULTS": "1"}
    if database:  # On SQLite the slow tests do so.
        tests += ["tests/real/test_kills.py", "tests/real/test_web_kills.py"]
        tests += ["tests/commands/test_kills.py"]
        environment["DATABASE_URL"] = database
    return run([sys.executable, "-m", "pytest", *tests, *sys.argv[1:]], **environment)


def at_scale() -> Done:
    """Run what looks at the plans of the admin's queries; the data sets are kept for the next."""
    return run([sys.executable, "-m", "pytest", "tests/admin/test_scale.py", *sys.argv[1:]])


def demo(postgres: str, broker: str) -> Done:
    """Run the demo on a database of its own, which is dropped again."""
    import psycopg

    name = f"redpin_demo_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{postgres}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            return run(
                [sys.executable, "-m", "example_project.demo", "--once"],
                DATABASE_URL=f"{postgres}/{name}",
                CELERY_BROKER_URL=broker,
            )
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def run(command: list[str], **environment: str) -> Done:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


if __name__ == "__main__":
    raise SystemExit(main())
