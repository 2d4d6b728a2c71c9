"""One process of a project, as a server or a worker would be: calls Redpin from several threads.

Its order comes as JSON in the first argument; it says "ready", waits for a line, and prints what
each thread got.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor


def main() -> None:
    """Run one order."""
    order = json.loads(sys.argv[1])
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.INSTALLED_APPS = []  # The client needs none, and so it starts at once.
    settings.DEBUG = True  # Plain HTTP to this machine.
    settings.REDPIN = {**settings.REDPIN, **order["redpin"]}
    settings.CACHES = order["caches"]
    django.setup()
    if order["creates_table"]:
        call_command("createcachetable")

    from django_redpin.client import RedpinClient
    from django_redpin.conf import get_account
    from django_redpin.exceptions import RedpinError

    barrier = threading.Barrier(order["threads"])

    def call(_: int) -> str:
        barrier.wait(30)
        try:
            return str(RedpinClient(get_account()).find_session("ORDER-1"))
        except RedpinError as error:
            return f"{type(error).__name__}: {error}"

    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    with ThreadPoolExecutor(order["threads"]) as pool:
        print(json.dumps(list(pool.map(call, range(order["threads"])))))  # noqa: T201


if __name__ == "__main__":
    main()
