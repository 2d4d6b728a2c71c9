"""The hosted page in the payer's language: its words, its direction, its dates and its amounts."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any, Final

import pytest
from django.test import Client
from django.utils import timezone, translation

from django_redpin.sandbox.courier import deliver_due
from django_redpin.sandbox.languages import LANGUAGES, display_date
from django_redpin.sandbox.ledger import Status
from django_redpin.sandbox.models import OneTimeCode, Payment, Session
from tests.languages import PACKAGE, TRANSLATED, sources, untranslated, watch

from .browser import Browser
from .conftest import Program, amount

ORIGINS: Final = ["https://merchant.example"]
LONG_AFTER: Final = timedelta(hours=1)
DATA: Final = (
    *LANGUAGES.values(),
    *("Redpin", "IBAN", "ARE", "PROPERTY_PURCHASE", "CUST_001", "Escrow", "Deposit", "U-1"),
    *("AED", "GBP", "EUR", "USD", "UTC"),
)


class Reader(Browser):
    """Walks through the page in one language, and keeps each page that was shown."""

    def __init__(self, session: Session, language: str) -> None:
        self.seen: list[str] = []
        super().__init__(session)
        self.open(f"{self.address}?lang={language}")

    def open(self, address: str | None = None) -> Any:
        response = super().open(address)
        self.seen.append(self.html)
        return response

    def send(self, form: Any, **fields: str) -> Any:
        response = super().send(form, **fields)
        self.seen.append(self.html)
        return response


def detailed(program: Program) -> Session:
    return program.session(
        allowed_origins=ORIGINS,
        recipient_details=[
            {"recipient_id": "12345", "amount": amount(150000)},
            {
                "name": "Escrow",
                "type": "Corporate",
                "country_code": "ARE",
                "recipient_bank_details": {"account_number": "0012345678"},
                "amount": amount(100000),
            },
        ],
        items=[
            {"item_ref": "U-1", "description": "Deposit", "amount": amount(150000)},
            {"item_ref": "U-1", "description": "Deposit", "amount": amount(100000)},
        ],
    )


def pages(program: Program, language: str) -> list[str]:
    """Walk every way there is through the page, and return all that was shown."""
    code = Reader(program.session(), language)
    form = code.forms["send-code"]
    code.submit("send-code", channel="pigeon")
    code.submit("send-code")
    verify = code.forms["verify-code"]
    OneTimeCode.objects.update(expires_at=timezone.now())
    code.send(verify, code=code.code())
    for _ in range(5):
        code.send(form)
    for _ in range(5):
        code.send(verify, code=code.wrong_code())
    OneTimeCode.objects.all().delete()
    code.send(verify, code="123456")

    paid = Reader(detailed(program), language)
    stale = paid.forms["review"]
    stale.hidden["token"] = "forged"
    paid.send(stale)
    paid.open()
    paid.submit("review", action="pay", pay_from="XXX")
    paid.submit("review", action="cancel")
    paid.open(f"/pay/{paid.session.key}/?lang={language}")
    paid.pay("GBP")
    cancel = paid.forms["cancel"]
    deliver_due(timezone.now() + timedelta(seconds=15))
    paid.send(cancel)
    deliver_due(timezone.now() + LONG_AFTER)
    paid.open()

    one = program.session(allowed_origins=ORIGINS)
    one.items.create(amount_minor=1)
    cancelled = Reader(one, language)
    cancelled.pay()
    cancelled.submit("cancel")

    turned = []
    for status in (Status.BOUNCED_BACK, Status.REFUNDED):
        turned.append(Reader(program.session(allowed_origins=ORIGINS), language))
        turned[-1].pay()
        Payment.objects.filter(session=turned[-1].session).update(status=status)
        turned[-1].open()
    Session.objects.filter(pk=turned[-1].session.pk).update(paused=True)
    Payment.objects.filter(session=turned[-1].session).update(status=Status.PROCESSING)
    turned[-1].open()

    late = Reader(program.session(allowed_origins=ORIGINS), language)
    Session.objects.filter(pk=late.session.pk).update(expires_at=timezone.now())
    late.open()

    missing = Client().get(f"/pay/nothing/?lang={language}").content.decode()
    readers = (code, paid, cancelled, late, *turned)
    return [html for reader in readers for html in reader.seen[1:]] + [missing]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_of_the_page_is_in_the_catalogue(
    program: Program, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    watched = watch(monkeypatch, language)

    pages(program, language)

    # All that is there was asked for, too: no step is missing above.
    assert watched.asked == sources(PACKAGE / "sandbox", language)


def test_no_word_of_the_page_goes_past_the_translator(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch(monkeypatch, "de")

    shown = pages(program, "de")

    assert len(shown) > 25
    for html in shown:
        ids = re.findall(r"order-\d+|\b[0-9a-f-]{36}\b", html)
        assert untranslated(html, *DATA, *ids) == []


# --- which language


def read(address: str, accepted: str = "") -> str:
    headers = {"Accept-Language": accepted} if accepted else {}
    return Client().get(address, headers=headers).content.decode()


@pytest.mark.parametrize(
    ("accepted", "shown", "direction"),
    [
        ("", "en", "ltr"),
        ("de", "de", "ltr"),
        ("ar-AE,ar;q=0.9,en;q=0.8", "ar", "rtl"),
        ("zh-CN,zh;q=0.9", "en", "ltr"),
        ("tlh, *;q=0.1", "en", "ltr"),
        ("\u0000;;q=x", "en", "ltr"),
        ("a" * 5000, "en", "ltr"),
    ],
)
def test_the_browser_says_which_language(
    program: Program, accepted: str, shown: str, direction: str
) -> None:
    html = read(f"/pay/{program.session().key}/", accepted)

    found = re.search(r'<html lang="([^"]+)" dir="([^"]+)"', html)
    assert found is not None
    assert (found[1].partition("-")[0], found[2]) == (shown, direction)


def test_a_region_has_its_own_dates(program: Program) -> None:
    session = program.session(allowed_origins=ORIGINS, due_date="2099-12-24")

    assert "24 December 2099" in read(f"/pay/{session.key}/", "en-GB")
    assert "December 24, 2099" in read(f"/pay/{session.key}/", "en")


@pytest.mark.parametrize("asked", ["xx", "zh-hans", "de-at", "", "../de", "de\x00", "d" * 9999])
def test_a_language_that_there_is_not_is_left_aside(program: Program, asked: str) -> None:
    address = f"/pay/{program.session().key}/"
    response = Client().get(address, {"lang": asked}, headers={"Accept-Language": "fr"})

    assert (response.status_code, response["Content-Language"]) == (200, "fr")
    assert "lang=" not in response.content.decode().partition('action="')[2].partition('"')[0]


def test_the_choice_is_kept_through_the_steps_without_a_cookie(program: Program) -> None:
    browser = Browser(program.session())
    browser.open(f"{browser.address}?lang=ar")
    browser.enter()
    assert '<html lang="ar" dir="rtl"' in browser.html
    browser.pay("GBP")
    assert '<html lang="ar" dir="rtl"' in browser.html
    assert "lang=ar" in browser.address
    assert "seat=" in browser.address
    found = re.search(r'http-equiv="refresh" content="[^"]*"', browser.html)
    assert found is not None
    assert "lang=ar" in found[0]


def test_each_language_is_a_link_that_keeps_the_seat(program: Program) -> None:
    browser = Browser(program.session())
    browser.enter()
    links = dict(re.findall(r'<a href="([^"]+)" lang="(\w+)"', browser.html))

    assert list(links.values()) == list(LANGUAGES)
    assert re.findall(r'lang="(\w+)" hreflang="\w+" aria-current', browser.html) == ["en"]
    for address, language in links.items():
        page = read(address.replace("&amp;", "&"))
        assert f'<html lang="{language}"' in page
        assert 'data-step="review"' in page


@pytest.mark.parametrize(
    ("language", "shown", "rate", "due"),
    [
        ("de", "250.000,00 AED", "1 GBP = 4,663974 AED", "24. Dezember 2099"),
        ("fr", "250\u202f000,00 AED", "1 GBP = 4,663974 AED", "24 décembre 2099"),
        ("es", "250.000,00 AED", "1 GBP = 4,663974 AED", "24 de diciembre de 2099"),
        ("pt", "AED 250.000,00", "1 GBP = 4,663974 AED", "24 de dezembro de 2099"),
        ("ar", "\u200f250,000.00 AED", "1 GBP = 4.663974 AED", "24 ديسمبر 2099"),
    ],
)
def test_amounts_rates_and_dates_have_the_languages_form(
    program: Program, language: str, shown: str, rate: str, due: str
) -> None:
    session = program.session(allowed_origins=ORIGINS, due_date="2099-12-24")
    html = read(f"/pay/{session.key}/?lang={language}").replace("\xa0", " ")

    assert f'<p class="figure"><bdi>{shown}</bdi></p>' in html
    assert rate in html
    assert due in html


@pytest.mark.parametrize(
    "path",
    ["/", "/outbox/", "/faults/", "/log/", "/callbacks/", "/sessions/{key}/control/", "/nothing/"],
)
def test_pages_for_developers_are_in_english_as_a_whole(program: Program, path: str) -> None:
    browser = Browser(program.session())
    browser.submit("send-code", channel="voice")
    response = Client().get(path.format(key=browser.session.key), headers={"Accept-Language": "de"})
    html = response.content.decode()

    assert '<html lang="en" dir="ltr"' in html
    assert response["Content-Language"] == "en"
    assert "Sandbox: no real money" in html
    assert "languages" not in html
    assert not re.search(r"[äöüß]", html)


def test_a_language_that_has_no_dates_of_its_own_has_those_of_the_source() -> None:
    day = date(2026, 12, 24)
    with translation.override("en"):
        english = display_date(day)
    for code in ("tlh", "de-xx"):  # A project's settings may list what nobody else knows.
        with translation.override(code):
            assert display_date(day) == english
