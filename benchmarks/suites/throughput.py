"""Events a second: gunicorn with four workers, eight clients at once, each post on its own
connection. Both views are served by the same workers, which take turns at them.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from .. import broker, load
from ..options import QUICK, Options, Plan
from ..rounds import Race, Way, fair_race, ratio
from ..suite import Row, Suite

WORKERS: Final = 4


def run(options: Options) -> Iterable[Row]:
    posts = 200 if options.quick else 400
    race = _race(options.plan, posts)
    details = {**_described(race, posts), "workers": WORKERS, "clients": load.CLIENTS}
    with broker.own_queue() as queue:
        handed_on = _race(QUICK, posts, BENCH_HANDS_ON="1", BENCH_QUEUE=queue)
        details["handed_on"] = _described(handed_on, posts)
    if options.database == "postgresql":
        relaxed = _race(QUICK, posts, PGOPTIONS="-c synchronous_commit=off")
        details["not_durable"] = _described(relaxed, posts)
    # Of times to take the same number of posts; of posts in a time it is the other way round.
    found = ratio(race.samples["bare"], race.samples["ours"])
    yield Row.of("throughput_vs_bare", found, race.note, details)


def _race(plan: Plan, posts: int, **environment: str) -> Race:
    from ..peers import events, posting, views

    bodies = events.bodies(f"load-{os.urandom(4).hex()}")
    path = posting.path_of("default")
    bare = f"/bare/{events.REFERENCE}/"
    waiting: list[bytes] = []

    def take_ours() -> None:
        waiting[:] = [load.request(path, body, {}) for body in itertools.islice(bodies, posts)]

    def take_bare() -> None:
        waiting[:] = [
            load.request(bare, body, {views.HEADER: views.signature(body)})
            for body in itertools.islice(bodies, posts)
        ]

    with _served(**environment) as port, load.Load(port) as clients:
        ways = [
            Way("ours", lambda: clients.post(waiting), take_ours),
            Way("bare", lambda: clients.post(waiting), take_bare),
        ]
        return fair_race(ways, replace(plan, calls=1))


@contextmanager
def _served(**environment: str) -> Iterator[int]:
    """Return the port of a gunicorn with the project on this process's database."""
    from tests.real.parts import Parts, free_port

    with (
        tempfile.TemporaryDirectory(prefix="bench_") as folder,
        Parts(Path(folder), DJANGO_SETTINGS_MODULE="benchmarks.settings", **environment) as parts,
    ):
        port = free_port()
        web = parts.web(f"--workers={WORKERS}", application="benchmarks.wsgi", port=port)
        web.wait()
        yield port


def _described(race: Race, posts: int) -> dict[str, object]:
    """Return what each way managed in a second, in the median round."""
    rates = {name: round(posts / each.median, 1) for name, each in race.samples.items()}
    value = ratio(race.samples["bare"], race.samples["ours"]).value
    same = round(race.same.value, 4)
    return {"events_a_second": rates, "ours_to_bare": round(value, 3), "same_work_twice": same}


SUITE: Final = Suite("throughput", ("throughput_vs_bare",), run)
