"""A browser without cookies or scripts: it reads the forms of a page and posts them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from django.test import Client

from django_redpin.sandbox.models import OneTimeCode, Session

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


@dataclass
class Form:
    action: str
    hidden: dict[str, str] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, Form] = {}
        self._form: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(given["action"])
            self.forms[given["data-step"]] = self._form
        elif self._form is not None and "name" in given:
            if given.get("type") == "hidden":
                self._form.hidden[given["name"]] = given["value"]
            else:
                self._form.fields.add(given["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None


def forms_of(html: str) -> dict[str, Form]:
    """Return the forms of a page by their step."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms


class Browser:
    """Opens the page of one session. Each request goes out with no cookie at all."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.address = f"/pay/{session.key}/"
        self.response = self.open()

    def open(self, address: str | None = None) -> Response:
        self.address = address or self.address
        self.response = Client(enforce_csrf_checks=True).get(self.address)
        return self.response

    @property
    def html(self) -> str:
        return self.response.content.decode()

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def title(self) -> str:
        found = re.search(r"<title>(.*?) · ", self.html)
        assert found is not None
        return found[1]

    @property
    def forms(self) -> dict[str, Form]:
        return forms_of(self.html)

    def submit(self, step: str, **fields: str) -> Response:
        return self.send(self.forms[step], **fields)

    def send(self, form: Form, **fields: str) -> Response:
        """Post a form and follow where it leads, as a browser does."""
        client = Client(enforce_csrf_checks=True)
        response = client.post(form.action, form.hidden | fields)
        assert not response.cookies
        if response.status_code == 303:
            return self.open(response["Location"])
        self.response = response
        return response

    def code(self) -> str:
        """Return the newest code for this session, as the outbox shows it."""
        html = Client().get("/outbox/").content.decode()
        found = re.search(rf'data-otp-session="{self.session.session_id}">(\d{{6}})<', html)
        assert found is not None
        return found[1]

    def wrong_code(self) -> str:
        newest = OneTimeCode.objects.filter(session=self.session).first()
        assert newest is not None
        return f"{(int(newest.code) + 1) % 10**6:06d}"

    def enter(self) -> None:
        """Get past the one-time code."""
        self.submit("send-code")
        self.submit("verify-code", code=self.code())

    def pay(self, pay_from: str = "AED") -> None:
        self.submit("review", action="pay", pay_from=pay_from)
