"""The SQL of one call, as Django sends it: BEGIN and COMMIT, too."""

from __future__ import annotations

from collections.abc import Callable


def counted(work: Callable[[], object]) -> list[str]:
    """Do the work once, and return the statements that this thread's connection sent for it."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        work()
    return [str(query["sql"]) for query in captured]
