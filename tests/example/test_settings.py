"""The example's settings: what the environment moves, and that production's are safe."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCTION = {
    "SECRET_KEY": "o8Wz2-kJ3vQ9xT5mB7nC1pL4rF6hD0sG_yAeUiXtNqKwPzVbRj",
    "ALLOWED_HOSTS": "shop.example.com",
    "REDPIN_CLIENT_ID": "client",
    "REDPIN_CLIENT_SECRET": "secret",
    "REDPIN_CUSTOMER_ID": "0201001008132685",
    "REDPIN_WEBHOOK_BASE_URL": "https://shop.example.com",
    "REDPIN_WEBHOOK_SECRETS": "a-secret-of-more-than-24-bytes-for-the-webhooks",
    "REDPIN_HOSTED_PAGE_ORIGINS": "https://pay.example.com",
}


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """An environment with nothing of the example's in it but a data directory."""
    for name in (*PRODUCTION, "DEBUG", "DATABASE_URL", "CELERY_BROKER_URL", "CACHE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DEMO_DATA_DIR", str(tmp_path / "data"))
    return monkeypatch


def load(env: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    for name, value in variables.items():
        env.setenv(name, value)
    return runpy.run_path(str(ROOT / "example_project" / "settings.py"))


def test_with_debug_alone_everything_is_below_the_data_directory(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = load(env, DEBUG="1")

    data = tmp_path / "data"
    database = found["DATABASES"]["default"]
    assert database["NAME"] == str(data / "merchant.sqlite3")
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in database["OPTIONS"]["init_command"]
    assert found["CELERY_BROKER_URL"] == "filesystem://"
    for folder in ("data_folder_in", "data_folder_out", "control_folder", "processed_folder"):
        assert data in Path(found["CELERY_BROKER_TRANSPORT_OPTIONS"][folder]).parents
    assert found["CACHES"]["default"]["LOCATION"] == str(data / "cache")
    assert data.stat().st_mode & 0o077 == 0


def test_two_variables_move_it_to_postgresql_and_rabbitmq(env: pytest.MonkeyPatch) -> None:
    found = load(
        env,
        DEBUG="1",
        DATABASE_URL="postgres://shop:pass%2Fword@db.example.com:5433/homes",
        CELERY_BROKER_URL="amqp://guest:guest@mq.example.com:5672//",
    )

    database = found["DATABASES"]["default"]
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["NAME"], database["HOST"], database["PORT"]) == (
        "homes",
        "db.example.com",
        5433,
    )
    assert database["PASSWORD"] == "pass/word"
    assert "OPTIONS" not in database
    assert found["CELERY_BROKER_URL"] == "amqp://guest:guest@mq.example.com:5672//"
    assert "CELERY_BROKER_TRANSPORT" not in found


@pytest.mark.parametrize(
    "url",
    [
        *("nonsense", "canary", "://", "foo://canary@host/name", "//shop:canary@host/name", " "),
        *("postgres://shop:canary@host:port/name", "postgres://shop:canary/x@host/name"),
        *("postgres://[shop:canary@host/name", "postgres//shop:canary@host/name"),
    ],
)
def test_a_database_url_that_can_not_be_read_is_told_without_its_password(
    env: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is not understood") as raised:
        load(env, DEBUG="1", DATABASE_URL=url)

    assert "canary" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_no_request_runs_in_a_transaction(env: pytest.MonkeyPatch) -> None:
    for url in ("", "postgres://127.0.0.1/homes"):
        found = load(env, DEBUG="1", DATABASE_URL=url)
        assert not found["DATABASES"]["default"].get("ATOMIC_REQUESTS", False)


def test_only_the_hosted_pages_origin_may_be_framed(env: pytest.MonkeyPatch) -> None:
    policy = load(env, **PRODUCTION)["SECURE_CSP"]

    assert policy["frame-src"] == ["https://pay.example.com"]
    assert policy["frame-ancestors"] == ["'none'"]
    assert "'unsafe-inline'" not in str(policy)


def test_without_debug_a_missing_secret_key_stops_the_start(env: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY"):
        load(env)


@pytest.mark.slow
def test_the_deployment_check_is_clean_with_the_documented_variables(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            *[sys.executable, "example_project/manage.py", "check"],
            *["--deploy", "--fail-level", "WARNING"],
        ],
        cwd=ROOT,
        env={
            **{k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"},
            **PRODUCTION,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_mail_goes_to_the_console_with_debug_and_to_a_server_without(
    env: pytest.MonkeyPatch,
) -> None:
    def backend(found: dict[str, Any]) -> str:
        mailers = found.get("MAILERS")
        return str(mailers["default"]["BACKEND"] if mailers else found["EMAIL_BACKEND"])

    assert backend(load(env, DEBUG="1")) == "django.core.mail.backends.console.EmailBackend"
    env.delenv("DEBUG")
    found = load(env, **PRODUCTION, EMAIL_URL="smtp+tls://shop:pass@mail.example.com:587")
    assert backend(found) == "django.core.mail.backends.smtp.EmailBackend"
