"""`manage.py check --deploy`: what is right on a laptop alone, and what no worker would do."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery import Celery, current_app
from django.apps import apps
from django.core.checks import CheckMessage, Error, Tags, run_checks
from django.core.checks import Warning as WarningMessage
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from pytest_django import Settings

from django_redpin.checks import check_debug, check_sandbox, check_settings, check_workers
from django_redpin.checks.deployment import PUBLISHED_SECRETS
from django_redpin.checks.workers import SWEEPS
from django_redpin.tasks import beat_schedule

from .test_checks import ids

ROOT = Path(__file__).resolve().parent.parent
LIVE = "https://api.redpincompany.com"


def _anything(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [re_path(r"^", _anything), path("redpin/", include("django_redpin.urls"))]


@pytest.fixture
def deployed(settings: Settings) -> Settings:
    """Settings as they are deployed: no sandbox among the apps, a cache that is shared."""
    settings.INSTALLED_APPS = [
        name for name in settings.INSTALLED_APPS if name != "django_redpin.sandbox"
    ]
    place = "django.core.cache.backends.filebased.FileBasedCache"
    settings.CACHES = {"default": {"BACKEND": place, "LOCATION": "/nowhere"}}
    return settings


def deploy_ids() -> set[str]:
    found = run_checks(tags=[Tags.security], include_deployment_checks=True)
    ours = [message for message in found if str(message.id).startswith("redpin.")]
    assert all(message.hint for message in ours)
    assert "canary" not in f"{ours!r}{[str(message) for message in ours]}"
    return ids(ours)


def with_celery(**conf: Any) -> list[CheckMessage]:
    before: Any = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        app = Celery("shop")  # Which is the current app by that.
        app.conf.update({"beat_schedule": beat_schedule(), **conf})
        app.set_current()
        return check_workers()
    finally:
        before.set_current()


def test_c16_right_settings_of_a_deployment_pass(deployed: Settings) -> None:
    assert deploy_ids() == {"redpin.W011", "redpin.W012"}  # The tests' own broker is memory.
    deployed.REDPIN = {**deployed.REDPIN, "WEBHOOK_PROCESSING": "inline"}
    assert deploy_ids() == set()


def test_c16_a_deployment_without_verifier_or_with_a_short_secret_is_an_error(
    deployed: Settings,
) -> None:
    for secrets in ([], ["canary-short"]):
        deployed.REDPIN = {**deployed.REDPIN, "WEBHOOK_SECRETS": secrets}
        assert "redpin.E006" in deploy_ids()


def test_c16_e020_the_sandbox_among_the_apps(deployed: Settings) -> None:
    assert check_sandbox() == []
    deployed.INSTALLED_APPS = [*deployed.INSTALLED_APPS, "django_redpin.sandbox"]

    (message,) = check_sandbox()

    assert (message.id, isinstance(message, Error)) == ("redpin.E020", True)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("name", ["BASE_URL", "TOKEN_URL", "WEBHOOK_BASE_URL"])
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8001", "https://localhost", "http://[::1]:8001", "http://127.9.9.9"]
)
def test_c16_e021_an_address_on_this_machine(
    deployed: Settings, name: str, url: str, debug: bool
) -> None:
    """With DEBUG, too, which lets `check` alone pass."""
    deployed.DEBUG = debug
    deployed.REDPIN = {**deployed.REDPIN, name: url}

    found = [message for message in check_sandbox() if f"[{name!r}]" in message.msg]

    assert ids(found) == {"redpin.E021"}


def test_c16_e021_a_hosted_page_on_this_machine_in_any_account(deployed: Settings) -> None:
    deployed.REDPIN = {
        **deployed.REDPIN,
        "ACCOUNTS": {"gulf": {"HOSTED_PAGE_ORIGINS": [LIVE, "http://localhost:8001"]}},
    }

    (message,) = check_sandbox()

    assert message.id == "redpin.E021"
    assert message.msg.startswith("REDPIN['ACCOUNTS']['gulf']['HOSTED_PAGE_ORIGINS'] ")


@pytest.mark.parametrize("secret", sorted(PUBLISHED_SECRETS))
def test_c16_e022_a_secret_that_everybody_can_read(deployed: Settings, secret: str) -> None:
    for name, value in (("CLIENT_SECRET", secret), ("WEBHOOK_SECRETS", ["x" * 40, secret])):
        deployed.REDPIN = {**deployed.REDPIN, name: value}
        found = [message for message in check_sandbox() if f"[{name!r}]" in message.msg]

        assert ids(found) == {"redpin.E022"}
        assert secret not in f"{found!r}{found[0]}"


def test_c16_e022_knows_the_secrets_of_the_example_and_of_the_docs() -> None:
    example = (ROOT / "example_project/settings.py").read_text()
    docs = "".join(page.read_text() for page in (ROOT / "docs").glob("*.md"))
    named = re.findall(r'SECRETS?": "([^"]+)"( \* 2)?', example)
    told = set(re.findall(r"client.secret[= ]([a-z-]{8,})", docs))

    assert {text * (2 if twice else 1) for text, twice in named} | told == PUBLISHED_SECRETS


def test_c16_w010_debug_with_credentials_that_move_money(deployed: Settings) -> None:
    assert check_debug() == []
    deployed.DEBUG = True
    (message,) = check_debug()
    assert (message.id, isinstance(message, WarningMessage)) == ("redpin.W010", True)

    deployed.REDPIN = {**deployed.REDPIN, "BASE_URL": "http://127.0.0.1:8001"}
    assert check_debug() == []
    deployed.REDPIN = {**deployed.REDPIN, "BASE_URL": LIVE, "CLIENT_SECRET": ""}
    assert check_debug() == []


@pytest.mark.parametrize(
    ("conf", "told"),
    [
        ({}, "has no broker"),
        ({"broker_url": "memory://"}, "memory of one process"),
        ({"broker_url": "amqp://broker.test//", "task_always_eager": True}, "task_always_eager"),
    ],
)
def test_c16_w011_celery_can_not_hand_anything_over(
    monkeypatch: pytest.MonkeyPatch, conf: dict[str, Any], told: str
) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    (message,) = with_celery(**conf)

    assert message.id == "redpin.W011"
    assert told in message.msg


def test_c16_w011_an_app_whose_settings_can_not_be_read_is_told_of() -> None:
    before: Any = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        app = Celery("shop")
        app.config_from_object("no.such.module")
        app.set_current()
        (message,) = check_workers()
    finally:
        before.set_current()

    assert message.id == "redpin.W011"
    assert "can't be read" in message.msg


def test_c16_w012_beat_without_our_sweeps() -> None:
    some = {k: v for k, v in beat_schedule().items() if k != "redpin-reconcile"}
    broker = "amqp://canary:canary@broker.test//"

    assert with_celery(broker_url=broker) == []
    (message,) = with_celery(broker_url=broker, beat_schedule=some)

    assert message.id == "redpin.W012"
    assert message.msg == "Celery's beat_schedule lacks django_redpin.reconcile."
    assert "canary" not in f"{message!r}{message}"


def test_c16_w012_knows_every_sweep() -> None:
    assert {entry["task"] for entry in beat_schedule().values()} == set(SWEEPS)


def test_c16_workers_are_of_no_concern_without_celery(settings: Settings) -> None:
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": "inline"}
    assert check_workers() == []
    settings.REDPIN = {**settings.REDPIN, "WEBHOOK_PROCESSING": 7}
    assert check_workers() == []


def test_c16_e017_a_pattern_before_the_webhooks_takes_its_events(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__

    (message,) = check_settings()

    assert message.id == "redpin.E017"


@pytest.mark.heavy
def test_c16_e017_is_no_matter_of_a_script_prefix(settings: Settings) -> None:
    code = (
        "import django; django.setup()\n"
        "from django_redpin.checks import check_settings\n"
        "from django.conf import settings; settings.FORCE_SCRIPT_NAME = '/shop'\n"
        "from django.urls import set_script_prefix; set_script_prefix('/shop/')\n"
        "print(check_settings())"
    )
    environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_c16_e025_certificates_that_are_not_there(settings: Settings, tmp_path: Path) -> None:
    settings.REDPIN = {**settings.REDPIN, "CA_BUNDLE": str(tmp_path / "no.pem")}
    assert ids(check_settings()) == {"redpin.E025"}
    settings.REDPIN = {**settings.REDPIN, "CA_BUNDLE": str(tmp_path)}
    assert check_settings() == []


@pytest.mark.parametrize("value", [None, 7, [], ["x"], {}, "canary-text", object()])
def test_no_settings_crash_the_deployment_checks(settings: Settings, value: Any) -> None:
    right = settings.REDPIN
    for name in ("BASE_URL", "CLIENT_SECRET", "WEBHOOK_SECRETS", "HOSTED_PAGE_ORIGINS"):
        settings.REDPIN = {**right, name: value}
        deploy_ids()
    settings.REDPIN = value
    deploy_ids()


def test_c16_w012_a_schedule_in_the_database_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = apps.is_installed
    monkeypatch.setattr(
        apps, "is_installed", lambda name: name == "django_celery_beat" or installed(name)
    )

    assert with_celery(broker_url="amqp://broker.test//", beat_schedule={}) == []
