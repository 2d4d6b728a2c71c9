"""A payee is registered at Redpin once, whatever happens, and never against a person's will."""

from __future__ import annotations

import contextlib
import logging
import time
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from django_redpin.client import RedpinClient, api
from django_redpin.exceptions import (
    ConfigurationError,
    OpenTransactionError,
    RecipientNotConfirmed,
    RecipientNotRegistered,
    RecipientRejected,
    RedpinError,
)
from django_redpin.models import Recipient
from django_redpin.models.recipients import REGISTRATION_FIELDS
from django_redpin.services import (
    RecipientCheck,
    leases,
    recipients,
    register_recipient,
    registered,
    registration,
)
from django_redpin.services.endings import LIST_LAG
from django_redpin.services.sweeps import register_due_recipients
from tests.dying import NEEDS_FORK, hear_out, run_until
from tests.redpin_server import FakeRedpin, Handler

from .test_concurrency import THREADS, at_once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_retries")]

IBAN: Final = "GB33BUKB20201555555555"
OTHER_IBAN: Final = "GB94BARC10201530093459"
NAME: Final = "Canary Payee"
HOLDER: Final = "Canary Holder"
CANARIES: Final = (IBAN, NAME, HOLDER, "canary-tax-id", "Canary Street")
AGES: Final = timedelta(hours=2)
CHECK: Final = RecipientCheck("123456789", "AG-435435454435")
Pass = Callable[[timedelta], None]


@pytest.fixture
def payee(db: None) -> Recipient:
    return Recipient.objects.create(
        name=NAME,
        type=Recipient.Type.INDIVIDUAL,
        country_code="GBR",
        currency="GBP",
        bank_details={"iban": IBAN},
        address={"address_line": "Canary Street 1", "city": "London"},
        further_details={"additional_details": {"tax_id": "canary-tax-id"}},
    )


def answer(status: int, **envelope: Any) -> Any:
    """Return a script that answers so, and adds nothing."""
    return lambda handler: handler.json(status, envelope)


def mismatch(status: int, check: RecipientCheck = CHECK, **more: Any) -> Any:
    """Return a script that tells of a mismatch."""
    return answer(
        status,
        code="ANNM",
        description=f"The account is {HOLDER}'s.",
        recipient_check={
            "request_identifier": check.request_identifier,
            "event_id": check.event_id,
        },
        **more,
    )


def add_and_hang_up(handler: Handler) -> None:
    handler.redpin.add(handler.call.json)
    handler.hang_up()


LOST: Final = add_and_hang_up
NOT_TAKEN_IN: Final = Handler.hang_up


def claimed(payee: Recipient) -> Recipient:
    """Return the row as the worker has it who has just claimed it."""
    assert leases.claim(Recipient, payee.pk, even_if_not_due=True)
    return Recipient.objects.get(pk=payee.pk)


def references(redpin: FakeRedpin) -> set[str]:
    return {call.json["client_reference_id"] for call in redpin.adds}


def test_b21_a_recipient_is_sent_as_redpin_documents_it_and_known_by_its_id(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    registered = register_recipient(payee)

    assert registered is payee
    payee.refresh_from_db()
    (call,) = redpin.adds
    assert call.path == "/v2/customers/0201001008132685/recipients"
    assert call.json == {
        "client_reference_id": payee.client_reference_id,
        "name": NAME,
        "type": "Individual",
        "country_code": "GBR",
        "customer_own_account": "no",
        "address": {"address_line": "Canary Street 1", "city": "London"},
        "recipient_bank_details": {"currency": "GBP", "iban": IBAN},
        "additional_details": {"tax_id": "canary-tax-id"},
    }
    assert len(payee.client_reference_id or "") == 36
    assert payee.recipient_id == "1668758"
    assert (payee.unanswered_at, payee.next_attempt_at, payee.leased_until) == (None, None, None)


def test_b21_further_details_override_nothing_and_confirm_nothing(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    payee.further_details = {
        "name": "Somebody",
        "recipient_bank_details": {"iban": "X"},
        "recipient_check": {"event_id": "X"},
    }
    payee.save()

    register_recipient(payee)

    (call,) = redpin.adds
    assert call.json["name"] == NAME
    assert call.json["recipient_bank_details"]["iban"] == IBAN
    assert "recipient_check" not in call.json


def test_b21_a_recipient_that_redpin_knows_is_returned_without_a_call(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    payee.recipient_id = "501"
    payee.save(update_fields=["recipient_id"])

    assert register_recipient(payee).recipient_id == "501"
    assert register_recipient(payee, defer=True).next_attempt_at is None
    assert redpin.calls == []


@pytest.mark.django_db(transaction=True)
def test_b21_the_intent_is_committed_before_the_first_byte_leaves(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    seen: list[Recipient] = []

    def look(handler: Handler) -> None:
        seen.append(Recipient.objects.get())
        connection.close()  # This thread's own.
        handler.answer_add()

    redpin.recipient_script.append(look)
    register_recipient(payee)

    (row,) = seen
    assert row.client_reference_id == redpin.adds[0].json["client_reference_id"]
    assert row.unanswered_at is not None
    assert row.leased_until is not None
    assert row.next_attempt_at is not None


@pytest.mark.django_db(transaction=True)
def test_b21_a_registration_inside_a_transaction_is_refused(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    with pytest.raises(OpenTransactionError, match="register_recipient"), transaction.atomic():
        register_recipient(payee)

    assert redpin.calls == []


@pytest.mark.parametrize(
    "script",
    [answer(429), answer(401), "refused"],
)
def test_b21_what_was_surely_not_executed_is_tried_again_under_the_same_reference(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, settings: Settings, script: Any
) -> None:
    usual = settings.REDPIN
    if script == "refused":
        settings.REDPIN = {**usual, "BASE_URL": "http://127.0.0.1:9"}
    else:
        redpin.recipient_script.extend([script] * (2 if script is not None else 0))
    with pytest.raises(RecipientNotRegistered, match="surely not yet") as caught:
        register_recipient(payee)
    settings.REDPIN = usual
    redpin.recipient_script.clear()

    row = Recipient.objects.get()
    assert caught.value.recipient == row
    assert (row.unanswered_at, row.leased_until) == (None, None)
    assert row.last_error
    assert register_due_recipients() == 0  # Not due yet.
    let_time_pass(AGES)
    assert register_due_recipients() == 1
    assert len(references(redpin)) == 1
    assert redpin.count("GET", "/recipients") == 0  # There was never a reason to ask.
    assert Recipient.objects.get().recipient_id == "1668758"


@pytest.mark.parametrize("status", [302, 408, 500, 503, 200, 201])
@pytest.mark.parametrize("by", [register_recipient, lambda payee: register_due_recipients()])
def test_b21_what_may_have_been_executed_is_looked_up_and_only_then_sent_again(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, status: int, by: Any
) -> None:
    redpin.recipient_script.append(answer(status))

    with pytest.raises(RecipientNotRegistered, match="nobody knows yet"):
        register_recipient(payee)

    row = Recipient.objects.get()
    assert row.unanswered_at is not None
    assert row.next_attempt_at is not None
    assert row.next_attempt_at >= row.unanswered_at + LIST_LAG
    assert [call.method for call in redpin.calls[1:]] == ["POST", "GET"]
    with pytest.raises(RecipientNotRegistered):  # The list may lag: nothing is sent yet.
        register_recipient(payee)
    assert len(redpin.adds) == 1

    let_time_pass(AGES)
    before = len(redpin.calls)
    by(payee)
    assert [call.method for call in redpin.calls[before:]] == ["GET", "POST"]
    assert len(references(redpin)) == 1
    assert Recipient.objects.get().recipient_id == "1668758"


def test_b21_a_recipient_whose_answer_was_lost_is_found_at_once_and_added_once(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    redpin.recipient_script.append(LOST)

    assert register_recipient(payee).recipient_id == "1668758"
    assert len(redpin.adds) == 1


@pytest.mark.parametrize("tells", [True, False])
def test_b21_a_recipient_is_found_on_any_page_of_the_list(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, tells: bool
) -> None:
    redpin.list_tells_pages = tells
    redpin.recipients = [
        {"recipient_id": str(number), "client_reference_id": None} for number in range(120)
    ]
    redpin.recipient_script.append(LOST)

    assert register_recipient(payee).recipient_id == str(1668758 + 120)
    pages = [call.query for call in redpin.calls if call.method == "GET"]
    assert pages == [{"page": str(page), "limit": "50"} for page in (1, 2, 3)]


@pytest.mark.heavy
@pytest.mark.parametrize(
    "listing",
    [
        answer(404),
        answer(500),
        answer(200),
        answer(200, recipients={}),
        answer(200, recipients=["x"]),
        answer(200, recipients=[{}] * 50, meta_data={"total_pages": 10**6}),
        NOT_TAKEN_IN,
    ],
)
def test_b21_a_look_up_that_tells_nothing_is_no_reason_to_send_again(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, listing: Any
) -> None:
    redpin.recipient_script.append(NOT_TAKEN_IN)
    redpin.recipient_list_script.extend([listing] * 200)

    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)
    let_time_pass(AGES)
    register_due_recipients()

    assert len(redpin.adds) == 1
    assert redpin.count("GET", "/recipients") <= 80
    redpin.recipient_list_script.clear()
    let_time_pass(AGES)
    register_due_recipients()
    assert Recipient.objects.get().recipient_id == "1668758"


@pytest.mark.heavy
def test_b21_a_list_too_long_to_be_read_is_not_read_for_ever(
    redpin: FakeRedpin,
    payee: Recipient,
    let_time_pass: Pass,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(api, "_MAX_RECIPIENT_PAGES", 2)
    redpin.recipients = [{"recipient_id": str(number)} for number in range(200)]
    redpin.recipient_script.append(LOST)
    with pytest.raises(RecipientNotRegistered, match="sweep"):
        register_recipient(payee)

    for _ in range(30):
        let_time_pass(AGES)
        register_due_recipients()

    row = Recipient.objects.get()
    assert redpin.count("GET", "/recipients") == 2 * registration.MAX_ENDLESS_LOOK_UPS
    assert (row.next_attempt_at, row.leased_until) == (None, None)
    assert row.unanswered_at is not None
    assert row.last_error.startswith("Given up after 12 attempts. Redpin lists too many")
    assert [record.levelname for record in caplog.records].count("ERROR") == 1

    with pytest.raises(RecipientNotRegistered, match="last_error"):  # Once more, if one asks.
        register_recipient(payee)
    assert redpin.count("GET", "/recipients") == 2 * registration.MAX_ENDLESS_LOOK_UPS + 2
    assert register_due_recipients() == 0
    monkeypatch.undo()
    assert register_recipient(payee).recipient_id == str(1668758 + 200)
    assert len(redpin.adds) == 1


@pytest.mark.heavy
def test_b21_an_outage_of_the_list_is_outlasted_however_long(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass
) -> None:
    redpin.recipient_script.append(LOST)
    redpin.recipient_list_script.extend([answer(500)] * 20)
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)

    for _ in range(20):
        let_time_pass(AGES)
        register_due_recipients()

    assert Recipient.objects.get().recipient_id == "1668758"
    assert len(redpin.adds) == 1


def test_b21_a_list_that_was_long_on_its_way_is_as_old_as_the_question(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    redpin.recipient_script.append(NOT_TAKEN_IN)
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)
    look_up = RedpinClient.find_recipient

    def look_up_slowly(client: RedpinClient, reference: str) -> str | None:
        found = look_up(client, reference)
        # As if the answer took so long: by the clock, the request is older now.
        late = timezone.now() + LIST_LAG + timedelta(seconds=5)
        monkeypatch.setattr(timezone, "now", lambda: late)
        return found

    monkeypatch.setattr(RedpinClient, "find_recipient", look_up_slowly)
    with pytest.raises(RecipientNotRegistered, match="nobody knows"):
        register_recipient(payee)

    assert len(redpin.adds) == 1


def test_b21_a_list_that_takes_too_long_is_left_before_the_lease_ends(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(handler: Handler) -> None:
        time.sleep(0.1)
        handler.answer_recipients()

    monkeypatch.setattr(api, "_RECIPIENT_PAGES_SECONDS", 0.25)
    redpin.recipients = [{"recipient_id": str(number)} for number in range(1000)]
    redpin.recipient_list_script.extend([slowly] * 20)
    redpin.recipient_script.append(LOST)

    with pytest.raises(RecipientNotRegistered, match="nobody knows"):
        register_recipient(payee)

    assert redpin.count("GET", "/recipients") <= 3
    assert "too many recipients" in Recipient.objects.get().last_error


@pytest.mark.parametrize("quoted", [IBAN, IBAN.lower(), "GB33 BUKB 2020 1555 5555 55"])
@pytest.mark.parametrize("name", ["refused", "held"])
def test_e26_an_account_that_redpin_quotes_is_not_kept_in_plain(
    redpin: FakeRedpin, payee: Recipient, quoted: str, name: str
) -> None:
    check = {"request_identifier": "1", "event_id": "2"}
    more: dict[str, Any] = {"recipient_check": check} if name == "held" else {}
    said = f"The account {quoted} is closed."
    redpin.recipient_script.append(answer(422, code="ANNM", description=said, **more))

    with pytest.raises((RecipientRejected, RecipientNotConfirmed)) as caught:
        register_recipient(payee)

    payee.refresh_from_db()
    assert payee.last_error == "The account ••••••5555 is closed."
    assert getattr(caught.value, "description", "") == payee.last_error


@pytest.mark.parametrize("status", [400, 403, 404, 409, 422])
def test_b21_what_redpin_refuses_is_not_tried_again_by_itself(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, status: int
) -> None:
    field = "recipient_bank_details.iban"
    redpin.recipient_script.append(answer(status, code="BAD", description="no", field=field))

    with pytest.raises(RecipientRejected, match="BAD") as caught:
        register_recipient(payee)

    if status != 409:
        assert caught.value.field == field
    assert (caught.value.code, caught.value.description) == ("BAD", "no")
    let_time_pass(AGES)
    assert register_due_recipients() == 0
    assert len(redpin.adds) == 1
    assert redpin.count("GET", "/recipients") == 0
    assert register_recipient(payee).recipient_id == "1668758"  # A person may.


def test_b21_a_reference_that_is_taken_though_nothing_is_listed_ends_in_a_refusal(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass
) -> None:
    redpin.recipient_script.extend([NOT_TAKEN_IN, *[answer(409, code="DUPLICATE")] * 9])

    for _ in range(4):
        with pytest.raises(RedpinError) as caught:
            register_recipient(payee)
        if isinstance(caught.value, RecipientRejected):
            break
        let_time_pass(AGES)

    assert caught.type is RecipientRejected
    assert len(redpin.adds) == 3
    redpin.recipient_script.clear()
    register_recipient(payee)
    assert len(references(redpin)) == 2  # The taken one is left behind.


def test_b21_a_corrected_account_is_never_found_by_the_reference_of_the_wrong_one(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass
) -> None:
    redpin.recipient_script.append(LOST)
    redpin.recipient_list_script.append(NOT_TAKEN_IN)
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)
    payee.bank_details = {"iban": OTHER_IBAN}
    payee.save()

    assert register_recipient(payee).recipient_id == "1668759"

    wrong, right = redpin.adds
    assert wrong.json["client_reference_id"] != right.json["client_reference_id"]
    assert right.json["recipient_bank_details"]["iban"] == OTHER_IBAN


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize(
    "change",
    [{"bank_details": {"iban": OTHER_IBAN}}, {"name": "Somebody"}, {"account": "other"}],
)
def test_b21_the_id_of_the_old_account_is_never_stored_with_the_new_one(
    redpin: FakeRedpin,
    payee: Recipient,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    change: dict[str, Any],
    is_lost: bool,
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"other": {}}}

    def change_meanwhile(handler: Handler) -> None:
        Recipient.objects.update(**change)
        connection.close()  # This thread's own.
        (LOST if is_lost else Handler.answer_add)(handler)

    redpin.recipient_script.append(change_meanwhile)
    with pytest.raises(RecipientNotRegistered, match="surely not yet"):
        register_recipient(payee)

    row = Recipient.objects.get()
    assert (row.recipient_id, row.client_reference_id, row.fingerprint) == (None, None, "")
    assert "Changed while Redpin registered it as 1668758" in row.last_error
    told = caplog.text + row.last_error
    assert [canary for canary in (*CANARIES, OTHER_IBAN) if canary in told] == []

    assert register_due_recipients() == 1  # Due at once.
    row = Recipient.objects.get()
    assert (row.recipient_id, row.last_error) == ("1668759", "")
    details = redpin.adds[1].json["recipient_bank_details"]
    assert details == {"currency": "GBP", **row.bank_details}
    assert len(references(redpin)) == 2


@pytest.mark.parametrize("script", [None, LOST, NOT_TAKEN_IN, mismatch(200), answer(400)])
def test_b21_saving_an_instance_that_was_read_before_undoes_no_registration(
    redpin: FakeRedpin, payee: Recipient, script: Any
) -> None:
    stale, partial = Recipient.objects.get(), Recipient.objects.only("name").get()
    redpin.recipient_script.extend([script] if script else [])
    with contextlib.suppress(RedpinError):
        register_recipient(payee)
    registered = Recipient.objects.values(*REGISTRATION_FIELDS).get()

    stale.address = {"city": "Leeds"}
    stale.save()
    partial.name = "Renamed"
    partial.save()

    assert Recipient.objects.values(*REGISTRATION_FIELDS).get() == registered
    row = Recipient.objects.get()
    assert (row.name, row.address) == ("Renamed", {"city": "Leeds"})
    assert "address" in partial.get_deferred_fields()  # Neither read nor written.


def test_b21_a_recipient_id_may_be_given_by_hand(payee: Recipient) -> None:
    assert Recipient.objects.create(name="Known", recipient_id="501").recipient_id == "501"

    payee.recipient_id = "502"
    payee.save(update_fields=["recipient_id"])

    assert Recipient.objects.get(pk=payee.pk).recipient_id == "502"


def test_a_copy_of_a_recipient_is_saved_as_a_row_of_its_own(payee: Recipient) -> None:
    payee.pk = None
    payee.recipient_id = "501"
    payee.save()

    assert sorted(Recipient.objects.values_list("recipient_id", flat=True), key=str) == [
        "501",
        None,
    ]


def test_b21_what_the_registration_writes_is_told_from_what_people_write() -> None:
    names = {field.name for field in Recipient._meta.concrete_fields if not field.editable}

    assert names | {"recipient_id"} == REGISTRATION_FIELDS | {"anonymised_at", "created_at"}


def test_b21_two_rows_never_share_redpins_id(redpin: FakeRedpin, payee: Recipient) -> None:
    Recipient.objects.create(name="Other", recipient_id="1668758")

    with pytest.raises(RecipientRejected) as caught:
        register_recipient(payee)

    assert "1668758" in caught.value.description
    payee.refresh_from_db()
    assert (payee.recipient_id, payee.next_attempt_at) == (None, None)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("bank_details", {}, "no bank details"),
        ("bank_details", [IBAN], "bank_details have to be a dict"),
        ("address", "London", "address have to be a dict"),
        ("further_details", [], "further_details have to be a dict"),
    ],
)
def test_what_can_not_be_sent_is_refused_before_anything_is_written(
    redpin: FakeRedpin, payee: Recipient, column: str, value: object, said: str
) -> None:
    setattr(payee, column, value)
    payee.save()

    with pytest.raises(ValueError, match=said) as caught:
        register_recipient(payee)

    assert IBAN not in str(caught.value)
    assert Recipient.objects.get().next_attempt_at is None
    assert redpin.calls == []


def test_an_unsaved_recipient_and_settings_without_credentials_are_refused(
    redpin: FakeRedpin, payee: Recipient, settings: Settings
) -> None:
    with pytest.raises(ValueError, match="Save the recipient first"):
        register_recipient(Recipient(name="New", bank_details={"iban": IBAN}))
    settings.REDPIN = {**settings.REDPIN, "CUSTOMER_ID": ""}
    with pytest.raises(ConfigurationError, match="CUSTOMER_ID"):
        register_recipient(payee)

    assert Recipient.objects.get().next_attempt_at is None


@pytest.mark.django_db(transaction=True)
def test_b21_a_deferred_registration_is_committed_with_the_callers_transaction(
    redpin: FakeRedpin, payee: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, int]] = []
    monkeypatch.setattr(
        "django_redpin.services.queue.enqueue", lambda name, pk: sent.append((name, pk))
    )
    with transaction.atomic():
        register_recipient(payee, defer=True)
        transaction.set_rollback(True)
    assert register_due_recipients() == 0

    with transaction.atomic():
        register_recipient(payee, defer=True)
        assert sent == []
    assert sent == [("django_redpin.register_recipient", payee.pk)]
    assert redpin.calls == []
    assert register_due_recipients() == 1  # The message may be lost.
    assert Recipient.objects.get().recipient_id == "1668758"


def test_b21_what_waits_already_is_made_due_no_earlier_by_deferring_it(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    redpin.recipient_script.append(answer(429))
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)
    due = Recipient.objects.get().next_attempt_at

    assert register_recipient(payee, defer=True).next_attempt_at == due


@pytest.mark.django_db(transaction=True)
def test_b21_many_at_once_send_one_request(redpin: FakeRedpin, payee: Recipient) -> None:
    found = at_once(lambda _: register_recipient(Recipient.objects.get()).recipient_id)

    assert found == ["1668758"] * THREADS
    assert len(redpin.adds) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("script", "kind"),
    [(mismatch(200), RecipientNotConfirmed), (answer(400, code="BAD"), RecipientRejected)],
)
def test_b21_many_at_once_hear_what_the_one_heard(
    redpin: FakeRedpin, payee: Recipient, script: Any, kind: type[RedpinError]
) -> None:
    def slow(handler: Handler) -> None:
        time.sleep(0.5)
        script(handler)

    redpin.recipient_script.append(slow)

    def register(_: int) -> type[Exception] | None:
        try:
            register_recipient(Recipient.objects.get())
        except RedpinError as error:
            return type(error)
        return None

    assert at_once(register) == [kind] * THREADS
    assert len(redpin.adds) == 1


@pytest.mark.django_db(transaction=True)
def test_b21_a_worker_whose_lease_has_ended_sends_nothing_more(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass
) -> None:
    redpin.recipient_script.append(NOT_TAKEN_IN)
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)
    let_time_pass(AGES)

    def take_over(handler: Handler) -> None:
        let_time_pass(AGES)
        assert leases.claim(Recipient, payee.pk)
        connection.close()  # This thread's own.
        handler.answer_recipients()

    redpin.recipient_list_script.append(take_over)
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)

    assert len(redpin.adds) == 1
    assert Recipient.objects.get().leased_until is not None


def test_b21_a_worker_whose_lease_has_ended_sends_nothing_though_nobody_took_over(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass
) -> None:
    redpin.recipient_script.append(NOT_TAKEN_IN)
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)
    let_time_pass(AGES)
    held = claimed(payee)
    Recipient.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    held.leased_until = Recipient.objects.get().leased_until

    with pytest.raises(RecipientNotRegistered):
        registration.register(held)

    assert len(redpin.adds) == 1


def test_b21_the_lease_is_renewed_before_the_request_so_that_nobody_else_sends_meanwhile(
    redpin: FakeRedpin, payee: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_recipient(payee, defer=True)
    held = claimed(payee)
    # The look-up took all of the lease but for a moment.
    Recipient.objects.update(leased_until=timezone.now() + timedelta(seconds=20))
    held.leased_until = Recipient.objects.get().leased_until
    send = RedpinClient.add_recipient

    def send_slowly(client: RedpinClient, *args: Any, **options: Any) -> str:
        row = Recipient.objects.get()
        assert row.leased_until is not None
        assert row.leased_until > timezone.now() + leases.LEASE / 2
        assert not leases.claim(Recipient, payee.pk, even_if_not_due=True)
        return send(client, *args, **options)

    monkeypatch.setattr(RedpinClient, "add_recipient", send_slowly)

    assert registration.register(held).recipient_id == "1668758"  # What follows goes by that lease.
    assert Recipient.objects.get().leased_until is None


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@NEEDS_FORK
@pytest.mark.parametrize("first", ["new", "lost", "not taken in"])
def test_b21_a_process_that_dies_anywhere_leaves_one_recipient(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, first: str
) -> None:
    pk = payee.pk
    fresh = Recipient.objects.filter(pk=pk).values().get()

    def start_over() -> None:
        Recipient.objects.filter(pk=pk).update(**fresh)
        redpin.recipients.clear()
        redpin.calls.clear()
        if first != "new":
            redpin.recipient_script.append(LOST if first == "lost" else NOT_TAKEN_IN)
            redpin.recipient_list_script.append(NOT_TAKEN_IN)
            with pytest.raises(RecipientNotRegistered):
                register_recipient(Recipient.objects.get(pk=pk))
            let_time_pass(AGES)

    def work() -> None:
        register_recipient(Recipient.objects.get(pk=pk))

    start_over()
    effects = run_until(0, work)
    assert effects is not None
    assert effects > 3
    for effect in range(1, effects + 1):
        start_over()
        ours = redpin.connections
        run_until(effect, work)
        hear_out(redpin, ours)
        for _ in range(3):
            let_time_pass(AGES)
            register_due_recipients()
        row = Recipient.objects.get(pk=pk)
        known = [found["recipient_id"] for found in redpin.recipients]
        if row.next_attempt_at is None and row.recipient_id is None:
            assert (first, known) == ("new", []), f"effect {effect}"  # Nothing was begun.
        else:
            assert known == [row.recipient_id], f"effect {effect}"
            assert len(references(redpin)) == 1


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@NEEDS_FORK
def test_b22_a_confirming_process_that_dies_anywhere_is_followed_by_no_other_confirmation(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass
) -> None:
    fresh = Recipient.objects.values().get()

    def start_over() -> None:
        Recipient.objects.update(**fresh)
        redpin.recipients.clear()
        redpin.calls.clear()
        redpin.recipient_script.append(mismatch(200))
        with pytest.raises(RecipientNotConfirmed):
            register_recipient(Recipient.objects.get())

    def confirm() -> None:
        register_recipient(Recipient.objects.get(), confirmation=CHECK, customer_action="CONTINUE")

    start_over()
    effects = run_until(0, confirm)
    assert effects is not None
    assert effects > 3
    for effect in range(1, effects + 1):
        start_over()
        ours = redpin.connections
        run_until(effect, confirm)
        hear_out(redpin, ours)
        sent = len(redpin.adds)
        for _ in range(3):
            let_time_pass(AGES)
            register_due_recipients()
        assert len(redpin.adds) == sent, f"effect {effect}"
        row = Recipient.objects.get()
        known = [found["recipient_id"] for found in redpin.recipients]
        assert known == ([row.recipient_id] if row.recipient_id else []), f"effect {effect}"
        assert bool(row.pending_check) != bool(row.recipient_id), f"effect {effect}"


@pytest.mark.parametrize("status", [200, 201, 400, 409, 422])
def test_b22_a_mismatch_is_told_and_nothing_is_sent_again_by_itself(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, status: int
) -> None:
    redpin.recipient_script.append(mismatch(status))

    with pytest.raises(RecipientNotConfirmed) as caught:
        register_recipient(payee)

    assert (caught.value.code, caught.value.check) == ("ANNM", CHECK)
    assert HOLDER in caught.value.description
    row = Recipient.objects.get()
    assert (row.recipient_id, row.next_attempt_at, row.unanswered_at) == (None, None, None)
    calls = len(redpin.calls)
    let_time_pass(AGES)
    assert register_due_recipients() == 0
    with pytest.raises(RecipientNotConfirmed) as again:
        register_recipient(payee)
    register_recipient(payee, defer=True)
    assert register_due_recipients() == 1
    assert (again.value.code, again.value.check) == ("ANNM", CHECK)
    assert len(redpin.calls) == calls  # Nobody has decided.
    assert Recipient.objects.get().next_attempt_at is None


def test_b22_an_answer_with_an_id_and_a_mismatch_is_a_mismatch(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    redpin.recipient_script.append(mismatch(200, recipient_id="501"))

    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee)

    assert Recipient.objects.get().recipient_id is None


@pytest.mark.parametrize("status", [200, 400])
def test_b22_a_confirmation_carries_both_ids_and_the_decision_under_the_same_reference(
    redpin: FakeRedpin, payee: Recipient, status: int
) -> None:
    redpin.recipient_script.append(mismatch(status))
    with pytest.raises(RecipientNotConfirmed) as caught:
        register_recipient(payee)

    register_recipient(payee, confirmation=caught.value.check, customer_action="CONTINUE")

    first, second = redpin.adds
    assert second.json == {
        **first.json,
        "recipient_check": {
            "request_identifier": "123456789",
            "event_id": "AG-435435454435",
            "customer_action": "CONTINUE",
        },
    }
    row = Recipient.objects.get()
    assert (row.recipient_id, row.pending_check, row.last_error) == ("1668758", None, "")


def test_b22_a_decision_about_one_mismatch_is_none_about_another(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    newer = RecipientCheck("2", "AG-2")
    redpin.recipient_script.extend([mismatch(200), mismatch(400, newer)])
    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee)
    with pytest.raises(RecipientNotConfirmed) as caught:
        register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")
    assert caught.value.check == newer

    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")

    assert len(redpin.adds) == 2


def test_b22_a_decision_about_one_name_is_none_about_another(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    redpin.recipient_script.append(mismatch(200))
    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee)
    payee.name = HOLDER
    payee.save()

    register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")

    _, corrected = redpin.adds
    assert corrected.json["name"] == HOLDER
    assert "recipient_check" not in corrected.json
    assert len(references(redpin)) == 2


@pytest.mark.parametrize(
    "script", [NOT_TAKEN_IN, answer(500), answer(200), answer(429), answer(503)]
)
def test_b22_a_confirmation_that_got_no_answer_is_looked_up_and_never_sent_again_by_itself(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass, script: Any
) -> None:
    redpin.recipient_script.extend([mismatch(400), script])
    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee)
    with pytest.raises((RecipientNotRegistered, RecipientNotConfirmed)):
        register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")

    for _ in range(3):
        let_time_pass(AGES)
        register_due_recipients()

    assert len(redpin.adds) == 2
    with pytest.raises(RecipientNotConfirmed) as caught:
        register_recipient(payee)
    assert (caught.value.code, caught.value.check) == ("ANNM", CHECK)
    register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")
    assert len(redpin.adds) == 3
    assert Recipient.objects.get().recipient_id == "1668758"


def test_b22_a_confirmation_whose_answer_was_lost_is_found_by_the_sweep(
    redpin: FakeRedpin, payee: Recipient, let_time_pass: Pass
) -> None:
    redpin.recipient_script.extend([mismatch(400), LOST])
    redpin.recipient_list_script.append(NOT_TAKEN_IN)
    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee)
    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")

    let_time_pass(AGES)
    register_due_recipients()

    assert len(redpin.adds) == 2
    assert Recipient.objects.get().recipient_id == "1668758"


def test_b22_a_confirmation_that_is_refused_has_to_be_decided_anew(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    redpin.recipient_script.extend([mismatch(400), answer(400, code="EXPIRED"), mismatch(400)])
    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee)
    with pytest.raises(RecipientRejected, match="EXPIRED"):
        register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")

    with pytest.raises(RecipientNotConfirmed):
        register_recipient(payee, confirmation=CHECK, customer_action="CONTINUE")

    assert "recipient_check" not in redpin.adds[-1].json


@pytest.mark.parametrize(
    "arguments",
    [
        {"confirmation": CHECK},
        {"customer_action": "CONTINUE"},
        {"confirmation": CHECK, "customer_action": "CONTINUE", "defer": True},
    ],
)
def test_b22_a_decision_is_whole_and_made_at_once(
    redpin: FakeRedpin, payee: Recipient, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="confirmation"):
        register_recipient(payee, **arguments)

    assert redpin.calls == []


@pytest.mark.parametrize(
    "script",
    [
        mismatch(200),
        mismatch(422),
        answer(400, code="X", description=f"{IBAN} is not {NAME}'s", field="iban"),
        answer(429, description=f"{IBAN} {NAME}"),
        answer(500, description=f"{IBAN} {NAME}"),
        answer(200, description=f"{IBAN} {NAME}"),
        NOT_TAKEN_IN,
        LOST,
        None,
    ],
)
def test_b22_no_log_no_text_and_no_repr_tells_who_the_payee_is(
    redpin: FakeRedpin,
    payee: Recipient,
    let_time_pass: Pass,
    caplog: pytest.LogCaptureFixture,
    script: Any,
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    redpin.recipient_script.extend([script] * 2 if script else [])

    try:
        register_recipient(payee)
    except RedpinError as error:
        told += [str(error), repr(error), "".join(traceback.format_exception(error))]
        told += [repr(error.__cause__), repr(error.__context__)]  # Reporters follow both.
    let_time_pass(AGES)
    register_due_recipients()

    told += [record.getMessage() + str(record.exc_text) for record in caplog.records]
    assert [canary for canary in CANARIES if canary in "\n".join(told)] == []


def test_b22_requests_and_messages_show_no_details(payee: Recipient) -> None:
    request = registration._request(payee)

    assert [canary for canary in CANARIES if canary in repr(request)] == []


class Clock:
    """Time that passes by nothing but sleeping; something may happen meanwhile."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.seconds = 0.0
        self.meanwhile = meanwhile

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.meanwhile()


def test_b21_who_waits_for_another_worker_waits_no_longer_than_a_call_may_take(
    redpin: FakeRedpin, payee: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    register_recipient(payee, defer=True)
    claimed(payee)
    clock = Clock()
    monkeypatch.setattr(recipients, "time", clock)

    with pytest.raises(RecipientNotRegistered):
        register_recipient(payee)

    assert 5 < clock.seconds < 60
    assert redpin.calls == []


def test_b21_an_id_that_comes_once_another_worker_has_the_row_is_left_to_that_one(
    redpin: FakeRedpin, payee: Recipient, caplog: pytest.LogCaptureFixture
) -> None:
    register_recipient(payee, defer=True)
    held = claimed(payee)
    theirs = timezone.now() + timedelta(hours=1)
    Recipient.objects.update(leased_until=theirs)

    registered.store_id(held, "777")

    row = Recipient.objects.get()
    assert (row.recipient_id, row.leased_until) == (None, theirs)
    assert row.last_error == ""
    assert "Changed while Redpin registered it" not in caplog.text


def test_b21_a_payee_whose_id_was_given_meanwhile_is_not_sent(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    register_recipient(payee, defer=True)
    Recipient.objects.update(recipient_id="777")

    assert registration.register(claimed(payee)).recipient_id == "777"

    row = Recipient.objects.get()
    assert (row.next_attempt_at, row.unanswered_at) == (None, None)
    assert redpin.calls == []


def test_e26_of_an_account_its_numbers_are_hidden_and_words_are_not(
    redpin: FakeRedpin, payee: Recipient
) -> None:
    payee.bank_details = {"iban": IBAN, "bank_name": "First Bank", "branch": "12"}
    payee.save()
    said = f"First Bank, branch 12, has no account {IBAN}."
    redpin.recipient_script.append(answer(422, code="X", description=said))

    with pytest.raises(RecipientRejected):
        register_recipient(payee)

    payee.refresh_from_db()
    assert payee.last_error == "First Bank, branch 12, has no account ••••••5555."
