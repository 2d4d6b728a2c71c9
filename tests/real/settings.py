"""Settings of the real processes: those of the tests, and what the environment names."""

from __future__ import annotations

import environ

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS as _APPS
from tests.settings import REDPIN as _REDPIN

_env = environ.Env()
_redpin = _env.str("REAL_REDPIN_URL", default="http://127.0.0.1:9")

# Plain HTTP to this machine needs DEBUG, which a process that is to be measured can't have.
DEBUG = _redpin.startswith("http://")
INSTALLED_APPS = [
    *(
        name
        for name in _APPS
        if name not in ("django_redpin.sandbox", "example_project.properties")
    ),
    *_env.list("REAL_APPS", default=["tests.real"]),
]
REDPIN = {
    **_REDPIN,
    "BASE_URL": _redpin,
    "TOKEN_URL": f"{_redpin}/auth/oauth/v2/token",
    "HOSTED_PAGE_ORIGINS": [_redpin],
    "CA_BUNDLE": _env.str("REAL_CA_BUNDLE", default=""),
    "WEBHOOK_BASE_URL": _env.str("REAL_WEB_URL", default="https://merchant.test"),
}

CELERY_BROKER_URL = _env.str("CELERY_BROKER_URL", default="memory://")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = _env.str("REAL_QUEUE", default="redpin-real")
CELERY_TASK_IGNORE_RESULT = True
# A killed worker's message goes to another at once, not after ten seconds.
CELERY_WORKER_LOST_WAIT = 0.1
