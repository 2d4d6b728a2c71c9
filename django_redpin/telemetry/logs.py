"""The one way to log a line: a sentence for people, its name and its facts for machines.

The facts are attributes of the record, each with the prefix `redpin_`. That way they clash with no
attribute of a record and with no key of structlog's (`event`) or of a project's own, and formatters
for JSON, structlog's `ExtraAdder` and OpenTelemetry's handler take them along as they are.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ..exceptions.interrupts import is_interrupt
from .fields import safe

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .events import LogEvent
    from .fields import Fields

PREFIX: Final = "redpin_"


def tell(
    logger: logging.Logger,
    what: LogEvent,
    text: str,
    *args: object,
    exc_info: bool = False,
    **fields: Unpack[Fields],
) -> None:
    """Log one line: a sentence for people, with the event's name and its facts for machines.

    Raises nothing but a task's time limit: a project's filter or record factory may fail, and the
    outcome of a payment must not be lost to its log.
    """
    line = what.value
    try:
        if not logger.isEnabledFor(line.level):
            return
        facts = safe(fields, line.facts.split())
        extra = {PREFIX + name: value for name, value in facts.items()}
        extra[f"{PREFIX}event"] = line.name
        trace = exc_info or None  # None is what a record without one has.
        logger.log(line.level, text, *args, exc_info=trace, extra=extra, stacklevel=2)
    except Exception as error:
        if is_interrupt(error):
            raise
