"""Send a signal so that no receiver can hold up another, and learn which of them failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.dispatch import Signal

from ..exceptions.interrupts import is_interrupt


@dataclass(frozen=True, slots=True)
class Failure:
    """A receiver that raised; `text` names both, and nothing that the exception says."""

    text: str
    error: Exception


def announce(signal: Signal, sender: type, **named: Any) -> list[Failure]:
    """Send the signal to all its receivers, and return who failed. Call it in no transaction."""
    return [
        Failure(f"{_name(receiver)}: {type(result).__name__}", result)
        for receiver, result in signal.send_robust(sender=sender, **named)
        if isinstance(result, Exception)
    ]


def raise_time_limit(failures: list[Failure]) -> None:
    """Raise the task's time limit if it struck in a receiver: it was meant for the task."""
    for failure in failures:
        if is_interrupt(failure.error):
            raise failure.error


def _name(receiver: object) -> str:
    return str(getattr(receiver, "__qualname__", type(receiver).__name__))
