"""The pytest plugin: fixtures of a fake Redpin, of sessions at it, and of its webhooks.

pytest loads it before there are settings, and in projects that never heard of Redpin: nothing of
Django's, and nothing else of ours, is imported until a test asks for a fixture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from moneyed import Money

    from ..models import PaymentSession, Recipient
    from .fake import FakeRedpin
    from .posting import PostedWebhook


class RedpinWebhook(Protocol):
    """What the fixture `redpin_webhook` is."""

    def __call__(
        self,
        session: PaymentSession,
        status: str,
        *,
        recipient: Recipient | str | None = None,
        amount: Money | None = None,
        reason: str = "",
    ) -> PostedWebhook:
        """Let the payment be in that status, post the event, and return what became of it."""
        ...


@pytest.fixture
def redpin() -> Iterator[FakeRedpin]:
    """A Redpin in this process, which all calls of the test reach: `django_redpin.testing`."""
    from .fake import FakeRedpin

    with FakeRedpin() as fake:
        yield fake


@pytest.fixture
def redpin_session(
    redpin: FakeRedpin, request: pytest.FixtureRequest
) -> Callable[..., PaymentSession]:
    """Creates payment sessions at that Redpin: `make_session`, with its arguments."""
    _use_database(request)
    from .sessions import make_session

    return make_session


@pytest.fixture
def redpin_webhook(redpin: FakeRedpin, request: pytest.FixtureRequest) -> RedpinWebhook:
    """Lets a payment be in a status, and posts the event, which is processed and told of at once.

    `redpin_webhook(session, "PAYMENT_COMPLETED")` returns what became of it.
    """
    _use_database(request)

    def post(
        session: PaymentSession,
        status: str,
        *,
        recipient: Recipient | str | None = None,
        amount: Money | None = None,
        reason: str = "",
    ) -> PostedWebhook:
        before = len(redpin.posted)
        redpin.advance(
            session, status, recipient=recipient, amount=amount, reason=reason, post=True
        )
        if len(redpin.posted) == before:
            pytest.fail(
                f"The event of {status} was not posted: a fault drops or holds it. Let the payment"
                " be so by redpin.advance(..., post=True) instead.",
                pytrace=False,
            )
        return redpin.posted[before]  # What a fault posts after it is another one, or its copy.

    return post


def _use_database(request: pytest.FixtureRequest) -> None:
    """Ask for pytest-django's database, as the mark `django_db` does."""
    try:
        request.getfixturevalue("db")
    except pytest.FixtureLookupError:
        pytest.fail(
            "This fixture of django-redpin needs a database: python -m pip install pytest-django",
            pytrace=False,
        )
