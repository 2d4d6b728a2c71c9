"""create_payment_session: what is stored, what is sent, and every way in which it can end."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, connection, transaction
from moneyed import Money
from pytest_django import Settings

from django_redpin.client import RedpinClient
from django_redpin.exceptions import (
    ConfigurationError,
    IdempotencyConflict,
    InvalidPaymentSession,
    InvalidRequestError,
    OpenTransactionError,
    OutcomeUnknown,
    SessionRejected,
)
from django_redpin.models import PaymentSession, Recipient, SessionItem
from django_redpin.services import (
    Item,
    Share,
    complete_payment_session,
    create_payment_session,
    refresh_payment_session,
    renew_payment_session,
)
from django_redpin.services.sweeps import complete_session, register_due_recipient
from tests.redpin_server import FakeRedpin, Handler

State = PaymentSession.State
pytestmark = pytest.mark.django_db


def refuse(handler: Handler) -> None:
    handler.error(400, "INVALID_PARAMETER", "purpose is not allowed", "purpose_of_transaction")


def store_and_hang_up(handler: Handler) -> None:
    """Create the session, and lose the answer."""
    handler.redpin.store(handler.call.json, "0201001008132685")
    handler.hang_up()


def answer_nonsense(handler: Handler) -> None:
    handler.redpin.store(handler.call.json, "0201001008132685")
    handler.raw(200, b"<html>welcome</html>")


def fail(handler: Handler) -> None:
    handler.error(503, "", "come back later")


def test_a_right_request_opens_a_session(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    payer = User.objects.create(username="payer")

    session = create_payment_session(**arguments, payer=payer, metadata={"order": 7})

    session.refresh_from_db()
    assert session.state == State.OPEN
    assert session.session_id
    assert session.session_url.startswith(redpin.url)
    assert session.expires_at is not None
    assert session.money == Money("250000.00", "AED")
    assert (session.payer, session.metadata) == (payer, {"order": 7})
    assert [share.money for share in session.shares.all()] == [
        Money("245000.00", "AED"),
        Money("5000.00", "AED"),
    ]
    assert [item.item_ref for item in session.items.all()] == ["UNIT-1204"]
    assert [str(t) for t in session.transitions.all()] == ["state: creating → open"]


def test_redpin_is_sent_exactly_what_was_asked_for(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    session = create_payment_session(**arguments, callbacks=["https://merchant.test/own"])

    body = redpin.creates[0].json
    (own, extra) = body.pop("callbacks")
    assert own.startswith(
        f"https://merchant.test/redpin/webhooks/default/{session.client_reference_id}/"
    )
    assert extra == "https://merchant.test/own"
    assert body == {
        "client_customer_ref": "CUST_001",
        "client_reference_id": session.client_reference_id,
        "amount": {"currency": "AED", "value": Decimal("250000.00")},
        "due_date": arguments["due_date"].isoformat(),
        "purpose_of_transaction": "PROPERTY_PURCHASE",
        "recipient_details": [
            {"recipient_id": "501", "amount": {"currency": "AED", "value": Decimal("245000.00")}},
            {
                "name": "Agent",
                "type": "Corporate",
                "country_code": "ARE",
                "recipient_bank_details": {"currency": "AED", "iban": "AE070331234567890123456"},
                "amount": {"currency": "AED", "value": Decimal("5000.00")},
            },
        ],
        "items": [
            {
                "item_ref": "UNIT-1204",
                "description": "Deposit, unit 1204",
                "amount": {"currency": "AED", "value": Decimal("250000.00")},
            }
        ],
    }


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Money("0.10", "AED"), b'"value":0.10'),
        (Money("1e3", "AED"), b'"value":1000.00'),
        (Money("9999999999999.99", "AED"), b'"value":9999999999999.99'),
        (Money("999999999999.999", "KWD"), b'"value":999999999999.999'),
        (Money("5000", "JPY"), b'"value":5000}'),
    ],
)
def test_amounts_travel_as_exact_numbers_with_their_currencys_decimals(
    redpin: FakeRedpin, arguments: dict[str, Any], amount: Money, written: bytes
) -> None:
    payee = Recipient.objects.create(name="P", currency=amount.currency.code, recipient_id="1")
    arguments |= {"amount": amount, "recipients": [Share(payee, amount)], "items": None}

    session = create_payment_session(**arguments)

    assert written in redpin.creates[0].body
    session.refresh_from_db()
    assert session.money == amount


def test_the_callback_url_is_never_stored(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    session = create_payment_session(**arguments)

    token = redpin.creates[0].json["callbacks"][0].rstrip("/").rsplit("/", 1)[1]
    row = PaymentSession.objects.filter(pk=session.pk).values()[0]
    assert not any(token in str(value) for value in row.values())


def test_the_settings_origins_are_the_default_and_an_empty_list_turns_them_off(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ALLOWED_ORIGINS": ["https://merchant.test"]}

    create_payment_session(**arguments)
    create_payment_session(**arguments, allowed_origins=[])

    first, second = (call.json for call in redpin.creates)
    assert first["allowed_origins"] == ["https://merchant.test"]
    assert "allowed_origins" not in second


def test_every_broken_rule_is_told_at_once_and_nothing_is_stored_or_sent(
    redpin: FakeRedpin, escrow: Recipient
) -> None:
    with pytest.raises(InvalidPaymentSession) as caught:
        create_payment_session(
            client_customer_ref="",
            client_reference_id="not allowed!",
            amount=Money("100.001", "AED"),
            due_date=date(2020, 1, 1),
            purpose_of_transaction="",
            recipients=[Share(escrow, Money("99", "USD"))],
            items=[],
            allowed_origins=["https://*.example.com"],
            callbacks=["http://example.com/hook"],
            metadata={"bad": object()},
            idempotency_key="",
        )

    assert set(caught.value.message_dict) == {
        "client_customer_ref",
        "client_reference_id",
        "amount",
        "due_date",
        "purpose_of_transaction",
        "recipient_details[0].amount.currency",
        "items",
        "allowed_origins[0]",
        "callbacks[0]",
        "metadata",
        "idempotency_key",
    }
    assert not PaymentSession.objects.exists()
    assert redpin.calls == []


def test_a_purpose_has_to_be_one_of_the_settings_where_they_list_them(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "PURPOSES_OF_TRANSACTION": ["RENT"]}

    with pytest.raises(InvalidPaymentSession, match="Use one of RENT"):
        create_payment_session(**arguments)


@pytest.mark.parametrize("recipients", [None, "escrow", 5, [None], [Money("1", "AED")]])
def test_recipients_of_another_type_are_faults_not_tracebacks(
    redpin: FakeRedpin, arguments: dict[str, Any], recipients: Any
) -> None:
    with pytest.raises(InvalidPaymentSession, match="recipient_details"):
        create_payment_session(**arguments | {"recipients": recipients})


def test_a_recipient_has_to_be_saved_and_of_the_same_account(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    amount = arguments["amount"]
    unsaved = Recipient(name="New", currency="AED", recipient_id="9")
    other = Recipient.objects.create(
        name="Other", currency="AED", recipient_id="10", account="other"
    )

    for recipient, message in ((unsaved, "Save the recipient first"), (other, "other")):
        with pytest.raises(InvalidPaymentSession, match=message):
            create_payment_session(**arguments | {"recipients": [Share(recipient, amount)]})


def test_a_reference_can_be_used_once(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    create_payment_session(**arguments, client_reference_id="ORDER-1")

    with pytest.raises(InvalidPaymentSession, match="may be used once"):
        create_payment_session(**arguments, client_reference_id="ORDER-1")

    assert len(redpin.creates) == 1


def test_broken_rules_do_not_hide_that_the_keys_session_may_have_been_paid(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    """An order is paid, then changed, and asked for again: nobody may say "not charged" of it."""
    session = create_payment_session(**arguments, idempotency_key="order-1")
    PaymentSession.objects.update(payment_status="PAYMENT_COMPLETED", state=State.CLOSED)
    broken = arguments | {"client_customer_ref": ""}

    with pytest.raises(InvalidPaymentSession, match="client_customer_ref") as caught:
        create_payment_session(**broken, idempotency_key="order-1")

    error = caught.value
    assert (error.session, error.money_may_have_moved) == (session, True)
    assert "do not pay again" in str(error.user_message)
    assert "not charged" not in str(error.user_message)
    assert f"there is the session {session.client_reference_id} already" in str(error)
    assert pickle.loads(pickle.dumps(error)).session == session  # noqa: S301
    for key in ("order-2", None, "", 7, ["order-1"]):
        with pytest.raises(InvalidPaymentSession) as caught:
            create_payment_session(**broken, idempotency_key=key)  # type: ignore[arg-type]
        assert (caught.value.session, caught.value.money_may_have_moved) == (None, False)


def test_nor_does_a_reference_that_is_taken(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    session = create_payment_session(**arguments, client_reference_id="ORDER-1")

    with pytest.raises(InvalidPaymentSession, match="may be used once") as caught:
        create_payment_session(**arguments, client_reference_id="ORDER-1")

    assert (caught.value.session, caught.value.money_may_have_moved) == (session, True)


def test_a_reference_is_used_once_by_an_account_whose_customer_changed_too(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    create_payment_session(**arguments, client_reference_id="ORDER-1")
    settings.REDPIN = {**settings.REDPIN, "CUSTOMER_ID": "999"}

    # A webhook names the account and the reference: it could not tell the two apart.
    with pytest.raises(InvalidPaymentSession, match="may be used once"):
        create_payment_session(**arguments, client_reference_id="ORDER-1")

    assert len(redpin.creates) == 1


def test_accounts_of_different_redpins_may_have_the_same_ids(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"sandbox": {}}}
    live = create_payment_session(**arguments)

    def answer_with_the_same_id(handler: Handler) -> None:
        record = handler.redpin.store(handler.call.json, "0201001008132685")
        record["session_id"] = live.session_id
        handler.json(201, handler.redpin.created(record))

    redpin.create_script.append(answer_with_the_same_id)
    Recipient.objects.update(account="sandbox")
    shares = [
        Share(Recipient.objects.get(pk=share.recipient.pk), share.amount)
        for share in arguments["recipients"]
    ]
    sandbox = create_payment_session(**arguments | {"account": "sandbox", "recipients": shares})
    for session in (live, sandbox):
        redpin.pay(session.client_reference_id, "AWAITING_FUNDS", payment_id="9001")
        refresh_payment_session(session)

    assert sandbox.session_id == live.session_id
    assert sandbox.payment_id == live.payment_id == "9001"
    assert not live.review_reason
    assert not sandbox.review_reason


def test_a_refusal_is_kept_with_redpins_words(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.create_script.append(refuse)

    with pytest.raises(SessionRejected) as caught:
        create_payment_session(**arguments, idempotency_key="order-1")

    error = caught.value
    assert (error.code, error.description, error.field) == (
        "INVALID_PARAMETER",
        "purpose is not allowed",
        "purpose_of_transaction",
    )
    session = PaymentSession.objects.get()
    assert session.state == State.REJECTED
    assert session.last_error == "purpose is not allowed"
    assert session.last_error_code == "INVALID_PARAMETER"
    assert session.last_error_field == "purpose_of_transaction"


def test_a_rejected_session_gives_its_key_back(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.create_script.append(refuse)
    with pytest.raises(SessionRejected):
        create_payment_session(**arguments, idempotency_key="order-1")

    corrected = arguments | {"purpose_of_transaction": "OTHER"}
    session = create_payment_session(**corrected, idempotency_key="order-1")

    assert session.state == State.OPEN


@pytest.mark.parametrize("script", [store_and_hang_up, answer_nonsense, fail])
def test_an_answer_that_nobody_can_trust_leaves_the_session_unknown(
    redpin: FakeRedpin, arguments: dict[str, Any], script: Any
) -> None:
    redpin.create_script.append(script)
    redpin.list_script.extend([fail, fail])

    with pytest.raises(OutcomeUnknown, match="Don't create another one") as caught:
        create_payment_session(**arguments, idempotency_key="order-1")

    session = PaymentSession.objects.get()
    assert caught.value.session == session
    assert session.state == State.UNKNOWN
    assert session.unanswered_at is not None
    assert session.last_error
    assert session.next_attempt_at is not None


def test_redpin_out_of_reach_keeps_the_row_and_a_later_call_succeeds(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    reachable = settings.REDPIN
    settings.REDPIN = {**reachable, "BASE_URL": "http://127.0.0.1:9"}
    with pytest.raises(OutcomeUnknown):
        create_payment_session(**arguments, idempotency_key="order-1")
    settings.REDPIN = reachable

    session = create_payment_session(**arguments, idempotency_key="order-1")

    assert session.state == State.OPEN
    assert PaymentSession.objects.count() == 1
    assert len(redpin.creates) == 1


def test_a_lost_answer_is_looked_up_at_once_and_never_sent_twice(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.list_shows_url = True
    redpin.create_script.append(store_and_hang_up)

    session = create_payment_session(**arguments, idempotency_key="order-1")

    assert session.state == State.OPEN
    assert session.unanswered_at is None
    assert session.session_url.startswith(redpin.url)
    assert len(redpin.creates) == 1
    assert list(redpin.sessions) == [session.client_reference_id]


def test_a_lost_answer_whose_url_nobody_tells_is_replaced_by_a_new_session(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.create_script.append(store_and_hang_up)

    new = create_payment_session(**arguments, idempotency_key="order-1")

    old = new.renews
    assert old is not None
    assert (old.state, old.idempotency_key) == (State.SUPERSEDED, None)
    assert (new.state, new.idempotency_key) == (State.OPEN, "order-1")
    assert new.client_reference_id != old.client_reference_id
    assert len(redpin.creates) == 2
    assert create_payment_session(**arguments, idempotency_key="order-1") == new


def test_a_duplicate_at_the_first_attempt_is_a_strangers_session_and_is_refused(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    redpin.store(
        {"client_reference_id": "ORDER-1", "client_customer_ref": "CUST_001"}, "0201001008132685"
    )

    with pytest.raises(SessionRejected):
        create_payment_session(**arguments, client_reference_id="ORDER-1")


@pytest.mark.parametrize(
    "change",
    [{"client_customer_ref": "SOMEBODY_ELSE"}, {"created_at": "2020-01-01T00:00:00Z"}],
)
def test_a_strangers_session_with_our_reference_is_not_taken_for_ours(
    redpin: FakeRedpin, arguments: dict[str, Any], change: dict[str, str]
) -> None:
    def belong_to_another_and_hang_up(handler: Handler) -> None:
        handler.redpin.store(handler.call.json, "0201001008132685").update(change)
        handler.hang_up()

    redpin.list_shows_url = True
    redpin.create_script.append(belong_to_another_and_hang_up)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            create_payment_session(**arguments, idempotency_key="order-1")

    session = PaymentSession.objects.get()
    assert session.state == State.UNKNOWN
    assert session.session_url == ""
    assert "another session with this reference" in session.review_reason
    assert len(redpin.creates) == 1


def test_a_refusal_that_comes_after_another_attempt_succeeded_is_not_believed(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_overtaken_and_refused(*args: object) -> None:
        PaymentSession.objects.update(state=State.OPEN, session_id="by-the-other-attempt")
        raise InvalidRequestError(400, code="INVALID_PARAMETER", field="client_reference_id")

    monkeypatch.setattr(RedpinClient, "create_session", be_overtaken_and_refused)

    session = create_payment_session(**arguments)

    assert (session.state, session.session_id) == (State.OPEN, "by-the-other-attempt")


def test_a_session_id_that_another_session_has_leaves_the_session_unknown(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    first = create_payment_session(**arguments)

    def answer_with_the_same_id(handler: Handler) -> None:
        record = handler.redpin.store(handler.call.json, "0201001008132685")
        handler.json(201, handler.redpin.created(record | {"session_id": first.session_id}))

    redpin.create_script.append(answer_with_the_same_id)

    with pytest.raises(OutcomeUnknown) as caught:
        create_payment_session(**arguments)

    assert caught.value.session.state == State.UNKNOWN
    assert "another session" in caught.value.session.review_reason


def test_an_anonymous_payer_is_none(redpin: FakeRedpin, arguments: dict[str, Any]) -> None:
    assert create_payment_session(**arguments, payer=AnonymousUser()).payer is None


@pytest.mark.parametrize("payer", ["bob", 7, User(username="unsaved")])
def test_a_payer_who_is_no_saved_user_is_a_fault(
    redpin: FakeRedpin, arguments: dict[str, Any], payer: Any
) -> None:
    with pytest.raises(InvalidPaymentSession, match="payer"):
        create_payment_session(**arguments, payer=payer)


@pytest.mark.parametrize(
    "metadata", [{"a": "\ud800"}, {"a": "\x00"}, {"a": float("nan")}, ["a"], "text", {"a": {1}}]
)
def test_metadata_that_not_every_database_holds_is_a_fault(
    redpin: FakeRedpin, arguments: dict[str, Any], metadata: Any
) -> None:
    with pytest.raises(InvalidPaymentSession, match="metadata"):
        create_payment_session(**arguments, metadata=metadata)


def test_the_same_key_returns_the_same_session_without_a_call(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    first = create_payment_session(**arguments, idempotency_key="order-1")
    second = create_payment_session(**arguments, idempotency_key="order-1")

    assert first == second
    assert len(redpin.creates) == 1


def test_the_database_decides_between_two_callers_who_both_saw_no_session(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create_payment_session(**arguments, idempotency_key="order-1")

    def see_nothing_yet(*args: Any) -> None:
        monkeypatch.undo()

    monkeypatch.setattr("django_redpin.services.create.session_of", see_nothing_yet)

    assert create_payment_session(**arguments, idempotency_key="order-1") == first
    assert PaymentSession.objects.count() == len(redpin.creates) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"client_customer_ref": "CUST_002"},
        {"purpose_of_transaction": "RENT"},
        {"items": None},
        {"callbacks": ["https://merchant.test/own"]},
        {"client_reference_id": "MINE"},
    ],
)
def test_the_same_key_with_other_content_is_a_conflict(
    redpin: FakeRedpin, arguments: dict[str, Any], change: dict[str, Any]
) -> None:
    create_payment_session(**arguments, idempotency_key="order-1")

    with pytest.raises(IdempotencyConflict, match="Use a new key"):
        create_payment_session(**arguments | change, idempotency_key="order-1")


def test_the_same_key_with_another_amount_is_a_conflict(
    redpin: FakeRedpin, arguments: dict[str, Any], escrow: Recipient
) -> None:
    create_payment_session(**arguments, idempotency_key="order-1")
    other = Money("1.00", "AED")
    changed = arguments | {
        "amount": other,
        "recipients": [Share(escrow, other)],
        "items": [Item("UNIT-1204", "Deposit, unit 1204", other)],
    }

    with pytest.raises(IdempotencyConflict):
        create_payment_session(**changed, idempotency_key="order-1")


def test_keys_that_differ_in_case_never_share_a_session(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    first = create_payment_session(**arguments, idempotency_key="order-a")
    try:
        second = create_payment_session(**arguments, idempotency_key="order-A")
    except IdempotencyConflict:  # A database whose collation takes them for the same.
        return
    assert first != second


def test_a_key_still_leads_to_its_session_when_the_due_date_has_come_near(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = create_payment_session(**arguments, idempotency_key="order-1")
    monkeypatch.setattr("django_redpin.rules.requests.MIN_DAYS_AHEAD", 30)

    assert create_payment_session(**arguments, idempotency_key="order-1") == session
    with pytest.raises(InvalidPaymentSession, match="due_date"):
        create_payment_session(**arguments, idempotency_key="order-2")
    with pytest.raises(InvalidPaymentSession, match="due_date"):
        create_payment_session(**arguments | {"due_date": "soon"}, idempotency_key="order-1")


@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET", "CUSTOMER_ID", "WEBHOOK_BASE_URL"])
def test_a_missing_setting_is_told_before_anything_is_stored(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings, name: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, name: ""}

    with pytest.raises(ConfigurationError, match=name):
        create_payment_session(**arguments)

    assert not PaymentSession.objects.exists()


def test_a_weak_webhook_secret_is_told_before_anything_is_stored(
    redpin: FakeRedpin, arguments: dict[str, Any], settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_SECRETS": ["short"]}

    with pytest.raises(ConfigurationError, match="WEBHOOK_SECRETS"):
        create_payment_session(**arguments)

    assert not PaymentSession.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_open_transaction_is_refused_with_the_cure(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    with pytest.raises(OpenTransactionError, match="non_atomic_requests"), transaction.atomic():
        create_payment_session(**arguments)
    for verb in (complete_payment_session, refresh_payment_session, renew_payment_session):
        with pytest.raises(OpenTransactionError, match=verb.__name__), transaction.atomic():
            verb(PaymentSession())

    assert redpin.calls == []


@pytest.mark.django_db(transaction=True)
def test_with_autocommit_off_redpin_is_not_called_either(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    waiting = create_payment_session(**arguments, defer=True)
    transaction.set_autocommit(False)
    try:
        with pytest.raises(OpenTransactionError, match="leave autocommit on"):
            create_payment_session(**arguments)
        for verb in (complete_payment_session, refresh_payment_session, renew_payment_session):
            with pytest.raises(OpenTransactionError, match=verb.__name__):
                verb(waiting)
        for task in (complete_session, register_due_recipient):
            with pytest.raises(OpenTransactionError):
                task(waiting.pk)
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)

    assert PaymentSession.objects.get() == waiting
    assert redpin.calls == []


def test_the_intent_is_committed_before_redpin_is_called(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    let_time_pass: Callable[[timedelta], None],
) -> None:
    def die(*args: object) -> None:
        raise SystemExit

    monkeypatch.setattr("django_redpin.client.api.RedpinClient.create_session", die)
    with pytest.raises(SystemExit):
        create_payment_session(**arguments, idempotency_key="order-1")
    monkeypatch.undo()

    session = PaymentSession.objects.get()
    assert session.state == State.CREATING
    assert session.unanswered_at is not None  # For all that the row knows, it may be at Redpin.
    # While its lease runs nobody else touches it; afterwards the key finishes it.
    with pytest.raises(OutcomeUnknown):
        complete_payment_session(session)
    let_time_pass(timedelta(minutes=6))

    assert create_payment_session(**arguments, idempotency_key="order-1").state == State.OPEN
    assert len(redpin.creates) == 1


@pytest.mark.django_db(transaction=True)
def test_a_recipient_that_was_deleted_meanwhile_is_a_fault_not_a_traceback(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    Recipient.objects.filter(name="Agent").delete()

    with pytest.raises(InvalidPaymentSession, match="This recipient was deleted") as caught:
        create_payment_session(**arguments)

    assert [fault.field for fault in caught.value.faults] == ["recipient_details[1]"]
    assert not PaymentSession.objects.exists()
    assert redpin.calls == []


def test_what_the_database_refuses_for_no_reason_of_the_callers_is_not_hidden(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise IntegrityError("a trigger of the merchant's")

    monkeypatch.setattr("django_redpin.services.create._store_intent", refuse)

    with pytest.raises(IntegrityError, match="a trigger of the merchant's"):
        create_payment_session(**arguments, idempotency_key="order-1")
    assert redpin.calls == []


@pytest.mark.parametrize(("description", "name"), [("Deposit", "Deposit"), ("", "UNIT-1204")])
def test_an_item_is_called_what_the_payer_reads_or_by_its_reference(
    description: str, name: str
) -> None:
    assert str(SessionItem(item_ref="UNIT-1204", description=description)) == name


def test_redpin_is_told_what_the_table_says_of_a_payee(
    redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient
) -> None:
    """An instance that was edited and not saved, or read too early, sends no money elsewhere."""
    share = arguments["recipients"][1]
    share.recipient.bank_details = {"iban": "GB33BUKB20201555555555"}
    create_payment_session(**arguments)

    (call,) = redpin.creates
    told = call.json["recipient_details"][1]["recipient_bank_details"]
    assert told["iban"] == "AE070331234567890123456"


@pytest.mark.django_db(transaction=True)
def test_what_others_wrote_during_the_call_is_in_the_session_that_is_returned(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    def note_and_answer(handler: Handler) -> None:
        PaymentSession.objects.update(metadata={"order": 5})
        connection.close()  # This thread's.
        handler.answer_create()

    redpin.create_script.append(note_and_answer)
    session = create_payment_session(**arguments)

    assert (session.state, session.metadata) == (State.OPEN, {"order": 5})


def test_a_key_leads_to_its_session_in_a_process_of_another_locale(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments["idempotency_key"] = "order-1"
    session = create_payment_session(**arguments)
    monkeypatch.setattr(Money, "__str__", lambda self: f"{self.amount:n} dirham")

    assert create_payment_session(**arguments) == session


@pytest.mark.django_db(transaction=True)
def test_a_deferred_session_of_recipients_that_were_deleted_is_not_kept(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    Recipient.objects.all().delete()

    with pytest.raises((IntegrityError, InvalidPaymentSession)), transaction.atomic():
        create_payment_session(**arguments, defer=True)

    assert not PaymentSession.objects.exists()
