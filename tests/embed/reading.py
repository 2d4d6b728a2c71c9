"""What the tag's tests share: a session that need not be stored, and a reader of HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any, Final

from django.http import HttpRequest
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.utils import timezone

from django_redpin.models import PaymentSession

State = PaymentSession.State
URL: Final = "https://pay.redpin.test/s/4f1c/"
TAG: Final = "{% load redpin %}{% redpin_payment_session session renew_url=renew_url %}"
# Each option from the context, as data.
FULL_TAG: Final = (
    "{% load redpin %}{% redpin_payment_session session renew_url=renew_url mode=mode theme=theme"
    " title=title height=height %}"
)


@dataclass
class Element:
    """One element: its tag, its attributes, and the text directly or deeper inside it."""

    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Page(HTMLParser):
    """The elements of a page, in order, as a browser would find them."""

    html: str
    elements: list[Element] = field(default_factory=list)
    _open: list[Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in ("link", "input"):
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop().tag != tag:
            pass

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    def one(self, tag: str) -> Element:
        (element,) = self.all(tag)
        return element

    @property
    def kind(self) -> str:
        """Which of the things to say this page says."""
        section = self.one("section").attributes
        view = section["data-redpin-view"]
        assert section["class"].split() == ["redpin-session", f"redpin-session--{view}"]
        return view

    @property
    def text(self) -> str:
        return " ".join(self.one("section").text.split())


def make_session(**changes: Any) -> PaymentSession:
    """Return an open session, not stored, with half an hour left."""
    values: dict[str, Any] = {
        "client_reference_id": "order-7",
        "customer_id": "7",
        "client_customer_ref": "CUST_7",
        "amount": "250000.00",
        "currency": "AED",
        "due_date": date(2026, 12, 24),
        "state": State.OPEN,
        "session_url": URL,
        "expires_at": timezone.now() + timedelta(minutes=30),
    }
    return PaymentSession(**values | changes)


def render(
    session: PaymentSession,
    *,
    renew_url: str = "",
    request: HttpRequest | None = None,
    **options: Any,
) -> Page:
    """Render the tag as a view's template would."""
    context: Context = RequestContext(
        request or RequestFactory().get("/"),
        {"session": session, "renew_url": renew_url, **options},
    )
    return Page(Template(FULL_TAG if options else TAG).render(context))
