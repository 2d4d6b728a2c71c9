from __future__ import annotations

from django.core import mail
from django.test import TestCase
from moneyed import Money

from django_redpin.testing import FakeRedpin, post_webhook

from .orders import start_payment

RENT = Money("9500.00", "AED")


class PaymentTests(TestCase):
    def setUp(self) -> None:
        self.redpin = FakeRedpin()
        self.redpin.start()
        self.addCleanup(self.redpin.stop)

    def test_a_paid_order_gets_its_receipt(self) -> None:
        session = start_payment(1, RENT, "amal@example.com")
        assert session is not None

        event = self.redpin.advance(session, "PAYMENT_COMPLETED")
        posted = post_webhook(self.client, event)

        self.assertEqual(posted.outcome, "applied")
        self.assertEqual([message.to for message in mail.outbox], [["amal@example.com"]])

    def test_the_whole_way_ends_in_one_receipt(self) -> None:
        session = start_payment(1, RENT, "amal@example.com")
        assert session is not None

        self.redpin.complete(session, post=True)

        session.refresh_from_db()
        self.assertEqual(session.payment_status, "PAYMENT_COMPLETED")
        self.assertEqual(len(mail.outbox), 1)

    def test_a_redpin_that_is_busy_is_no_order_lost(self) -> None:
        self.redpin.fail("create", "busy")

        self.assertIsNone(start_payment(1, RENT, "amal@example.com"))
        self.assertIsNotNone(start_payment(1, RENT, "amal@example.com"))
        self.assertEqual([call.status for call in self.redpin.creates], [503, 201])
