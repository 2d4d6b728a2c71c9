"""Payees in the admin: their bank details are typed in once, and never read or changed again."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.admin.recipients import masked
from django_redpin.models import Recipient

from .world import HOSTILE, IBAN, make_session, may, page

pytestmark = pytest.mark.django_db
FORM: Final = {
    "account": "default",
    "name": "Agent LLC",
    "type": "Corporate",
    "country_code": "ARE",
    "currency": "AED",
    "recipient_id": "",
    "bank_details": json.dumps({"iban": IBAN}),
}


def add(client: Client, **changes: Any) -> Recipient | None:
    """Add a recipient by the form; return it, or None where the form is shown again."""
    response = client.post(page(Recipient, "add"), FORM | changes)
    assert response.status_code in (200, 302)
    return Recipient.objects.get() if response.status_code == 302 else None


def test_a_recipient_is_added_and_its_bank_details_are_masked(admin_client: Client) -> None:
    recipient = add(admin_client)

    assert recipient is not None
    assert recipient.bank_details == {"iban": IBAN}
    for name in ("change", "history", "delete"):
        html = admin_client.get(page(Recipient, name, recipient.pk)).content.decode()
        assert IBAN[:-4] not in html
        assert IBAN[-5:] not in html
    shown = admin_client.get(page(Recipient, "change", recipient.pk)).content.decode()
    assert f"iban: ••••••{IBAN[-4:]}" in shown


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
        "bank_details": '{"iban": "GB00EVIL"}',
    }

    admin_client.post(page(Recipient, "change", recipient.pk), changes)

    before = (recipient.account, "ARE", "AED", "501", {"iban": IBAN})
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
    recipient = add(admin_client, recipient_id="501", bank_details=text)

    assert recipient is not None
    assert recipient.bank_details == {}
    assert admin_client.get(page(Recipient, "change", recipient.pk)).status_code == 200


@pytest.mark.parametrize(
    "text", ["{", "  ", "iban: AE07", "[1]", '"AE07"', "7", "true", '[{"a": 1}]']
)
def test_bank_details_of_another_shape_are_refused_with_a_reason(
    admin_client: Client, text: str
) -> None:
    response = admin_client.post(page(Recipient, "add"), FORM | {"bank_details": text})

    assert response.status_code == 200
    assert response.context["adminform"].form.errors["bank_details"]
    assert not Recipient.objects.exists()


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (r'{"iban": "\u0000AE"}', "bank_details.iban: Give text"),
        (r'{"iban\u0000": "AE07"}', "bank_details: Give text"),
        (r'{"iban": "\ud800AE"}', "Give one JSON object"),
        (r'{"\udfff": "AE07"}', "Give one JSON object"),
        ('{"iban": ""}', "bank_details.iban: Give text"),
        ('{"": "AE07"}', "bank_details: Give text"),
        ('{"iban": "' + "A" * 256 + '"}', "bank_details.iban: Give text"),
        ('{"iban": 7}', "bank_details.iban: Give text"),
        ('{"iban": 7.5}', "bank_details.iban: Give text"),
        ('{"iban": null}', "bank_details.iban: Give text"),
        ('{"iban": {"iban": "AE07"}}', "bank_details.iban: Give text"),
        ('{"iban": "AE07", "iban": "AE08"}', "Give one JSON object"),
        ('{"iban": NaN}', "Give one JSON object"),
        ('{"iban": ' + "9" * 5000 + "}", "Give one JSON object"),
        (DEEP, "Give one JSON object"),
        ('{"iban": ' + DEEP, "Give one JSON object"),
        ("null", "Give one JSON object"),
        ('{"iban": "AE07", "currency": "USD"}', "This is not the recipient's currency"),
        ("\x00", "Null characters"),
    ],
    ids=lambda value: value[:24].encode("unicode_escape").decode(),
)
def test_bank_details_that_no_payment_could_use_are_told_where_they_are_typed(
    admin_client: Client, text: str, told: str
) -> None:
    response = admin_client.post(page(Recipient, "add"), FORM | {"bank_details": text})

    assert response.status_code == 200
    assert told in str(response.context["adminform"].form.errors["bank_details"].as_data())
    assert not Recipient.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("account", "no such", "They know: default, gulf."),
        ("account", "Default", "They know: default, gulf."),
        ("account", "", "required"),
        ("currency", "zz!", "such as AED"),
        ("currency", "QQQ", "such as AED"),
        ("currency", "XXX", "such as AED"),
        ("currency", "XAU", "such as AED"),
        ("currency", "ßd", "such as AED"),
        ("currency", "AEDX", "at most 3"),
        ("country_code", "x", "such as ARE"),
        ("country_code", "A1E", "such as ARE"),
        ("country_code", "ßA", "such as ARE"),
        ("country_code", "A\x00E", "Null characters"),
        ("country_code", "١٢٣", "such as ARE"),
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
    details = json.dumps({"iban": IBAN, "currency": "AED"})

    recipient = add(admin_client, country_code="are", currency="aed", bank_details=details)

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
        address='{"address_line": "Canary Street 1"}',
        further_details='{"email": "canary@example.com"}',
    )

    assert recipient is not None
    assert recipient.is_own_account
    assert recipient.address == {"address_line": "Canary Street 1"}
    assert recipient.further_details == {"email": "canary@example.com"}
    html = admin_client.get(page(Recipient, "change", recipient.pk)).content.decode()
    assert "anary" not in html


@pytest.mark.parametrize("name", ["address", "further_details"])
@pytest.mark.parametrize("text", ["[1]", "7", '"London"', "{"])
def test_details_of_another_shape_are_refused_with_a_reason(
    admin_client: Client, name: str, text: str
) -> None:
    response = admin_client.post(page(Recipient, "add"), FORM | {name: text})

    assert response.context["adminform"].form.errors[name]
    assert not Recipient.objects.exists()
    recipient = add(admin_client, **{name: ""})
    assert recipient is not None
    assert getattr(recipient, name) == {}


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
