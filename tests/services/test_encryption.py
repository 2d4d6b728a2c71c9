"""Bank details at rest: encrypted where there are keys, readable whatever the keys were."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F
from moneyed import Money
from pytest_django import Settings

from django_redpin import encryption
from django_redpin.checks import check_settings
from django_redpin.conf import project_settings
from django_redpin.encryption_checks import check_encryption
from django_redpin.exceptions import ConfigurationError, RecipientNotRegistered
from django_redpin.models import Recipient
from django_redpin.models.fields import Sealed, unsealed
from django_redpin.services import (
    Share,
    create_payment_session,
    reencrypt,
    register_recipient,
)
from django_redpin.services.sweeps import register_due_recipients
from tests.redpin_server import FakeRedpin

pytestmark = pytest.mark.django_db

IBAN: Final = "AE070331234567890123456"
DETAILS: Final = {
    "bank_details": {"iban": IBAN},
    "address": {"address_line": "Canary Street 1"},
    "further_details": {"email": "canary@example.com"},
}
CANARIES: Final = (IBAN, "Canary Street", "canary@example.com")
OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def keys(settings: Settings, *given: str) -> None:
    settings.REDPIN = {**settings.REDPIN, "BANK_DETAILS_KEYS": [*given]}


def agent(**changes: Any) -> Recipient:
    values: dict[str, Any] = {"name": "Agent", "country_code": "ARE", "currency": "AED"}
    return Recipient.objects.create(**values | DETAILS | changes)


def stored(pk: int) -> str:
    """Return what the table holds, as text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT bank_details, address, further_details FROM redpin_recipient WHERE id = %s",
            [pk],
        )
        return str(cursor.fetchone())


def details_of(row: Recipient) -> dict[str, Any]:
    return {name: getattr(row, name) for name in DETAILS}


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("redpin_encrypt", *arguments, stdout=output)
    return output.getvalue()


def test_without_a_key_the_columns_are_plain_json() -> None:
    row = agent()

    assert all(canary in stored(row.pk) for canary in CANARIES)
    assert details_of(Recipient.objects.get()) == DETAILS


@pytest.mark.parametrize(
    "write",
    [
        lambda: agent(),
        lambda: Recipient.objects.bulk_create([Recipient(name="Agent", **DETAILS)]),
        lambda: Recipient.objects.create(name="Agent") and Recipient.objects.update(**DETAILS),
        lambda: bulk_updated(Recipient.objects.create(name="Agent")),
    ],
    ids=["create", "bulk_create", "update", "bulk_update"],
)
def test_e26_with_a_key_no_row_holds_what_was_written(settings: Settings, write: Any) -> None:
    keys(settings, NEW)

    write()

    row = Recipient.objects.get()
    assert details_of(row) == DETAILS
    held = stored(row.pk)
    assert held.count("$encrypted") == 3
    assert [canary for canary in CANARIES if canary in held] == []
    assert list(Recipient.objects.values_list("bank_details", flat=True)) == [{"iban": IBAN}]


def bulk_updated(row: Recipient) -> None:
    vars(row).update(DETAILS)
    Recipient.objects.bulk_update([row], [*DETAILS])


@pytest.mark.parametrize("value", [{}, [], [1, "a"], "text", 7, True, {"ü": None}], ids=str)
def test_whatever_json_a_column_holds_comes_back(settings: Settings, value: object) -> None:
    keys(settings, NEW)
    agent(address=value)

    assert Recipient.objects.get().address == value


def test_rows_of_before_are_read_and_saved_encrypted(settings: Settings) -> None:
    row = agent()
    keys(settings, NEW)

    found = Recipient.objects.get()
    assert details_of(found) == DETAILS
    found.save()

    assert stored(row.pk).count("$encrypted") == 3


def test_the_newest_key_writes_and_older_ones_read(settings: Settings) -> None:
    keys(settings, OLD)
    first = agent()
    keys(settings, NEW, OLD)
    second = agent()

    assert [details_of(row) for row in Recipient.objects.all()] == [DETAILS, DETAILS]

    keys(settings, NEW)
    assert details_of(Recipient.objects.get(pk=second.pk)) == DETAILS
    assert isinstance(Recipient.objects.get(pk=first.pk).bank_details, Sealed)


def test_a_token_opens_nothing_in_another_column(settings: Settings) -> None:
    keys(settings, NEW)
    row = agent()
    Recipient.objects.filter(pk=row.pk).update(address=F("bank_details"))

    copied = Recipient.objects.get().address

    with pytest.raises(ConfigurationError, match="another column"):
        unsealed(copied)


@pytest.mark.parametrize(("after", "why"), [((), "have no key"), ((OTHER,), "none of its keys")])
def test_what_can_not_be_read_says_so_and_is_kept(
    settings: Settings, after: tuple[str, ...], why: str
) -> None:
    keys(settings, OLD)
    row = agent()
    before = stored(row.pk)
    keys(settings, *after)

    found = Recipient.objects.get()
    for use in (
        lambda: unsealed(found.bank_details),
        lambda: dict(found.bank_details),
        lambda: found.bank_details["iban"],
        lambda: bool(found.bank_details),
        lambda: len(found.bank_details),
    ):
        with pytest.raises(ConfigurationError, match=why):
            use()
    assert repr(found.bank_details) == "<Sealed>"
    assert pickle.loads(pickle.dumps(found)).bank_details == found.bank_details  # noqa: S301
    found.full_clean(exclude=["account"])
    found.name = "Agent and Sons"
    found.save()

    assert stored(row.pk) == before
    keys(settings, OLD)
    assert details_of(Recipient.objects.get()) == DETAILS


def test_e26_a_fixture_holds_tokens_alone_and_can_be_loaded(
    settings: Settings, tmp_path: Path
) -> None:
    keys(settings, NEW)
    agent()
    dumped = serializers.serialize("json", Recipient.objects.all())
    assert [canary for canary in CANARIES if canary in dumped] == []
    path = tmp_path / "payees.json"
    path.write_text(dumped)

    Recipient.objects.all().delete()
    keys(settings)  # The key is not needed to load it.
    call_command("loaddata", str(path), verbosity=0)
    keys(settings, NEW)

    row = Recipient.objects.get()
    assert details_of(row) == DETAILS
    assert stored(row.pk).count("$encrypted") == 3


@pytest.mark.parametrize("given", [(), (NEW,)], ids=["plain", "encrypted"])
def test_a_plain_value_is_not_taken_for_a_token(settings: Settings, given: tuple[str, ...]) -> None:
    keys(settings, *given)

    with pytest.raises(ValueError, match="can't be named") as caught:
        agent(bank_details={"$encrypted": IBAN})

    assert IBAN not in str(caught.value)


@pytest.mark.parametrize(
    "lookup", [{"bank_details": {}}, {"bank_details__iban": IBAN}, {"address__contains": {}}]
)
def test_nothing_is_looked_up_by_an_encrypted_column(lookup: dict[str, Any]) -> None:
    with pytest.raises(FieldError, match="may be encrypted") as caught:
        Recipient.objects.filter(**lookup)

    assert IBAN not in str(caught.value)
    assert not Recipient.objects.filter(bank_details__isnull=True).exists()


def test_what_needs_bank_details_fails_before_anything_is_sent(
    settings: Settings, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    keys(settings, OLD)
    embedded = agent()
    keys(settings)
    embedded.refresh_from_db()
    whole = [Share(embedded, Money("250000.00", "AED"))]

    with pytest.raises(ConfigurationError, match="BANK_DETAILS_KEYS"):
        create_payment_session(**arguments | {"recipients": whole})
    with pytest.raises(ConfigurationError, match="BANK_DETAILS_KEYS"):
        register_recipient(embedded)
    Recipient.objects.filter(pk=embedded.pk).update(next_attempt_at=F("created_at"))
    assert register_due_recipients() == 1

    embedded.refresh_from_db()
    assert "BANK_DETAILS_KEYS" in embedded.last_error
    assert (redpin.creates, redpin.adds) == ([], [])


def test_a_payee_whom_redpin_knows_is_paid_without_the_key(
    settings: Settings, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    keys(settings, OLD)
    known = agent(recipient_id="502")
    keys(settings)
    known.refresh_from_db()
    whole = [Share(known, Money("250000.00", "AED"))]

    assert create_payment_session(**arguments | {"recipients": whole}).session_id
    assert redpin.creates[0].json["recipient_details"][0]["recipient_id"] == "502"


def test_a_payee_whose_key_came_back_is_registered(settings: Settings, redpin: FakeRedpin) -> None:
    keys(settings, OLD)
    row = agent()
    Recipient.objects.filter(pk=row.pk).update(next_attempt_at=F("created_at"))
    keys(settings)
    register_due_recipients()
    keys(settings, NEW, OLD)

    try:
        register_recipient(row)
    except RecipientNotRegistered:
        register_recipient(row)

    assert redpin.adds[0].json["recipient_bank_details"]["iban"] == IBAN


def test_e26_a_digest_of_bank_details_is_keyed_and_outlives_the_rotation_of_its_key(
    settings: Settings, redpin: FakeRedpin
) -> None:
    row = agent()
    register_recipient(row)
    first = row.fingerprint

    Recipient.objects.filter(pk=row.pk).update(recipient_id=None, fingerprint=first)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    reference = row.client_reference_id
    register_recipient(row)
    assert (row.fingerprint, row.client_reference_id) == (first, reference)

    Recipient.objects.filter(pk=row.pk).update(recipient_id=None)
    settings.SECRET_KEY_FALLBACKS = []
    register_recipient(row)
    assert row.fingerprint != first


def test_e26_a_key_is_shown_nowhere(settings: Settings) -> None:
    keys(settings, NEW)

    assert NEW not in repr(project_settings())
    settings.REDPIN = {**settings.REDPIN, "BANK_DETAILS_KEYS": [NEW[:-4]]}
    with pytest.raises(ConfigurationError) as caught:
        project_settings()
    assert NEW[:-4] not in str(caught.value)
    assert NEW[:-4] not in str(check_settings())


@pytest.mark.parametrize("given", ["text", [1], ["short"], [None], ["ä" * 44], {"a": "b"}, [b"x"]])
def test_e30_keys_of_a_wrong_form_are_told_by_a_check(settings: Settings, given: object) -> None:
    settings.REDPIN = {**settings.REDPIN, "BANK_DETAILS_KEYS": given}

    found = [message for message in check_settings() if "BANK_DETAILS_KEYS" in message.msg]

    assert [message.id for message in found] == ["redpin.E003"]
    assert "Fernet" in str(found[0].hint)
    assert check_encryption() == []


def test_e30_a_key_that_a_stricter_library_refuses_is_told_of_and_not_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stricter(Fernet):
        def __init__(self, key: str) -> None:
            raise ValueError(f"{key} is weak.")

    key = Fernet.generate_key().decode()
    keys(settings, key)
    monkeypatch.setattr("cryptography.fernet.Fernet", Stricter)

    with pytest.raises(ConfigurationError, match="has a key of a wrong form") as raised:
        encryption.encrypted(DETAILS, "bank_details")
    assert key not in str(raised.value)
    assert raised.value.__suppress_context__


def test_without_a_key_nothing_can_be_encrypted_and_the_cure_is_told(settings: Settings) -> None:
    keys(settings)

    with pytest.raises(ConfigurationError, match="has no key; make one with: python -c"):
        encryption.encrypted(DETAILS, "bank_details")


def test_a_column_that_can_not_be_read_is_left_alone_by_a_form_and_others_are_checked(
    settings: Settings,
) -> None:
    keys(settings, OLD)
    pk = agent().pk
    keys(settings)
    row = Recipient.objects.get(pk=pk)
    again = Recipient.objects.get(pk=pk)
    assert isinstance(row.bank_details, Sealed)
    assert len({row.bank_details, again.bank_details, row.address}) == 2  # Equal ones are one.

    row.full_clean()
    row.address = {"city": object()}
    with pytest.raises(ValidationError) as raised:
        row.full_clean()
    assert [*raised.value.message_dict] == ["address"]


def test_nothing_is_sorted_by_what_is_in_an_encrypted_column() -> None:
    column = "__".join(("bank_details", "iban"))  # Which mypy's plugin for Django must not read.

    with pytest.raises(FieldError, match="bank_details"):
        Recipient.objects.order_by(column).first()


def test_e30_keys_without_the_library_are_told_by_a_check(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check_encryption() == []
    keys(settings, NEW)
    assert check_encryption() == []
    row = agent()

    monkeypatch.setattr("django_redpin.encryption_checks.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "cryptography.fernet", None)

    assert [message.id for message in check_encryption()] == ["redpin.E030"]
    cure = r"pip install django-redpin\[encryption\]"
    with pytest.raises(ConfigurationError, match=cure), transaction.atomic():
        row.save()
    with pytest.raises(ConfigurationError, match="cryptography"):
        unsealed(Recipient.objects.get().bank_details)


def test_the_command_encrypts_what_is_plain_or_under_an_older_key(settings: Settings) -> None:
    rows = [agent() for _ in range(3)]
    keys(settings, OLD)
    rows += [agent() for _ in range(2)]
    keys(settings, NEW, OLD)
    rows.append(agent())

    assert run("--dry-run") == "Due: recipients 5, unreadable 0.\n"
    assert run("--limit", "2") == "Done: recipients 2.\n"
    assert run() == "Done: recipients 3.\n"
    assert run() == "Done: recipients 0.\n"

    keys(settings, NEW)
    assert [details_of(row) for row in Recipient.objects.all()] == [DETAILS] * 6
    assert all(stored(row.pk).count("$encrypted") == 3 for row in rows)


def test_the_command_fails_where_a_key_is_missing_and_does_the_others(settings: Settings) -> None:
    keys(settings, OTHER)
    lost = agent()
    keys(settings, OLD)
    agent()
    keys(settings, NEW, OLD)

    with pytest.raises(CommandError, match="recipients 1"):
        run()

    assert run("--dry-run") == "Due: recipients 0, unreadable 1.\n"
    keys(settings, OTHER)
    assert details_of(Recipient.objects.get(pk=lost.pk)) == DETAILS


def test_the_command_decrypts_before_the_keys_are_taken_out(settings: Settings) -> None:
    keys(settings, OLD)
    row = agent()
    keys(settings, NEW, OLD)
    agent()

    assert run("--decrypt") == "Done: recipients 2.\n"
    assert run("--decrypt") == "Done: recipients 0.\n"

    keys(settings)
    assert [details_of(each) for each in Recipient.objects.all()] == [DETAILS] * 2
    assert IBAN in stored(row.pk)
    with pytest.raises(CommandError, match="has no key"):
        run()


def test_the_command_goes_through_more_than_a_batch(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reencrypt, "BATCH", 2)
    for _ in range(5):
        agent()
    keys(settings, NEW)

    assert run() == "Done: recipients 5.\n"


def test_the_command_does_not_undo_what_is_saved_while_it_runs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = agent()
    keys(settings, NEW)
    read, calls = reencrypt._read, list[list[int]]()

    def save_after_the_first_look(numbers: list[int], *, is_plain: bool) -> Any:
        found = read(numbers, is_plain=is_plain)
        if not calls:
            Recipient.objects.filter(pk=row.pk).update(bank_details={"iban": "saved meanwhile"})
        calls.append(numbers)
        return found

    monkeypatch.setattr(reencrypt, "_read", save_after_the_first_look)
    run()

    assert Recipient.objects.get().bank_details == {"iban": "saved meanwhile"}
    assert stored(row.pk).count("$encrypted") == 3


@pytest.mark.slow
def test_the_library_is_imported_by_nobody_who_has_no_key() -> None:
    program = (
        "import django, sys; django.setup(); import django_redpin.models, django_redpin.admin,"
        " django_redpin.services; sys.exit(any(name.partition('.')[0] in"
        " ('cryptography', 'schwifty', 'pycountry') for name in sys.modules))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run([sys.executable, "-c", program], env=environment, check=False)

    assert done.returncode == 0


def test_a_token_is_never_twice_the_same(settings: Settings) -> None:
    keys(settings, NEW)

    first, second = (encryption.encrypted("a", "b") for _ in range(2))

    assert first != second
    assert encryption.decrypted(first, "b") == encryption.decrypted(second, "b") == "a"
