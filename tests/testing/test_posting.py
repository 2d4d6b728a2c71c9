"""Posts of webhooks in a plain TestCase: no broker, no worker, and the signals are seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.dispatch import Signal
from django.test import Client, TestCase, TransactionTestCase, override_settings
from pytest_django import Settings
from rest_framework.test import APIClient

from django_redpin import signals
from django_redpin.exceptions import ConfigurationError, OpenTransactionError
from django_redpin.models import PaymentSession, WebhookEvent
from django_redpin.services import Share, create_payment_session, publisher
from django_redpin.testing import (
    FakeRedpin,
    PostedWebhook,
    ReceiverFailed,
    encode,
    make_session,
    payment_event,
    post_webhook,
    settle,
    sign_webhook,
    third_party_event,
)
from django_redpin.webhooks.base import Post, Proof
from django_redpin.webhooks.verifiers import Verifier

SECRET = "a-shared-secret-of-these-tests-0123456789"
VERIFIERS = "django_redpin.webhooks.verifiers"


class Wordless(Verifier):
    """A merchant's own verifier, which says nothing of how to pass it."""

    def verify(self, post: Post) -> Proof:
        return Proof("wordless")


def hear(signal: Signal, cleanup: Callable[..., object]) -> list[Any]:
    """Return the list that fills with what the signal tells."""
    heard: list[Any] = []

    def receiver(sender: type, **told: Any) -> None:
        heard.append(told)

    signal.connect(receiver, weak=False)
    cleanup(signal.disconnect, receiver)
    return heard


class InAPlainTestCase(TestCase):
    """As a merchant writes it, with the settings of a project that has Celery, and no broker."""

    def setUp(self) -> None:
        self.redpin = FakeRedpin()
        self.redpin.start()
        self.addCleanup(self.redpin.stop)
        self.session = make_session()

    def post(self, status: str = "PAYMENT_COMPLETED", **how: Any) -> PostedWebhook:
        event = self.redpin.advance(self.session, status)
        return post_webhook(self.client, event, **how)

    def test_a_signal_is_seen(self) -> None:
        heard = hear(signals.payment_completed, self.addCleanup)

        posted = self.post()

        assert posted.status_code == 200
        assert posted.outcome == "applied"
        assert [told["session"] for told in heard] == [self.session]
        assert heard[0]["transition"] == posted.transitions[0]
        self.session.refresh_from_db()
        assert self.session.payment_status == "PAYMENT_COMPLETED"

    def test_what_waited_before_is_told_first(self) -> None:
        created = hear(signals.payment_session_created, self.addCleanup)
        assert created == []  # Its commit has not come, and never does.

        self.post()

        assert len(created) == 1

    def test_what_a_receiver_leaves_for_the_commit_is_done(self) -> None:
        done: list[str] = []

        def receiver(sender: type, **told: Any) -> None:
            transaction.on_commit(lambda: done.append("after the commit"))

        signals.payment_completed.connect(receiver)
        self.addCleanup(signals.payment_completed.disconnect, receiver)

        self.post()

        assert done == ["after the commit"]

    def test_a_repetition_changes_nothing(self) -> None:
        heard = hear(signals.payment_completed, self.addCleanup)
        event = self.redpin.advance(self.session, "PAYMENT_COMPLETED")

        first = post_webhook(self.client, event)
        second = post_webhook(self.client, event)

        assert first.event == second.event
        assert second.transitions == ()
        assert len(heard) == 1

    def test_what_redpin_does_not_say_is_not_believed(self) -> None:
        heard = hear(signals.payment_completed, self.addCleanup)

        posted = post_webhook(self.client, payment_event(self.session, "PAYMENT_COMPLETED"))

        assert posted.outcome == "contradicted"
        assert heard == []

    def test_the_payers_status_is_told(self) -> None:
        heard = hear(signals.third_party_status_changed, self.addCleanup)

        post_webhook(self.client, third_party_event(self.session, "REJECTED"), session=self.session)

        assert [told["event"].status for told in heard] == ["REJECTED"]

    def test_a_receiver_that_raises_is_seen(self) -> None:
        def receiver(sender: type, **told: Any) -> None:
            raise KeyError("keys")

        signals.payment_completed.connect(receiver)
        self.addCleanup(signals.payment_completed.disconnect, receiver)

        with self.assertLogs("django.dispatch"), pytest.raises(ReceiverFailed) as failure:
            self.post()
        assert isinstance(failure.value.__cause__, KeyError)

    def test_a_receiver_that_raises_is_seen_where_nothing_is_logged(self) -> None:
        def receiver(sender: type, **told: Any) -> None:
            raise KeyError("keys")

        signals.payment_completed.connect(receiver)
        self.addCleanup(signals.payment_completed.disconnect, receiver)
        self.addCleanup(logging.disable, logging.root.manager.disable)
        logging.disable(logging.CRITICAL)  # As many projects do in their tests.

        with pytest.raises(ReceiverFailed):
            self.post()

    def test_what_a_project_lets_fail_in_a_signal_of_its_own_is_its_affair(self) -> None:
        own = Signal()

        def failing(sender: type, **told: Any) -> None:
            raise KeyError("keys")

        def receiver(sender: type, **told: Any) -> None:
            own.send_robust(sender)

        own.connect(failing)
        signals.payment_completed.connect(receiver)
        self.addCleanup(signals.payment_completed.disconnect, receiver)

        with self.assertLogs("django.dispatch"):
            assert self.post().outcome == "applied"

    def test_a_receiver_of_a_refusal_that_raises_is_seen_too(self) -> None:
        def receiver(sender: type, **told: Any) -> None:
            raise KeyError("keys")

        signals.webhook_rejected.connect(receiver)
        self.addCleanup(signals.webhook_rejected.disconnect, receiver)
        signed = replace(sign_webhook(b"{}"), path="/redpin/webhooks/default/no-token/")

        with self.assertLogs(), pytest.raises(ReceiverFailed):
            post_webhook(self.client, signed)

    def test_a_receiver_that_raises_can_be_let_be(self) -> None:
        def receiver(sender: type, **told: Any) -> None:
            raise KeyError("keys")

        signals.payment_completed.connect(receiver)
        self.addCleanup(signals.payment_completed.disconnect, receiver)

        with self.assertLogs("django.dispatch"):
            posted = self.post(raise_receiver_exception=False)
        assert posted.outcome == "applied"
        assert "receiver: KeyError" in posted.transitions[0].last_error

    def test_a_transaction_around_it_is_refused_by_name(self) -> None:
        with transaction.atomic(), self.assertRaisesMessage(OpenTransactionError, "post_webhook"):
            self.post()
        with transaction.atomic(), self.assertRaisesMessage(OpenTransactionError, "settle"):
            settle()

    def test_nothing_is_told_to_a_broker(self) -> None:
        with self.assertNoLogs("django_redpin", logging.WARNING):
            self.post()
        assert len(publisher._publisher._waiting) == 0

    def test_the_rest_frameworks_client_posts_as_well(self) -> None:
        event = self.redpin.advance(self.session, "PAYMENT_COMPLETED")

        assert post_webhook(APIClient(), event).outcome == "applied"

    def test_the_urls_of_the_account_take_it_too(self) -> None:
        posted = self.post(is_account_wide=True)

        assert posted.outcome == "applied"
        assert posted.event is not None
        assert "account token" in posted.event.verifier

    def test_bytes_are_posted_as_they_are(self) -> None:
        posted = post_webhook(self.client, b"no JSON", session=self.session)

        assert (posted.status_code, posted.event, posted.outcome) == (400, None, "")

    def test_bytes_of_no_session_go_to_the_account(self) -> None:
        event = self.redpin.advance(self.session, "PROCESSING")

        assert post_webhook(self.client, encode(event)).outcome == "applied"

    def test_a_session_of_a_deferred_call_is_created_by_settle(self) -> None:
        heard = hear(signals.payment_session_created, self.addCleanup)
        share = self.session.shares.get()
        with transaction.atomic():
            deferred = create_payment_session(
                client_customer_ref="CUST_001",
                amount=share.money,
                due_date=self.session.due_date,
                purpose_of_transaction="PROPERTY_PURCHASE",
                recipients=[Share(share.recipient, share.money)],
                defer=True,
            )
        settle()

        deferred.refresh_from_db()
        assert deferred.state == "open"
        assert len(heard) == 2

    def test_settle_shows_a_receiver_that_raises(self) -> None:
        def receiver(sender: type, **told: Any) -> None:
            raise KeyError("keys")

        signals.payment_session_created.connect(receiver)
        self.addCleanup(signals.payment_session_created.disconnect, receiver)

        with self.assertLogs("django.dispatch"), pytest.raises(ReceiverFailed):
            settle()


class WithoutTheTestCasesTransaction(TransactionTestCase):
    def test_the_same_holds(self) -> None:
        created = hear(signals.payment_session_created, self.addCleanup)
        completed = hear(signals.payment_completed, self.addCleanup)
        with FakeRedpin() as redpin:
            session = make_session()
            assert len(created) == 1  # By the commit.

            posted = post_webhook(self.client, redpin.advance(session, "PAYMENT_COMPLETED"))

        assert posted.outcome == "applied"
        assert (len(created), len(completed)) == (1, 1)


def with_settings(**changes: object) -> override_settings:
    return override_settings(REDPIN={**django_settings.REDPIN, **changes})


@pytest.mark.django_db
@pytest.mark.parametrize("processing", ["task", "django_task", "inline"])
def test_it_is_done_at_once_whatever_does_it_in_production(
    redpin: FakeRedpin, processing: str, client: Client
) -> None:
    with with_settings(WEBHOOK_PROCESSING=processing):
        session = make_session()
        posted = post_webhook(client, redpin.advance(session, "PAYMENT_COMPLETED"))

        assert posted.outcome == "applied"
        assert posted.transitions[0].dispatched_at is not None
        assert django_settings.REDPIN["WEBHOOK_PROCESSING"] == processing


@pytest.mark.django_db
def test_a_redirect_to_https_does_not_get_in_the_way(
    redpin: FakeRedpin, settings: Settings, client: Client
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert post_webhook(client, redpin.advance(make_session(), "PROCESSING")).status_code == 200


PROOFS: dict[str, list[dict[str, Any]]] = {
    "header": [{"BACKEND": "HeaderVerifier", "OPTIONS": {"header": "X-K", "secrets": [SECRET]}}],
    "basic": [{"BACKEND": "BasicVerifier", "OPTIONS": {"secrets": [f"redpin:{SECRET}"]}}],
    "hmac": [{"BACKEND": "HMACVerifier", "OPTIONS": {"header": "X-S", "secrets": [SECRET]}}],
    "standard": [
        {
            "BACKEND": "StandardWebhooksVerifier",
            "OPTIONS": {"secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
        }
    ],
    "networks": [
        {"BACKEND": "NetworksVerifier", "OPTIONS": {"networks": ["192.0.2.0/24", "10.0.0.0/8"]}},
        {"BACKEND": "NetworksVerifier", "OPTIONS": {"networks": ["2001:db8::/32", "10.1.0.0/16"]}},
    ],
}
PROOFS["all"] = [each for proofs in list(PROOFS.values()) for each in proofs]


def listed(proofs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "BACKEND": f"{VERIFIERS}.{each['BACKEND']}"} for each in proofs]


@pytest.mark.django_db
@pytest.mark.parametrize("name", PROOFS)
def test_every_verifier_of_the_account_is_passed(
    redpin: FakeRedpin, client: Client, name: str
) -> None:
    with with_settings(WEBHOOK_VERIFIERS=listed(PROOFS[name])):
        session = make_session()
        event = redpin.advance(session, "PAYMENT_COMPLETED")

        posted = post_webhook(client, event)
        assert posted.outcome == "applied"

        signed = sign_webhook(event)
        bare = client.post(signed.path, signed.body, content_type="application/json")
        assert bare.status_code == 401, "Without the proofs nothing may pass."


@pytest.mark.django_db
def test_networks_without_an_address_in_common_are_named(redpin: FakeRedpin) -> None:
    apart = [
        {"BACKEND": "NetworksVerifier", "OPTIONS": {"networks": ["192.0.2.0/24"]}},
        {"BACKEND": "NetworksVerifier", "OPTIONS": {"networks": ["10.0.0.0/8"]}},
    ]
    session = make_session()

    with (
        with_settings(WEBHOOK_VERIFIERS=listed(apart)),
        pytest.raises(ConfigurationError, match="no network in common"),
    ):
        sign_webhook(payment_event(session, "PROCESSING"))


@pytest.mark.django_db
def test_a_verifier_that_can_not_sign_is_named_with_the_cure(redpin: FakeRedpin) -> None:
    session = make_session()
    own = [{"BACKEND": f"{__name__}.Wordless"}]

    with (
        with_settings(WEBHOOK_VERIFIERS=own),
        pytest.raises(ConfigurationError, match=r"Wordless.*give it a method sign\(\)"),
    ):
        sign_webhook(payment_event(session, "PROCESSING"))


@pytest.mark.django_db
def test_nothing_secret_is_in_a_repr(redpin: FakeRedpin, client: Client) -> None:
    session = make_session()
    event = redpin.advance(session, "PROCESSING")
    signed = sign_webhook(event)
    posted = post_webhook(client, signed)
    token = signed.path.rstrip("/").rpartition("/")[2]

    told = f"{signed!r} {posted!r} {redpin!r} {redpin.calls!r} {redpin._network.__dict__!r}"

    assert token not in told
    assert session.session_url not in told
    assert str(django_settings.REDPIN["CLIENT_SECRET"]) not in told
    assert "token-of-the-fake" not in told
    assert WebhookEvent.objects.get() == posted.event
    assert PaymentSession.objects.get() == session
