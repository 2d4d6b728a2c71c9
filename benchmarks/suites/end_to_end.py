"""From an event to the merchant's work: how long until the merchant's task starts.

RabbitMQ, and one Celery worker of two processes for both. Ours: the post is answered, a worker asks
Redpin, applies the event, tells the merchant's receiver of it, and that sends the task. The floor
is what nothing that uses Celery can be below: one insert that is committed, and the task.
"""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .. import broker
from ..options import Options, Plan
from ..rounds import Samples, Way, race, tail_ratio
from ..suite import Row, Suite

if TYPE_CHECKING:
    from tests.redpin_server import FakeRedpin

    from ..wsgi_calls import Caller

_PATIENCE: Final = 30.0  # Seconds until a task that has not started is lost.
# Seconds between two, in which the worker does what is left of the one before.
_PAUSE: Final = 0.02


def run(options: Options) -> Iterable[Row]:
    # One takes as long as some dozen posts.
    plan = replace(options.plan, calls=max(10, options.plan.calls // 2))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench_")))
        way = stack.enter_context(_project(folder, plan))
        race([Way("ours", way.ours, _rest), Way("floor", way.floor, _rest)], plan)
    found = {name: _rounds(seconds, plan) for name, seconds in way.seconds.items()}
    value = tail_ratio(found["ours, answered"], found["floor, posted"])
    all_the_way = round(found["ours, posted"].p99 / found["floor, posted"].p99, 3)
    details = {
        "ways": {name: each.described() for name, each in found.items()},
        "all_the_way": all_the_way,
        "p50_ratio": round(found["ours, answered"].median / found["floor, posted"].median, 3),
    }
    note = f"from the answer; from the post on {all_the_way:.2f}"
    yield Row.of("end_to_end_p99_vs_floor", value, note, details)


@dataclass
class Roundtrip:
    """Posts one event each, waits for the task of it, and notes how long that took.

    "answered" begins with the answer to the post, "posted" with the post itself.
    """

    caller: Caller
    references: Iterator[str]
    heard: socket.socket
    post_bare: Callable[[str], object]
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def ours(self) -> None:
        """Post to our view."""
        from ..peers import events, posting

        reference = next(self.references)
        body = events.body(f"e-{reference}", payment_id=_payment_id(reference))
        path = posting.path_of("default", reference=reference)
        self._timed("ours", f"e-{reference}", lambda: self.caller.post(path, body, {}))

    def floor(self) -> None:
        """Insert a row by a bare view, which sends the task."""
        event_id = f"floor-{time.monotonic_ns()}"
        self._timed("floor", event_id, lambda: self.post_bare(event_id))

    def _timed(self, name: str, event_id: str, post: Callable[[], object]) -> None:
        posted = time.monotonic()
        post()
        answered = time.monotonic()
        told, _, started = self.heard.recv(1000).decode().partition(" ")
        if told != event_id:
            raise RuntimeError(f"The task of {told} started instead of that of {event_id}.")
        for kind, begun in (("posted", posted), ("answered", answered)):
            # Whoever answers late may find that the task has started already.
            took = max(0.0, float(started) - begun)
            self.seconds.setdefault(f"{name}, {kind}", []).append(took)


@contextmanager
def _project(folder: Path, plan: Plan) -> Iterator[Roundtrip]:
    """Return a project at work on this process's database, with a session for each event."""
    from tests.real.parts import Parts, wait_for_worker

    from ..databases import swept_up
    from ..peers import events, posting, views
    from ..redpin import AUTHORITY, redpin_over_tls
    from ..wsgi_calls import Caller

    at, authority = str(folder / "heard"), str(folder / AUTHORITY)
    with (
        redpin_over_tls(folder) as redpin,
        broker.own_queue() as queue,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard,
        Parts(
            folder,
            DJANGO_SETTINGS_MODULE="benchmarks.settings",
            BENCH_REDPIN_URL=redpin.url,
            BENCH_CA_BUNDLE=authority,
            BENCH_QUEUE=queue,
            BENCH_HEARD_AT=at,
            REAL_QUEUE=queue,
        ) as parts,
    ):
        heard.bind(at)
        heard.settimeout(_PATIENCE)
        references = _sessions(redpin, authority, (plan.warm_up + plan.rounds) * plan.calls)
        wait_for_worker(parts.worker(application="benchmarks.worker"))
        _settled()
        swept_up()
        caller = Caller()

        def post_bare(event_id: str) -> None:
            body = events.body(event_id)
            headers = posting.wsgi_headers({views.HEADER: views.signature(body)})
            caller.post(f"/task/{events.REFERENCE}/", body, headers)

        yield Roundtrip(caller, iter(references), heard, post_bare)


def _sessions(redpin: FakeRedpin, authority: str, count: int) -> Sequence[str]:
    """Create sessions, whose payments Redpin then has under way; return their references."""
    from datetime import datetime, timedelta, timezone

    from django.conf import settings
    from moneyed import Money

    from django_redpin.models import Recipient
    from django_redpin.services import Share, create_payment_session

    from ..peers import events

    settings.REDPIN = {
        **settings.REDPIN,
        "BASE_URL": redpin.url,
        "TOKEN_URL": f"{redpin.url}/auth/oauth/v2/token",
        "HOSTED_PAGE_ORIGINS": [redpin.url],
        "CA_BUNDLE": authority,
    }
    payee = Recipient.objects.create(
        name="Escrow", country_code="ARE", currency="AED", recipient_id="501"
    )
    amount = Money("250000.00", "AED")
    references = [
        create_payment_session(
            client_customer_ref="CUST_001",
            amount=amount,
            due_date=datetime.now(timezone.utc).date() + timedelta(days=10),
            purpose_of_transaction="PROPERTY_PURCHASE",
            recipients=[Share(payee, amount)],
        ).client_reference_id
        for _ in range(count)
    ]
    for reference in references:
        redpin.pay(reference, events.STATUS, _payment_id(reference))
    return references


def _payment_id(reference: str) -> str:
    return f"p-{reference}"


def _settled() -> None:
    """Wait until the worker has told of all sessions that were created."""
    from django_redpin.models import StatusTransition
    from tests.real.parts import wait_for

    wait_for(lambda: not StatusTransition.objects.filter(dispatched_at=None).exists(), 120)


def _rest() -> None:
    time.sleep(_PAUSE)


def _rounds(seconds: list[float], plan: Plan) -> Samples:
    """Return what was noted, a list a round, without the rounds that warm up."""
    begin = plan.warm_up * plan.calls
    starts = range(begin, len(seconds), plan.calls)
    return Samples(rounds=[seconds[start : start + plan.calls] for start in starts])


SUITE: Final = Suite("end_to_end", ("end_to_end_p99_vs_floor",), run)
