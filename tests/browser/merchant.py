"""`python -m tests.browser.merchant PORT`: the example, prepared and served by one process."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from example_project.demo.prepare import prepare


def main(port: str) -> None:
    """Prepare the database, tell the admin's password in a file, and serve until it is ended."""
    folder = Path(os.environ["DEMO_DATA_DIR"])
    ready = prepare(dict(os.environ), folder / "prepare.log")
    (folder / "ready.json").write_text(json.dumps({"password": ready.password}))

    from django.core.management import call_command

    call_command("runserver", f"127.0.0.1:{port}", use_reloader=False, skip_checks=True)


if __name__ == "__main__":
    main(sys.argv[1])
