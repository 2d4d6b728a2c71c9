"""The intake of an event, beside a bare Django view, REST framework, raw SQL and dj-stripe."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..options import Options
from ..rounds import Way, fair_race, ratio
from ..statements import counted
from ..suite import Row, Suite


def run(options: Options) -> Iterable[Row]:
    from ..peers.posting import Posts

    posts = Posts()
    statements = counted(posts.ours)
    race = fair_race([Way("ours", posts.ours), Way("bare", posts.bare)], options.plan)
    found = ratio(race.samples["ours"], race.samples["bare"])
    yield Row("webhook_statements", len(statements), details={"statements": statements})
    yield Row.of("webhook_new_vs_bare", found, race.note, race.described())


SUITE: Final = Suite(
    "webhook",
    (
        "webhook_new_vs_bare",
        "webhook_statements",
    ),
    run,
    apps=("djstripe",),
)
