"""The merchant's side in a real worker: notes each signal and each task in a file.

Imported by the real processes alone, as it listens to the signals of whoever imports it. Where the
folder has a file called "refuse", the next receiver takes it away and raises.
"""

from __future__ import annotations

from typing import Any

from celery import shared_task

from django_redpin import signals
from django_redpin.models import StatusTransition
from django_redpin.receivers import on

from .kill_points import folder, note

_SIGNALS = ("payment_session_created", "payment_status_changed", "payment_completed")


def _listen(name: str) -> None:
    def receiver(sender: object, transition: StatusTransition, **kwargs: Any) -> None:
        refuse = folder() / "refuse"
        if refuse.exists():
            refuse.unlink()
            raise RuntimeError("The merchant refuses.")
        note("heard", f"{name} {transition.pk}")

    getattr(signals, name).connect(receiver, weak=False)


for _name in _SIGNALS:
    _listen(_name)


@on(signals.payment_completed)
@shared_task(name="real.release_keys")
def release_keys(transition_id: int) -> None:
    """The merchant's task."""
    note("heard", f"task {transition_id}")
