"""`python -m benchmarks.child ORDER`: the process of one suite.

`benchmarks/running.py` starts it. ORDER is JSON: the suite, the options, and the file in which the
answer is written, as JSON too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .options import Options
from .suite import Suite


def main() -> int:
    # Contexts end the processes and queues that they began, whoever ends this process.
    signal.signal(signal.SIGTERM, lambda *args: sys.exit(143))
    order = json.loads(sys.argv[1])
    answer = ran(order["suite"], Options.from_dict(order["options"]))
    Path(order["answer"]).write_text(json.dumps(answer), encoding="utf-8")
    return 0


def ran(name: str, options: Options) -> dict[str, Any]:
    """Run the suite on the database of `DATABASE_URL`, which gets its tables first."""
    from .suites import found

    suite = found(name)
    set_up(suite)
    from django.core.management import call_command

    from . import databases

    call_command("migrate", verbosity=0)
    if suite.apps:  # Their tables refer to those that are there by now.
        call_command("migrate", run_syncdb=True, verbosity=0)
    rows = [row.to_dict() for row in suite.run(options)]
    told = {"database": databases.version(), "durability": databases.durability()}
    return {"rows": rows, "ran": told}


def set_up(suite: Suite) -> None:
    """Set Django up for the suite."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    os.environ["BENCH_APPS"] = ",".join(suite.apps)
    import django

    django.setup()


if __name__ == "__main__":
    raise SystemExit(main())
