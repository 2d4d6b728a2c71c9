"""A payer is taken out of what is kept; the money, and what happened to it, is not."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from datetime import timezone as utc
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core import serializers
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from django_redpin.exceptions import IdempotencyConflict, InvalidPaymentSession
from django_redpin.models import (
    PaymentSession,
    Recipient,
    SessionItem,
    SessionRecipient,
    StatusTransition,
    WebhookEvent,
)
from django_redpin.services import (
    Refused,
    anonymise,
    anonymise_payer,
    anonymise_recipient,
    create_payment_session,
    record,
    register_recipient,
    release_from_review,
    renew_payment_session,
)
from django_redpin.services.journal import hold_for_review
from django_redpin.services.process import process_event
from django_redpin.services.watching import Watch, watched_by
from django_redpin.signals import third_party_status_changed
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db

PAYER: Final = "canary-payer"
CANARY: Final = "canary"
NEVER: Final = datetime(2099, 1, 1, tzinfo=utc.utc)
MODELS: Final = (PaymentSession, SessionItem, SessionRecipient, StatusTransition, WebhookEvent)
Settle = Callable[[], None]


def everything() -> str:
    """Return all that the tables of payments hold, bodies as text."""
    rows = [serializers.serialize("json", model.objects.all()) for model in MODELS]
    bodies = [bytes(event.body).decode() for event in WebhookEvent.objects.all()]
    return "".join((*rows, *bodies))


def post(session: PaymentSession, event_id: str, status: str, **more: Any) -> WebhookEvent:
    """Store an event as the webhook does, and process it."""
    data: dict[str, Any] = {
        "event_id": event_id,
        "payment_id": "9001",
        "status": status,
        "client_reference_id": session.client_reference_id,
        "client_customer_ref": PAYER,
        "session_id": session.session_id,
        "event_timestamp": "2026-11-22T14:00:00Z",
        "data": {"bounce_reason": "canary-reason"},
    }
    recorded = record.record_event(
        json.dumps(data | more).encode(),
        account="default",
        client_reference_id=session.client_reference_id,
        verifier="path_token",
    )
    process_event(recorded.event.pk)
    recorded.event.refresh_from_db()
    return recorded.event


@pytest.fixture
def payer(db: None) -> User:
    return User.objects.create(username="payer")


@pytest.fixture
def paid(
    redpin: FakeRedpin, arguments: dict[str, Any], payer: User, settle: Settle
) -> PaymentSession:
    """A session that was paid, with the payer in every column that may hold one."""
    session = create_payment_session(
        **arguments
        | {
            "client_customer_ref": PAYER,
            "payer": payer,
            "metadata": {"order": 7, "note": "canary-note"},
            "callbacks": ["https://merchant.test/canary-callback"],
            "idempotency_key": "order-7",
        }
    )
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    assert post(session, "1", "PAYMENT_COMPLETED").outcome == "applied"
    settle()
    session.items.update(description="canary-item")
    session.transitions.update(last_error="canary-failure", note="canary-said")
    session.events.update(last_error="canary-failure")
    PaymentSession.objects.update(last_error="canary-said", session_url="https://x/canary-url")
    session.refresh_from_db()
    return session


def test_a_payer_is_taken_out_of_every_column_and_the_money_stays(
    paid: PaymentSession, payer: User, caplog: pytest.LogCaptureFixture
) -> None:
    before = vars(paid).copy()
    journal = list(paid.transitions.values("pk", "subject", "from_value", "to_value", "event"))
    assert everything().count(CANARY) > 8

    with caplog.at_level(logging.DEBUG):
        done = anonymise_payer(payer=payer)

    assert (done.sessions, done.events, done.refused) == (1, 1, ())
    assert CANARY not in everything()
    assert CANARY not in caplog.text
    assert f"Session {paid.client_reference_id} was anonymised." in caplog.text
    paid.refresh_from_db()
    assert paid.anonymised_at is not None
    assert paid.client_customer_ref.startswith("anonymous-")
    assert (paid.payer, paid.metadata, paid.callbacks) == (None, {}, [])
    event = paid.events.get()
    assert (event.client_customer_ref, bytes(event.body)) == (paid.client_customer_ref, b"")
    for name in ("amount", "currency", "due_date", "state", "payment_status", "created_at"):
        assert getattr(paid, name) == before[name], name
    for name in ("client_reference_id", "session_id", "payment_id", "idempotency_key"):
        assert getattr(paid, name) == before[name], name
    kept = paid.transitions.values("pk", "subject", "from_value", "to_value", "event")
    assert list(kept) == journal
    assert [item.item_ref for item in paid.items.all()] == ["UNIT-1204"]


def test_no_digest_of_the_payers_reference_is_left(paid: PaymentSession, payer: User) -> None:
    """Whoever reads the table could else try all references against it."""
    event = paid.events.get()
    digests = {paid.fingerprint, event.key}
    assert event.key in paid.payment_status_position

    anonymise_payer(payer=payer)

    held = everything()
    assert [digest for digest in digests if digest in held] == []


def test_the_same_payer_has_one_pseudonym_in_a_run_and_it_comes_by_chance(
    paid: PaymentSession,
) -> None:
    twin, other = (copy_of(paid, number) for number in (1, 2))
    PaymentSession.objects.filter(pk=other.pk).update(client_customer_ref="canary-other")

    anonymise_payer(client_customer_ref=PAYER)
    anonymise_payer(session=other)

    names = [row.client_customer_ref for row in PaymentSession.objects.order_by("pk")]
    assert names[0] == names[1] != names[2]
    assert twin.pk == paid.pk + 1


def copy_of(session: PaymentSession, number: int, **changes: Any) -> PaymentSession:
    names = {field.attname for field in PaymentSession._meta.concrete_fields}
    kept = {name: getattr(session, name) for name in names - {"id", "idempotency_key"}}
    ids = {name: f"{name}-{number}" for name in ("client_reference_id", "session_id", "payment_id")}
    return PaymentSession.objects.create(**kept | ids | changes)


def test_what_of_the_metadata_tells_of_no_person_can_be_kept(
    paid: PaymentSession, payer: User
) -> None:
    anonymise_payer(payer=payer, keep_metadata=["order", "no such"])

    paid.refresh_from_db()
    assert paid.metadata == {"order": 7}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        *(({"state": state}, "not over") for state in ("creating", "open", "unknown")),
        ({"review_reason": "Look."}, "release it from review"),
        ({"next_attempt_at": NEVER}, "Redpin is still asked"),
    ],
    ids=str,
)
def test_a_session_that_is_not_over_is_left_and_the_reason_is_told(
    paid: PaymentSession, payer: User, changes: dict[str, Any], why: str
) -> None:
    PaymentSession.objects.filter(pk=paid.pk).update(**changes)
    before = everything()

    for dry_run in (True, False):
        done = anonymise_payer(payer=payer, dry_run=dry_run)
        assert (done.sessions, done.events) == (0, 0)
        ((reference, reason),) = [(each.reference, each.reason) for each in done.refused]
        assert reference == paid.client_reference_id
        assert why in reason
    assert everything() == before


@pytest.mark.parametrize("kind", ["transitions", "events"])
def test_a_session_of_which_something_is_still_to_be_done_is_left(
    paid: PaymentSession, payer: User, kind: str
) -> None:
    getattr(paid, kind).update(next_attempt_at=timezone.now())

    done = anonymise_payer(payer=payer)

    assert done.sessions == 0
    assert "still to be" in done.refused[0].reason
    getattr(paid, kind).update(next_attempt_at=None)
    assert anonymise_payer(payer=payer).sessions == 1


@pytest.mark.parametrize("state", ["closed", "expired", "rejected", "superseded"])
def test_a_session_that_is_over_however_it_ended_is_done(
    paid: PaymentSession, payer: User, state: str
) -> None:
    PaymentSession.objects.filter(pk=paid.pk).update(state=state)

    assert anonymise_payer(payer=payer).sessions == 1


def test_a_session_that_moves_at_this_very_moment_is_left(
    paid: PaymentSession, payer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason_of, calls = anonymise._reason, list[PaymentSession]()

    def reopen_after(session: PaymentSession) -> str:
        reason = reason_of(session)
        if not calls:
            PaymentSession.objects.update(state="open")
        calls.append(session)
        return reason

    monkeypatch.setattr(anonymise, "_reason", reopen_after)

    done = anonymise_payer(payer=payer)

    assert done.refused == (Refused(paid.client_reference_id, done.refused[0].reason),)
    assert "not over" in done.refused[0].reason
    assert PaymentSession.objects.get().client_customer_ref == PAYER


def test_a_dry_run_changes_nothing_and_says_how_much_it_would_be(
    paid: PaymentSession, payer: User
) -> None:
    before = everything()

    done = anonymise_payer(payer=payer, dry_run=True)

    assert (done.sessions, done.events) == (1, 1)
    assert everything() == before


def test_a_run_that_was_cut_off_is_gone_on_with(paid: PaymentSession, payer: User) -> None:
    for number in range(5):
        copy_of(paid, number)

    first = anonymise_payer(payer=payer, limit=4)
    assert (first.sessions, first.is_cut_off) == (4, True)
    assert anonymise_payer(payer=payer, seconds=0).is_cut_off
    last = anonymise_payer(payer=payer)
    assert (last.sessions, last.is_cut_off) == (2, False)
    assert anonymise_payer(payer=payer).sessions == 0
    assert CANARY not in everything()


def test_events_that_only_the_sessions_lead_to_are_done_before_them(
    paid: PaymentSession, payer: User
) -> None:
    """Else nothing would lead from the payer to them any more."""
    for key in range(3):
        WebhookEvent.objects.create(
            account="default",
            key=str(key),
            client_customer_ref=PAYER,
            body=b"canary",
            processed_at=timezone.now(),
        )

    first = anonymise_payer(payer=payer, limit=2)
    assert (first.events, first.sessions, first.is_cut_off) == (2, 0, True)
    with watched_by(Stopped()):
        assert anonymise_payer(payer=payer).events == 0
    last = anonymise_payer(payer=payer)
    assert (last.sessions, last.is_cut_off) == (1, False)
    assert CANARY not in everything()


class Stopped(Watch):
    """Ends a run before its first row."""

    def goes_on(self) -> bool:
        return False


def test_other_payers_and_other_accounts_are_left(paid: PaymentSession, payer: User) -> None:
    copy_of(paid, 1, account="gulf")
    copy_of(paid, 2, client_customer_ref="another", payer=None)

    assert anonymise_payer(client_customer_ref=PAYER, account="gulf").sessions == 1
    assert anonymise_payer(payer=payer, account="gulf").sessions == 0

    assert PaymentSession.objects.get(pk=paid.pk).client_customer_ref == PAYER
    assert PaymentSession.objects.filter(client_customer_ref="another").exists()


@pytest.mark.parametrize("named", [{}, {"client_customer_ref": "a", "session": PaymentSession()}])
def test_whose_sessions_they_are_has_to_be_said_once(named: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Name one"):
        anonymise_payer(**named)


@pytest.mark.parametrize("by_user", [True, False])
def test_an_event_of_no_session_that_names_the_payer_is_emptied(
    paid: PaymentSession, payer: User, by_user: bool
) -> None:
    values: dict[str, Any] = {"account": "default", "client_customer_ref": PAYER, "body": b"canary"}
    WebhookEvent.objects.create(key="1", processed_at=timezone.now(), **values)
    waiting = WebhookEvent.objects.create(key="2", next_attempt_at=timezone.now(), **values)

    named: dict[str, Any] = {"payer": payer} if by_user else {"client_customer_ref": PAYER}
    done = anonymise_payer(**named)

    assert done.events == 2
    assert [*WebhookEvent.objects.exclude(body=b"")] == [waiting]


@pytest.mark.parametrize("by_user", [True, False])
def test_an_event_that_names_another_accounts_payer_is_left(
    paid: PaymentSession, payer: User, by_user: bool
) -> None:
    values: dict[str, Any] = {"client_customer_ref": PAYER, "body": b"{}", "key": "1"}
    other = WebhookEvent.objects.create(account="other", processed_at=timezone.now(), **values)

    if by_user:
        anonymise_payer(payer=payer)
    else:
        anonymise_payer(client_customer_ref=PAYER, account="default")

    other.refresh_from_db()
    assert (other.client_customer_ref, bytes(other.body)) == (PAYER, b"{}")


def test_a_bounded_run_leaves_no_event_that_nothing_leads_to(
    paid: PaymentSession, payer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anonymise, "BATCH", 1)
    for number in range(3):
        WebhookEvent.objects.create(
            account="default",
            key=str(number),
            client_customer_ref=PAYER,
            body=b"canary",
            processed_at=timezone.now(),
        )

    runs = [anonymise_payer(payer=payer, limit=1) for _ in range(5)]

    assert sum(done.sessions for done in runs) == 1
    assert CANARY not in everything()


def test_a_session_whose_event_has_not_found_it_yet_is_left(
    paid: PaymentSession, payer: User
) -> None:
    event = WebhookEvent.objects.create(
        account="default",
        key="1",
        client_reference_id=paid.client_reference_id,
        next_attempt_at=timezone.now(),
    )

    (refused,) = anonymise_payer(payer=payer).refused

    assert "still to be processed" in refused.reason
    WebhookEvent.objects.filter(pk=event.pk).update(account="other")
    assert anonymise_payer(payer=payer).sessions == 1


def test_a_refund_of_a_long_reference_is_found_by_the_session_that_it_names(
    redpin: FakeRedpin, arguments: dict[str, Any], payer: User, settle: Settle
) -> None:
    """Redpin's filter takes no such reference, and the payer's own is gone."""
    long = {"client_reference_id": "order-" + "7" * 50, "client_customer_ref": PAYER}
    session = create_payment_session(**arguments | long | {"payer": payer})
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    assert post(session, "1", "PAYMENT_COMPLETED").outcome == "applied"
    settle()
    claimed = session.session_id
    assert anonymise_payer(payer=payer).sessions == 1
    PaymentSession.objects.update(payment_status="PAYOUT_INITIATED", session_id=None)
    session.refresh_from_db()
    redpin.pay(session.client_reference_id, "REFUNDED")
    later = {"event_timestamp": "2026-11-25T14:00:00Z", "session_id": claimed}

    event = post(session, "2", "REFUNDED", **later)

    assert (event.outcome, event.last_error) == ("applied", "")


def test_a_refund_a_year_later_is_applied_and_brings_nobody_back(
    redpin: FakeRedpin, paid: PaymentSession, payer: User, settle: Settle
) -> None:
    PaymentSession.objects.update(payment_status="PAYOUT_INITIATED")
    anonymise_payer(payer=payer)
    redpin.pay(paid.client_reference_id, "REFUNDED")

    event = post(paid, "2", "REFUNDED", event_timestamp="2026-11-25T14:00:00Z")
    settle()

    paid.refresh_from_db()
    assert (paid.payment_status, paid.review_reason) == ("REFUNDED", "")
    assert event.outcome == "applied"
    assert (event.client_customer_ref, bytes(event.body)) == (paid.client_customer_ref, b"")
    assert CANARY not in everything()


def test_a_late_copy_of_an_event_moves_nothing_and_brings_nobody_back(
    paid: PaymentSession, payer: User, settle: Settle
) -> None:
    anonymise_payer(payer=payer)
    before = paid.transitions.count()

    event = post(paid, "1", "PAYMENT_COMPLETED")
    settle()

    assert event.outcome == "known"
    paid.refresh_from_db()
    assert (paid.transitions.count(), paid.review_reason) == (before, "")
    assert CANARY not in everything()


def test_an_event_that_names_another_session_is_still_held_against_an_anonymous_one(
    paid: PaymentSession, payer: User
) -> None:
    anonymise_payer(payer=payer)

    event = post(paid, "2", "REFUNDED", session_id="another")

    paid.refresh_from_db()
    assert "another session_id" in paid.review_reason
    assert event.outcome == "contradicted"
    assert event.client_customer_ref == paid.client_customer_ref


def test_nobody_is_told_of_an_anonymous_payer(paid: PaymentSession, payer: User) -> None:
    anonymise_payer(payer=payer)
    told: list[WebhookEvent] = []

    def receiver(event: WebhookEvent, **kwargs: object) -> None:
        told.append(event)

    third_party_status_changed.connect(receiver)
    try:
        event = post(paid, "3", "APPROVED", payment_id="", event_type="THIRD PARTY CUSTOMER STATUS")
    finally:
        third_party_status_changed.disconnect(receiver)

    assert (event.outcome, told) == ("ignored", [])
    assert CANARY not in everything()


def test_an_anonymous_session_is_not_started_again(
    redpin: FakeRedpin, paid: PaymentSession, payer: User
) -> None:
    redpin.pay(paid.client_reference_id, "REFUNDED")
    PaymentSession.objects.update(payment_status="REFUNDED")
    anonymise_payer(payer=payer)
    paid.refresh_from_db()

    with pytest.raises(InvalidPaymentSession, match="payer was taken out"):
        renew_payment_session(paid, due_date=date.today() + timedelta(days=20))  # noqa: DTZ011

    assert len(redpin.creates) == 1


def test_the_key_of_an_anonymous_session_makes_no_second_payment(
    redpin: FakeRedpin, paid: PaymentSession, payer: User, arguments: dict[str, Any]
) -> None:
    anonymise_payer(payer=payer)

    with pytest.raises(IdempotencyConflict):
        create_payment_session(
            **arguments | {"client_customer_ref": PAYER, "idempotency_key": "order-7"}
        )

    assert len(redpin.creates) == 1


def test_a_session_that_is_released_from_review_can_be_done(
    paid: PaymentSession, payer: User, settle: Settle
) -> None:
    hold_for_review(paid, "Look.")
    release_from_review(paid, note="canary: the buyer called")
    settle()

    assert anonymise_payer(payer=payer).sessions == 1
    assert CANARY not in everything()


def test_a_payee_is_taken_out_of_its_row(redpin: FakeRedpin, agent: Recipient) -> None:
    register_recipient(agent)
    agent.address, agent.further_details = {"city": "x"}, {"email": "canary@example.com"}
    agent.save()
    Recipient.objects.update(last_error="canary")
    known = agent.recipient_id

    assert anonymise_recipient(agent, dry_run=True).recipients == 1
    assert not Recipient.objects.filter(pk=agent.pk).exclude(anonymised_at=None).exists()
    assert anonymise_recipient(agent).recipients == 1

    assert agent.anonymised_at is not None
    assert agent.name.startswith("anonymous-")
    assert (agent.bank_details, agent.address, agent.further_details) == ({}, {}, {})
    assert (agent.fingerprint, agent.last_error) == ("", "")
    assert (agent.recipient_id, agent.country_code, agent.currency) == (known, "ARE", "AED")
    assert anonymise_recipient(agent).recipients == 0


def test_a_payee_who_is_still_to_be_paid_is_left(
    redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient, settle: Settle
) -> None:
    session = create_payment_session(**arguments)

    done = anonymise_recipient(agent)

    assert done.refused == (Refused(str(agent.pk), "a session that is not over pays it"),)
    assert agent.bank_details
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    post(session, "1", "PAYMENT_COMPLETED", client_customer_ref="CUST_001")
    assert anonymise_recipient(agent).recipients == 1


def test_a_payee_who_is_being_registered_is_left(agent: Recipient) -> None:
    Recipient.objects.update(next_attempt_at=timezone.now())

    assert "being registered" in anonymise_recipient(agent).refused[0].reason


def test_an_anonymous_payee_can_be_paid_no_more(
    redpin: FakeRedpin, arguments: dict[str, Any], escrow: Recipient
) -> None:
    anonymise_recipient(escrow)

    with pytest.raises(InvalidPaymentSession) as caught:
        create_payment_session(**arguments)

    assert [(fault.field, fault.code) for fault in caught.value.faults] == [
        ("recipient_details[0]", "anonymised")
    ]


def test_what_a_payout_is_known_by_tells_no_more_of_its_event(
    paid: PaymentSession, payer: User, settle: Settle
) -> None:
    event = post(paid, "2", "PAYOUT_CREDITED", data={"recipient_id": "501"})
    share = paid.shares.get(payout_status="PAYOUT_CREDITED")
    before = share.payout_position
    settle()
    assert before.endswith(f" {event.key}")

    anonymise_payer(payer=payer)

    share.refresh_from_db()
    assert share.payout_position == before.replace(event.key, "~")
    assert share.payout_position > before  # The same event, told again, is of the past.
    assert event.key not in everything()


def test_without_an_admin_there_is_no_history_to_take_a_payee_out_of(
    agent: Recipient, settings: Settings
) -> None:
    settings.INSTALLED_APPS = [name for name in settings.INSTALLED_APPS if "admin" not in name]

    with CaptureQueriesContext(connection) as queries:
        assert anonymise_recipient(agent).recipients == 1

    assert agent.name.startswith("anonymous-")
    assert not any("admin_log" in query["sql"] for query in queries)
