"""The hosted page as a person and as an attacker meets it, without cookies and scripts."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.utils import timezone

from django_redpin.sandbox import codes, tokens
from django_redpin.sandbox.courier import deliver_due
from django_redpin.sandbox.models import OneTimeCode, Payment, Session

from .browser import Browser
from .conftest import Program, amount

ORIGINS = ["https://merchant.example", "com.example.app"]


@pytest.fixture
def browser(program: Program) -> Browser:
    """Somebody on a page that asks for a one-time code."""
    return Browser(program.session())


@pytest.fixture
def trusted(program: Program) -> Browser:
    """Somebody on a page that asks for none, because the session has allowed origins."""
    return Browser(program.session(allowed_origins=ORIGINS))


def expire(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(expires_at=timezone.now())


def test_a_person_pays_with_a_one_time_code(browser: Browser) -> None:
    assert list(browser.forms) == ["send-code"]
    browser.submit("send-code")
    assert set(browser.forms) == {"verify-code", "send-code"}
    assert browser.forms["verify-code"].fields == {"code"}
    browser.submit("verify-code", code=browser.code())
    assert browser.title == "Review and pay"
    assert browser.forms["review"].fields == {"pay_from", "action"}
    browser.pay("GBP")
    assert browser.title == "Your payment is on its way"
    assert "Waiting for your funds" in browser.html
    assert 'http-equiv="refresh"' in browser.html
    assert list(browser.forms) == ["cancel"]
    deliver_due(timezone.now() + timedelta(hours=1))
    browser.open()
    assert browser.title == "Payment completed"
    assert 'http-equiv="refresh"' not in browser.html


def test_with_allowed_origins_no_code_is_asked_for(trusted: Browser) -> None:
    assert trusted.title == "Review and pay"
    trusted.pay()
    assert Payment.objects.get().status == "PROCESSING"


def test_the_review_shows_what_is_paid(program: Program) -> None:
    browser = Browser(
        program.session(
            allowed_origins=ORIGINS,
            client_reference_id="order-77",
            due_date="2099-12-24",
            recipient_details=[
                {"recipient_id": "12345", "amount": amount(Decimal("240000.50"))},
                {
                    "name": "<b>Agent</b> & Sons",
                    "type": "Corporate",
                    "country_code": "ARE",
                    "recipient_bank_details": {"iban": "AE070331234567890123456"},
                    "amount": amount(Decimal("9999.50")),
                },
            ],
            items=[{"item_ref": "U-1", "description": "Deposit", "amount": amount(250000)}],
        )
    )
    html = browser.html
    for shown in (
        "AED\xa0250,000.00",
        "AED\xa0240,000.50",
        "AED\xa09,999.50",
        "Recipient <bdi>12345</bdi>",
        "&lt;b&gt;Agent&lt;/b&gt; &amp; Sons",
        "3456",
        "Deposit",
        "U-1",
        "December 24, 2099",
        "PROPERTY_PURCHASE",
        "order-77",
        "1 GBP = 4.663974 AED",
        " UTC</bdi>.",
    ):
        assert shown in html
    assert "AE0703" not in html
    assert "<b>Agent" not in html


def test_the_page_says_that_no_money_is_real(browser: Browser) -> None:
    assert "Sandbox: no real money" in browser.html


def test_the_page_may_be_framed_and_runs_no_inline_script(browser: Browser) -> None:
    response = browser.response
    assert "X-Frame-Options" not in response
    policy = response["Content-Security-Policy"]
    assert "frame-ancestors" not in policy
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert not response.cookies
    assert response["Cache-Control"] == "no-store"
    assert response["Referrer-Policy"] == "no-referrer"
    for forbidden in ("<script>", "style=", "onclick"):
        assert forbidden not in browser.html


def test_web_origins_are_the_only_ones_that_may_frame(trusted: Browser) -> None:
    policy = trusted.response["Content-Security-Policy"]
    assert policy.endswith("; frame-ancestors https://merchant.example")


def test_an_unknown_key_is_not_found(db: None) -> None:
    for key in ("nothing", "a" * 500, "\u2603"):
        for response in (Client().get(f"/pay/{key}/"), Client().post(f"/pay/{key}/")):
            assert response.status_code == 404
            assert "There is no such payment session" in response.content.decode()


# --- one-time codes


def test_a_wrong_code_is_told_and_the_right_one_still_works(browser: Browser) -> None:
    browser.submit("send-code")
    browser.submit("verify-code", code=browser.wrong_code())
    assert browser.status == 422
    assert "That code is not right" in browser.html
    browser.submit("verify-code", code=browser.code())
    assert browser.title == "Review and pay"


@pytest.mark.parametrize("entered", ["", "12345", "abcdef", "١٢٣٤٥٦", "9" * 10_000, "\x00"])
def test_garbage_is_a_wrong_code(browser: Browser, entered: str) -> None:
    browser.submit("send-code")
    browser.submit("verify-code", code=entered)
    assert browser.status == 422
    assert "review" not in browser.forms


def test_a_code_may_be_typed_with_a_space(browser: Browser) -> None:
    browser.submit("send-code")
    code = browser.code()
    browser.submit("verify-code", code=f" {code[:3]} {code[3:]} ")
    assert browser.title == "Review and pay"


def test_five_wrong_tries_spend_the_code(browser: Browser) -> None:
    browser.submit("send-code")
    form = browser.forms["verify-code"]
    for _ in range(5):
        browser.send(form, code=browser.wrong_code())
    assert "tried too often" in browser.html
    browser.send(form, code=browser.code())
    assert browser.status == 422
    assert "tried too often" in browser.html
    browser.submit("send-code")
    browser.submit("verify-code", code=browser.code())
    assert browser.title == "Review and pay"


def test_asking_again_does_not_buy_unlimited_guesses(browser: Browser) -> None:
    for _ in range(6):
        browser.submit("send-code")
    assert browser.status == 429
    assert "Too many codes were sent" in browser.html
    assert OneTimeCode.objects.count() == 5


def test_an_old_code_does_not_count(browser: Browser) -> None:
    browser.submit("send-code")
    form = browser.forms["verify-code"]
    OneTimeCode.objects.update(expires_at=timezone.now())
    browser.send(form, code=browser.code())
    assert browser.status == 422
    assert "too old" in browser.html


def test_only_the_newest_code_counts(browser: Browser) -> None:
    browser.submit("send-code")
    OneTimeCode.objects.update(code="000000")
    browser.submit("send-code")
    OneTimeCode.objects.filter(pk=OneTimeCode.objects.all()[0].pk).update(code="111111")
    browser.submit("verify-code", code="000000")
    assert browser.status == 422


def test_a_code_of_another_session_does_not_count(program: Program) -> None:
    one, other = Browser(program.session()), Browser(program.session())
    one.submit("send-code")
    other.submit("send-code")
    OneTimeCode.objects.filter(session=one.session).update(code="000000")
    OneTimeCode.objects.filter(session=other.session).update(code="111111")
    one.submit("verify-code", code="111111")
    assert one.status == 422


def test_pressing_continue_twice_lets_in_once_more(browser: Browser) -> None:
    browser.submit("send-code")
    form, code = browser.forms["verify-code"], browser.code()
    browser.send(form, code=code)
    browser.send(form, code=code)
    assert browser.title == "Review and pay"


def test_a_used_code_lets_nobody_else_in(browser: Browser) -> None:
    browser.submit("send-code")
    code = browser.code()
    # Another browser has the page open too, and sees the code over somebody's shoulder.
    other = Browser(browser.session)
    form = other.forms["verify-code"]
    browser.submit("verify-code", code=code)
    other.send(form, code=code)
    assert other.status == 422
    assert "review" not in other.forms


def test_another_browser_must_enter_a_code_of_its_own(browser: Browser) -> None:
    browser.enter()
    other = Browser(browser.session)
    assert list(other.forms) == ["send-code"]
    other.enter()
    assert other.title == "Review and pay"


# --- forged, foreign and stale tokens


def test_a_post_without_a_good_token_does_nothing(browser: Browser, program: Program) -> None:
    browser.enter()
    form = browser.forms["review"]
    foreign = Browser(program.session(allowed_origins=ORIGINS)).forms["review"].hidden["token"]
    good = form.hidden["token"]
    for token in ("", "x", good[:-1], good + "x", foreign, signing.dumps({"step": "review"}), "é"):
        form.hidden = {"token": token}
        browser.send(form, action="pay", pay_from="AED")
        assert browser.status == 403
        assert "Nothing was done" in browser.html
    assert not Payment.objects.exists()


def test_a_token_of_one_step_does_not_fit_another(browser: Browser) -> None:
    browser.submit("send-code")
    form = browser.forms["send-code"]
    browser.send(form, code=browser.code(), action="pay", pay_from="AED")
    assert not Payment.objects.exists()
    assert "review" not in browser.forms


def test_a_review_token_made_before_the_code_does_not_pay(browser: Browser) -> None:
    # Nobody is served such a form; the token says that its browser has no seat.
    token = tokens.new_form_token(browser.session, "review", None)
    form = browser.forms["send-code"]
    form.hidden = {"token": token}
    browser.send(form, action="pay", pay_from="AED")
    assert not Payment.objects.exists()
    assert list(browser.forms) == ["send-code"]


def test_a_forged_or_foreign_seat_is_no_seat(browser: Browser, program: Program) -> None:
    browser.enter()
    seat = browser.address.partition("?seat=")[2]
    other = Browser(program.session())
    form_token = other.forms["send-code"].hidden["token"]
    for forged in (seat, "1", form_token, "", "%FF", "a" * 5000):
        other.open(f"/pay/{other.session.key}/?seat={forged}")
        assert "review" not in other.forms


def test_a_seat_whose_code_was_never_used_is_no_seat(browser: Browser) -> None:
    browser.submit("send-code")
    unused = OneTimeCode.objects.get()
    seat = tokens.seat_token(browser.session, unused.pk)
    browser.open(f"/pay/{browser.session.key}/?seat={seat}")
    assert "review" not in browser.forms


def test_a_form_of_a_seat_that_is_no_more_does_nothing(browser: Browser) -> None:
    browser.enter()
    form = browser.forms["review"]
    OneTimeCode.objects.all().delete()
    browser.send(form, action="pay", pay_from="AED")
    assert browser.status == 403
    assert not Payment.objects.exists()


def test_a_code_that_is_used_elsewhere_in_the_same_moment_lets_nobody_in(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.submit("send-code")
    form, code = browser.forms["verify-code"], browser.code()
    rows = OneTimeCode.objects.all()

    class Fits:
        def __bool__(self) -> bool:
            """Be true, but only once somebody else has entered the code."""
            rows.update(used_at=timezone.now(), used_by="another")
            return True

    monkeypatch.setattr(codes, "secrets", SimpleNamespace(compare_digest=lambda *given: Fits()))
    browser.send(form, code=code)
    assert "review" not in browser.forms
    assert rows.get().used_by == "another"


def test_old_tokens_do_not_count(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    browser.enter()
    form, address = browser.forms["review"], browser.address
    monkeypatch.setattr(tokens, "FORM_SECONDS", -1)
    browser.send(form, action="pay", pay_from="AED")
    assert browser.status == 403
    monkeypatch.setattr(tokens, "SEAT_SECONDS", -1)
    browser.open(address)
    assert list(browser.forms) == ["send-code"]
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (b"\x00\xff" * 100, "application/x-www-form-urlencoded"),
        (b"garbage", "multipart/form-data; boundary=x"),
        (b"garbage", "multipart/form-data"),
        (b"{}", "application/json"),
        (b"a=1&" * 3000, "application/x-www-form-urlencoded"),
        (b"a=" + b"b" * 3_000_000, "application/x-www-form-urlencoded"),
    ],
)
def test_posted_garbage_does_nothing(trusted: Browser, data: bytes, content_type: str) -> None:
    response = Client().post(trusted.address, data, content_type=content_type)
    assert response.status_code == 403
    assert "Nothing was done" in response.content.decode()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "pay"},
        {"action": "pay", "pay_from": "XXX"},
        {"action": "steal", "pay_from": "AED"},
        {"pay_from": "AED"},
    ],
)
def test_a_review_that_does_not_say_what_to_do_is_asked_again(
    trusted: Browser, fields: dict[str, Any]
) -> None:
    trusted.submit("review", **fields)
    assert trusted.status == 422
    assert "Choose a currency" in trusted.html
    assert not Payment.objects.exists()


# --- paying, leaving, cancelling, expiring


def test_pressing_pay_twice_makes_one_payment(trusted: Browser) -> None:
    form = trusted.forms["review"]
    trusted.send(form, action="pay", pay_from="AED")
    trusted.send(form, action="pay", pay_from="GBP")
    assert Payment.objects.get().sell_currency == "AED"
    assert trusted.title == "Your payment is on its way"


def test_cancel_on_the_review_begins_nothing_and_can_be_thought_over(browser: Browser) -> None:
    browser.enter()
    browser.submit("review", action="cancel")
    assert browser.title == "You have not paid"
    assert not Payment.objects.exists()
    browser.open(browser.address.replace("left=1&", ""))
    browser.pay()
    assert Payment.objects.exists()


def test_a_payment_is_cancelled_while_its_money_waits(browser: Browser) -> None:
    browser.enter()
    browser.pay("GBP")
    form = browser.forms["cancel"]
    browser.submit("cancel")
    assert browser.title == "Payment cancelled"
    assert Payment.objects.get().status == "CANCELLED"
    browser.send(form)
    assert browser.title == "Payment cancelled"


def test_where_there_is_no_payment_a_cancel_leads_back_to_the_review(browser: Browser) -> None:
    browser.enter()
    review = browser.forms["review"]
    seat = OneTimeCode.objects.get().pk
    review.hidden = {"token": tokens.new_form_token(browser.session, "cancel", seat)}
    browser.send(review)
    assert "review" in browser.forms
    assert not Payment.objects.exists()


def test_a_cancel_that_comes_too_late_is_told_so(trusted: Browser) -> None:
    trusted.pay()
    form = trusted.forms["cancel"]
    deliver_due(timezone.now() + timedelta(seconds=10))
    trusted.open()
    assert "cancel" not in trusted.forms
    trusted.send(form)
    assert "It is too late to cancel" in trusted.html
    assert Payment.objects.get().status == "PAYOUT_INITIATED"


def test_a_completed_payment_is_not_cancelled(trusted: Browser) -> None:
    trusted.pay()
    form = trusted.forms["cancel"]
    deliver_due(timezone.now() + timedelta(hours=1))
    trusted.send(form)
    assert trusted.title == "Payment completed"


def test_an_expired_session_is_gone(browser: Browser, trusted: Browser) -> None:
    for visitor in (browser, trusted):
        expire(visitor.session)
        visitor.open()
        assert visitor.status == 410
        assert visitor.title == "This payment session has ended"
        assert visitor.forms == {}


def test_nothing_can_be_done_on_a_page_that_expires_mid_way(browser: Browser) -> None:
    send = browser.forms["send-code"]
    browser.submit("send-code")
    verify, code = browser.forms["verify-code"], browser.code()
    expire(browser.session)
    browser.send(verify, code=code)
    assert browser.status == 410
    browser.send(send)
    assert browser.status == 410
    assert OneTimeCode.objects.get().used_at is None


def test_pay_is_refused_once_the_session_has_expired(browser: Browser) -> None:
    browser.enter()
    form = browser.forms["review"]
    expire(browser.session)
    browser.send(form, action="pay", pay_from="AED")
    assert browser.status == 410
    assert not Payment.objects.exists()


def test_a_payment_begun_in_time_stays_visible_to_its_payer_only(browser: Browser) -> None:
    browser.enter()
    browser.pay()
    expire(browser.session)
    browser.open()
    assert browser.title == "Your payment is on its way"
    assert Browser(browser.session).status == 410


def test_a_paid_session_without_exchange_rate_is_paid_as_it_is(program: Program) -> None:
    browser = Browser(
        program.session(
            allowed_origins=ORIGINS,
            amount=amount(5, "CLF"),
            recipient_details=[{"recipient_id": "1", "amount": amount(5, "CLF")}],
        )
    )
    assert "The rates are made up" not in browser.html
    browser.pay("CLF")
    assert Payment.objects.get().sell.value == Decimal("5.0000")


# --- the sandbox's own pages


def test_the_index_links_to_every_hosted_page(program: Program) -> None:
    sessions = [program.session() for _ in range(3)]
    expire(sessions[0])
    Browser(sessions[1])
    html = Client().get("/").content.decode()
    for session in sessions:
        assert f"/pay/{session.key}/" in html
        assert session.client_reference_id in html
    assert "expired" in html
    assert "/outbox/" in html


def test_the_outbox_shows_the_newest_message_first(browser: Browser) -> None:
    assert "Nothing was sent yet" in Client().get("/outbox/").content.decode()
    browser.submit("send-code")
    browser.submit("send-code")
    html = Client().get("/outbox/").content.decode()
    newest, older = OneTimeCode.objects.all()
    sent = f'data-otp-session="{browser.session.session_id}"'
    assert html.count(sent) == 2
    first, second = (part[1:7] for part in html.split(sent)[1:])
    assert (first, second) == (newest.code, older.code)


def test_an_empty_sandbox_says_what_to_do(db: None) -> None:
    assert "No session yet" in Client().get("/").content.decode()


def test_the_health_check_says_ok() -> None:
    response = Client().get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")


def test_an_unknown_address_gets_a_page(db: None) -> None:
    response = Client().get("/nothing-here")
    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()
