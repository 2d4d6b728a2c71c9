"""Settings of what is measured: those of a project in production, as far as time goes.

`DATABASE_URL` is the database of the run, and `BENCH_APPS` names the apps of peers.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import environ

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS
from tests.settings import REDPIN as _REDPIN

_env = environ.Env()

DEBUG = False
ROOT_URLCONF = "benchmarks.urls"
DATABASES = {
    # Else each request would begin with a new connection, which would drown everything.
    "default": {**_env.db_url("DATABASE_URL", default="sqlite://:memory:"), "CONN_MAX_AGE": None}
}
_OPTIONS: Final = {
    # Durable, as the other two are by themselves.
    "sqlite3": {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    },
    "mysql": {"charset": "utf8mb4"},
}
DATABASES["default"]["OPTIONS"] = _OPTIONS.get(
    DATABASES["default"]["ENGINE"].rpartition(".")[2], {}
)
_UNMEASURED: Final = ("django_redpin.sandbox", "example_project.properties")
INSTALLED_APPS = [
    *(name for name in _APPS if name not in _UNMEASURED),
    "benchmarks",
    *(name for name in _env.list("BENCH_APPS", default=[]) if find_spec(name)),
]
# Of peers: their tables as they are today; their migrations would take minutes.
MIGRATION_MODULES = dict.fromkeys(_env.list("BENCH_APPS", default=[]))
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
STRIPE_TEST_SECRET_KEY = "sk_test_" + 5 * "bench"
# Lines are made, as they are in production, and go nowhere: a disk is not what is measured.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"nowhere": {"class": "benchmarks.nowhere.Handler", "formatter": "line"}},
    "root": {"handlers": ["nowhere"], "level": "WARNING"},
    "loggers": {"django": {"handlers": [], "level": "INFO"}},
}
_redpin = _env.str("BENCH_REDPIN_URL", default="https://127.0.0.1:9")
REDPIN = {
    **_REDPIN,
    "BASE_URL": _redpin,
    "TOKEN_URL": f"{_redpin}/auth/oauth/v2/token",
    "HOSTED_PAGE_ORIGINS": [_redpin],
    "CA_BUNDLE": _env.str("BENCH_CA_BUNDLE", default=""),
}
CELERY_BROKER_URL = _env.str("RABBITMQ_URL", default="amqp://guest:guest@127.0.0.1:5672//")
CELERY_TASK_DEFAULT_QUEUE = _env.str("BENCH_QUEUE", default="bench-of-nobody")
CELERY_TASK_IGNORE_RESULT = True
