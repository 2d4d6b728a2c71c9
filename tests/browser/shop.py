"""The example's merchant and the sandbox as processes, on two sites, and a buyer who clicks."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from playwright.sync_api import BrowserContext, Error, FrameLocator, Locator, Page, expect

from example_project.demo.prepare import ADMIN, Addresses, environment
from example_project.demo.processes import Children
from tests.real.parts import ROOT, free_port, wait_for

SETTINGS: Final = "tests.browser.settings"
_SANDBOX: Final = "django_redpin.sandbox"
_PRESSES: Final = 3
_PATIENCE: Final = 6_000  # Milliseconds.


@dataclass(frozen=True)
class Shop:
    """Where the two are. Browsers take them for two sites: `127.0.0.1` and `localhost`."""

    at: Addresses
    folder: Path

    @property
    def url(self) -> str:
        return self.at.merchant

    def add(self, model: str, **fields: Any) -> int:
        """Make a row in the merchant's database; return its primary key."""
        return int(self._post(f"rows/{model}/", fields)["pk"])

    def change(self, model: str, pk: int, **fields: Any) -> None:
        """Change a row in the merchant's database."""
        assert self._post(f"rows/{model}/{pk}/", fields) == {"rows": 1}

    def add_session(self, **fields: Any) -> int:
        """Make a session of the merchant's, open unless the fields say otherwise."""
        values = {
            "client_reference_id": f"order-{free_number()}",
            "customer_id": "7",
            "client_customer_ref": "CUST_7",
            "amount": "250000.00",
            "currency": "AED",
            "due_date": "2099-12-24",
            "state": "open",
            "session_url": f"{self.at.sandbox}/pay/none/",
            "expires_at": "2099-12-24T12:00:00Z",
        }
        return self.add("redpin.PaymentSession", **values | fields)

    def add_samples(self) -> None:
        """Store the example's sample payments, unless they are there."""
        self._post("samples/", {}, timeout=120)  # Some thousand rows.

    def newest_session(self) -> int:
        """Return the primary key of the merchant's newest session."""
        return int(_http().get(f"{self.url}/stage/newest/", timeout=10).json()["pk"])

    def add_event(self, session: int, key: str, text: str) -> int:
        """Make a webhook event of the session's that says the text all over."""
        told = ("event_type", "event_id", "payment_id", "client_customer_ref", "status")
        return self.add(
            "redpin.WebhookEvent",
            account="default",
            key=key,
            session_id=session,
            client_reference_id=text,
            verifier=text,
            last_error=text,
            outcome="dead",
            **dict.fromkeys(told, text),
        )

    def add_unit(self, **fields: Any) -> int:
        """Put a home on sale."""
        values = {
            "reference": f"X-{free_number()}",
            "name": "Residence X",
            "kind": "Studio",
            "building": "Mariner House",
            "floor": 1,
            "area": "50.0",
            "bedrooms": 1,
            "outlook": "Marina",
            "description": "One room.",
            "drawing": "properties/plans/one.svg",
            "price": "1000000",
            "deposit_percent": 10,
            "release": 99,  # Below the shop's own.
        }
        return self.add("properties.Unit", **values | fields)

    def add_order(self, **fields: Any) -> str:
        """Make an order; return its key."""
        key = str(uuid.uuid4())
        values = {
            "id": key,
            "holds_id": fields.get("unit_id"),
            "buyer_name": "Amal Haddad",
            "email": "amal@example.com",
            "client_customer_ref": "MQ-2041",
            "deposit": "100000",
            "commission": "2000",
            "due_date": "2099-12-24",
        }
        self._post("rows/properties.Order/", values | fields)
        return key

    def status(self, order_url: str) -> dict[str, Any]:
        """Return what the order's status page tells."""
        answer = _http().get(f"{order_url}status.json", timeout=10)
        answer.raise_for_status()
        return dict(answer.json())

    def password(self) -> str:
        return str(json.loads((self.folder / "ready.json").read_text())["password"])

    def log_in(self, page: Page) -> None:
        """Log in to the merchant's admin."""
        page.goto(f"{self.url}/admin/login/?next=/admin/")
        page.get_by_label("Username").fill(ADMIN)
        page.get_by_label("Password").fill(self.password())
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"{self.url}/admin/")

    def _post(self, path: str, fields: dict[str, Any], *, timeout: float = 10) -> dict[str, Any]:
        answer = _http().post(f"{self.url}/stage/{path}", json=fields, timeout=timeout)
        assert answer.ok, answer.text[:2000]
        return dict(answer.json())


@contextmanager
def running_shop(
    folder: Path, *, step_seconds: float = 0.3, settings: str = SETTINGS
) -> Iterator[Shop]:
    """Start both, and end them afterwards. A payment takes a step in so many seconds."""
    port, sandbox_port = free_port(), free_port()
    at = Addresses(f"http://127.0.0.1:{port}", f"http://localhost:{sandbox_port}")
    env = environment(folder, at) | {"DJANGO_SETTINGS_MODULE": settings}
    python = sys.executable
    with Children(env, folder, ROOT) as children:
        children.start("merchant", [python, "-m", "tests.browser.merchant", str(port)])
        children.start(
            "sandbox",
            [
                *[python, "-m", _SANDBOX, "--port", str(sandbox_port)],
                *["--database", str(folder / "sandbox.sqlite3")],
                *["--step-seconds", str(step_seconds)],
                *["--client-id", env["REDPIN_CLIENT_ID"]],
                *["--customer-id", env["REDPIN_CUSTOMER_ID"]],
            ],
        )
        urls = (f"{at.sandbox}/healthz", f"{at.merchant}/")
        wait_for(lambda: all(_answers(url, children) for url in urls), 60)
        yield Shop(at, folder)


def _answers(url: str, children: Children) -> bool:
    children.require_running()
    try:
        return _http().get(url, timeout=5).ok
    except requests.RequestException:
        return False


def _http() -> requests.Session:
    http = requests.Session()
    http.trust_env = False  # On this machine there is no proxy in between.
    return http


_numbers = iter(range(10**6))


def free_number() -> int:
    return next(_numbers)


def reserve(page: Page, shop: Shop) -> str:
    """Reserve a home by clicks, up to the payment page; return the order's address."""
    reference = f"X-{free_number()}"
    shop.add_unit(reference=reference)
    page.goto(f"{shop.url}/units/{reference}/")
    page.get_by_role("link", name="Reserve this home").click()
    page.get_by_label("Full name").fill("Amal Haddad")
    page.get_by_label("E-mail").fill("amal@example.com")
    page.get_by_label("Buyer's reference").fill("MQ-2041")
    page.get_by_role("button", name="Continue to the deposit").click()
    page.wait_for_url("**/pay/")
    return page.url.removesuffix("pay/")


def enter_code(context: BrowserContext, hosted: Page | FrameLocator) -> None:
    """Ask for a one-time code on the hosted page, read it in the outbox, and enter it."""
    press(hosted.get_by_role("button", name="Send me a code"))
    hosted.get_by_label("Six-digit code").wait_for()  # Before, the outbox has an older code.
    with context.expect_page() as opened:
        hosted.get_by_role("link", name="Read the code in the outbox").click()
    outbox = opened.value
    code = outbox.locator(".otp").first.inner_text()
    outbox.close()
    hosted.get_by_label("Six-digit code").fill(code)
    press(hosted.get_by_role("button", name="Continue"))


def pay(hosted: Page | FrameLocator) -> None:
    """Press Pay, in the currency that is chosen already."""
    press(hosted.get_by_role("button", name="Pay", exact=True))


def press(button: Locator) -> None:
    """Press a button of the hosted page until the step that it leads to is there.

    On a busy machine Chromium now and then loses a click on a frame of another site that it has
    just drawn. Whoever pays would press again.
    """
    for _ in range(_PRESSES):
        with suppress(Error):
            button.click(timeout=_PATIENCE)
            button.wait_for(state="hidden", timeout=_PATIENCE)
            return
    expect(button).to_be_hidden()
