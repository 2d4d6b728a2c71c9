"""Tuition is paid on a page of Wagtail's, over HTTP, at the sandbox."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from django_redpin.models import PaymentSession, StatusTransition
from django_redpin.services import release_from_review
from django_redpin.services.sweeps import dispatch_due_transitions
from example_project.demo.pages import Browser, Form, Page, PageProblem
from tests.integration.sandbox import Sandbox
from tests.real.parts import wait_for

from .tuition import payments, receivers
from .tuition.models import TuitionPage, TuitionPayment

pytestmark = pytest.mark.django_db(transaction=True)


def send_form(browser: Browser, url: str, **changes: str) -> Page:
    form = browser.open(url).form(holding="student")
    return browser.submit(form, **{"student": "Noor Haddad", "number": "S-20417", **changes})


@pytest.fixture
def url(course: TuitionPage, live_server: LiveServer) -> str:
    return f"{live_server.url}/marine-engineering/"


def only_payment() -> TuitionPayment:
    return TuitionPayment.objects.select_related("session").get()


def finish(sandbox: Sandbox, **last: str) -> None:
    session = only_payment().session
    assert session is not None
    sandbox.tell(session, "pay")
    if last:
        sandbox.tell(session, "status", **last)
    else:
        sandbox.tell(session, "finish")


def test_tuition_is_paid_on_its_page(url: str, sandbox: Sandbox) -> None:
    page = send_form(Browser(), url)
    session = only_payment().session
    assert session is not None
    assert session.money.amount == Decimal("18500.00")
    assert page.frames == [session.session_url]

    sandbox.pay(page.frames[0])
    sandbox.tell(session, "finish")
    wait_for(lambda: only_payment().paid_at)

    assert 'data-redpin-view="paid"' in Browser().open(page.url).html


def test_the_page_to_pay_on_is_kept_by_no_cache(url: str, client: Client) -> None:
    page = send_form(Browser(), url)

    path = "/" + page.url.split("/", 3)[3]
    answer = client.get(path, headers={"host": "localhost"})

    assert answer.headers["Cache-Control"] == "no-store, private"
    assert "frame-src" in answer.headers["Content-Security-Policy"]


def test_a_form_that_is_sent_twice_begins_one_payment(url: str, course: TuitionPage) -> None:
    browser = Browser()
    form = browser.open(url).form(holding="student")
    pages = [browser.submit(form, student="Noor Haddad", number="S-20417") for _ in range(2)]

    assert pages[0].url == pages[1].url
    assert PaymentSession.objects.count() == TuitionPayment.objects.count() == 1


def test_a_form_that_is_sent_again_another_day_finds_the_payment_that_it_began(
    url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser()
    form = browser.open(url).form(holding="student")
    first = browser.submit(form, student="Noor Haddad", number="S-20417")
    finish(sandbox)
    wait_for(lambda: only_payment().paid_at)
    later = timezone.now().date() + timedelta(days=15)
    monkeypatch.setattr(payments, "_due_date", lambda: later)

    again = browser.submit(form, student="Noor Haddad", number="S-20417")

    assert again.url == first.url
    assert only_payment().paid_at


def test_a_payment_that_was_begun_and_cut_off_is_found_another_day(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Browser()
    form = browser.open(url).form(holding="student")
    first = browser.submit(form, student="Noor Haddad", number="S-20417")
    TuitionPayment.objects.update(session=None)
    later = timezone.now().date() + timedelta(days=15)
    monkeypatch.setattr(payments, "_due_date", lambda: later)

    again = browser.submit(form, student="Noor Haddad", number="S-20417")

    assert again.frames == first.frames
    assert only_payment().session == PaymentSession.objects.get()


def test_a_form_that_is_sent_for_another_student_begins_another_payment(url: str) -> None:
    browser = Browser()
    form = browser.open(url).form(holding="student")
    first = browser.submit(form, student="Noor Haddad", number="S-20417")
    second = browser.submit(form, student="Sami Haddad", number="S-20418")

    assert first.url != second.url
    assert [*TuitionPayment.objects.order_by("student").values_list("student", flat=True)] == [
        "Noor Haddad",
        "Sami Haddad",
    ]


def test_a_new_price_is_for_those_who_have_not_begun(url: str, course: TuitionPage) -> None:
    first = send_form(Browser(), url)
    course.amount = Decimal("21000.00")
    course.save_revision().publish()
    send_form(Browser(), url)

    amounts = PaymentSession.objects.order_by("pk").values_list("amount", flat=True)
    assert list(amounts) == [Decimal("18500.00"), Decimal("21000.00")]
    assert Browser().open(first.url).frames


def test_a_preview_in_the_editor_begins_no_payment(course: TuitionPage) -> None:
    answer = course.make_preview_request()

    assert answer.status_code == 200
    assert not PaymentSession.objects.exists()


def test_a_cancelled_payment_is_started_again_on_the_page(url: str, sandbox: Sandbox) -> None:
    browser = Browser()
    page = send_form(browser, url)
    finish(sandbox, status="CANCELLED", reason="Changed my mind")
    wait_for(lambda: PaymentSession.objects.filter(payment_status="CANCELLED").exists())
    [form] = [form for form in browser.open(page.url).forms if form.url.endswith("/again/")]

    again = browser.submit(form)
    assert again.frames != page.frames
    finish(sandbox)

    wait_for(lambda: only_payment().paid_at)
    assert PaymentSession.objects.count() == 2


def test_a_refund_is_noted_once_it_was_paid(url: str, sandbox: Sandbox) -> None:
    send_form(Browser(), url)
    finish(sandbox)
    wait_for(lambda: only_payment().paid_at)
    session = only_payment().session
    assert session is not None

    sandbox.tell(session, "status", status="REFUNDED")

    wait_for(lambda: only_payment().refunded_at)


def test_a_payment_that_is_told_after_its_refund_pays_nothing(
    url: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_form(Browser(), url)
    completed = StatusTransition.objects.filter(to_value="PAYMENT_COMPLETED")
    with monkeypatch.context() as broken:
        broken.setattr(receivers, "_payment", lambda session: 1 / 0)
        finish(sandbox)
        wait_for(lambda: completed.exclude(last_error="").exists())
    session = only_payment().session
    assert session is not None
    sandbox.tell(session, "status", status="REFUNDED")
    wait_for(lambda: StatusTransition.objects.filter(to_value="REFUNDED", outcome="told").exists())

    # That a payment was refunded after its end is new: the rest is held until somebody has looked.
    release_from_review(PaymentSession.objects.get(pk=session.pk))
    completed.update(outcome="pending", next_attempt_at=timezone.now(), leased_until=None)
    dispatch_due_transitions()

    assert completed.get().outcome == "told"
    assert only_payment().paid_at is None


def test_what_was_refunded_is_not_paid_again_on_its_page(url: str, sandbox: Sandbox) -> None:
    browser = Browser()
    page = send_form(browser, url)
    finish(sandbox)
    wait_for(lambda: only_payment().paid_at)
    session = only_payment().session
    assert session is not None
    sandbox.tell(session, "status", status="REFUNDED")
    wait_for(lambda: only_payment().refunded_at)
    assert release_from_review(PaymentSession.objects.get())

    page = browser.open(page.url)
    assert [form for form in page.forms if form.url.endswith("/again/")] == []
    token = browser.open(url).form(holding="student").values["csrfmiddlewaretoken"]
    browser.submit(Form(f"{page.url}again/", "post", "", {"csrfmiddlewaretoken": token}))
    assert PaymentSession.objects.count() == 1


def test_a_payment_of_another_page_is_not_shown(url: str, course: TuitionPage) -> None:
    send_form(Browser(), url)
    other = TuitionPage(title="Other", slug="other", amount=Decimal(10), currency="AED")
    course.get_parent().add_child(instance=other)

    with pytest.raises(PageProblem, match="404"):
        Browser().open(f"{url.replace('marine-engineering', 'other')}pay/{only_payment().pk}/")


def test_an_unknown_payment_is_not_shown(url: str) -> None:
    with pytest.raises(PageProblem, match="404"):
        Browser().open(f"{url}pay/{uuid.uuid4()}/")


def test_redpins_refusal_stands_at_the_form(url: str, sandbox: Sandbox, settings: Any) -> None:
    settings.REDPIN = {**settings.REDPIN, "PURPOSES_OF_TRANSACTION": ["PROPERTY_PURCHASE"]}

    with pytest.raises(PageProblem, match="422"):
        send_form(Browser(), url)

    assert not PaymentSession.objects.exists()


def test_what_redpin_has_refused_can_be_sent_again(url: str, sandbox: Sandbox) -> None:
    browser = Browser()
    form = browser.open(url).form(holding="student")
    sandbox.control("faults", call="create", fault="error", status=400, times=1)
    with pytest.raises(PageProblem, match="422"):
        browser.submit(form, student="Noor Haddad", number="S-20417")
    assert not TuitionPayment.objects.exists()

    page = browser.submit(form, student="Noor Haddad", number="S-20418")

    assert page.frames == [only_payment().session.session_url]


def test_an_editor_sets_the_price_in_wagtails_admin(course: TuitionPage, client: Client) -> None:
    editor = get_user_model().objects.create_superuser("editor", "e@example.com", "a-password-1")
    client.force_login(editor)

    answer = client.get(f"/admin/pages/{course.pk}/edit/", headers={"host": "localhost"})

    assert answer.status_code == 200
    assert b'name="amount"' in answer.content
