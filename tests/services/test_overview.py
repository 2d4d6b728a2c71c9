"""The numbers of the overview: exact, in the reader's days, at a cost that is bounded."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as django_timezone
from moneyed import Money
from pytest_django import Settings

from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import overview as module
from django_redpin.services.overview import overview
from django_redpin.services.spans import DAY, LENGTHS, MONTH, MOST_PIECES, STEPS, WEEK, Span
from django_redpin.services.stages import Stage, stage_of

NOW: Final = datetime(2026, 11, 25, 14, tzinfo=timezone.utc)
STATEMENTS: Final = 8


@pytest.fixture(autouse=True)
def _it_is_wednesday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_timezone, "now", lambda: NOW)


class Make:
    """Stores sessions of one shape."""

    def __init__(self) -> None:
        self._number = 0

    def __call__(self, at: datetime = NOW, **changes: Any) -> PaymentSession:
        self._number += 1
        values: dict[str, Any] = {
            "customer_id": "7",
            "client_customer_ref": "CUST_7",
            "client_reference_id": f"order-{self._number}",
            "amount": "100.00",
            "currency": "AED",
            "due_date": date(2026, 12, 24),
            "purpose_of_transaction": "PROPERTY_PURCHASE",
            "state": "open",
        }
        session = PaymentSession.objects.create(**values | changes)
        PaymentSession.objects.filter(pk=session.pk).update(created_at=at)
        session.refresh_from_db()
        return session

    def paid(self, after: timedelta, at: datetime = NOW, **changes: Any) -> PaymentSession:
        """Store a session that is paid, and its line in the journal."""
        session = self(at, state="closed", payment_status="PAYMENT_COMPLETED", **changes)
        StatusTransition.objects.create(
            session=session,
            subject=StatusTransition.Subject.PAYMENT_STATUS,
            from_value="PAYOUT_CREDITED",
            to_value="PAYMENT_COMPLETED",
            occurred_at=at + after,
        )
        return session


@pytest.fixture
def make(db: None) -> Make:
    return Make()


def test_amounts_are_added_up_exactly_and_by_currency(make: Make) -> None:
    for _ in range(30):
        make(amount="0.10")
        make(amount="4999999999999.99")
        make(amount="0.001", currency="KWD")
        make(amount="999999999999.999", currency="KWD")
        make(amount="3", currency="JPY")

    found = overview(Span.last(7, DAY)).amounts()

    sums = {code: pieces[-1][Stage.OPEN] for code, pieces in found.items()}
    assert sums == {
        "AED": Money(Decimal("150000000000002.70"), "AED"),
        "KWD": Money(Decimal("30000000000000.000"), "KWD"),
        "JPY": Money(90, "JPY"),
    }


def test_the_currency_of_most_sessions_comes_first(make: Make) -> None:
    for code in ("USD", "AED", "AED"):
        make(currency=code)

    assert list(overview(Span.last(7, DAY)).amounts()) == ["AED", "USD"]


@pytest.mark.parametrize("name", ["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"])
def test_a_day_is_the_readers_on_every_database(make: Make, name: str) -> None:
    zone = ZoneInfo(name)
    with django_timezone.override(zone):
        span = Span.last(7, DAY)
        midnight = datetime(2026, 11, 24, tzinfo=zone)
        make(midnight)
        make(midnight - timedelta(microseconds=1))

        found = overview(span).counts()

    place = span.starts.index(date(2026, 11, 24))
    assert [count.total() for count in found[place - 1 : place + 1]] == [1, 1]


def test_the_day_on_which_clocks_change_is_one_day(make: Make) -> None:
    zone = ZoneInfo("Europe/Berlin")
    with django_timezone.override(zone):
        span = Span.last(90, DAY)
        place = span.starts.index(date(2026, 10, 25))
        first, end = span.moments[place]
        for moment in (first, end - timedelta(microseconds=1), end):
            make(moment)

        assert end.astimezone(timezone.utc) - first.astimezone(timezone.utc) == timedelta(hours=25)
        found = overview(span).counts()

    assert [count.total() for count in found[place : place + 2]] == [2, 1]


def test_weeks_begin_on_monday_and_months_on_their_first_and_all_are_whole() -> None:
    weeks, months = Span.last(30, WEEK), Span.last(365, MONTH)

    assert {day.weekday() for day in weeks.starts} == {0}
    assert {day.day for day in months.starts} == {1}
    assert (len(weeks.starts), len(months.starts)) == (5, 13)
    assert weeks.starts[0] <= date(2026, 10, 27) < weeks.starts[1]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("days", LENGTHS)
def test_no_span_is_longer_than_what_its_length_says_and_the_piece_it_begins_in(
    days: int, step: str
) -> None:
    span = Span.last(days, step)

    assert len(span.starts) <= MOST_PIECES
    assert span.end == date(2026, 11, 26)
    assert timedelta(days) <= span.end - span.starts[0] < timedelta(days + 31)


def test_without_time_zones_days_are_the_servers(make: Make, settings: Settings) -> None:
    settings.USE_TZ = False

    assert all(first.tzinfo is None for first, _ in Span.last(7, DAY).moments)
    assert Span.last(7, DAY).place(NOW.replace(tzinfo=None) - timedelta(days=1)) == 5


STAGES: Final[list[tuple[str, str, bool, Stage]]] = [
    ("closed", "PAYMENT_COMPLETED", False, Stage.PAID),
    ("closed", "PAYMENT_COMPLETED", True, Stage.REVIEW),
    ("open", "PROCESSING", False, Stage.UNDER_WAY),
    ("open", "ON_HOLD", False, Stage.UNDER_WAY),
    ("open", "", False, Stage.OPEN),
    ("unknown", "", False, Stage.OPEN),
    ("closed", "REFUNDED", False, Stage.RETURNED),
    ("open", "BOUNCED_BACK", False, Stage.RETURNED),
    ("expired", "", False, Stage.LAPSED),
    ("rejected", "", False, Stage.LAPSED),
    ("superseded", "", False, Stage.LAPSED),
]


@pytest.mark.parametrize(("state", "status", "needs_review", "stage"), STAGES)
def test_each_session_is_in_one_stage(
    make: Make, state: str, status: str, needs_review: bool, stage: Stage
) -> None:
    make(state=state, payment_status=status, review_reason="Look." if needs_review else "")

    assert overview(Span.last(7, DAY)).counts()[-1] == {stage: 1}


def test_every_state_has_a_stage_before_any_payment() -> None:
    assert {stage_of(state, "", needs_review=False) for state in PaymentSession.State} == {
        Stage.OPEN,
        Stage.LAPSED,
    }


def test_what_a_renewal_replaced_was_not_created_twice(make: Make) -> None:
    make(state="superseded")
    make.paid(timedelta(hours=1))
    make(review_reason="Look.", payment_status="PAYMENT_COMPLETED")

    assert overview(Span.last(7, DAY)).conversion()[-1] == (2, 1)


def test_half_and_nine_in_ten_were_credited_within(make: Make) -> None:
    for hours in range(1, 11):
        make.paid(timedelta(hours=hours), NOW - timedelta(days=hours % 2))

    found = overview(Span.last(7, DAY))

    times = found.all_times
    assert times == module.Times(10, timedelta(hours=5), timedelta(hours=9))
    assert [each.median for each in found.times[-2:]] == [timedelta(hours=5), timedelta(hours=6)]
    assert found.times[0] == module.Times(0, None, None)


def test_two_clocks_make_no_time_below_zero_and_the_first_of_two_lines_counts(make: Make) -> None:
    session = make.paid(timedelta(hours=-1))
    StatusTransition.objects.create(
        session=session,
        subject=StatusTransition.Subject.PAYMENT_STATUS,
        to_value="PAYMENT_COMPLETED",
        occurred_at=NOW + timedelta(days=9),
    )

    assert overview(Span.last(7, DAY)).all_times == module.Times(1, timedelta(0), timedelta(0))


@pytest.mark.parametrize("step", [1, 2, 3, 5, 10])
def test_times_of_many_payments_are_those_of_a_sample_drawn_by_key(
    make: Make, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    monkeypatch.setattr(module, "SAMPLE", 20)
    # Keys as several servers that write in turn give them.
    for number in range(60):
        make.paid(timedelta(hours=1), pk=10**12 + step * number)

    found = overview(Span.last(7, DAY))

    assert found.one_of == 3
    assert 15 <= found.all_times.count <= 25


def test_one_account_is_told_from_the_others(make: Make) -> None:
    make.paid(timedelta(hours=1), account="other")
    make()

    found = overview(Span.last(7, DAY), "other")

    assert [group.count for group in found.groups] == [1]
    assert found.all_times.count == 1
    assert overview(Span.last(7, DAY), "nobody").groups == ()


def test_what_waits_is_counted_up_to_a_limit_with_the_age_of_the_oldest(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_COUNTED", 3)
    for number in range(5):
        event = WebhookEvent.objects.create(
            account="default", key=str(number), body=b"{}", verifier="x", outcome="dead"
        )
        at = NOW - timedelta(days=5 - number)
        WebhookEvent.objects.filter(pk=event.pk).update(received_at=at)
    StatusTransition.objects.create(session=make(), subject="review", outcome="held")

    found = overview(Span.last(7, DAY))

    dead, held = found.events["dead"], found.transitions["held"]
    assert (dead.count, dead.may_be_more, dead.oldest) == (4, True, NOW - timedelta(days=5))
    assert (held.count, held.may_be_more) == (1, False)
    assert found.events["pending"] == module.Waiting(0, None)


@pytest.mark.parametrize(("days", "step"), [(7, DAY), (90, DAY), (365, MONTH)])
def test_the_statements_are_always_as_many(make: Make, days: int, step: str) -> None:
    for number in range(12):
        make.paid(timedelta(hours=1), NOW - timedelta(days=number), currency="USD")
        make(NOW - timedelta(days=20 * number), payment_status="PROCESSING")

    with CaptureQueriesContext(connection) as captured:
        overview(Span.last(days, step))

    assert len(captured) == STATEMENTS


@pytest.fixture
def many_sessions(make: Make) -> None:
    """Enough of them that no planner reads them all for the sake of a week."""
    like = {
        field.attname: getattr(make(), field.attname)
        for field in PaymentSession._meta.concrete_fields
        if not field.primary_key
    } | {"payment_status": "PAYMENT_COMPLETED"}
    rows = [
        PaymentSession(**like | {"client_reference_id": f"many-{number}"})
        for number in range(20_000)
    ]
    PaymentSession.objects.bulk_create(rows, batch_size=2000)
    first = PaymentSession.objects.order_by("pk").values_list("pk", flat=True)[0]
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD[connection.vendor], [NOW.replace(tzinfo=None), first])
        table = "TABLE redpin_paymentsession" if connection.vendor == "mysql" else ""
        cursor.execute(f"ANALYZE {table}")


_SPREAD: Final = {
    "sqlite": "UPDATE redpin_paymentsession SET created_at ="
    " datetime(%s, '-' || (id - %s) || ' hours')",
    "postgresql": "UPDATE redpin_paymentsession SET created_at ="
    " (%s::timestamp at time zone 'UTC') - (id - %s) * interval '1 hour'",
    "mysql": "UPDATE redpin_paymentsession SET created_at = %s - INTERVAL (id - %s) HOUR",
}


@pytest.mark.slow
def test_a_week_is_read_by_index(many_sessions: None) -> None:
    with CaptureQueriesContext(connection) as captured:
        overview(Span.last(7, DAY))

    for query in captured.captured_queries[:2]:
        sql = query["sql"]
        select = sql.partition(" FOR ")[2] if sql.startswith("DECLARE") else sql
        with connection.cursor() as cursor:
            plain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
            cursor.execute(f"{plain} {select}")
            plan = "\n".join(map(str, cursor.fetchall()))
        assert "redpin_session_created" in plan, plan
