"""Where the lines of what is measured go."""

from __future__ import annotations

import logging


class Handler(logging.Handler):
    """Makes each line, and drops it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)
