"""A process that makes one call and forks four children, which make a hundred each.

`python -m tests.faults.forking REDPIN` (the setting, as JSON) prints how many calls of the children
were answered with what they had asked for.
"""

from __future__ import annotations

import json
import os
import sys

import django
from django.test import override_settings

CHILDREN = 4
CALLS = 100


def main() -> None:
    django.setup()
    with override_settings(DEBUG=True, REDPIN=json.loads(sys.argv[1])):
        from .calls import create

        assert create("PARENT") == "s-PARENT"
        reading, writing = os.pipe()
        for child in range(CHILDREN):
            if os.fork() == 0:
                right = sum(create(f"C-{child}-{n}") == f"s-C-{child}-{n}" for n in range(CALLS))
                os.write(writing, f"{right}\n".encode())
                os._exit(0)
        for _ in range(CHILDREN):
            os.wait()
        os.close(writing)
        with os.fdopen(reading) as results:
            sys.stdout.write(str(sum(int(line) for line in results)))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    main()
