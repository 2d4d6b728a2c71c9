"""`python -m benchmarks.soak`: load with faults, and at the end nothing lost and nothing grown.

Prints a report as JSON. Ends with 1 where an event is not applied, a transition is not told, a
payment is not where Redpin has it, or where memory or connections grow.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import requests
import trustme

from example_project.demo.processes import Child
from tests.real.parts import Parts, free_port, sender, wait_for, wait_for_worker

from .watching import Watch

POSTGRES = os.environ.get("POSTGRES_URL", "postgres://postgres@127.0.0.1:5432")
RABBITMQ = os.environ.get("RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
# One for each thread of gunicorn and each process of a worker, and this process's own.
CONNECTIONS = 2 * 8 + 2 * 2 + 1


def main() -> int:
    options = read_options()
    # Contexts end what they began, whoever ends this process.
    signal.signal(signal.SIGTERM, lambda *args: sys.exit(143))
    with ExitStack() as stack:
        folder = options.logs or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        database = stack.enter_context(own_database())
        report = soak(options, folder, database, stack)
    print(json.dumps(report, indent=2))
    return 1 if report["failures"] else 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300, help="how long the load lasts")
    parser.add_argument("--load", type=float, default=0.7, help="share of the capacity")
    parser.add_argument("--faults", type=float, default=0.05, help="share that goes wrong")
    parser.add_argument("--measure", type=float, default=15, help="seconds to find the capacity in")
    parser.add_argument("--settle", type=float, default=300, help="seconds to wait at the end")
    parser.add_argument("--growth", type=float, default=8, help="MiB that a process may grow by")
    parser.add_argument("--logs", type=Path, help="folder in which the logs are kept")
    return parser.parse_args()


@contextmanager
def own_database() -> Iterator[str]:
    """Return the name of a database that is dropped in the end."""
    name = f"redpin_soak_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield name
    finally:
        with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def soak(
    options: argparse.Namespace, folder: Path, database: str, stack: ExitStack
) -> dict[str, Any]:
    """Start everything, find the capacity, load, settle, and return the report."""
    authority = folder / "authority.pem"
    queue = f"redpin-soak-{uuid.uuid4().hex[:12]}"
    stack.enter_context(sender(RABBITMQ, queue))
    parts = stack.enter_context(
        Parts(
            folder,
            DJANGO_SETTINGS_MODULE="benchmarks.soak.settings",
            DATABASE_URL=f"{POSTGRES}/{database}",
            CELERY_BROKER_URL=RABBITMQ,
            REAL_QUEUE=queue,
            REAL_APPS="",
            REAL_CA_BUNDLE=str(authority),
        )
    )
    ask, children = start(parts, authority)

    os.environ.update(parts.environment)
    import django

    django.setup()
    from . import payments

    payee = payments.add_payee()
    pids = {child.name: child.process.pid for child in children}
    capacity = payments.find_capacity(payee, options.measure)
    payments.settle(options.settle, lambda: ask("/waiting"))
    ask("/report")
    ask(f"/faults?share={options.faults}")
    with Watch(pids, f"{POSTGRES}/postgres", database) as watch:
        payments.offer(payee, capacity * options.load, options.seconds)
        loaded = ask("/report")
    ask("/faults?share=0")
    settled = payments.settle(options.settle, lambda: ask("/waiting"))
    report = {
        "options": {"seconds": options.seconds, "load": options.load, "faults": options.faults},
        "machine": {"cpus": os.cpu_count(), "python": sys.version.split()[0]},
        "capacity_payments_a_second": round(capacity, 1),
        "offered_payments_a_second": round(capacity * options.load, 1),
        "webhooks_under_load": loaded,
        "webhooks": ask("/report"),
        "seconds_to_settle": round(settled, 1),
        **payments.outcome(),
        "processes": {name: series.report() for name, series in watch.series.items()},
        "database_connections": {
            "first": watch.database_connections[0],
            "most": max(watch.database_connections),
            "last": watch.database_connections[-1],
        },
    }
    ended = [child.name for child in children if not child.runs]
    return {**report, "failures": failures(report, options.growth, ended)}


def start(parts: Parts, authority: Path) -> tuple[Callable[[str], Any], list[Child]]:
    """Start all processes; return how Redpin is asked, and those of the merchant."""
    certificate, told, port = parts.folder / "redpin.pem", parts.folder / "url", free_port()
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(authority))
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    order = {
        "certificate": str(certificate),
        "web_url": f"http://127.0.0.1:{port}",
        "told": str(told),
    }
    told.unlink(missing_ok=True)
    python = (sys.executable, "-m")
    redpin = parts.start("redpin", *python, "benchmarks.soak.redpin", json.dumps(order))
    wait_for(lambda: told.exists() and told.read_text(), 30, redpin)
    url = parts.environment["REAL_REDPIN_URL"] = told.read_text()
    parts.manage("migrate")
    web = parts.web("--workers=2", "--threads=8", application="benchmarks.soak.wsgi", port=port)
    workers = [parts.worker(f"worker-{number}", "benchmarks.soak.app") for number in (1, 2)]
    schedule = ("--schedule", str(parts.folder / "beat"), "--pidfile=")
    beat = parts.start("beat", *python, "celery", "-A", "benchmarks.soak.app", "beat", *schedule)
    web.wait()
    for worker in workers:
        wait_for_worker(worker)

    def ask(path: str) -> Any:
        return requests.get(url + path, verify=str(authority), timeout=30).json()

    return ask, [web.child, *workers, beat]


def failures(report: dict[str, Any], growth: float, ended: list[str]) -> list[str]:
    """Return what must not be."""
    counted = ("payments_unfinished", "events_unapplied", "transitions_undispatched")
    found = [f"{name}: {report[name]}" for name in counted if report[name]]
    if report["webhooks"]["events"] != report["events_stored"]:
        found.append("Not every event that was posted is stored once.")
    for name, process in report["processes"].items():
        if process and process["grown_mib"] > growth:
            found.append(f"{name} grew by {process['grown_mib']} MiB.")
    connections = report["database_connections"]["last"]
    if connections > CONNECTIONS:
        found.append(f"{connections} connections to the database, and {CONNECTIONS} have a user.")
    return found + [f"{name} ended by itself." for name in ended]


if __name__ == "__main__":
    raise SystemExit(main())
