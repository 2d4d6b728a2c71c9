"""Buys a home without a person: every step over HTTP, as a buyer's browser would take it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from .pages import Browser, Form, Page, PageProblem
from .prepare import Addresses

SETTLES_IN: Final = "AED"
_STEP: Final = 0.1
# Statuses after which no payment will come.
_NEVER: Final = frozenset({"CANCELLED", "BOUNCED_BACK", "REFUNDED"})


class DriverProblem(Exception):
    """The purchase came to no good end; the text says at which step, and why."""


class Outcome(NamedTuple):
    """How the order stands at the end, as its status page tells it."""

    order: str
    payment_status: str
    transitions: list[str]
    receipt_task: str


class Driver:
    """One buyer. `say` is told each step; `wait(seconds)` waits, and raises when time is up."""

    def __init__(
        self, at: Addresses, say: Callable[[str], None], wait: Callable[[float], None]
    ) -> None:
        self._at = at
        self._say = say
        self._wait = wait
        self._buyer = Browser()
        # The hosted page is another site in a frame: it shares no cookies with the shop.
        self._frame = Browser()

    def buy(self) -> Outcome:
        """Buy a home and return how it ended. Raises `DriverProblem`."""
        try:
            order_url = self._pay_in_frame(self._check_out())
        except PageProblem as problem:
            raise DriverProblem(str(problem)) from problem
        return self._wait_for_the_end(order_url)

    def _check_out(self) -> Page:
        shop = self._buyer.open(f"{self._at.merchant}/")
        offers = [link for link in shop.links if link.endswith("/reserve/")]
        if not offers:
            raise DriverProblem("No home is for sale on the units page.")
        self._say(f"Units page: {len(offers)} homes are free")
        checkout = self._buyer.open(offers[0])
        page = self._buyer.submit(
            checkout.form(holding="client_customer_ref"),
            buyer_name="Noor Example",
            email="noor@example.com",
            client_customer_ref=f"MQ-{secrets.token_hex(4).upper()}",
        )
        if not page.url.endswith("/pay/"):
            said = " ".join(page.alerts)
            raise DriverProblem(f"The checkout did not lead to the payment page. {said}".strip())
        number = _order_url(page).split("/")[-2][:8].upper()  # The whole address is a key.
        self._say(f"Checkout: order {number} placed, session created at Redpin")
        return page

    def _pay_in_frame(self, page: Page) -> str:
        frames = [url for url in page.frames if url.startswith(f"{self._at.sandbox}/")]
        if not frames:
            raise DriverProblem("The payment page has no frame with Redpin's hosted page.")
        self._say("Payment page: the hosted session is in its frame, on another origin")
        hosted = self._frame.open(frames[0])
        hosted = self._frame.submit(hosted.form(step="send-code"))
        self._say("Hosted page: asked for a one-time code")
        codes = self._frame.open(f"{self._at.sandbox}/outbox/").codes
        if not codes:
            raise DriverProblem("No one-time code came to the sandbox's outbox.")
        self._say("Outbox: read the code")
        hosted = self._frame.submit(hosted.form(step="verify-code"), code=codes[0])
        review = hosted.form(step="review")
        currency = _foreign(review)
        self._say(f"Hosted page: code accepted, reviewed the payment, paying from {currency}")
        self._frame.submit(review, pay_from=currency, action="pay")
        self._say("Hosted page: paid; now webhooks, confirmation, signals and tasks do the rest")
        return _order_url(page)

    def _wait_for_the_end(self, order_url: str) -> Outcome:
        told = 0
        paid = False
        while True:
            try:
                status = self._buyer.json(f"{order_url}status.json")
            except PageProblem as problem:
                raise DriverProblem(str(problem)) from problem
            transitions = [str(step) for step in _listed(status.get("transitions"))]
            for step in transitions[told:]:
                self._say(f"Redpin: {step}")
            told = len(transitions)
            if status.get("order") == "paid" and not paid:
                paid = True
                self._say("Celery task: order marked paid")
            if paid and status.get("receipt") == "done":
                self._say("Celery task: receipt sent")
                return Outcome("paid", str(status.get("payment_status")), transitions, "done")
            if status.get("payment_status") in _NEVER:
                raise DriverProblem(f"Redpin reports {status['payment_status']}.")
            self._wait_or_tell(status)

    def _wait_or_tell(self, status: dict[str, object]) -> None:
        try:
            self._wait(_STEP)
        except TimeoutError as over:
            known = ", ".join(f"{name}={value}" for name, value in status.items())
            raise DriverProblem(f"{over} The order then stood at: {known}.") from over


def _order_url(page: Page) -> str:
    return page.url.removesuffix("pay/")


def _foreign(review: Form) -> str:
    """Return a currency to pay from that makes an exchange necessary."""
    foreign = [each for each in review.choices.get("pay_from", []) if each != SETTLES_IN]
    if not foreign:
        raise DriverProblem("The hosted page offers no other currency to pay from.")
    return foreign[0]


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
