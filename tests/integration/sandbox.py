"""The sandbox as a process, and what a payer, or Redpin, does there."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import requests
from django.conf import settings
from django.utils import timezone

from django_redpin.models import PaymentSession
from example_project.demo.pages import Browser


@dataclass(frozen=True)
class Sandbox:
    """A Redpin whose payments wait at each status until they are told to go on."""

    url: str
    database: Path

    def pay(self, session_url: str) -> None:
        """Pay on the hosted page, as its payer does; the payment then waits."""
        browser = Browser()
        page = browser.open(session_url)
        page = browser.submit(page.form(step="send-code"))
        code = browser.open(f"{self.url}/outbox/").codes[0]
        page = browser.submit(page.form(step="verify-code"), code=code)
        browser.submit(page.form(step="review"), pay_from="AED", action="pay")

    def end(self, session: PaymentSession) -> None:
        """Let the session's page end five minutes ago, by both clocks."""
        past = timezone.now() - timedelta(minutes=5)
        with closing(sqlite3.connect(self.database, timeout=20)) as redpin, redpin:
            redpin.execute(
                "UPDATE redpin_sandbox_session SET expires_at = ? WHERE client_reference_id = ?",
                [past.strftime("%Y-%m-%d %H:%M:%S.%f"), session.client_reference_id],
            )
        PaymentSession.objects.filter(pk=session.pk).update(expires_at=past)

    def tell(self, session: PaymentSession, control: str, **values: Any) -> dict[str, Any]:
        """Move a session by one of the sandbox's controls; return how it stands then."""
        return self.control(f"sessions/{session.session_id}/{control}", **values)

    @contextmanager
    def out_of_order(self) -> Iterator[None]:
        """Let no session be created meanwhile."""
        self.control("faults", call="create", fault="error", status=503, times=None)
        try:
            yield
        finally:
            self.control("faults", "DELETE")

    def control(self, path: str, method: str = "POST", **values: Any) -> dict[str, Any]:
        with requests.Session() as http:
            http.trust_env = False  # On this machine there is no proxy in between.
            answer = http.request(method, f"{self.url}/control/{path}", json=values, timeout=10)
        assert answer.ok, answer.text
        return dict(answer.json())


@contextmanager
def running_sandbox(folder: Path) -> Iterator[Sandbox]:
    """Start a sandbox with the credentials of the settings, and end it afterwards."""
    redpin: dict[str, Any] = settings.REDPIN
    database = folder / "sandbox.sqlite3"
    process = subprocess.Popen(
        [
            *[sys.executable, "-m", "django_redpin.sandbox", "--port", "0", "--manual"],
            *["--database", str(database)],
            *["--client-id", redpin["CLIENT_ID"], "--customer-id", redpin["CUSTOMER_ID"]],
        ],
        env={**os.environ, "REDPIN_SANDBOX_CLIENT_SECRET": redpin["CLIENT_SECRET"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        # The live server is localhost, so that browsers take them for two sites.
        found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        try:
            yield Sandbox(found[0], database)
        finally:
            process.terminate()
            process.wait(20)
