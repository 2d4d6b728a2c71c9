"""`redpin_anonymise` and `redpin_encrypt` as processes: exit codes, and what a kill leaves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from io import StringIO
from typing import Any, Final

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from django_redpin.models import PaymentSession, Recipient, SessionItem, WebhookEvent
from django_redpin.models.fields import Sealed

from .dying import NEEDS_FORK, run_until

pytestmark = pytest.mark.django_db(transaction=True)

PAYER: Final = "canary-payer"
IBAN: Final = "AE070331234567890123456"


def shell(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process, on the tests' own database."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        environment["DATABASE_URL"] = f"sqlite:///{name}"
    else:
        server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
        environment["DATABASE_URL"] = f"{server}/{name}"
    return subprocess.run(
        [sys.executable, "-m", "django", *arguments, "--skip-checks"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def make_session(number: int, **changes: Any) -> PaymentSession:
    values: dict[str, Any] = {
        "customer_id": "7",
        "client_customer_ref": PAYER,
        "client_reference_id": f"order-{number}",
        "amount": "5.00",
        "currency": "AED",
        "due_date": date(2026, 12, 24),
        "purpose_of_transaction": "PROPERTY_PURCHASE",
        "state": "closed",
        "fingerprint": "canary",
    }
    session = PaymentSession.objects.create(**values | changes)
    SessionItem.objects.create(session=session, item_ref="U", description="canary", amount="5")
    WebhookEvent.objects.create(
        account=session.account,
        key=f"canary-{number}",
        session=session,
        client_customer_ref=PAYER,
        body=b"canary",
        processed_at=timezone.now(),
    )
    return session


def what_is_left() -> list[object]:
    """Return whatever still tells of the payer."""
    sessions = PaymentSession.objects.filter(client_customer_ref=PAYER)
    events = WebhookEvent.objects.filter(client_customer_ref=PAYER)
    return [
        *sessions,
        *events,
        *WebhookEvent.objects.exclude(body=b""),
        *SessionItem.objects.exclude(description=""),
        *PaymentSession.objects.filter(anonymised_at=None),
    ]


@pytest.mark.slow
def test_a_payer_is_named_by_the_user_or_the_reference_and_all_is_told_in_one_line() -> None:
    payer = User.objects.create(username="payer")
    make_session(1, payer=payer)
    make_session(2)

    looked = shell("redpin_anonymise", "--payer", str(payer.pk), "--dry-run")
    done = shell("redpin_anonymise", "--payer", str(payer.pk))
    rest = shell("redpin_anonymise", "--customer-ref", PAYER, "--account", "default")

    counts = "sessions 1, events 1, recipients 0.\n"
    assert [each.stdout for each in (looked, done, rest)] == [
        f"Would anonymise: {counts}",
        f"Anonymised: {counts}",
        f"Anonymised: {counts}",
    ]
    assert [each.returncode for each in (looked, done, rest)] == [0, 0, 0]
    assert what_is_left() == []


@pytest.mark.slow
def test_what_has_to_stay_is_listed_and_the_exit_code_says_so() -> None:
    make_session(1)
    make_session(2, state="open")

    done = shell("redpin_anonymise", "--customer-ref", PAYER)

    assert done.returncode == 1
    assert "Anonymised: sessions 1, events 1, recipients 0.\n" in done.stdout
    assert "Left: order-2: it is not over" in done.stdout
    assert done.stderr == "CommandError: 1 left as they are.\n"
    assert PAYER not in done.stdout + done.stderr


@pytest.mark.slow
def test_one_session_is_named_by_its_reference_and_its_account_where_two_have_it() -> None:
    make_session(1)
    make_session(1, account="gulf", session_id=None)

    both = shell("redpin_anonymise", "--session", "order-1")
    one = shell("redpin_anonymise", "--session", "order-1", "--account", "gulf")

    assert both.returncode == 2
    assert "add --account. They are default, gulf." in both.stderr
    assert one.returncode == 0
    assert PaymentSession.objects.get(anonymised_at=None).account == "default"


@pytest.mark.slow
def test_a_payee_is_named_by_its_key() -> None:
    payee = Recipient.objects.create(name="canary", bank_details={"iban": IBAN})

    done = shell("redpin_anonymise", "--recipient", str(payee.pk))

    assert (done.returncode, done.stdout) == (
        0,
        "Anonymised: sessions 0, events 0, recipients 1.\n",
    )
    payee.refresh_from_db()
    assert payee.bank_details == {}


def said(*arguments: str) -> str:
    """Return what the command says, run in this process."""
    out = StringIO()
    call_command("redpin_anonymise", *arguments, stdout=out)
    return out.getvalue()


def test_each_way_to_name_somebody_leads_to_their_rows_and_to_no_others() -> None:
    payer = User.objects.create(username="payer")
    make_session(1, payer=payer, client_customer_ref="of-the-user")
    make_session(2, client_customer_ref="of-a-session")
    make_session(3)
    payee = Recipient.objects.create(name="canary", bank_details={"iban": IBAN})
    Recipient.objects.create(name="another", bank_details={"iban": IBAN})

    assert said("--payer", str(payer.pk)) == "Anonymised: sessions 1, events 1, recipients 0.\n"
    assert said("--session", "order-2") == "Anonymised: sessions 1, events 1, recipients 0.\n"
    assert PaymentSession.objects.get(anonymised_at=None).client_reference_id == "order-3"
    one = ("--recipient", str(payee.pk))
    assert said(*one, "--dry-run") == "Would anonymise: sessions 0, events 0, recipients 1.\n"
    assert said(*one) == "Anonymised: sessions 0, events 0, recipients 1.\n"
    payee.refresh_from_db()
    assert payee.bank_details == {}
    assert Recipient.objects.get(name="another").bank_details == {"iban": IBAN}


def test_of_a_reference_that_two_accounts_have_the_account_has_to_be_named() -> None:
    make_session(1)
    make_session(1, account="gulf", session_id=None)

    with pytest.raises(CommandError, match="They are default, gulf") as raised:
        said("--session", "order-1")
    assert raised.value.returncode == 2
    assert not PaymentSession.objects.exclude(anonymised_at=None).exists()
    assert said("--session", "order-1", "--account", "gulf").startswith("Anonymised: sessions 1,")
    assert PaymentSession.objects.get(anonymised_at=None).account == "default"


def test_what_has_to_stay_is_listed_however_quiet_the_command_is_asked_to_be() -> None:
    make_session(1)
    make_session(2, state="open")
    out = StringIO()

    with pytest.raises(CommandError, match=r"^1 left as they are\.$") as raised:
        call_command("redpin_anonymise", "--customer-ref", PAYER, verbosity=0, stdout=out)

    assert raised.value.returncode == 1
    assert out.getvalue().startswith("Left: order-2: it is not over")
    assert out.getvalue().count("\n") == 1
    assert PAYER not in out.getvalue()


def test_what_the_bounds_leave_ends_with_1_and_says_so() -> None:
    for number in range(3):
        make_session(number)

    with pytest.raises(CommandError, match="run it again") as raised:
        call_command("redpin_anonymise", "--customer-ref", PAYER, "--limit", "2")
    assert raised.value.returncode == 1
    call_command("redpin_anonymise", "--customer-ref", PAYER)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "one of the arguments"),
        (("--payer", "1", "--session", "x"), "not allowed with"),
        (("--payer", "7777"), "There is no such user"),
        (("--payer", "x"), "There is no such user"),
        (("--session", "x"), "There is no such session"),
        (("--recipient", "7777"), "There is no such recipient"),
        (("--customer-ref", "x", "--limit", "0"), "no whole number above 0"),
        (("--customer-ref", ""), "invalid reference"),
    ],
)
def test_who_is_named_wrongly_is_told(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        call_command("redpin_anonymise", *arguments)


@pytest.mark.slow
def test_a_wrong_name_ends_without_a_traceback_and_nothing_to_do_is_no_failure() -> None:
    wrong = shell("redpin_anonymise", "--session", "x")
    nobody = shell("redpin_anonymise", "--customer-ref", "nobody")

    assert (wrong.returncode, wrong.stderr) == (2, "CommandError: There is no such session.\n")
    assert (nobody.returncode, nobody.stderr) == (0, "")


@pytest.mark.slow
def test_encrypting_without_a_key_fails_and_names_the_cure() -> None:
    done = shell("redpin_encrypt")

    assert done.returncode == 1
    assert "REDPIN['BANK_DETAILS_KEYS'] has no key" in done.stderr
    assert "Traceback" not in done.stderr


def killed_at_every_step(work: Callable[[], object], prepare: Callable[[], object]) -> int:
    """Kill the work after each of its effects, and do it once more; return how many it has."""
    effect = 0
    while True:
        effect += 1
        prepare()
        effects = run_until(effect, work)
        if effects is not None:
            return effects
        work()


@pytest.mark.slow
@NEEDS_FORK
def test_killed_anywhere_and_run_again_nothing_of_the_payer_is_left() -> None:
    def prepare() -> None:
        assert what_is_left() == []
        for model in (WebhookEvent, SessionItem, PaymentSession):
            model.objects.all().delete()
        make_session(1)
        make_session(2)
        WebhookEvent.objects.create(
            account="default",
            key="stray",
            client_customer_ref=PAYER,
            body=b"canary",
            processed_at=timezone.now(),
        )

    def work() -> None:
        call_command("redpin_anonymise", "--customer-ref", PAYER, verbosity=0)

    assert killed_at_every_step(work, prepare) > 5
    assert what_is_left() == []


@pytest.mark.slow
@NEEDS_FORK
def test_killed_anywhere_and_run_again_all_is_encrypted_and_nothing_lost(
    settings: Settings,
) -> None:
    old, new = (Fernet.generate_key().decode() for _ in range(2))

    def under(*keys: str) -> None:
        settings.REDPIN = {**settings.REDPIN, "BANK_DETAILS_KEYS": [*keys]}

    def check() -> None:
        under(new)
        rows = list(Recipient.objects.all())
        assert [row.bank_details for row in rows] == [{"iban": IBAN}] * len(rows)
        under()
        assert all(isinstance(row.bank_details, Sealed) for row in Recipient.objects.all())

    def prepare() -> None:
        check()
        Recipient.objects.all().delete()
        Recipient.objects.create(name="plain", bank_details={"iban": IBAN})
        under(old)
        Recipient.objects.create(name="old", bank_details={"iban": IBAN})
        under(new, old)

    def work() -> None:
        call_command("redpin_encrypt", verbosity=0)

    assert killed_at_every_step(work, prepare) > 3
    check()
