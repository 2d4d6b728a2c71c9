"""Fuzz by coverage, with atheris: `python -m tox run -e fuzz -- -max_total_time=60`.

The arguments are libFuzzer's. What fails is written to the current folder, and tried again by
naming its file.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

from .seeds import bodies

with atheris.instrument_imports(include=["django_redpin"]):
    from django_redpin.rules.callback_tokens import sign

    from .target import SECRETS, try_one


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="redpin-fuzz-") as folder:
        head = f"{sign(SECRETS[0], 'default', 'ORDER-1')}/default/ORDER-1\n".encode()
        for number, body in enumerate(bodies().values()):
            (Path(folder) / f"seed-{number}").write_bytes(head + body)
        limits = ["-timeout=5", "-max_len=70000", "-rss_limit_mb=1024"]
        seeds = [] if any(Path(argument).is_file() for argument in arguments) else [folder]
        atheris.Setup([sys.argv[0], *limits, *arguments, *seeds], try_one)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
