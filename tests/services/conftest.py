"""Fixtures for the services' tests: a session that is open, and somebody who hears every signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.dispatch import Signal

from django_redpin import signals
from django_redpin.models import PaymentSession
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin

from .events import Listener


@pytest.fixture
def session(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    return create_payment_session(**arguments)


@pytest.fixture
def listener() -> Iterator[Listener]:
    heard = Listener()
    all_signals = {n: s for n, s in vars(signals).items() if isinstance(s, Signal)}
    receivers = [(s, heard.connect(name, s)) for name, s in all_signals.items()]
    yield heard
    for signal, receiver in receivers:
        signal.disconnect(receiver)


@pytest.fixture
def connect() -> Iterator[Callable[[Signal, Callable[..., None]], None]]:
    """Connect a receiver for the length of the test."""
    connected: list[tuple[Signal, Callable[..., None]]] = []

    def run(signal: Signal, receiver: Callable[..., None]) -> None:
        signal.connect(receiver)
        connected.append((signal, receiver))

    yield run
    for signal, receiver in connected:
        signal.disconnect(receiver)
