"""Two clicks, or two people, at the same moment: what is to be done once is done once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from django_redpin import signals
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session
from django_redpin.services.journal import hold_for_review
from django_redpin.services.sweeps import dispatch_due_transitions
from tests.redpin_server import FakeRedpin
from tests.services.test_concurrency import at_once

from .world import Row, action, client_of, make_event

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 6


@pytest.fixture
def people() -> list[User]:
    return [User.objects.create_superuser(f"person-{number}") for number in range(PEOPLE)]


@pytest.fixture
def ended(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    redpin.lifetime = -timedelta(minutes=10)
    session = create_payment_session(**arguments, idempotency_key="order-1")
    redpin.lifetime = timedelta(minutes=30)
    return session


@pytest.fixture
def told() -> Iterator[list[int]]:
    """What receivers are told of: the transitions' keys."""
    heard: list[int] = []

    def receiver(sender: object, transition: StatusTransition, **kwargs: object) -> None:
        heard.append(transition.pk)

    signals.payment_session_created.connect(receiver)
    yield heard
    signals.payment_session_created.disconnect(receiver)


def click_at_once(people: list[User], verb: str, row: Row, **fields: str) -> None:
    """Let all of them see the page that confirms the action, and then click together."""
    clients = [client_of(person) for person in people]
    address = action(type(row), verb)
    html = clients[0].get(address, {"rows": row.pk}).content.decode()
    (mark,) = re.findall(r'name="rows" value="([^"]*)"', html)

    answers = at_once(
        lambda n: clients[n].post(address, {"rows": mark, **fields}).status_code, len(people)
    )

    assert answers == [302] * len(people)


@pytest.mark.heavy
def test_one_session_has_one_renewal_however_many_click(
    redpin: FakeRedpin, ended: PaymentSession, people: list[User]
) -> None:
    click_at_once(people, "renew", ended)

    assert PaymentSession.objects.count() == 2
    assert len(redpin.creates) == 2
    assert PaymentSession.objects.get(renews=ended).state == "open"


def test_a_session_expires_once_however_many_click(
    ended: PaymentSession, people: list[User]
) -> None:
    click_at_once(people, "expire", ended)

    assert ended.transitions.filter(subject="state", to_value="expired").count() == 1


def test_news_is_written_once_however_many_refresh(
    redpin: FakeRedpin, ended: PaymentSession, people: list[User]
) -> None:
    redpin.pay(ended.client_reference_id, "PAYMENT_COMPLETED")

    click_at_once(people, "refresh", ended)

    moved = ended.transitions.filter(subject="payment_status", to_value="PAYMENT_COMPLETED")
    assert moved.count() == 1


def test_a_session_is_released_once_and_one_reason_is_kept(
    ended: PaymentSession, people: list[User]
) -> None:
    hold_for_review(ended, "Another amount.")

    click_at_once(people, "release", ended, reason="I have looked.")

    assert ended.transitions.filter(subject="review", to_value="").count() == 1


def test_receivers_are_told_once_however_many_click(
    ended: PaymentSession, people: list[User], told: list[int]
) -> None:
    transition = ended.transitions.get()
    StatusTransition.objects.update(outcome="dead", next_attempt_at=None, attempts=80)

    click_at_once(people, "dispatch", ended)
    at_once(lambda _: dispatch_due_transitions(), 4)

    assert told == [transition.pk]


def test_an_event_is_due_again_once_however_many_click(db: None, people: list[User]) -> None:
    event = make_event(1, outcome="dead", attempts=80)

    click_at_once(people, "redrive", event)

    event = WebhookEvent.objects.get()
    assert (event.outcome, event.attempts) == ("pending", 0)
    assert event.next_attempt_at is not None
