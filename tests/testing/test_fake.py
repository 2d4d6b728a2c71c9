"""The fake: it plays Redpin's flows, keeps state, begins anew, and touches nothing else."""

from __future__ import annotations

import asyncio
import http.server
import threading
import unittest
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests
import responses
from django.core.cache import cache
from django.test import Client
from moneyed import Money
from pytest_django import Settings

from django_redpin.client import RedpinClient, api, own_site
from django_redpin.client.adapter import BoundedAdapter
from django_redpin.conf import get_account
from django_redpin.exceptions import NotCreatedYet, OutcomeUnknown, SessionRejected
from django_redpin.models import PaymentSession, Recipient, WebhookEvent
from django_redpin.services import (
    Share,
    circuit_states,
    complete_payment_session,
    refresh_payment_session,
)
from django_redpin.testing import SETTINGS, FakeRedpin, encode, make_session
from django_redpin.testing.network import Network

pytestmark = pytest.mark.django_db

TOTAL = Money("250000", "AED")


@pytest.fixture
def payees() -> list[Recipient]:
    return [
        Recipient.objects.create(
            name=name, country_code="ARE", currency="AED", recipient_id=recipient_id
        )
        for name, recipient_id in (("Escrow", "501"), ("Agent", "502"))
    ]


@pytest.fixture
def shared(redpin: FakeRedpin, payees: list[Recipient]) -> PaymentSession:
    first, second = payees
    shares = [Share(first, Money("200000", "AED")), Share(second, Money("50000", "AED"))]
    return make_session(TOTAL, recipients=shares)


def steps(events: list[dict[str, Any]]) -> list[str]:
    told = [event["data"] for event in events]
    return [" ".join(filter(None, (d["status"], d.get("recipient_id")))) for d in told]


def test_a_payment_in_one_currency_goes_the_documented_way(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    assert steps(redpin.complete(shared)) == [
        "PROCESSING",
        *("PAYOUT_INITIATED 501", "PAYOUT_INITIATED 502"),
        *("PAYOUT_CREDITED 501", "PAYOUT_CREDITED 502"),
        "PAYMENT_COMPLETED",
    ]
    assert redpin.complete(shared) == []


def test_a_payment_in_another_currency_is_exchanged(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    redpin.pay(shared, Money("62000", "EUR"))

    events = redpin.complete(shared)

    assert steps(events)[:2] == ["RECEIVED_FUNDS", "FX_COMPLETED"]
    assert events[0]["data"]["amount"]["currency"] == "EUR"
    assert events[1]["data"]["buy_amount"]["currency"] == "AED"
    assert redpin.status_of(shared) == "PAYMENT_COMPLETED"


def test_a_session_is_paid_to_its_end_by_webhooks(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    redpin.complete(shared, post=True)

    assert {posted.outcome for posted in redpin.posted} == {"applied"}
    shared.refresh_from_db()
    assert (shared.state, shared.payment_status) == ("closed", "PAYMENT_COMPLETED")
    assert [share.payout_status for share in shared.shares.all()] == ["PAYOUT_CREDITED"] * 2


def test_without_a_webhook_redpins_list_tells(redpin: FakeRedpin, shared: PaymentSession) -> None:
    redpin.complete(shared)

    assert refresh_payment_session(shared).payment_status == "PAYMENT_COMPLETED"


def test_what_is_skipped_is_not_told_later(
    redpin: FakeRedpin, shared: PaymentSession, payees: list[Recipient]
) -> None:
    redpin.advance(shared, "PAYOUT_CREDITED", recipient=payees[0])

    assert steps(redpin.complete(shared)) == [
        "PAYOUT_INITIATED 502",
        "PAYOUT_CREDITED 502",
        "PAYMENT_COMPLETED",
    ]


def test_one_recipients_money_comes_back_and_the_others_go_on(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    redpin.advance(shared, "PAYOUT_INITIATED", recipient="501")
    bounced = redpin.bounce(shared, "501", "The account is closed", post=True)

    assert bounced["data"]["bounce_reason"] == "The account is closed"
    assert redpin.posted[-1].outcome == "applied"
    assert redpin.refund(shared, Money("200000", "AED"))["data"]["refund_amount"]["value"] == 200000


def test_a_refund_of_nothing_is_not_one_of_all(redpin: FakeRedpin, shared: PaymentSession) -> None:
    redpin.advance(shared, "RECEIVED_FUNDS")

    assert redpin.refund(shared, Money(0, "AED"))["data"]["refund_amount"]["value"] == 0


def test_what_can_not_be_told_has_not_happened(redpin: FakeRedpin, shared: PaymentSession) -> None:
    with pytest.raises(ValueError, match="CANCELLED tells no amount"):
        redpin.advance(shared, "CANCELLED", amount=Money(1, "AED"))

    assert redpin.status_of(shared) == ""


def test_what_failed_while_it_was_to_happen_has_not_happened() -> None:
    clock = iter([0, 1 / 2])  # It stops after the look at the page's end.
    stops = False

    def now() -> datetime:
        if stops:
            next(clock)
        return datetime.now(timezone.utc)

    with FakeRedpin(now=now) as redpin:
        session = make_session()
        stops = True
        next(clock)
        with pytest.raises(StopIteration):
            redpin.pay(session)

        assert redpin.status_of(session) == ""


def test_less_than_was_agreed_calls_for_a_person(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    redpin.advance(shared, "PAYMENT_COMPLETED", amount=Money(1, "AED"), post=True)

    shared.refresh_from_db()
    assert "another amount" in shared.review_reason


def test_a_payment_is_cancelled(redpin: FakeRedpin, shared: PaymentSession) -> None:
    redpin.pay(shared)
    event = redpin.cancel(shared, "Wrong amount", post=True)

    assert event["data"]["reason_description"] == "Wrong amount"
    shared.refresh_from_db()
    assert (shared.state, shared.payment_status) == ("closed", "CANCELLED")


def test_a_way_that_redpin_does_not_document_is_refused(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    redpin.complete(shared)

    with pytest.raises(ValueError, match="no way from PAYMENT_COMPLETED to CANCELLED"):
        redpin.cancel(shared)


def test_a_status_of_tomorrow_can_be_played(redpin: FakeRedpin, shared: PaymentSession) -> None:
    redpin.advance(shared, "A_NEW_ONE", post=True)

    assert redpin.posted[-1].outcome == "unknown_status"


def test_a_session_is_paid_once_and_not_after_its_end(settings: Settings) -> None:
    now = datetime.now(timezone.utc)
    with FakeRedpin(now=lambda: now, lifetime=timedelta(minutes=10)) as redpin:
        paid, late = make_session(), make_session()
        assert paid.expires_at == now.replace(microsecond=0) + timedelta(minutes=10)
        redpin.pay(paid)
        with pytest.raises(ValueError, match="paid already: it is PROCESSING"):
            redpin.pay(paid)
        now += timedelta(minutes=10)
        with pytest.raises(ValueError, match="has expired"):
            redpin.pay(late)


def test_a_session_of_elsewhere_is_named_with_the_cure(shared: PaymentSession) -> None:
    with FakeRedpin() as other:
        with pytest.raises(LookupError, match=r"adopt\(\)"):
            other.pay(shared)
        assert not other.knows(shared)

        other.adopt(shared)

        assert other.knows(shared)
        assert other.status_of(shared) == ""
        other.complete(shared, post=True)
        assert other.posted[-1].outcome == "applied"


def test_a_payment_that_began_elsewhere_goes_on_from_there(
    shared: PaymentSession, redpin: FakeRedpin
) -> None:
    redpin.advance(shared, "PAYOUT_CREDITED", recipient="501", post=True)
    shared.refresh_from_db()

    with FakeRedpin() as other:
        other.adopt(shared)

        assert other.status_of(shared) == "PAYOUT_CREDITED"
        with pytest.raises(ValueError, match="paid already"):
            other.pay(shared)
        assert steps(other.complete(shared, post=True)) == [
            "PAYOUT_INITIATED 502",
            "PAYOUT_CREDITED 502",
            "PAYMENT_COMPLETED",
        ]
        assert {posted.outcome for posted in other.posted} == {"applied"}


def test_a_session_that_is_known_is_not_adopted_anew(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    redpin.pay(shared)

    redpin.adopt(shared)

    assert redpin.status_of(shared) == "PROCESSING"


def test_a_session_without_an_end_is_adopted_too(redpin: FakeRedpin) -> None:
    session = PaymentSession.objects.create(
        customer_id="1", client_reference_id="r", amount=1, currency="AED", due_date="2030-01-01"
    )

    redpin.adopt(session)

    assert redpin.pay(session)["data"]["status"] == "PROCESSING"


def test_a_reference_is_taken_once(redpin: FakeRedpin) -> None:
    make_session(client_reference_id="order-1")
    PaymentSession.objects.update(client_reference_id="another")

    with pytest.raises(SessionRejected) as refused:
        make_session(client_reference_id="order-1")

    assert refused.value.session.last_error_field == "client_reference_id"


def test_purposes_are_redpins_to_know() -> None:
    with FakeRedpin(purposes=("TUITION",)), pytest.raises(SessionRejected, match="TUITION"):
        make_session()


def test_each_start_begins_anew() -> None:
    redpin = FakeRedpin()
    redpin.fail("create", "refused", times=None)
    with redpin:
        session = make_session(client_reference_id="order-1")
    assert len(redpin.creates) == 1  # What was noted stays.

    with redpin:
        assert not redpin.knows(session)
        assert redpin.calls == []
        assert redpin.posted == []


def test_it_is_a_decorator_too() -> None:
    redpin = FakeRedpin()

    @redpin
    def test() -> str:
        return make_session().state

    assert test() == test() == "open"
    assert len(redpin.creates) == 1


def test_an_async_test_has_it_until_its_end() -> None:
    redpin = FakeRedpin()

    @redpin
    async def test() -> str:
        await asyncio.sleep(0)
        RedpinClient(get_account()).require_token()
        return "done"

    assert asyncio.run(test()) == "done"
    assert [call.call for call in redpin.calls] == ["token"]


def test_what_would_run_without_it_is_refused() -> None:
    class Tests(unittest.TestCase):
        """Whose tests nobody would find any more."""

    def fixture() -> Iterator[None]:
        yield

    async def async_fixture() -> AsyncIterator[None]:
        yield

    for wrong in (Tests, fixture, async_fixture):
        with pytest.raises(TypeError, match=f"{wrong.__name__} is none"):
            FakeRedpin()(wrong)


def test_one_within_another_answers_until_it_stops() -> None:
    with FakeRedpin() as outer:
        with FakeRedpin() as inner:
            session = make_session()
        assert inner.knows(session)
        assert outer.calls == []
        assert outer.knows(make_session())


def test_whichever_stops_first_nothing_of_them_is_left() -> None:
    network, providers = BoundedAdapter.carry, api._providers
    first, second = FakeRedpin(), FakeRedpin()
    first.start()
    second.start()

    first.stop()

    assert BoundedAdapter.carry is network
    assert api._providers is providers
    second.stop()
    assert BoundedAdapter.carry is network
    assert api._providers is providers
    with second:
        assert make_session().state == "open"


def test_a_start_that_fails_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    providers, redpin = api._providers, FakeRedpin()
    with monkeypatch.context() as broken:
        broken.setattr(Network, "__enter__", lambda self: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            redpin.start()

    assert api._providers is providers
    with redpin:
        assert make_session().state == "open"


def test_an_exception_within_it_ends_it() -> None:
    network = BoundedAdapter.carry
    with pytest.raises(KeyError), FakeRedpin():
        raise KeyError("of the test")

    assert BoundedAdapter.carry is network


def test_it_does_not_start_twice() -> None:
    with FakeRedpin() as redpin, pytest.raises(RuntimeError, match="runs already"):
        redpin.start()
    redpin.stop()  # It has ended; that does no harm.


class FromSetUp(unittest.TestCase):
    def setUp(self) -> None:
        self.redpin = FakeRedpin()
        self.redpin.start()
        self.addCleanup(self.redpin.stop)

    def test_it_starts_and_stops(self) -> None:
        RedpinClient(get_account()).require_token()

        assert [call.call for call in self.redpin.calls] == ["token"]


def test_outside_of_it_the_network_is_reached_again(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "BASE_URL": "https://127.0.0.1:9", "TOTAL_TIMEOUT": 1}
    settings.REDPIN["TOKEN_URL"] = "https://127.0.0.1:9/token"
    with FakeRedpin():
        make_session()

    with pytest.raises(NotCreatedYet):
        make_session()


@contextmanager
def some_server() -> Iterator[str]:
    """A server of somebody else's, on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(204)
            self.end_headers()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_other_request_of_the_project_is_touched(redpin: FakeRedpin) -> None:
    with some_server() as url:
        assert requests.get(url, timeout=5).status_code == 204
    assert redpin.calls == []


def test_a_post_to_this_site_itself_reaches_it(redpin: FakeRedpin) -> None:
    with some_server() as url:
        seen = own_site.post(f"{url}callback/its-token/", b"{}", {}, seconds=5)

    assert seen.status == 202
    assert redpin.calls == [], "What is noted would have the URL's token in it."


@responses.activate
def test_a_projects_own_use_of_responses_goes_on(redpin: FakeRedpin) -> None:
    responses.get("https://rates.example/", json={"EUR": 4})

    assert make_session().state == "open"
    assert requests.get("https://rates.example/", timeout=5).json() == {"EUR": 4}
    assert len(responses.calls) == 1


def test_no_token_of_the_fakes_gets_into_the_projects_cache(redpin: FakeRedpin) -> None:
    cache.clear()
    before = dict(api._providers)

    make_session()
    redpin.stop()

    assert cache._cache == {}  # type: ignore[attr-defined]  # The one of a process.
    assert dict(api._providers) == before


def test_a_circuit_that_opened_is_closed_for_the_next_test() -> None:
    with FakeRedpin() as redpin:
        redpin.fail("create", "server_error", times=None)
        redpin.fail("list", "server_error", times=None)
        for _ in range(3):
            with pytest.raises((OutcomeUnknown, NotCreatedYet)):
                make_session()
        assert "open" in circuit_states().values()
    with FakeRedpin():
        assert make_session().state == "open"


def test_the_hosted_page_is_where_the_settings_let_frames_be(
    redpin: FakeRedpin, settings: Settings
) -> None:
    settings.REDPIN = {**settings.REDPIN, "HOSTED_PAGE_ORIGINS": ["https://pay.example"]}
    assert make_session().session_url.startswith("https://pay.example/pay/")

    settings.REDPIN = {**settings.REDPIN, "HOSTED_PAGE_ORIGINS": []}
    assert make_session().session_url.startswith("https://pay.redpin.test/pay/")


def test_the_settings_of_the_kit_are_all_that_a_test_needs(settings: Settings) -> None:
    settings.REDPIN = {**SETTINGS}
    with FakeRedpin() as redpin:
        redpin.complete(make_session(), post=True)

    assert redpin.posted[-1].outcome == "applied"


def test_accounts_have_clients_of_their_own(settings: Settings) -> None:
    other = {"CLIENT_ID": "second", "CUSTOMER_ID": "2"}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"second": other}}
    with FakeRedpin() as redpin:
        mine = make_session(client_reference_id="order-1")
        theirs = make_session(client_reference_id="order-1", account="second")
        redpin.complete(theirs, post=True)

        assert redpin.status_of(mine) == ""
        assert {posted.outcome for posted in redpin.posted} == {"applied"}


def test_a_payment_before_its_answer_is_the_accounts_own(settings: Settings) -> None:
    other = {"CLIENT_ID": "second"}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"second": other}}
    with FakeRedpin() as redpin:
        redpin.fail("create", "unreachable", times=None)
        for account in ("default", "second"):
            with pytest.raises(NotCreatedYet):
                make_session(client_reference_id="order-1", account=account)
        redpin.forgive()
        theirs, mine = PaymentSession.objects.order_by("-pk")
        complete_payment_session(theirs)
        redpin.fail("webhook", "before_answer")
        complete_payment_session(mine)

        assert (redpin.status_of(mine), redpin.status_of(theirs)) == ("PROCESSING", "")


def test_a_call_is_noted_with_what_was_sent(redpin: FakeRedpin) -> None:
    make_session(client_customer_ref="CUST_9")

    (create,) = redpin.creates
    assert create.json["client_customer_ref"] == "CUST_9"
    assert (create.method, create.status, create.fault) == ("POST", 201, "")
    assert redpin.calls_of("token")[0].body == b""
    assert repr(redpin) == "<FakeRedpin: 1 sessions, 2 calls>"


def test_payers_are_approved_and_rejected(redpin: FakeRedpin, shared: PaymentSession) -> None:
    assert redpin.decide_payer(shared)["data"]["status"] == "APPROVED"
    redpin.decide_payer(shared, "REJECTED", post=True)

    assert redpin.posted[-1].outcome == "applied"


@pytest.mark.parametrize("status", ["APPROVED", "REJECTED"])
@pytest.mark.parametrize("fault", ["", "amount", "missing_field"])
def test_a_payers_status_is_posted_flat_as_it_is(
    shared: PaymentSession, status: str, fault: str
) -> None:
    with FakeRedpin(envelope="flat") as redpin:
        redpin.adopt(shared)
        if fault:
            redpin.fail("webhook", fault, value={"amount": 1, "missing_field": "session_id"}[fault])
        event = redpin.decide_payer(shared, status, post=True)

    assert bytes(WebhookEvent.objects.get().body) == encode(event)
    assert redpin.posted[-1].outcome == "applied"


def test_a_payer_may_be_decided_about_again_and_again(
    redpin: FakeRedpin, shared: PaymentSession
) -> None:
    for status in ("APPROVED", "REJECTED", "APPROVED"):
        redpin.decide_payer(shared, status, post=True)

    told = [event.status for event in WebhookEvent.objects.order_by("pk")]
    assert told == ["APPROVED", "REJECTED", "APPROVED"]


def test_webhooks_go_through_the_client_that_was_given() -> None:
    class Counting(Client):
        posts = 0

        def post(self, *args: Any, **kwargs: Any) -> Any:
            self.posts += 1
            return super().post(*args, **kwargs)

    client = Counting()
    with FakeRedpin(client=client, envelope="flat") as redpin:
        event = redpin.pay(make_session(), post=True)

    assert client.posts == 1
    assert "event_type" not in event
