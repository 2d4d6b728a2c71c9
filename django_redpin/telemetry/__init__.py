"""What can be seen from outside: log events, spans, metrics; and what none of them ever tells."""

from .calls import client_span, note_call
from .events import LogEvent
from .logs import tell
from .metrics import Metric, measure
from .spans import Spans, fail, note, operation, traced

__all__ = [
    "LogEvent",
    "Metric",
    "Spans",
    "client_span",
    "fail",
    "measure",
    "note",
    "note_call",
    "operation",
    "tell",
    "traced",
]
