"""Sites that the test itself answers for: no request leaves the browser, and time is the test's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Request, Route

SHOP: Final = "https://shop.test"
PAY: Final = "https://pay.test"
EVIL: Final = "https://evil.test"
NOW: Final = datetime(2026, 11, 25, 20, 0, tzinfo=timezone.utc)
# Between two looks: half as long again each time, thirty seconds at most.
WAITS: Final = (2, 3, 4.5, 6.75, 10.125, 15.188, 22.782, *[30] * 50)
STATUS: Final = "/redpin/sessions/token-1/"
SCRIPT: Final = "/static/redpin/session.js"

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    f"form-action 'self'; frame-src {PAY} {EVIL}; frame-ancestors 'self'; base-uri 'none'"
)
_SOURCE: Final = Path(__file__).parents[2] / "django_redpin/static/redpin/session.js"

# Counts the requests of the page's scripts that are not yet answered in full.
_COUNTER: Final = """
const unfinished = new Set();
const counted = (original) => async function (...all) {
  const mark = {};
  unfinished.add(mark);
  try {
    return await original.apply(this, all);
  } finally {
    unfinished.delete(mark);
  }
};
window.fetch = counted(window.fetch);
for (const name of ["json", "text"]) {
  Response.prototype[name] = counted(Response.prototype[name]);
}
window.isAtRest = async () => {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((done) => {
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    });
  }
  return unfinished.size === 0;
};
"""

HEADINGS: Final = {
    "open": "",
    "preparing": "Your payment is being prepared",
    "under_way": "Your payment is under way",
    "paid": "Paid",
    "expired": "This payment page has expired",
    "called_off": "The payment was cancelled",
    "attention": "We are looking into this payment",
}
FINAL: Final = frozenset({"paid", "called_off"})
FRAME: Final = f'<iframe data-redpin-frame data-redpin-origin="{PAY}" src="{PAY}/s/" title="Pay"'
RENEWAL: Final = (
    '<form method="post" action="/renew/" data-redpin-renew>'
    '<input type="hidden" name="csrfmiddlewaretoken" value="c1"><button>Start again</button></form>'
)


def section(view: str = "open", *, content: str | None = None, **attributes: str) -> str:
    """Return a section as the tag's templates make it; an attribute that is empty is left out."""
    values = {"status_url": STATUS, "final": " " if view in FINAL else "", **attributes}
    given = "".join(
        f' data-redpin-{name.replace("_", "-")}="{value}"'
        for name, value in values.items()
        if value
    )
    if content is None:
        content = f"{FRAME}></iframe>" if view == "open" else f"<h2>{HEADINGS[view]}</h2>"
    return (
        f'<section class="redpin-session redpin-session--{view}" data-redpin-session'
        f' data-redpin-view="{view}"{given}>{content}'
        '<p class="redpin-session__live" role="status" data-redpin-live></p></section>'
    )


def document(*parts: str, language: str = "en-gb", script: str = SCRIPT) -> str:
    return (
        f'<!doctype html><html lang="{language}"><head><title>Pay</title>'
        f'<script type="module" src="{script}"></script></head>'
        f"<body>{''.join(parts)}</body></html>"
    )


@dataclass
class Answer:
    """What a request is answered with; a status of 0 cuts the connection."""

    body: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Answers = Callable[[Request], Answer]


class Site:
    """The merchant's site at `SHOP`, with one page at `/pay/`, and whatever a test adds."""

    def __init__(self, context: BrowserContext) -> None:
        self.sections = [section()]
        self.status: dict[str, Any] = {
            "reference": "order-7",
            "view": "open",
            "state": "open",
            "payment_status": "",
            "is_final": False,
            "replaced": False,
        }
        self.requests: list[Request] = []
        self.answers: dict[str, Answers] = {
            f"{SHOP}/pay/": lambda request: Answer(document(*self.sections)),
            f"{SHOP}{STATUS}": lambda request: self.tell(),
            f"{SHOP}{SCRIPT}": lambda request: Answer(
                _SOURCE.read_text(), headers={"Content-Type": "text/javascript"}
            ),
            f"{PAY}/s/": lambda request: Answer("<!doctype html><title>Hosted</title>Hosted"),
        }
        context.add_init_script(_COUNTER)
        context.clock.install(time=NOW)
        context.clock.pause_at(NOW + timedelta(seconds=1))
        context.route("**/*", self._answer)
        self.page = context.new_page()
        self.page.set_default_timeout(5_000)

    def open(self, path: str = "/pay/") -> Page:
        self.page.goto(f"{SHOP}{path}")
        self.settle()
        return self.page

    def becomes(self, view: str, **changes: Any) -> None:
        """Let the server show another view from now on."""
        self.status.update(view=view, is_final=view in FINAL, **changes)
        self.sections = [section(view)]

    def tell(self) -> Answer:
        """Return the status as the endpoint tells it."""
        return Answer(json.dumps(self.status), headers={"Content-Type": "application/json"})

    def asked(self, path: str = STATUS) -> int:
        """Return how often this address of the merchant's was asked for."""
        return len([r for r in self.requests if urlsplit(r.url).path == path])

    def advance(self, seconds: float) -> None:
        """Let time pass, and whatever it set off come to rest.

        In short steps: the script's time limit for a request goes by the same clock.
        """
        rest = round(seconds * 1000)
        while rest > 0:
            self.page.clock.run_for(min(rest, 10_000))
            self.settle()
            rest -= 10_000

    def look(self, times: int = 1) -> None:
        """Let time pass until the status was asked for so often."""
        for _ in range(times):
            self.advance(WAITS[self.asked()])

    def settle(self) -> None:
        while not self.page.evaluate("isAtRest()"):
            self.page.wait_for_timeout(5)

    def _answer(self, route: Route, request: Request) -> None:
        self.requests.append(request)
        find = self.answers.get(request.url.partition("#")[0])
        answer = find(request) if find else Answer(status=204 if "favicon" in request.url else 404)
        if not answer.status:
            route.abort()
            return
        headers = {"Content-Type": "text/html; charset=utf-8", **answer.headers}
        if request.url.startswith(SHOP):
            headers.setdefault("Content-Security-Policy", _POLICY)
        route.fulfill(status=answer.status, headers=headers, body=answer.body)
