"""What logs, spans and metrics cost: `python -m benchmarks.seeing`. Nothing is kept or changed.

Each round posts an event and creates a session once in each way, one after the other, so that a
busy machine is busy for all of them; the time is that of this thread's processor. "off" is as if
opentelemetry-api were not installed, "api" with it and no SDK, "sdk" with one that keeps all.
"""

from __future__ import annotations

import json
import logging
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

ROUNDS: Final = 150
WARM_UP: Final = 10


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for logger in ("django_redpin", "django_redpin.client"):
        logging.getLogger(logger).setLevel(logging.INFO)
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        logging.getLogger("django_redpin").addHandler(logging.StreamHandler(nowhere))
        for name, work in works().items():
            print(name, measured(work))
    return 0


def measured(work: Callable[[], None]) -> dict[str, float]:
    """Return the median milliseconds of each way, and its ratio to the first."""
    ways = tracers_and_meters()
    spent: dict[str, list[int]] = {name: [] for name in ways}
    for turn in range(WARM_UP + ROUNDS):
        for name, (tracer, meter) in ways.items():
            use(tracer, meter)
            began = time.thread_time_ns()
            work()
            if turn >= WARM_UP:
                spent[name].append(time.thread_time_ns() - began)
    medians = {name: statistics.median(times) / 1e6 for name, times in spent.items()}
    first = next(iter(medians.values()))
    ratios = {f"{name} to off": round(each / first, 3) for name, each in medians.items()}
    return {name: round(each, 3) for name, each in medians.items()} | ratios


def tracers_and_meters() -> dict[str, tuple[Any, Any]]:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    meters = MeterProvider([InMemoryMetricReader()])
    return {
        "off": (None, None),
        "api": (trace.get_tracer("none"), metrics.get_meter("none")),
        "sdk": (tracers.get_tracer("all"), meters.get_meter("all")),
    }


def use(tracer: Any, meter: Any) -> None:
    from django_redpin.telemetry import metrics, spans

    spans._tracer, metrics._meter = tracer, meter
    metrics._made.cache_clear()
    if meter is not None:
        for metric in metrics.Metric:
            metrics._made(metric)


def works() -> dict[str, Callable[[], None]]:
    from django.conf import settings
    from django.test import Client
    from moneyed import Money

    from django_redpin.models import Recipient
    from django_redpin.services import Share, create_payment_session, record
    from tests.redpin_server import FakeRedpin, Server
    from tests.webhooks.posting import path

    redpin = FakeRedpin()
    server = Server(redpin)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.REDPIN = {
        **settings.REDPIN,
        "BASE_URL": redpin.url,
        "TOKEN_URL": f"{redpin.url}/auth/oauth/v2/token",
        "WEBHOOK_PROCESSING": "inline",
    }
    settings.DEBUG = True  # Plain HTTP to this machine.
    vars(record)["enqueue"] = lambda *args: False  # The intake alone.
    escrow = Recipient.objects.create(
        name="Escrow", country_code="ARE", currency="AED", recipient_id="501"
    )
    browser, url = Client(), path("ORDER-1")
    amount = Money("10.00", "AED")
    due_date = datetime.now(timezone.utc).date() + timedelta(days=10)

    def intake() -> None:
        event = {
            "event_id": str(time.monotonic_ns()),
            "payment_id": "1",
            "status": "AWAITING_FUNDS",
        }
        answer = browser.post(url, json.dumps(event), content_type="application/json")
        if answer.status_code != 200:
            raise RuntimeError(f"The webhook answered {answer.status_code}.")

    def create() -> None:
        create_payment_session(
            client_customer_ref="CUST_001",
            amount=amount,
            due_date=due_date,
            purpose_of_transaction="PROPERTY_PURCHASE",
            recipients=[Share(escrow, amount)],
        )

    return {"intake": intake, "create": create}


if __name__ == "__main__":
    sys.exit(main())
