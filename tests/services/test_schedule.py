"""When Redpin is asked about a session next."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest

from django_redpin.exceptions import OutcomeUnknown
from django_redpin.models import PaymentSession
from django_redpin.services import create_payment_session, refresh_payment_session
from django_redpin.services.process import process_event
from django_redpin.services.record import record_event
from django_redpin.services.schedule import EXPIRY_GRACE, late_look, next_look
from tests.redpin_server import FakeRedpin, Handler

BIRTH: Final = datetime(2026, 1, 1, tzinfo=timezone.utc)
MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)


def born(lifetime: timedelta | None) -> PaymentSession:
    expires_at = None if lifetime is None else BIRTH + lifetime
    return PaymentSession(created_at=BIRTH, expires_at=expires_at)


@pytest.mark.parametrize("lifetime", [365 * DAY, None])
def test_a_session_is_looked_at_after_15_minutes_and_then_at_waits_that_double_to_a_day(
    lifetime: timedelta | None,
) -> None:
    session, at, waits = born(lifetime), BIRTH, []
    for _ in range(10):
        look = next_look(session, at)
        waits.append((look - at) / MINUTE)
        at = look

    assert waits == [15, 15, 30, 60, 120, 240, 480, 960, 1440, 1440]


@pytest.mark.parametrize("minutes", [1, 20, 30])
def test_the_end_of_its_page_is_looked_at_soon_after_it_and_past_the_grace(minutes: int) -> None:
    session = born(31 * MINUTE)

    look = next_look(session, BIRTH + minutes * MINUTE)

    assert session.expires_at is not None
    if minutes > 1:
        assert EXPIRY_GRACE < look - session.expires_at <= 2 * MINUTE
    else:
        assert look == BIRTH + 16 * MINUTE


def test_after_the_end_of_its_page_the_waits_grow_anew() -> None:
    session = born(7 * DAY)
    end = BIRTH + 7 * DAY

    assert next_look(session, end + 3 * MINUTE) == end + 18 * MINUTE
    assert next_look(session, end + 60 * MINUTE) == end + 120 * MINUTE
    assert next_look(session, end + 9 * DAY) == end + 10 * DAY


def test_an_expired_session_is_looked_at_an_hour_and_a_day_later_and_then_no_more() -> None:
    session = born(30 * MINUTE)
    end = BIRTH + 30 * MINUTE

    assert late_look(session, end + 2 * MINUTE) == end + 60 * MINUTE
    assert late_look(session, end + 60 * MINUTE) == end + DAY
    assert late_look(session, end + DAY) is None
    assert late_look(born(None), end) is None


@pytest.mark.django_db
def test_a_new_session_is_due_15_minutes_after_it_was_created(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)

    assert session.next_attempt_at is not None
    assert 14 * MINUTE < session.next_attempt_at - session.created_at < 16 * MINUTE


@pytest.mark.django_db
def test_news_of_a_payment_puts_the_next_look_off(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments)
    now = datetime.now(timezone.utc)
    PaymentSession.objects.update(next_attempt_at=now)
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")

    refreshed = refresh_payment_session(session)

    assert refreshed.next_attempt_at is not None
    assert refreshed.next_attempt_at > now + 14 * MINUTE


@pytest.mark.django_db
def test_news_of_a_payment_does_not_put_off_the_completion_of_its_session(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    def lose_the_answer(handler: Handler) -> None:
        handler.redpin.store(handler.call.json, "0201001008132685")
        handler.error(500, "", "broken")

    redpin.create_script.append(lose_the_answer)
    redpin.list_script.append(lambda handler: handler.error(403, "", "not now"))
    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)
    session = caught.value.session
    due_at = session.next_attempt_at
    redpin.pay(session.client_reference_id, "AWAITING_FUNDS")
    event = record_event(
        b'{"event_id": "1", "payment_id": "9001", "status": "AWAITING_FUNDS"}',
        account="default",
        client_reference_id=session.client_reference_id,
        verifier="session token",
    ).event

    assert process_event(event.pk) == "applied"

    session.refresh_from_db()
    assert (session.state, session.payment_status) == ("unknown", "AWAITING_FUNDS")
    assert session.next_attempt_at == due_at
