"""What has to be there before the first process starts: folder, secrets, tables, homes, a user.

The secrets of a data directory are made once and kept in a file for its owner alone, so that the
sessions of yesterday's demo still know their callbacks today.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit

REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
SETTINGS: Final = "example_project.settings"
ADMIN: Final = "demo"
_SECRETS_FILE: Final = "secrets.json"
_BROKERS: Final = {"pyamqp": "amqp", "amqps": "amqp", "rediss": "redis"}
_DATABASES: Final = {"sqlite3": "sqlite"}


class NotPrepared(Exception):
    """The demo can't start; the text says why, and what to change."""


class Addresses(NamedTuple):
    """Where the two servers are, without a final slash."""

    merchant: str
    sandbox: str


class Ready(NamedTuple):
    """What was found: kinds of database and broker, and the password of the demo's user."""

    database: str
    broker: str
    password: str


def environment(data_dir: Path, at: Addresses) -> dict[str, str]:
    """Return the environment of all children: where things are, and the data directory's secrets.

    Raises `NotPrepared` where the directory can't be used.
    """
    kept = _secrets(data_dir)
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": SETTINGS,
        "PYTHONUNBUFFERED": "1",
        "DEBUG": "1",
        "DEMO_DATA_DIR": str(data_dir),
        "SECRET_KEY": kept["django"],
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "REDPIN_BASE_URL": at.sandbox,
        "REDPIN_TOKEN_URL": f"{at.sandbox}/auth/oauth/v2/token",
        "REDPIN_CLIENT_ID": "meridian-quay",
        "REDPIN_CLIENT_SECRET": kept["client"],
        "REDPIN_CUSTOMER_ID": kept["customer"],
        "REDPIN_WEBHOOK_BASE_URL": at.merchant,
        "REDPIN_WEBHOOK_SECRETS": kept["webhook"],
        "REDPIN_HOSTED_PAGE_ORIGINS": at.sandbox,
        "REDPIN_ALLOWED_ORIGINS": "",
        "REDPIN_SANDBOX_CLIENT_SECRET": kept["client"],
    }


def prepare(env: dict[str, str], log: Path, *, samples: bool = False) -> Ready:
    """Migrate, seed and make the demo's user in this process; its output goes to `log`.

    With `samples`, the admin has payments of the last month to show.

    Raises `NotPrepared` where the database or the settings don't allow it.
    """
    os.environ.update(env)
    if str(REPOSITORY) not in sys.path:
        sys.path.insert(0, str(REPOSITORY))
    with (
        log.open("a", encoding="utf-8") as output,
        redirect_stdout(output),
        redirect_stderr(output),
    ):
        return _prepare(log, samples=samples)


def _prepare(log: Path, *, samples: bool) -> Ready:
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management.base import CommandError

    try:
        django.setup()
    except (ImproperlyConfigured, ImportError, ValueError) as problem:
        raise NotPrepared(f"The settings can't be used: {_first_line(problem)}") from problem

    from django.conf import settings
    from django.core.management import call_command
    from django.db import Error, connections

    try:
        call_command("migrate", interactive=False, verbosity=1)
        password = _seed(samples=samples)
    except (Error, CommandError, ImproperlyConfigured) as problem:
        engine = _database(settings.DATABASES["default"]["ENGINE"])
        raise NotPrepared(
            f"The database ({engine}) can't be used: {_first_line(problem)}"
            f" Check DATABASE_URL; {log} says more."
        ) from problem
    finally:
        connections.close_all()
    broker_url = str(getattr(settings, "CELERY_BROKER_URL", ""))
    _declare_queue(broker_url)
    return Ready(
        database=_database(settings.DATABASES["default"]["ENGINE"]),
        broker=_broker(broker_url),
        password=password,
    )


def _seed(*, samples: bool) -> str:
    from django.contrib.auth import get_user_model

    from example_project.properties.samples import add_samples
    from example_project.properties.seed import seed

    seed()
    if samples:
        add_samples()
    password = secrets.token_urlsafe(9)
    users = get_user_model()._default_manager
    user, _ = users.get_or_create(username=ADMIN, defaults={"email": "demo@meridian.example"})
    user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    return password


def _declare_queue(url: str) -> None:
    """Reach the broker once, and declare the queue before several processes do it at once."""
    from example_project.celery import app

    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=2, interval_start=1, interval_step=1)
            app.amqp.queues[app.conf.task_default_queue](connection.default_channel).declare()
    except Exception as problem:  # Whatever a broker's library raises, the cure is the same.
        raise NotPrepared(
            f"The broker ({_broker(url)}) can't be reached: {_first_line(problem)}"
            " Check CELERY_BROKER_URL."
        ) from problem


def _secrets(data_dir: Path) -> dict[str, str]:
    path = data_dir / _SECRETS_FILE
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
            return {name: str(kept[name]) for name in ("django", "client", "webhook", "customer")}
        made = {name: secrets.token_urlsafe(48) for name in ("django", "client", "webhook")}
        made["customer"] = str(10**15 + secrets.randbelow(9 * 10**15))
        path.touch(mode=0o600)
        path.write_text(json.dumps(made), encoding="utf-8")
    except OSError as problem:
        raise NotPrepared(
            f"The data directory {data_dir} can't be used: {problem.strerror}."
            " Name another one with DEMO_DATA_DIR."
        ) from problem
    except (ValueError, KeyError, TypeError) as problem:
        raise NotPrepared(f"{path} is damaged. Delete it; it is made anew.") from problem
    return made


def _database(engine: str) -> str:
    kind = engine.rpartition(".")[2]
    return _DATABASES.get(kind, kind)


def _broker(url: str) -> str:
    scheme = urlsplit(url).scheme
    return _BROKERS.get(scheme, scheme)


def _first_line(problem: BaseException) -> str:
    text = str(problem).strip()
    return (text.splitlines()[0] if text else type(problem).__name__).rstrip(".") + "."
