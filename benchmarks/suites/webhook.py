"""The intake of an event, beside a bare Django view, REST framework, raw SQL and dj-stripe.

Calls of Django's WSGI handler in this process, one after the other, with bodies of 900 bytes. What
a view hands on to a queue is left out on all sides, but where a repetition is compared with a new
event: there both are as a merchant has them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .. import broker, databases
from ..handing_on import left_out
from ..options import Options, Plan
from ..rounds import Race, Way, fair_race, ratio
from ..statements import counted
from ..suite import Row, Suite

if TYPE_CHECKING:
    from ..peers.posting import Posts
    from ..wsgi_calls import Caller


def run(options: Options) -> Iterable[Row]:
    from ..peers import posting
    from ..wsgi_calls import Caller

    posting.settings_with_signed()
    caller = Caller()
    posts = posting.Posts(caller)
    with left_out():
        yield _statements("webhook_statements", posts.ours)
        yield _new(posts, options.plan)
        yield from _dj_stripe(caller, posts, options.plan)
    yield _duplicate(caller, posts, options.plan)
    yield from _forged(posts, options.plan)


def _new(posts: Posts, plan: Plan) -> Row:
    ways = [
        Way("ours", posts.ours),
        Way("ours, signed body", posts.ours_signed),
        Way("bare", posts.bare),
        Way("raw SQL", posts.raw),
        Way("REST framework", posts.rest),
    ]
    race = fair_race(ways, plan)
    written = {way.name: databases.log_bytes(way.work) for way in ways}
    counts = {"statements": _counts(ways), "log_bytes": written}
    details = {**_compared(race, "bare"), **counts}
    fast = databases.race_not_durable(ways, plan)
    if fast is not None:
        details["not_durable"] = _compared(fast, "bare")
    found = ratio(race.samples["ours"], race.samples["bare"])
    return Row.of("webhook_new_vs_bare", found, race.note, details)


def _dj_stripe(caller: Caller, posts: Posts, plan: Plan) -> Iterator[Row]:
    from django.apps import apps

    if not apps.is_installed("djstripe"):
        return
    from ..peers.dj_stripe import DjStripe, stripe_away_from_here

    # It takes many times as long: fewer calls tell as much.
    plan = replace(plan, calls=max(1, plan.calls // 4))
    with stripe_away_from_here() as url:
        theirs = DjStripe(caller, url)
        ways = [
            Way("ours", posts.ours),
            Way("dj-stripe", theirs.handled),
            Way("dj-stripe, no handler", theirs.unhandled),
        ]
        statements = _counts(ways)
        race = fair_race(ways, plan)
        details = {**_compared(race, "ours"), "statements": statements}
        fast = databases.race_not_durable(ways, plan)
        if fast is not None:
            details["not_durable"] = _compared(fast, "ours")
        details["stored"] = theirs.stored()
    found = ratio(race.samples["dj-stripe"], race.samples["ours"])
    yield Row.of("djstripe_vs_ours", found, race.note, details)


def _duplicate(caller: Caller, posts: Posts, plan: Plan) -> Row:
    from ..peers.posting import Copies

    with broker.own_queue():
        copies = Copies(caller)
        ways = [Way("new", posts.ours), Way("repetition", copies.ours)]
        statements = _counts(ways)
        race = fair_race(ways, plan)
    found = ratio(race.samples["repetition"], race.samples["new"])
    details = {**race.described(), "statements": statements}
    return Row.of("webhook_duplicate_vs_new", found, race.note, details)


def _forged(posts: Posts, plan: Plan) -> Iterator[Row]:
    from django_redpin.webhooks import failures

    failures.reset()
    yield _statements("webhook_forged_statements", posts.forged)
    # Both sides log each of them.
    told = [Way("ours", posts.forged, failures.reset), Way("bare", posts.forged_bare)]
    race = fair_race(told, plan)
    found = ratio(race.samples["ours"], race.samples["bare"])
    failures.reset()
    for _ in range(failures.FAILURES):
        posts.forged()
    flood = fair_race([Way("ours", posts.forged_flood), Way("bare", posts.forged_bare)], plan)
    anywhere = [Way("ours", posts.forged_from_anywhere), Way("bare", posts.forged_bare)]
    details = {
        **race.described(),
        "from_one_address": _compared(flood, "bare"),
        "from_many_addresses": _compared(fair_race(anywhere, plan), "bare"),
    }
    yield Row.of("webhook_forged_vs_bare", found, race.note, details)


def _statements(key: str, work: Callable[[], object]) -> Row:
    statements = counted(work)
    # The beginnings: a whole INSERT has the event's body in it.
    return Row(key, len(statements), details={"statements": [sql[:60] for sql in statements]})


def _counts(ways: Iterable[Way]) -> dict[str, int]:
    return {way.name: len(counted(way.work)) for way in ways}


def _compared(race: Race, name: str) -> dict[str, object]:
    """Return the figures of each way, and how many times the one of that name each is."""
    below = race.samples[name]
    times = {each: round(ratio(above, below).value, 3) for each, above in race.samples.items()}
    # What waits for a disk or for others is not in it.
    cpu = {each: round(above.cpu / below.cpu, 3) for each, above in race.samples.items()}
    return {**race.described(), f"to {name}": times, f"cpu to {name}": cpu}


SUITE: Final = Suite(
    "webhook",
    (
        "webhook_new_vs_bare",
        "djstripe_vs_ours",
        "webhook_statements",
        "webhook_duplicate_vs_new",
        "webhook_forged_statements",
        "webhook_forged_vs_bare",
    ),
    run,
    apps=("djstripe",),
)
