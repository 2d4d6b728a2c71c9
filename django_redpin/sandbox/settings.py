"""Settings of a sandbox that runs by itself, taken from the environment that ``__main__`` fills.

A project that installs the app has settings of its own and never reads these.
"""

from __future__ import annotations

import os
import secrets
from typing import Final

from .addresses import is_loopback
from .languages import LANGUAGES as _LANGUAGES

_BIND: Final = os.environ.get("REDPIN_SANDBOX_BIND", "127.0.0.1")

# Nothing that outlives the process is signed with it: page tokens use each session's own secret.
SECRET_KEY = secrets.token_urlsafe(48)
DEBUG = False
# Names of this machine only, so that a web page elsewhere cannot point its own name at it.
ALLOWED_HOSTS = ["127.0.0.1", "localhost", ".localhost", "[::1]"] if is_loopback(_BIND) else ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LANGUAGES = list(_LANGUAGES.items())
ROOT_URLCONF = "django_redpin.sandbox.urls"
INSTALLED_APPS = ["django.contrib.staticfiles", "django_redpin.sandbox"]
STATIC_URL = "/static/"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django_redpin.sandbox.calls.call_log",
]
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("REDPIN_SANDBOX_DATABASE", "redpin-sandbox.sqlite3"),
        "OPTIONS": {
            # A transaction that begins as a reader and goes on to write can be refused at once,
            # whatever the timeout; one that begins as a writer waits for its turn.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
REDPIN_SANDBOX = {
    "CLIENT_ID": os.environ.get("REDPIN_SANDBOX_CLIENT_ID", ""),
    "CLIENT_SECRET": os.environ.get("REDPIN_SANDBOX_CLIENT_SECRET", ""),
    "CUSTOMER_ID": os.environ.get("REDPIN_SANDBOX_CUSTOMER_ID", ""),
    "STEP_SECONDS": float(os.environ.get("REDPIN_SANDBOX_STEP_SECONDS", "1.5")),
    "SESSION_MINUTES": float(os.environ.get("REDPIN_SANDBOX_SESSION_MINUTES", "30")),
    "MANUAL": os.environ.get("REDPIN_SANDBOX_MANUAL") == "1",
    "LIST_SHOWS_URL": os.environ.get("REDPIN_SANDBOX_LIST_SHOWS_URL") == "1",
    "API": os.environ.get("REDPIN_SANDBOX_API", "seed"),
    "SITE": os.environ.get("REDPIN_SANDBOX_SITE", ""),
    "PURPOSES": [p for p in os.environ.get("REDPIN_SANDBOX_PURPOSES", "").split(",") if p],
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"no_keys": {"()": "django_redpin.sandbox.logs.HideKeys"}},
    "formatters": {"plain": {"format": "sandbox: %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "filters": ["no_keys"],
            "formatter": "plain",
        }
    },
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
        # What a stranger sends is answered, not logged with a traceback.
        "django.security": {"handlers": [], "level": "CRITICAL", "propagate": False},
        "django_redpin.sandbox": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}
