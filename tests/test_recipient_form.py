"""The form for payees: one of Redpin's combinations of bank details, checked where it is typed."""

from __future__ import annotations

from typing import Any, Final

import pytest
from django import forms
from django.utils import translation
from hypothesis import assume, given
from hypothesis import strategies as st
from moneyed import Money

from django_redpin.bank_accounts import account_faults
from django_redpin.exceptions import InvalidPaymentSession
from django_redpin.forms import RecipientForm
from django_redpin.forms.recipients import COMBINATIONS, country_choices, currency_choices
from django_redpin.models import Recipient
from django_redpin.rules.bank_details import iban_faults
from django_redpin.services import Share, create_payment_session, register_recipient
from tests.redpin_server import FakeRedpin

from .rules.samples import examples

IBAN: Final = "AE070331234567890123456"
TYPED: Final = {"name": "Amal", "type": "Individual", "country_code": "ARE", "currency": "AED"}
SWIFT: Final = {"account_number": "0012345678", "swift_code": "EBILAEAD"}
ROUTED: Final = {
    "account_number": "0012345678",
    "routing_code_type": "ABA",
    "routing_code_value": "021000021",
    "bank_country_code": "ARE",
}
# From the registry of ISO 13616.
IBANS: Final = {
    "ARE": IBAN,
    "GBR": "GB33BUKB20201555555555",
    "DEU": "DE89370400440532013000",
    "FRA": "FR1420041010050500013M02606",
    "NOR": "NO9386011117947",
    "MLT": "MT84MALT011000012345MTLCAST001S",
    "SAU": "SA0380000000608010167519",
}


def errors_of(form: forms.BaseForm) -> dict[str, list[str]]:
    return {name: [str(each) for each in told] for name, told in form.errors.items()}


def form_of(**typed: Any) -> RecipientForm:
    return RecipientForm(TYPED | typed)


@pytest.mark.parametrize(
    "details",
    [{"iban": IBAN}, SWIFT, {**SWIFT, "routing_code_value": "123"}, ROUTED],
    ids=["IBAN", "SWIFT", "SWIFT and routing", "routing"],
)
@pytest.mark.django_db
def test_each_combination_that_redpin_documents_is_taken(details: dict[str, str]) -> None:
    form = form_of(**details)

    assert form.is_valid(), form.errors
    saved = form.save()

    assert saved.pk is not None
    row = Recipient.objects.get()
    assert row.bank_details == details
    assert (row.account, row.name, row.type, row.recipient_id) == (
        "default",
        "Amal",
        "Individual",
        None,
    )
    assert set(details) in [set(names) for names in COMBINATIONS]


@pytest.mark.parametrize(
    ("details", "where", "told"),
    [
        ({}, {"iban"}, "Give the IBAN; or"),
        ({"account_number": "1"}, {"swift_code"}, "SWIFT code, too"),
        ({"swift_code": "EBILAEAD"}, {"account_number"}, "account number, too"),
        ({"iban": IBAN, **SWIFT}, {*SWIFT}, "The IBAN says it all"),
        ({"iban": IBAN, "bank_country_code": "ARE"}, {"bank_country_code"}, "leave this empty"),
        ({**SWIFT, **ROUTED}, {"routing_code_type", "bank_country_code"}, "SWIFT code says this"),
        ({**ROUTED, "bank_country_code": ""}, {"bank_country_code"}, "Give this, too"),
        ({**ROUTED, "routing_code_type": ""}, {"routing_code_type"}, "Give this, too"),
        ({**ROUTED, "routing_code_value": ""}, {"routing_code_value"}, "Give this, too"),
        ({**ROUTED, "account_number": ""}, {"account_number"}, "account number, too"),
    ],
)
def test_another_combination_is_told_on_the_field_with_its_cure(
    details: dict[str, str], where: set[str], told: str
) -> None:
    form = form_of(**details)

    found = errors_of(form)

    assert set(found) == where
    assert all(told in message for messages in found.values() for message in messages)


@given(st.sets(st.sampled_from(["iban", *SWIFT, *ROUTED])))
@examples(100)
def test_whatever_is_filled_in_is_a_documented_combination_or_is_told_about(
    names: set[str],
) -> None:
    given = {"iban": IBAN, **SWIFT, **ROUTED}
    form = form_of(**{name: given[name] for name in names})

    assert form.is_valid() == any(names == set(each) for each in COMBINATIONS)


@pytest.mark.parametrize(("country", "iban"), IBANS.items())
def test_an_iban_of_any_country_is_taken_as_it_is_printed(country: str, iban: str) -> None:
    printed = " ".join(iban[place : place + 4] for place in range(0, len(iban), 4)).lower()
    form = form_of(country_code=country, iban=f" {printed}\u00a0")

    assert form.is_valid(), form.errors
    assert form.instance.bank_details == {"iban": iban}


@pytest.mark.parametrize(
    ("iban", "told"),
    [
        ("AE080331234567890123456", "check digits"),
        ("AE070331234567890123465", "check digits"),
        ("AE0703312345678901234", "check digits"),
        ("hello", "check digits"),
        ("AE07 0331 \u0660 4567890123456", "check digits"),
        ("GB33BUKB20201555555555", "payee in United Arab Emirates"),
        ("A" * 300, "at most 255"),
        ("AE07\x00", "Null characters"),
    ],
)
def test_an_iban_that_is_wrong_is_told_on_its_field_and_not_quoted(iban: str, told: str) -> None:
    found = errors_of(form_of(iban=iban))

    assert set(found) == {"iban"}
    assert told in found["iban"][0]
    assert iban not in str(found)


def with_check_digits(country: str, rest: str) -> str:
    digits = "".join(str(int(character, 36)) for character in f"{rest}{country}00")
    return f"{country}{98 - int(digits) % 97:02}{rest}"


@pytest.mark.parametrize(
    ("rest", "told"),
    [("0331234567890123", "has 23 characters, and this one has 20"), ("X" * 19, "looks like this")],
)
def test_an_iban_is_held_to_how_its_country_writes_them(rest: str, told: str) -> None:
    found = errors_of(form_of(iban=with_check_digits("AE", rest)))

    assert told in found["iban"][0]


def test_an_iban_of_a_country_that_the_library_does_not_know_is_not_refused() -> None:
    """A country may have got them since the library was released; the check digits hold."""
    iban = with_check_digits("AQ", "12345678901234")

    assert account_faults({"iban": iban}, "ATA", is_abroad=False) == []
    assert account_faults({"iban": f"{iban[:-1]}5"}, "ATA", is_abroad=False)


@pytest.mark.parametrize("bban", range(3))
def test_check_digits_that_no_account_is_given_are_wrong_though_they_leave_the_remainder(
    bban: int,
) -> None:
    """ISO 13616 gives 02 to 98; 00, 01 and 99 stand for 97, 98 and 02."""
    twins = {"97": "00", "98": "01", "02": "99"}
    found = (with_check_digits("DE", f"{number:018}") for number in range(bban * 10_000, 100_000))
    iban = next(each for each in found if each[2:4] == [*twins][bban])

    assert iban_faults(iban, "iban") == []
    assert iban_faults(f"DE{twins[iban[2:4]]}{iban[4:]}", "iban")


@pytest.mark.parametrize("bic", ["EBILAE", "EBILAEAD1", "EBIL7EAD", "EBILZZAD", "EBILAEAD????"])
def test_a_swift_code_that_is_wrong_is_told_on_its_field(bic: str) -> None:
    found = errors_of(form_of(account_number="1", swift_code=bic))

    assert set(found) == {"swift_code"}
    assert "8 or 11 characters" in found["swift_code"][0]


def test_a_swift_code_of_kosovo_is_one_though_iso_3166_has_no_such_country() -> None:
    assert account_faults({"swift_code": "NLPRXKPR"}, "ALB", is_abroad=True) == []
    assert account_faults({"swift_code": "NLPRXKP"}, "ALB", is_abroad=True)


def test_an_account_in_another_country_has_to_be_meant() -> None:
    for details in ({"iban": IBANS["DEU"]}, {**SWIFT, "swift_code": "deutdeff"}):
        (told,) = errors_of(form_of(**details)).values()
        assert "This account is in Germany, and the payee in United Arab Emirates" in told[0]

        assert form_of(**details, is_account_abroad="on").is_valid()


@pytest.mark.parametrize("word", ["ATA ", "ata", "x", "", "ARE\x00"])
def test_a_country_is_one_of_iso_3166(word: str) -> None:
    is_right = word.strip().upper() == "ATA"
    form = form_of(country_code=word, iban=IBAN, is_account_abroad="on")

    assert form.is_valid() == is_right
    assert ("country_code" in form.errors) != is_right


def test_countries_and_currencies_are_named_in_the_readers_language() -> None:
    assert ("ARE", "United Arab Emirates") in country_choices()
    assert len(country_choices()) == 250
    assert dict(currency_choices())["AED"] == "AED - United Arab Emirates Dirham"
    assert "XAU" not in dict(currency_choices())
    with translation.override("de"):
        assert ("ARE", "Vereinigte Arabische Emirate") in country_choices()


def test_e25_what_is_no_field_of_the_form_can_not_be_set_by_it() -> None:
    posted = {
        "account": "gulf",
        "recipient_id": "666",
        "is_own_account": "on",
        "bank_details": '{"iban": "GB00EVIL"}',
        "further_details": '{"name": "x"}',
        "additional_details": '{"name": "x"}',
        "more_bank_details": '{"name": "x"}',
        "client_reference_id": "x",
        "fingerprint": "x",
        "check_request_identifier": "x",
        "attempts": "9",
        "next_attempt_at": "2026-11-22 10:00",
        "anonymised_at": "2026-11-22 10:00",
        "id": "7",
    }
    form = form_of(iban=IBAN, **posted)

    assert form.is_valid()
    row = form.instance
    expected = Recipient(**TYPED, bank_details={"iban": IBAN})
    for field in Recipient._meta.concrete_fields:
        assert getattr(row, field.attname) == getattr(expected, field.attname), field.name


@pytest.mark.django_db
def test_the_account_is_the_programs_to_say(agent: Recipient) -> None:
    form = RecipientForm(TYPED | {"iban": IBAN, "account": "default"}, account="gulf")
    assert form.is_valid()
    assert form.save().account == "gulf"

    with pytest.raises(ValueError, match="takes new recipients"):
        RecipientForm(TYPED | {"iban": IBAN}, instance=agent)


def test_address_and_further_details_go_by_redpins_names() -> None:
    more = {"email": "amal@example.com", "payment_reference": "Unit 1204", "city": "Dubai"}
    form = form_of(iban=IBAN, **more)

    assert form.is_valid()
    assert form.instance.address == {"city": "Dubai"}
    assert form.instance.further_details == {
        "email": "amal@example.com",
        "payment_reference": "Unit 1204",
    }
    assert "payment_reference" in form_of(iban=IBAN, payment_reference="Unit #1204").errors


def test_a_subclass_can_leave_fields_out() -> None:
    class Short(RecipientForm):
        nick_name = None  # type: ignore[assignment]
        mobile_number = None  # type: ignore[assignment]

    form = Short(TYPED | {"iban": IBAN, "nick_name": "x"})

    assert "nick_name" not in form.fields
    assert form.is_valid()
    assert form.instance.further_details == {}


@pytest.mark.parametrize(
    ("left_out", "typed"),
    [
        ("iban", {}),
        ("swift_code", {"account_number": "1"}),
        ("routing_code_type", {"account_number": "1", "routing_code_value": "2"}),
    ],
)
def test_what_is_missing_is_told_though_the_subclass_has_no_field_for_it(
    left_out: str, typed: dict[str, str]
) -> None:
    form = type("Short", (RecipientForm,), {left_out: None})(TYPED | typed)

    assert form.non_field_errors()


def test_a_browser_neither_remembers_nor_mends_an_account() -> None:
    html = str(RecipientForm()["iban"]) + str(RecipientForm()["account_number"])

    assert html.count('autocomplete="off"') == 2
    assert html.count('spellcheck="false"') == 2


@pytest.mark.django_db
def test_a_payee_of_the_form_is_paid_and_registered(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    embedded, known = form_of(iban=IBAN).save(), form_of(**SWIFT).save()
    register_recipient(known)
    amounts = [Money("245000.00", "AED"), Money("5000.00", "AED")]

    create_payment_session(
        **arguments | {"recipients": [Share(embedded, amounts[0]), Share(known, amounts[1])]}
    )

    first, second = redpin.creates[0].json["recipient_details"]
    assert first["recipient_bank_details"] == {"iban": IBAN, "currency": "AED"}
    assert second == {"recipient_id": known.recipient_id, "amount": second["amount"]}


@pytest.mark.django_db
@pytest.mark.parametrize("iban", ["AE080331234567890123456", "AE07", "x", "AE07-0331"])
def test_money_is_sent_to_no_iban_whose_check_digits_are_wrong(
    redpin: FakeRedpin, arguments: dict[str, Any], agent: Recipient, iban: str
) -> None:
    Recipient.objects.filter(pk=agent.pk).update(bank_details={"iban": iban})
    agent.refresh_from_db()
    arguments["recipients"][1] = Share(agent, arguments["recipients"][1].amount)

    with pytest.raises(InvalidPaymentSession) as caught:
        create_payment_session(**arguments)
    with pytest.raises(ValueError, match="check digits"):
        register_recipient(agent)

    (fault,) = caught.value.faults
    path = "recipient_details[1].recipient_bank_details.iban"
    assert (fault.field, fault.code) == (path, "invalid_iban")
    assert iban not in fault.message
    assert (redpin.creates, redpin.adds) == ([], [])


@given(st.sampled_from([*IBANS.values()]), st.integers(4, 14), st.sampled_from("0123456789"))
@examples(200)
def test_one_wrong_digit_is_always_noticed(iban: str, place: int, other: str) -> None:
    assume(iban[place].isdigit())  # A letter counts as two, so that one for it may go unnoticed.
    wrong = iban[:place] + other + iban[place + 1 :]

    assert bool(iban_faults(wrong, "iban")) == (wrong != iban)
