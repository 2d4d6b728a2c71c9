"""Where a request never reaches the view, a filter keeps its URL's token out of the logs."""

from __future__ import annotations

import http.client
import io
import logging
import logging.config
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import django
import pytest
from django.core import mail
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import WSGIRequestHandler, WSGIServer
from django.http import HttpResponse
from django.test import Client
from django.urls import path as url_path
from django.urls import set_script_prefix
from django.utils.log import AdminEmailHandler
from pytest_django import Settings

from django_redpin.logs import HideTokens, shorten
from django_redpin.models import WebhookEvent
from django_redpin.rules.callback_tokens import sign

from .posting import REFERENCE, SECRET, path, post

pytestmark = pytest.mark.django_db
TOKEN = sign(SECRET, "default", REFERENCE)
SHORT = "/redpin/webhooks/default/***"


class Everything(logging.Formatter):
    """Says all that a record has, as formatters that write JSON do."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{record.name}: {super().format(record)} {vars(record)}"


@pytest.fixture
def told() -> Iterator[io.StringIO]:
    """What the handlers write that have the filter, with all that a formatter can say."""
    stream = io.StringIO()
    console = logging.StreamHandler(stream)
    console.setFormatter(Everything())
    names = ("", "django", "django.server", "django.request", "django.security")
    loggers = [logging.getLogger(name) for name in names]
    before = [(log.handlers, log.level, log.propagate) for log in loggers]
    console.addFilter(HideTokens())
    for log in loggers:
        log.handlers, log.propagate = [console], False
        log.setLevel(logging.DEBUG)
    yield stream
    for log, (handlers, level, propagate) in zip(loggers, before, strict=True):
        log.handlers, log.propagate = handlers, propagate
        log.setLevel(level)


@pytest.mark.parametrize("url", [path(), path().rstrip("/"), f"{path()}?a=b"])
def test_a_host_that_is_not_allowed_has_the_path_logged_without_its_token(
    url: str, settings: Settings, told: io.StringIO
) -> None:
    settings.ALLOWED_HOSTS = ["merchant.test"]

    response = post(url, HTTP_HOST="evil.test")

    assert response.status_code == 400
    assert not WebhookEvent.objects.exists()
    assert "Invalid HTTP_HOST header: 'evil.test'" in told.getvalue()
    assert "/redpin/webhooks/" not in told.getvalue().replace(SHORT, "")
    assert TOKEN not in told.getvalue()


def test_without_the_filter_a_record_has_the_token(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ALLOWED_HOSTS = ["merchant.test"]

    post(path(), HTTP_HOST="evil.test")

    assert TOKEN in str([vars(record) for record in caplog.records])


@pytest.mark.filterwarnings("ignore:.*(ADMINS|EMAIL|MAILERS|mail)")
def test_a_mail_about_such_a_request_holds_neither_path_nor_headers(
    settings: Settings, mailoutbox: list[mail.EmailMessage]
) -> None:
    settings.ALLOWED_HOSTS = ["merchant.test"]
    ops = "ops@merchant.test"
    settings.ADMINS = [ops] if django.VERSION >= (6, 0) else [("Ops", ops)]
    handler = AdminEmailHandler()
    handler.addFilter(HideTokens())
    log = logging.getLogger("django.security.DisallowedHost")
    other = logging.getLogger("django.request")
    for each in (log, other):
        each.addHandler(handler)
    try:
        post(path(), HTTP_HOST="evil.test", HTTP_AUTHORIZATION="canary-authorization")
    finally:
        for each in (log, other):
            each.removeHandler(handler)

    assert mailoutbox
    for message in mailoutbox:
        assert TOKEN not in f"{message.subject}{message.body}"
        assert "canary" not in str(message.body)


def breaks(get_response: Any) -> Any:
    """A middleware that fails, and says the path."""

    def middleware(request: Any) -> Any:
        raise RuntimeError(f"No luck with {request.get_full_path()!r}.")

    return middleware


def test_an_exceptions_own_text_is_shortened_too(settings: Settings, told: io.StringIO) -> None:
    settings.MIDDLEWARE = [f"{__name__}.breaks"]

    assert Client(raise_request_exception=False).post(f"{path()}?q=1").status_code == 500

    assert f"RuntimeError: No luck with '{SHORT}?q=1'." in told.getvalue()
    assert TOKEN not in told.getvalue()


def test_the_development_servers_request_lines_are_shortened(told: io.StringIO) -> None:
    server = WSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    client = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    client.request("GET", path())
    assert client.getresponse().status == 405
    client.close()
    thread.join()
    server.server_close()

    assert f'"GET {SHORT} HTTP/1.1" 405' in told.getvalue()
    assert TOKEN not in told.getvalue()


@pytest.mark.parametrize(
    ("message", "arguments", "expected"),
    [
        ("%s", (path(),), SHORT),
        (path(), (), SHORT),
        ('%s "%s %s" %d', ("a", "POST", path(), 200), f'a "POST {SHORT}" 200'),
        ("%(r)s %(s)s", ({"r": f"POST {path()}", "s": 1},), f"POST {SHORT} 1"),
        ("%s", (ValueError(path()),), SHORT),
        (ValueError(f"<{path()}>"), (), f"<{SHORT}>"),
        ("/redpin/webhooks/default/%s/%s/", (REFERENCE, TOKEN), SHORT),
        (f"/redpin/webhooks/default/{TOKEN}/", (), SHORT),
        (f"/shop/redpin/webhooks/default/{TOKEN}", (), f"/shop{SHORT}"),
        (f"https://a.test{path()}?x=1 and {path()}", (), f"https://a.test{SHORT}?x=1 and {SHORT}"),
        (f"{path()}{TOKEN}/more", (), SHORT),
        ("/stripe/webhooks/a/b/c", (), "/stripe/webhooks/a/b/c"),
        ("/redpin/sessions/WzFd.1u.sig-_/", (), "/redpin/sessions/***"),
        ("GET %s?a=b", ("/redpin/sessions/WzFd.1u.sig",), "GET /redpin/sessions/***?a=b"),
        ("/redpin/sessions/WzFd%2E1u%2Esig/", (), "/redpin/sessions/***"),
        ("/shop/sessions/7/ and /redpin/session/", (), "/shop/sessions/7/ and /redpin/session/"),
        ("%s of %s", ("none",), None),
        ("100%", (), "100%"),
    ],
    ids=str,
)
def test_whatever_a_record_says_it_in(message: Any, arguments: Any, expected: str | None) -> None:
    record = logging.LogRecord("x", logging.INFO, "", 0, message, arguments, None)
    record.url = path()

    assert HideTokens().filter(record)

    if expected is not None:
        assert record.getMessage() == expected
    assert TOKEN not in repr(vars(record))


def test_arguments_stay_where_a_formatter_looks_for_them() -> None:
    arguments = ("127.0.0.1:5000", "POST", path(), "1.1", 200)
    record = logging.LogRecord("uvicorn.access", 20, "", 0, "%s %s %s %s %d", arguments, None)

    HideTokens().filter(record)

    assert record.args == ("127.0.0.1:5000", "POST", SHORT, "1.1", 200)


def test_below_another_path_it_is_that_path_which_is_shortened(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.webhooks.test_intake_projects"
    moved = path().replace("/redpin/", "/api/v7/pay/")

    assert shorten(f"{moved} {path()}") == f"/api/v7/pay/webhooks/default/*** {path()}"
    set_script_prefix("/shop/")
    try:
        assert shorten(f"{moved} /shop{moved}").count("***") == 2
    finally:
        set_script_prefix("/")


urlpatterns = [url_path("nothing/", lambda request: HttpResponse())]


def test_a_status_address_that_never_reaches_its_view_is_shortened(
    settings: Settings, told: io.StringIO
) -> None:
    settings.ALLOWED_HOSTS = ["merchant.test"]

    response = Client().get("/redpin/sessions/WzFd.1uX.canary/", headers={"Host": "evil.test"})

    assert response.status_code == 400
    assert "canary" not in told.getvalue()


def test_while_the_urls_can_not_be_had_a_status_address_is_shortened_too(
    settings: Settings,
) -> None:
    settings.ROOT_URLCONF = __name__

    assert shorten("GET /any/sessions/WzFd.1uX.canary/ 200") == "GET /any/sessions/*** 200"


def test_while_the_urls_can_not_be_had_every_webhook_is_shortened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for urls in (__name__, "tests.nowhere"):
        settings.ROOT_URLCONF = urls
        assert shorten(f"POST {path()}") == f"POST {SHORT}"
    settings.ROOT_URLCONF = "tests.urls"
    monkeypatch.setattr("django_redpin.logs.apps.ready", False)
    assert shorten(f"POST {path()}") == f"POST {SHORT}"


@pytest.mark.heavy
def test_it_is_named_in_the_settings_before_the_apps_are_there() -> None:
    code = (
        "import logging.config, sys;"
        "config = logging.config.DictConfigurator({'version': 1});"
        "config.configure_filter({'()': 'django_redpin.logs.HideTokens'});"
        "assert not [m for m in sys.modules if m.startswith(('django_redpin.models', 'rest_'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
