"""Payees in the admin: their bank details are typed in once, and never read or changed again."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.views.debug import ExceptionReporter
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.admin.recipients import masked
from django_redpin.forms import RecipientForm
from django_redpin.models import Recipient
from django_redpin.services import anonymise_recipient

from .world import HOSTILE, IBAN, make_session, may, page

pytestmark = pytest.mark.django_db
RIGHT: Final = "AE070331234567890123456"
FORM: Final = {
    "account": "default",
    "name": "Agent LLC",
    "type": "Corporate",
    "country_code": "ARE",
    "currency": "AED",
    "recipient_id": "",
    "iban": RIGHT,
}


def add(client: Client, **changes: Any) -> Recipient | None:
    """Add a recipient by the form; return it, or None where the form is shown again."""
    response = client.post(page(Recipient, "add"), FORM | changes)
    assert response.status_code in (200, 302)
    return Recipient.objects.get() if response.status_code == 302 else None


def test_a_recipient_is_added_and_its_bank_details_are_masked(admin_client: Client) -> None:
    recipient = add(admin_client)

    assert recipient is not None
    assert recipient.bank_details == {"iban": RIGHT}
    for name in ("change", "history", "delete"):
        html = admin_client.get(page(Recipient, name, recipient.pk)).content.decode()
        assert RIGHT[:-4] not in html
        assert RIGHT[-5:] not in html
    shown = admin_client.get(page(Recipient, "change", recipient.pk)).content.decode()
    assert f"iban: ••••••{RIGHT[-4:]}" in shown


def test_every_field_of_the_form_is_on_the_page(admin_client: Client) -> None:
    html = admin_client.get(page(Recipient, "add")).content.decode()

    names = set(RecipientForm.base_fields) | {"account", "recipient_id", "is_own_account"}
    assert [name for name in names if f'name="{name}"' not in html] == []


def test_what_decides_where_the_money_goes_can_not_be_changed(admin_client: Client) -> None:
    recipient = add(admin_client, recipient_id="501")
    assert recipient is not None
    changes = {
        "account": "other",
        "name": "Agent and Sons",
        "type": "Individual",
        "country_code": "GBR",
        "currency": "GBP",
        "recipient_id": "666",
        "iban": "GB33BUKB20201555555555",
        "bank_details": '{"iban": "GB00EVIL"}',
    }

    admin_client.post(page(Recipient, "change", recipient.pk), changes)

    before = (recipient.account, "ARE", "AED", "501", {"iban": RIGHT})
    recipient.refresh_from_db()
    assert (recipient.name, recipient.type) == ("Agent and Sons", "Individual")
    assert before == (
        recipient.account,
        recipient.country_code,
        recipient.currency,
        recipient.recipient_id,
        recipient.bank_details,
    )


def test_what_redpin_may_have_been_told_of_a_recipient_can_not_be_changed(
    admin_client: Client,
) -> None:
    """A session whose answer was lost is sent again, and then has to be the same."""
    recipient = add(admin_client)
    assert recipient is not None
    address = page(Recipient, "change", recipient.pk)
    assert 'name="name"' in admin_client.get(address).content.decode()

    make_session(1, recipient, state="unknown")
    html = admin_client.get(address).content.decode()
    admin_client.post(address, {"name": "Agent and Sons", "type": "Individual"})

    assert 'name="name"' not in html
    assert 'name="type"' not in html
    recipient.refresh_from_db()
    assert (recipient.name, recipient.type) == ("Agent LLC", "Corporate")


def test_two_recipients_may_both_be_without_redpins_id(admin_client: Client) -> None:
    add(admin_client)
    admin_client.post(page(Recipient, "add"), FORM | {"name": "Another"})

    assert list(Recipient.objects.values_list("recipient_id", flat=True)) == [None, None]


@pytest.mark.parametrize("text", ["", "{}"])
def test_a_recipient_that_redpin_knows_needs_no_bank_details(
    admin_client: Client, text: str
) -> None:
    recipient = add(admin_client, recipient_id="501", iban="", more_bank_details=text)

    assert recipient is not None
    assert recipient.bank_details == {}
    assert admin_client.get(page(Recipient, "change", recipient.pk)).status_code == 200


@pytest.mark.heavy
@pytest.mark.parametrize(
    "text", ["{", "  ", "iban: AE07", "[1]", '"AE07"', "7", "true", '[{"a": 1}]']
)
def test_bank_details_of_another_shape_are_refused_with_a_reason(
    admin_client: Client, text: str
) -> None:
    response = admin_client.post(page(Recipient, "add"), FORM | {"more_bank_details": text})

    assert response.status_code == 200
    assert response.context["adminform"].form.errors["more_bank_details"]
    assert not Recipient.objects.exists()


DEEP = "[" * 100_000


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("text", "told"),
    [
        (r'{"bank_name": "\u0000AE"}', "Give text of"),
        (r'{"bank_name\u0000": "AE07"}', "Give text of"),
        (r'{"bank_name": "\ud800AE"}', "Give one JSON object"),
        (r'{"\udfff": "AE07"}', "Give one JSON object"),
        ('{"bank_name": ""}', "Give text of"),
        ('{"": "AE07"}', "Give text of"),
        ('{"bank_name": "' + "A" * 256 + '"}', "Give text of"),
        ('{"bank_name": 7}', "Give text of"),
        ('{"bank_name": 7.5}', "Give text of"),
        ('{"bank_name": null}', "Give text of"),
        ('{"bank_name": {"iban": "AE07"}}', "Give text of"),
        ('{"bank_name": "AE07", "bank_name": "AE08"}', "Give one JSON object"),
        ('{"bank_name": NaN}', "Give one JSON object"),
        ('{"bank_name": ' + "9" * 5000 + "}", "Give one JSON object"),
        (DEEP, "Give one JSON object"),
        ('{"bank_name": ' + DEEP, "Give one JSON object"),
        ("null", "Give one JSON object"),
        ('{"iban": "AE07"}', "There is a field for this above"),
        ("\x00", "Null characters"),
    ],
    ids=lambda value: value[:24].encode("unicode_escape").decode(),
)
def test_bank_details_that_no_payment_could_use_are_told_where_they_are_typed(
    admin_client: Client, text: str, told: str
) -> None:
    response = admin_client.post(page(Recipient, "add"), FORM | {"more_bank_details": text})

    assert response.status_code == 200
    assert told in str(response.context["adminform"].form.errors["more_bank_details"].as_data())
    assert not Recipient.objects.exists()


def test_the_currency_of_an_account_is_the_payees(admin_client: Client) -> None:
    more = json.dumps({"currency": "USD"})

    response = admin_client.post(page(Recipient, "add"), FORM | {"more_bank_details": more})

    told = "This is not the recipient's currency"
    assert told in str(response.context["adminform"].form.errors["currency"].as_data())


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("account", "no such", "They know: default, gulf."),
        ("account", "Default", "They know: default, gulf."),
        ("account", "", "required"),
        ("currency", "zz!", "valid choice"),
        ("currency", "QQQ", "valid choice"),
        ("currency", "XXX", "valid choice"),
        ("currency", "XAU", "valid choice"),
        ("currency", "ßd", "valid choice"),
        ("currency", "AEDX", "valid choice"),
        ("country_code", "x", "valid choice"),
        ("country_code", "A1E", "valid choice"),
        ("country_code", "ßA", "valid choice"),
        ("country_code", "A\x00E", "valid choice"),
        ("country_code", "١٢٣", "valid choice"),
        ("name", "Agent\x00", "Null characters"),
        ("name", "N" * 256, "at most 255"),
        ("type", "Bank", "valid choice"),
        ("recipient_id", "5" * 101, "at most 100"),
    ],
)
def test_a_value_that_no_payment_could_use_is_told_where_it_is_typed(
    admin_client: Client, settings: Settings, field: str, value: str, told: str
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": {}}}

    response = admin_client.post(page(Recipient, "add"), FORM | {field: value})

    assert response.status_code == 200
    assert told in response.context["adminform"].form.errors[field].as_text()
    assert not Recipient.objects.exists()


def test_every_account_of_the_settings_can_have_recipients(
    admin_client: Client, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": {}}}

    recipient = add(admin_client, account="gulf")

    assert recipient is not None
    assert recipient.account == "gulf"


def test_accounts_that_can_not_be_read_are_told_too(
    admin_client: Client, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": ["gulf"]}

    response = admin_client.post(page(Recipient, "add"), FORM)

    assert response.status_code == 200
    assert "dict of dicts" in response.context["adminform"].form.errors["account"].as_text()


def test_codes_are_kept_in_capital_letters(admin_client: Client) -> None:
    more = json.dumps({"currency": "AED"})

    recipient = add(admin_client, country_code="are", currency="aed", more_bank_details=more)

    assert recipient is not None
    assert (recipient.country_code, recipient.currency) == ("ARE", "AED")


@pytest.mark.parametrize("details", [[1], "AE07", 7, True, [{"iban": IBAN}], IBAN])
def test_a_row_with_bank_details_of_another_shape_can_be_looked_at(
    admin_client: Client, details: object
) -> None:
    recipient = Recipient.objects.create(name="Odd", currency="AED", bank_details=details)

    response = admin_client.get(page(Recipient, "change", recipient.pk))

    assert response.status_code == 200
    assert IBAN[:-4] not in response.content.decode()


def test_what_redpin_is_told_besides_is_typed_in_once_and_not_shown(admin_client: Client) -> None:
    recipient = add(
        admin_client,
        is_own_account="on",
        address_line="Canary Street 1",
        email="canary@example.com",
        additional_details='{"tax_id": "canary-7"}',
        more_bank_details='{"bank_name": "Canary Bank"}',
    )

    assert recipient is not None
    assert recipient.is_own_account
    assert recipient.address == {"address_line": "Canary Street 1"}
    assert recipient.further_details == {
        "email": "canary@example.com",
        "additional_details": {"tax_id": "canary-7"},
    }
    assert recipient.bank_details == {"iban": RIGHT, "bank_name": "Canary Bank"}
    html = admin_client.get(page(Recipient, "change", recipient.pk)).content.decode()
    assert "anary" not in html


def test_numbers_among_the_additional_details_are_kept(admin_client: Client) -> None:
    recipient = add(admin_client, additional_details='{"share": 1.5, "floor": 3}')

    assert recipient is not None
    assert recipient.further_details == {"additional_details": {"share": 1.5, "floor": 3}}


@pytest.mark.heavy
@pytest.mark.parametrize("text", ["[1]", "7", '"London"', "{", r'{"a": ["\u0000"]}'])
def test_details_of_another_shape_are_refused_with_a_reason(
    admin_client: Client, text: str
) -> None:
    response = admin_client.post(page(Recipient, "add"), FORM | {"additional_details": text})

    assert response.context["adminform"].form.errors["additional_details"]
    assert not Recipient.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fingerprint", "x"),
        ("client_reference_id", "x"),
        ("attempts", "7"),
        ("check_event_id", "x"),
        ("bank_details", '{"iban": "GB00EVIL"}'),
        ("further_details", '{"email": "x"}'),
        ("anonymised_at", "2026-11-22"),
    ],
)
def test_e25_what_the_form_has_no_field_for_is_not_set_by_it(
    admin_client: Client, name: str, value: str
) -> None:
    recipient = add(admin_client, **{name: value})

    assert recipient is not None
    before = getattr(Recipient(), name)
    kept = {"iban": RIGHT} if name == "bank_details" else before
    assert getattr(recipient, name) == kept


def test_e26_a_report_of_a_failure_holds_nothing_of_what_was_typed(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(Recipient, "save", fail)
    admin_client.raise_request_exception = False

    response = admin_client.post(page(Recipient, "add"), FORM | {"email": "canary@example.com"})

    assert response.status_code == 500
    (failure,) = [each for each in caplog.records if each.exc_info]
    request = failure.request  # type: ignore[attr-defined]
    report = ExceptionReporter(request, *failure.exc_info).get_traceback_text()  # type: ignore[misc]
    assert "RuntimeError" in report
    assert RIGHT not in report
    assert "canary@example.com" not in report


def test_e26_a_report_of_a_row_that_could_not_be_written_holds_nothing_of_it(
    rf: RequestFactory,
) -> None:
    row = Recipient(name="Agent", bank_details={"iban": RIGHT}, address={"x": object()})

    with pytest.raises(TypeError) as caught:
        row.save()

    reporter = ExceptionReporter(rf.get("/"), caught.type, caught.value, caught.tb)
    frames = [each for each in reporter.get_traceback_frames() if each["filename"] != __file__]
    assert len(frames) > 1
    assert RIGHT not in str(frames)
    assert "is not JSON serializable" in str(caught.value)


def test_e26_a_payee_who_was_taken_out_has_no_name_in_the_history(admin_client: Client) -> None:
    recipient = add(admin_client)
    assert recipient is not None
    entry = LogEntry.objects.get()
    assert entry.object_repr == FORM["name"]
    other = LogEntry.objects.create(
        user=entry.user,
        content_type=entry.content_type,
        object_id=str(recipient.pk + 1),
        object_repr="Another",
        action_flag=1,
    )

    anonymise_recipient(recipient)

    entry.refresh_from_db()
    other.refresh_from_db()
    assert (entry.object_repr, other.object_repr) == (recipient.name, "Another")


def test_e26_the_history_tells_that_a_payee_was_added_and_no_more(admin_client: Client) -> None:
    add(admin_client, email="canary@example.com")

    entry = LogEntry.objects.get()

    assert RIGHT[-5:] not in entry.change_message + entry.object_repr
    assert "canary" not in entry.change_message


def test_e27_what_no_key_opens_is_said_to_be_encrypted_and_no_page_fails(
    admin_client: Client, settings: Settings
) -> None:
    key = Fernet.generate_key().decode()
    settings.REDPIN = {**settings.REDPIN, "BANK_DETAILS_KEYS": [key]}
    recipient = add(admin_client)
    assert recipient is not None
    settings.REDPIN = {**settings.REDPIN, "BANK_DETAILS_KEYS": []}

    pages = {
        name: admin_client.get(page(Recipient, name, recipient.pk))
        for name in ("change", "history", "delete")
    }
    listed = admin_client.get(page(Recipient))
    changed = admin_client.post(
        page(Recipient, "change", recipient.pk), {"name": "Agent 2", "type": "Individual"}
    )

    assert [each.status_code for each in (*pages.values(), listed)] == [200] * 4
    assert "no key that opens it" in pages["change"].content.decode()
    assert changed.status_code == 302
    settings.REDPIN = {**settings.REDPIN, "BANK_DETAILS_KEYS": [key]}
    recipient.refresh_from_db()
    assert (recipient.name, recipient.bank_details) == ("Agent 2", {"iban": RIGHT})


def test_the_state_of_a_registration_is_shown_and_not_changed(admin_client: Client) -> None:
    recipient = Recipient.objects.create(
        name="Agent", client_reference_id="recipient-123", last_error="The name doesn't match."
    )
    address = page(Recipient, "change", recipient.pk)

    html = admin_client.get(address).content.decode()
    admin_client.post(address, FORM | {"client_reference_id": "x", "last_error": "x"})

    assert "recipient-123" in html
    assert "The name doesn&#x27;t match." in html
    recipient.refresh_from_db()
    assert recipient.client_reference_id == "recipient-123"


def test_e26_what_redpin_repeated_of_a_payee_is_shown_without_accounts(
    admin_client: Client,
) -> None:
    said = {"last_error": "AE070331234567890123456 is wrong.", "last_error_code": "INVALID_IBAN"}
    recipient = Recipient.objects.create(name="Agent", **said)

    html = admin_client.get(page(Recipient, "change", recipient.pk)).content.decode()

    assert "AE0703" not in html
    assert "[hidden] is wrong." in html


def test_bank_details_are_shown_as_text(admin_client: Client) -> None:
    recipient = Recipient.objects.create(name="Odd", bank_details={HOSTILE: HOSTILE})

    html = admin_client.get(page(Recipient, "change", recipient.pk)).content.decode()

    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_who_may_only_look_sees_the_mask_too(client: Client) -> None:
    recipient = Recipient.objects.create(name="Agent", bank_details={"iban": IBAN})
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(may("view_recipient"))
    client.force_login(clerk)
    address = page(Recipient, "change", recipient.pk)

    html = client.get(address).content.decode()

    assert IBAN[:-4] not in html
    assert "••••••" in html
    assert client.post(address, FORM).status_code == 403
    assert client.get(page(Recipient, "add")).status_code == 403


@given(st.text() | st.integers() | st.none() | st.dictionaries(st.text(), st.text()))
def test_a_mask_shows_four_characters_at_most_and_never_half(value: object) -> None:
    text = str(value)
    shown = masked(value).removeprefix("••••••")

    assert text.endswith(shown)
    assert len(shown) <= 4
    assert not shown or 2 * len(shown) < len(text)
