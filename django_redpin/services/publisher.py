"""Publish messages from a thread of their own, so that whoever enqueues waits for no broker.

A broker that refuses keeps Celery busy for seconds, one that is silent for as long as it likes.
That is this thread's time; the caller's ends after `PATIENCE`. A message is a hint, and what it
tells stands in a row: one that is not published is dropped, and the sweep finds the row.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Final

from django.db import close_old_connections

from ..exceptions.interrupts import is_interrupt
from ..telemetry import LogEvent, tell

logger: logging.Logger = logging.getLogger("django_redpin")

# Seconds. How long a caller waits for its message; how long none is tried after one that failed;
# how long one may be on its way until the broker is said to be silent; how long a process that ends
# waits for the messages that it still has.
PATIENCE = 0.04
CIRCUIT = 5.0
SILENCE = 3.0
LAST_WORDS = 1.0
# Messages that may wait for one another.
ROOM: Final = 1000


class _Message:
    def __init__(self, name: str, send: Callable[[], object]) -> None:
        self.name = name
        # In the context of who sends it: that is where tracers look for the span around it.
        self.send: Callable[[], object] = partial(copy_context().run, send)
        self.began: float | None = None  # To be sent, by the monotonic clock.
        self.settled = threading.Event()
        self.is_sent = False
        self.interrupt: Exception | None = None


class Publisher:
    """One process's thread, and what waits for it. The thread begins with the first message."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[_Message] = deque()
        self._thread: threading.Thread | None = None
        self._open_until = 0.0  # Of the circuit, by the monotonic clock.
        self._is_slow = False  # Somebody has waited in vain: the others need not, until it is not.
        self._is_told = False  # Each outage is told of once.

    def publish(self, name: str, send: Callable[[], object]) -> bool:
        """Have `send` called, and return whether it surely has been, within `PATIENCE`.

        False may mean: not yet. Raises nothing but a task's time limit.
        """
        message = _Message(name, send)
        with self._changed:
            if time.monotonic() < self._open_until or not self._has_thread():
                return False
            is_full = len(self._waiting) >= ROOM
            if not is_full:
                self._waiting.append(message)
                self._changed.notify_all()
            head = self._waiting[0]
            patience = 0 if self._is_slow else PATIENCE
        if head.began is not None and time.monotonic() - head.began > SILENCE:
            self._tell(head.name, f"silent for {SILENCE:g} seconds")
        if is_full:
            self._tell(name, f"{ROOM} others wait for it")
            return False
        if not message.settled.wait(patience):
            with self._changed:
                if not message.settled.is_set():
                    self._is_slow = True
                    return False
        if message.interrupt is not None:
            raise message.interrupt
        return message.is_sent

    def flush(self, seconds: float) -> None:
        """Wait until no message is left, or so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting, seconds)

    def _has_thread(self) -> bool:
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._work, name="redpin-publisher", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # The interpreter is ending, or there can be no more threads.
                return False
            self._thread = thread
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                message = self._waiting[0]
                message.began = time.monotonic()
            self._send(message)
            del message  # It holds its sender's context.

    def _send(self, message: _Message) -> None:
        """Send it, once, whatever is raised: one that stayed would be sent by the next thread."""
        began = time.monotonic()
        error = _raised_by(message.send)
        is_quick = time.monotonic() - began < PATIENCE
        _raised_by(close_old_connections)  # Should a receiver of Celery's signals have used one.
        if error is None:
            message.is_sent = True
            if is_quick:
                self._recover()  # Before whoever waits for it hears of it.
            self._settle(1)
        elif isinstance(error, Exception) and is_interrupt(error):
            message.interrupt = error
            self._settle(1)
        else:
            self._drop(message, error)

    def _drop(self, message: _Message, error: BaseException) -> None:
        """Leave this message and all that wait behind it to the sweep, and the broker alone."""
        self._tell(message.name, type(error).__name__)
        self._open_until = time.monotonic() + CIRCUIT
        with self._changed:
            count = len(self._waiting)
        self._settle(count)

    def _recover(self) -> None:
        """Take the broker for well again, if no other message waits for it."""
        with self._changed:
            if len(self._waiting) > 1:
                return
            is_news = self._is_told
            self._is_slow = self._is_told = False
        if is_news:
            tell(logger, LogEvent.BROKER_BACK, "The broker takes messages again.")

    def _settle(self, count: int) -> None:
        """Be done with the first so many messages."""
        with self._changed:
            for _ in range(count):
                self._waiting.popleft().settled.set()
            self._changed.notify_all()

    def _tell(self, name: str, reason: str) -> None:
        with self._changed:
            is_news, self._is_told = not self._is_told, True
        if is_news:
            text = "The broker took no %s message (%s); until it does, rows wait for the sweep."
            tell(logger, LogEvent.BROKER_REFUSES, text, name, reason, task=name)


def _raised_by(work: Callable[[], object]) -> BaseException | None:
    """Call it, and return what it raised: whatever that is, the row is safe."""
    try:
        work()
    except BaseException as error:  # noqa: BLE001  Nor may it end the thread.
        return error
    return None


_publisher = Publisher()


def publish(name: str, send: Callable[[], object]) -> bool:
    """Publish by this process's thread; see `Publisher.publish`."""
    return _publisher.publish(name, send)


def start_anew() -> None:
    """Forget the thread, its messages and the circuit."""
    global _publisher
    _publisher = Publisher()


# A fork copies neither the thread nor whoever would release its lock.
if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork.
    os.register_at_fork(after_in_child=start_anew)
atexit.register(lambda: _publisher.flush(LAST_WORDS))
