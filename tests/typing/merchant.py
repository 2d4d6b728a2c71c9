"""What a merchant writes, and the types that it has; mypy strict reads it, and so does pyright.

A line that has to be wrong bears an `ignore` with the code of its error: where the error is gone,
the ignore is one too many, and mypy says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from asgiref.sync import sync_to_async
from celery import shared_task
from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.test import TestCase
from django.utils import timezone
from django.utils.safestring import SafeString
from moneyed import Money
from rest_framework.request import Request
from rest_framework.test import APIClient
from typing_extensions import assert_type

from django_redpin.csp import add_redpin_csp, redpin_csp
from django_redpin.decorators import payment_page
from django_redpin.embed import frame_source, payment_session_html, status_url
from django_redpin.exceptions import (
    IdempotencyConflict,
    InvalidPaymentSession,
    OutcomeUnknown,
    RecipientNotConfirmed,
    RedpinError,
    SessionRejected,
)
from django_redpin.forms import RecipientForm, add_faults
from django_redpin.models import (
    PaymentSession,
    Recipient,
    SessionItem,
    SessionRecipient,
    StatusTransition,
    WebhookEvent,
)
from django_redpin.receivers import on
from django_redpin.rest import PaymentSessionCreateView
from django_redpin.services import (
    Anonymised,
    Backlog,
    Fault,
    Item,
    RecipientCheck,
    Reconciled,
    Redriven,
    Share,
    anonymise_payer,
    backlog,
    complete_payment_session,
    create_payment_session,
    reconcile_payment_sessions,
    redrive_events,
    refresh_payment_session,
    register_recipient,
    release_from_review,
    renew_payment_session,
)
from django_redpin.signals import payment_completed
from django_redpin.testing import (
    FAULTS,
    Call,
    FakeRedpin,
    Payload,
    PostedWebhook,
    SignedWebhook,
    encode,
    make_session,
    payment_event,
    payout_events,
    post_webhook,
    settle,
    sign_webhook,
    third_party_event,
)
from django_redpin.testing import Fault as FaultOfACall
from django_redpin.testing.plugin import RedpinWebhook
from django_redpin.webhooks.verifiers import NotVerified, Post, Proof, Verifier

# The settings: plain values under plain names.
REDPIN: dict[str, Any] = {
    "CLIENT_ID": "id",
    "WEBHOOK_SECRETS": ["a-secret-of-at-least-24-bytes"],
    "ACCOUNTS": {"dubai": {"CUSTOMER_ID": "2"}},
}


def checkout(request: HttpRequest, escrow: Recipient, due: date) -> HttpResponse:
    """Create a session, and tell the payer what is wrong."""
    price = Money("250000.00", "AED")
    form = forms.Form(request.POST)
    try:
        session = create_payment_session(
            client_customer_ref="CUST_001",
            amount=price,
            due_date=due,
            purpose_of_transaction="PROPERTY_PURCHASE",
            recipients=[Share(escrow, price)],
            items=[Item("UNIT-1204", "Deposit", price)],
            payer=request.user,
            metadata={"order": 7},
            idempotency_key="order-7",
        )
    except InvalidPaymentSession as error:
        assert_type(error.faults, tuple[Fault, ...])
        assert_type(error.session, PaymentSession | None)
        add_faults(form, error, {"recipient_details": "payee"})
        return render(request, "checkout.html", {"form": form})
    except SessionRejected as error:
        assert_type(error.code, str)
        return HttpResponse(str(error.user_message))
    except OutcomeUnknown as error:
        assert_type(error.retry_after, float | None)
        session = error.session
    except IdempotencyConflict as error:
        session = error.session
    except RedpinError as error:
        assert_type(error.money_may_have_moved, bool)
        assert_type(error.next_step, str)
        raise
    assert_type(session, PaymentSession)
    return JsonResponse({"status": status_url(session)})


def read(session: PaymentSession) -> None:
    """Read a session: columns, what is beside it, and what Django adds."""
    assert_type(session.client_reference_id, str)
    assert_type(session.session_id, str | None)
    assert_type(session.state, str)
    assert_type(session.get_state_display(), str)
    assert_type(session.amount, Decimal)
    assert_type(session.money, Money)
    assert_type(session.due_date, date)
    assert_type(session.expires_at, datetime | None)
    assert_type(session.renews, PaymentSession | None)
    assert_type(session.id, int)
    for share in session.shares.all():
        assert_type(share, SessionRecipient)
        assert_type(share.recipient, Recipient)
        assert_type(share.money, Money)
    for item in session.items.all():
        assert_type(item, SessionItem)
    for transition in session.transitions.all():
        assert_type(transition.event, WebhookEvent | None)
        assert_type(transition.get_outcome_display(), str)
    for event in session.events.all():
        assert_type(event.payload, dict[str, Any])


def verbs(session: PaymentSession, due: date) -> None:
    """Do what can be done with a session, and with what waits."""
    assert_type(complete_payment_session(session), PaymentSession)
    assert_type(refresh_payment_session(session), PaymentSession)
    assert_type(renew_payment_session(session, due_date=due), PaymentSession)
    assert_type(reconcile_payment_sessions(limit=10), Reconciled)
    assert_type(redrive_events(WebhookEvent.objects.all(), dry_run=True), Redriven)
    assert_type(anonymise_payer(session=session), Anonymised)
    assert_type(backlog(), Backlog)
    release_from_review(session, note="looked at")


def payees(recipient: Recipient, decision: str) -> None:
    """Register a payee, and decide about a name that does not fit."""
    try:
        assert_type(register_recipient(recipient), Recipient)
    except RecipientNotConfirmed as error:
        assert_type(error.check, RecipientCheck)
    if recipient.pending_check is not None:
        check = assert_type(recipient.pending_check, RecipientCheck)
        register_recipient(recipient, confirmation=check, customer_action=decision)
    form = RecipientForm({"name": "Escrow"})
    if form.is_valid():
        assert_type(form.save(), Recipient)


@payment_page
def pay(request: HttpRequest, reference: str) -> HttpResponse:
    """Show a session's page."""
    session = PaymentSession.objects.get(client_reference_id=reference)
    html = payment_session_html(session, request=request, mode="redirect", height=700)
    assert_type(html, SafeString)
    assert_type(frame_source(session), str | None)
    return HttpResponse(html)


@on(payment_completed)
@shared_task
def release_keys(transition_id: int) -> None:
    """Do what is to be done once the money is there."""
    transition = StatusTransition.objects.get(pk=transition_id)
    assert_type(transition.session, PaymentSession)


def listen(
    sender: type[PaymentSession],
    session: PaymentSession,
    transition: StatusTransition,
    **kwargs: object,
) -> None:
    """Hear of a payment in the web process or the worker."""


payment_completed.connect(listen)


class Create(PaymentSessionCreateView):
    """A session for an app."""

    def get_session_arguments(self, request: Request, **kwargs: Any) -> Mapping[str, Any]:
        return {"client_customer_ref": "CUST_001", "metadata": {"order": kwargs["pk"]}}


class Certificate(Verifier):
    """A verifier of one's own."""

    def verify(self, post: Post) -> Proof:
        if post.headers.get("X-Client-Subject") != "CN=redpin":
            raise NotVerified("another subject")
        return Proof("certificate")


class TestPaying(TestCase):
    """A test of one's own, by the kit."""

    def setUp(self) -> None:
        self.redpin = FakeRedpin(
            now=timezone.now, lifetime=timedelta(minutes=5), client=self.client
        )
        self.redpin.start()
        self.addCleanup(self.redpin.stop)

    def test_keys_are_released(self) -> None:
        session = make_session(Money("10.00", "AED"), metadata={"order": 7})
        assert_type(session, PaymentSession)
        self.redpin.fail("create", "busy", retry_after=7)
        assert_type(self.redpin.pay(session, Money("3.00", "EUR")), Payload)
        assert_type(self.redpin.complete(session, post=True), list[Payload])
        assert_type(self.redpin.status_of(session), str)
        for call in self.redpin.creates:
            assert_type(call, Call)
            assert_type(call.json, Any)
        for posted in self.redpin.posted:
            assert_type(posted, PostedWebhook)
            assert_type(posted.outcome, str)
            assert_type(posted.event, WebhookEvent | None)
            assert_type(posted.transitions, tuple[StatusTransition, ...])

    @FakeRedpin(envelope="flat")
    def test_a_claim_is_no_fact(self) -> None:
        session = make_session()
        event = payment_event(session, "PAYMENT_COMPLETED", envelope="flat", at=timezone.now())
        signed = assert_type(sign_webhook(event), SignedWebhook)
        assert_type(post_webhook(self.client, signed).status_code, int)
        post_webhook(APIClient(), encode(event), session=session)
        settle(raise_receiver_exception=False)
        assert_type(payout_events(session, "PAYOUT_CREDITED"), list[Payload])
        assert_type(third_party_event(session, "REJECTED"), Payload)
        assert_type(FAULTS["busy"], FaultOfACall)

    @FakeRedpin()
    async def test_later(self) -> None:
        await sync_to_async(settle)()


def test_with_pytest(
    redpin: FakeRedpin,
    redpin_session: Callable[..., PaymentSession],
    redpin_webhook: RedpinWebhook,
) -> None:
    """Use the plugin's fixtures."""
    with FakeRedpin() as inner:
        assert_type(inner, FakeRedpin)
    posted = redpin_webhook(redpin_session(), "BOUNCED_BACK", reason="The account is closed")
    assert_type(posted, PostedWebhook)
    assert_type(redpin.calls, list[Call])


SECURE_CSP = add_redpin_csp({"default-src": ["'self'"]})
assert_type(redpin_csp(), dict[str, list[str]])


def wrong(session: PaymentSession, recipient: Recipient, form: forms.Form) -> None:
    """Write what no type checker may let pass."""
    create_payment_session(  # type: ignore[call-arg]  # Nobody says what for.
        client_customer_ref="CUST_001",
        amount=250000.0,  # type: ignore[arg-type]  # A float is no money.
        due_date="2026-12-24",  # type: ignore[arg-type]
        recipients=[recipient],  # type: ignore[list-item]  # Whose share?
    )
    Share(recipient, Decimal(5))  # type: ignore[arg-type]  # In which currency?
    Item("UNIT-1204", "Deposit", 5)  # type: ignore[arg-type]
    refresh_payment_session(session, session)  # type: ignore[call-arg]
    refresh_payment_session("CUST_001")  # type: ignore[arg-type]
    renew_payment_session(session, due_date="2026-12-24")  # type: ignore[arg-type]
    register_recipient(recipient, confirmation="yes")  # type: ignore[arg-type]
    payment_session_html(session, height=[700])  # type: ignore[arg-type]
    on("payment_completed")  # type: ignore[arg-type]
    on(payment_completed)("release_keys")  # type: ignore[type-var]
    add_faults(form, ValueError())  # type: ignore[arg-type]
    session.amount = [5]  # type: ignore[assignment]
    session.shares.add(recipient)  # type: ignore[arg-type]
    Fault("amount")  # type: ignore[call-arg]
    payment_event(session, "REFUNDED", amount=5)  # type: ignore[arg-type]
    payment_event(session, "REFUNDED", envelope="round")  # type: ignore[arg-type]
    post_webhook(5, b"{}")  # type: ignore[arg-type]
    FakeRedpin(lifetime=5)  # type: ignore[arg-type]
    FakeRedpin().pay(session, Decimal(5))  # type: ignore[arg-type]
