"""As much of a browser as the demo needs: open a page, find its frame and forms, send a form."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin, urlsplit

import requests

TIMEOUT: Final = 10.0


class PageProblem(Exception):
    """A page is not what it should be; the text says which page, and what is missing."""


@dataclass
class Form:
    """A form with the values that it would send untouched."""

    url: str
    method: str
    step: str
    values: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Page:
    """What was found on a page. Addresses are complete."""

    url: str
    html: str
    forms: list[Form] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)

    def form(self, *, holding: str = "", step: str = "") -> Form:
        """Return the form with this field, or for this step of the hosted page."""
        for form in self.forms:
            if (holding and holding in form.values) or (step and form.step == step):
                return form
        said = f" It says: {' '.join(self.alerts)}" if self.alerts else ""
        raise PageProblem(f"{_plain(self.url)} has no form with {holding or step!r}.{said}")


def _plain(url: str) -> str:
    """Return an address without the part that is a key: of an order, or of a hosted page."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{parts.path.split('/')[1]}/…"


class Browser:
    """Opens pages and keeps cookies. Raises `PageProblem` where a page can't be had."""

    def __init__(self) -> None:
        self._http = requests.Session()
        self._http.trust_env = False  # The demo is on this machine: no proxy in between.

    def open(self, url: str) -> Page:
        """Return the page at this address."""
        return self._send("GET", url)

    def submit(self, form: Form, **values: str) -> Page:
        """Send a form with some of its values filled in, and return the page that follows."""
        return self._send(form.method, form.url, {**form.values, **values})

    def json(self, url: str) -> dict[str, object]:
        """Return the JSON object at this address."""
        try:
            found = self._http.get(url, timeout=TIMEOUT).json()
        except (requests.RequestException, ValueError) as problem:
            raise PageProblem(
                f"No JSON came from {_plain(url)}: {type(problem).__name__}."
            ) from problem
        if not isinstance(found, dict):
            raise PageProblem(f"{_plain(url)} is no JSON object.")
        return found

    def _send(self, method: str, url: str, data: dict[str, str] | None = None) -> Page:
        try:
            answer = self._http.request(
                method, url, data=data, timeout=TIMEOUT, headers={"Referer": url}
            )
        except requests.RequestException as problem:
            raise PageProblem(
                f"{_plain(url)} can't be reached: {type(problem).__name__}."
            ) from problem
        page = _Reader(answer.url, answer.text).page
        if not answer.ok:
            said = " ".join(page.alerts)
            raise PageProblem(f"{_plain(answer.url)} answered {answer.status_code}. {said}".strip())
        return page


class _Reader(HTMLParser):
    """Fills a `Page` from its HTML."""

    def __init__(self, url: str, html: str) -> None:
        super().__init__()
        self.page = Page(url, html)
        self._form: Form | None = None
        self._collects: list[str] | None = None
        self._until = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        url = self.page.url
        if tag == "form":
            self._form = Form(
                url=urljoin(url, given.get("action", "")),
                method=given.get("method", "get").upper(),
                step=given.get("data-step", ""),
            )
            self.page.forms.append(self._form)
        elif tag == "iframe":
            self.page.frames.append(urljoin(url, given.get("src", "")))
        elif tag == "a" and "href" in given:
            self.page.links.append(urljoin(url, given["href"]))
        elif tag in ("input", "button") and given.get("name") and self._form is not None:
            self._add_field(self._form, tag, given)
        if "data-otp-session" in given:
            self._collect(self.page.codes, tag)
        elif given.get("role") == "alert":
            self._collect(self.page.alerts, tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == self._until:
            self._collects, self._until = None, ""

    def handle_data(self, data: str) -> None:
        if self._collects and data.strip():
            self._collects[-1] = f"{self._collects[-1]} {' '.join(data.split())}".strip()

    def _collect(self, into: list[str], until: str) -> None:
        into.append("")
        self._collects, self._until = into, until

    @staticmethod
    def _add_field(form: Form, tag: str, given: dict[str, str]) -> None:
        name, value = given["name"], given.get("value", "")
        if tag == "button":
            form.buttons.setdefault(name, []).append(value)
        elif given.get("type") in ("radio", "checkbox"):
            form.choices.setdefault(name, []).append(value)
            if "checked" in given:
                form.values[name] = value
        else:
            form.values[name] = value
