"""Where the client's secret and the tokens must never turn up, whatever goes wrong."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import ExceptionReporter
from pytest_django import Settings

from django_redpin.client import RedpinClient, api, breaker, tokens
from django_redpin.conf import get_account
from django_redpin.exceptions import RedpinError
from django_redpin.models import PaymentSession
from django_redpin.services import create_payment_session
from tests.redpin_server import FakeRedpin, Handler

SECRET: Final = "canary-client-secret-0123456789"
Step = Callable[[Handler], None]


def leaks(texts: Iterable[str]) -> list[str]:
    """Return where a canary is heard, with what is around it."""
    return [
        text[max(0, found.start() - 200) : found.end() + 50]
        for text in texts
        for found in re.finditer("canary[- ]", text)
    ]


def answering(status: int, body: str, *headers: tuple[str, str]) -> Step:
    return lambda handler: handler.raw(status, body.encode(), headers)


# What the token endpoint does; some of it repeats what it was sent, or tells a token.
TOKEN_STEPS: Final[dict[str, Step]] = {
    "hangs up": Handler.hang_up,
    "fails": answering(502, f"<html>{SECRET}</html>"),
    "refuses": answering(401, f'{{"error": "{SECRET}", "error_description": "{SECRET}"}}'),
    "redirects": answering(307, SECRET, ("Location", f"/elsewhere?secret={SECRET}")),
    "is cut off": answering(200, '{"access_token": "canary-token-0", "expires_in": 36'),
    "gives an odd life": answering(200, '{"access_token": "canary-token-0", "expires_in": "soon"}'),
    "gives an odd token": answering(200, '{"access_token": "canary token", "scope": 5}'),
    "gives another kind": answering(200, '{"access_token": "canary-token-0", "token_type": "mac"}'),
}
API_STEPS: Final[dict[str, Step]] = {
    "hangs up": Handler.hang_up,
    "fails": answering(500, "<html>"),
    "refuses the request": answering(400, '{"code": "INVALID", "field": "amount"}'),
    "refuses the token": answering(401, "{}"),
    "redirects": answering(302, "", ("Location", "/elsewhere")),
    "answers garbage": answering(201, '{"session_id": 7}'),
}


class Everything(logging.Handler):
    """Keeps all that any logger says, with what hangs on it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.texts: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name.partition(".")[0])
        self.texts += [self.format(record), repr(vars(record))]


@pytest.fixture
def everything() -> Iterator[Everything]:
    """Let every logger speak at DEBUG, and listen."""
    handler = Everything()
    loggers = [logging.root, *map(logging.getLogger, list(logging.root.manager.loggerDict))]
    before = [(each, each.level, each.propagate, each.disabled) for each in loggers]
    for logger, *_ in before:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    logging.root.addHandler(handler)
    yield handler
    logging.root.removeHandler(handler)
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


def texts_of(error: BaseException | None) -> Iterator[str]:
    """Give all that an exception says, and those behind it."""
    if error is not None:
        yield from (str(error), repr(error), repr(error.args))
        yield from traceback.format_exception(type(error), error, error.__traceback__)
        if isinstance(error, RedpinError):
            yield repr(vars(error))
        yield from texts_of(error.__cause__)
        yield from texts_of(error.__context__)


def create(arguments: dict[str, Any], reference: str) -> PaymentSession:
    return create_payment_session(**arguments, client_reference_id=reference)


def run_everything(
    redpin: FakeRedpin, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> list[RedpinError]:
    """Let one call succeed, and one meet each thing that can go wrong; return the errors."""
    create(arguments, "ORDER-good")
    errors: list[RedpinError] = []

    def attempt(number: int) -> None:
        breaker.reset()  # So many failures would open the circuit.
        try:
            create(arguments, f"ORDER-{len(errors)}-{number}")
        except RedpinError as error:
            errors.append(error)

    for number, step in enumerate(TOKEN_STEPS.values()):
        cache.clear()
        api._providers.clear()
        redpin.token_script.extend([step, step])
        attempt(number)
        redpin.token_script.clear()
    cache.clear()
    api._providers.clear()
    for number, step in enumerate(API_STEPS.values()):
        redpin.create_script.extend([step, step])
        attempt(number)
        redpin.create_script.clear()
    # An early renewal that fails, and says so in the log.
    breaker.reset()
    create(arguments, "ORDER-good-again")
    provider = RedpinClient(get_account())._tokens
    held = provider._token
    assert held is not None
    monkeypatch.setattr(tokens, "_now", lambda: held.renew_at + 1)
    redpin.token_script.append(TOKEN_STEPS["refuses"])
    provider.get()
    return errors


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
def test_b7_no_secret_reaches_a_log_an_exception_a_repr_or_a_cache_key(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    everything: Everything,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    errors = run_everything(redpin, arguments, monkeypatch)
    client = RedpinClient(get_account())
    provider = client._tokens
    shared = provider._shared
    keys = list(getattr(cache, "_cache", {}))
    texts = [
        *everything.texts,
        *(text for error in errors for text in texts_of(error)),
        *map(repr, (client, provider, get_account(), provider._token, shared, shared.look())),
        *map(str, keys),
        *capfd.readouterr(),
    ]

    assert len(errors) == len(TOKEN_STEPS) + len(API_STEPS)
    assert {"urllib3", "django_redpin"} <= everything.names
    assert "was not renewed" in "".join(everything.texts)
    assert len(keys) >= 2
    assert leaks(texts) == []


def test_b7_the_projects_own_use_of_oauth_is_still_logged(
    redpin: FakeRedpin, everything: Everything
) -> None:
    RedpinClient(get_account()).find_session("ORDER-1")
    assert "requests_oauthlib" not in everything.names

    logging.getLogger("requests_oauthlib.oauth2_session").debug("Of another client.")

    assert "requests_oauthlib" in everything.names


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_b7_no_secret_is_in_a_row_or_on_a_page_of_the_admin(
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    admin_client: Client,
) -> None:
    run_everything(redpin, arguments, monkeypatch)
    rows = [
        repr(row) for model in apps.get_models() for row in model._default_manager.values_list()
    ]
    pages = []
    for model in admin.site._registry:
        if model._meta.app_label != "redpin":
            continue
        name = f"admin:redpin_{model._meta.model_name}"
        pages.append(admin_client.get(reverse(f"{name}_changelist")))
        for pk in model._default_manager.values_list("pk", flat=True):
            pages.append(admin_client.get(reverse(f"{name}_change", args=[pk])))
            pages.append(admin_client.get(reverse(f"{name}_history", args=[pk])))

    assert PaymentSession.objects.count() == 2 + len(TOKEN_STEPS) + len(API_STEPS)
    assert len(pages) > 2 * PaymentSession.objects.count()
    assert {page.status_code for page in pages} == {200}
    assert leaks(rows) == []
    assert leaks(page.content.decode() for page in pages) == []


def reports_of(error: BaseException) -> list[str]:
    """Return what Django's error page and its mail to the admins would show."""
    ours = error.__traceback__
    # A test's own frames know all.
    while ours and not ours.tb_frame.f_globals["__name__"].startswith("django_redpin."):
        ours = ours.tb_next
    error = error.with_traceback(ours)
    reporter = ExceptionReporter(RequestFactory().get("/"), type(error), error, ours)
    return [reporter.get_traceback_html(), reporter.get_traceback_text()]


@pytest.mark.parametrize("what", TOKEN_STEPS)
@pytest.mark.parametrize("debug", [False, True])
def test_b7_no_report_of_a_failed_token_request_shows_a_secret(
    redpin: FakeRedpin, settings: Settings, what: str, debug: bool
) -> None:
    redpin.token_script.append(TOKEN_STEPS[what])

    with pytest.raises(RedpinError) as caught:
        RedpinClient(get_account()).find_session("ORDER-1")

    # With DEBUG, Django shows every variable, whatever it is told of sensitive ones.
    settings.DEBUG = debug
    reports = reports_of(caught.value)
    assert "ask_for_token" in reports[0]
    assert leaks(reports) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", API_STEPS)
def test_b7_no_report_of_a_failed_call_shows_a_secret(
    redpin: FakeRedpin, settings: Settings, arguments: dict[str, Any], what: str
) -> None:
    redpin.create_script.extend([API_STEPS[what]] * 2)

    with pytest.raises(RedpinError) as caught:
        create(arguments, "ORDER-1")

    settings.DEBUG = False
    reports = reports_of(caught.value)
    assert leaks(reports) == []
