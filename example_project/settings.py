"""Settings of the example merchant. What differs between a laptop and production is environment.

Nothing set but DEBUG=1: SQLite, a broker made of files, a cache made of files, all below
DEMO_DATA_DIR. Nothing set and DEBUG off: it starts only with what production needs.
"""

from __future__ import annotations

from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import django
import environ
from django.core.exceptions import ImproperlyConfigured

from django_redpin.csp import add_redpin_csp
from django_redpin.tasks import beat_schedule

env = environ.Env()
REPOSITORY: Final = Path(__file__).resolve().parent.parent
DATA_DIR: Final = Path(env.str("DEMO_DATA_DIR", default=str(REPOSITORY / ".demo"))).resolve()


def data_path(*parts: str) -> Path:
    """Return a folder below the data directory, which is made on first use, for its owner alone."""
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = DATA_DIR.joinpath(*parts)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


# --- Who may reach the site, and how ------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
# Without DEBUG a missing SECRET_KEY stops the start, with its name in the message.
SECRET_KEY = (
    env.str("SECRET_KEY", default="django-insecure-for-a-laptop-only")
    if DEBUG
    else env.str("SECRET_KEY")
)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

if not DEBUG:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 60 * 60)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    if env.bool("BEHIND_TLS_PROXY", default=False):
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Cookies do not tell ports apart, and in the demo the sandbox is the same host on another port.
SESSION_COOKIE_NAME = "meridian_session"
CSRF_COOKIE_NAME = "meridian_csrf"
X_FRAME_OPTIONS = "DENY"

# --- Redpin -------------------------------------------------------------------------------------
# With DEBUG the defaults are those of a sandbox on this machine; without, there are none.
_SANDBOX: Final = "http://127.0.0.1:8001"
_LOCAL: Final[dict[str, str]] = (
    {
        "REDPIN_BASE_URL": _SANDBOX,
        "REDPIN_TOKEN_URL": f"{_SANDBOX}/auth/oauth/v2/token",
        "REDPIN_CLIENT_ID": "meridian-quay",
        "REDPIN_CLIENT_SECRET": "for-a-laptop-only",
        "REDPIN_CUSTOMER_ID": "1000000000000000",
        "REDPIN_WEBHOOK_BASE_URL": "http://127.0.0.1:8000",
        "REDPIN_WEBHOOK_SECRETS": "for-a-laptop-only-" * 2,
        "REDPIN_HOSTED_PAGE_ORIGINS": _SANDBOX,
    }
    if DEBUG
    else {
        "REDPIN_BASE_URL": "https://api.redpincompany.com",
        "REDPIN_TOKEN_URL": "https://api.currenciesdirect.com/auth/oauth/v2/token",
    }
)


def _redpin(name: str) -> str:
    return str(env.str(f"REDPIN_{name}", default=_LOCAL.get(f"REDPIN_{name}", "")))


def _redpin_list(name: str) -> list[str]:
    return [entry.strip() for entry in _redpin(name).split(",") if entry.strip()]


REDPIN: dict[str, Any] = {
    "BASE_URL": _redpin("BASE_URL"),
    "TOKEN_URL": _redpin("TOKEN_URL"),
    "CLIENT_ID": _redpin("CLIENT_ID"),
    "CLIENT_SECRET": _redpin("CLIENT_SECRET"),
    "CUSTOMER_ID": _redpin("CUSTOMER_ID"),
    "WEBHOOK_BASE_URL": _redpin("WEBHOOK_BASE_URL"),
    "WEBHOOK_SECRETS": _redpin_list("WEBHOOK_SECRETS"),
    # No origin named: Redpin then asks the buyer for a one-time code, which the demo wants to show.
    "ALLOWED_ORIGINS": _redpin_list("ALLOWED_ORIGINS"),
    "HOSTED_PAGE_ORIGINS": _redpin_list("HOSTED_PAGE_ORIGINS"),
    "PURPOSES_OF_TRANSACTION": ["PROPERTY_PURCHASE"],
}

# How the buyer gets to Redpin's page: iframe, redirect or popup.
PAYMENT_PAGE_MODE = env.str("PAYMENT_PAGE_MODE", default="iframe")

# --- The site -----------------------------------------------------------------------------------
INSTALLED_APPS = [
    "example_project.properties",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_redpin",
    "import_export",  # The list of sessions as a file.
]
if find_spec("health_check"):
    INSTALLED_APPS += ["health_check"]  # For /health/.
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if django.VERSION >= (6, 0):  # Django 5.2 has no content security policy of its own.
    MIDDLEWARE.insert(1, "django.middleware.csp.ContentSecurityPolicyMiddleware")
SECURE_CSP = add_redpin_csp(
    {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-src": ["'none'"],  # But Redpin's page.
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    },
    REDPIN,
)
ROOT_URLCONF = "example_project.urls"
WSGI_APPLICATION = "example_project.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default=str(DATA_DIR / "static"))
_PASSWORDS: Final = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_PASSWORDS}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_PASSWORDS}.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": f"{_PASSWORDS}.CommonPasswordValidator"},
]
# In production EMAIL_URL names the mail server: smtp+tls://user:password@host:587
_MAIL: Final[dict[str, Any]] = env.email_url_config(
    env.str("EMAIL_URL", default="consolemail://" if DEBUG else "smtp://localhost:25")
)
if django.VERSION >= (6, 1):  # Which gathers the settings of mail in one.
    _SMTP: Final = {
        "host": _MAIL["EMAIL_HOST"],
        "port": _MAIL["EMAIL_PORT"],
        "username": _MAIL["EMAIL_HOST_USER"],
        "password": _MAIL["EMAIL_HOST_PASSWORD"],
        "use_tls": _MAIL.get("EMAIL_USE_TLS", False),
        "use_ssl": _MAIL.get("EMAIL_USE_SSL", False),
    }
    MAILERS: dict[str, dict[str, Any]] = {
        "default": {
            "BACKEND": _MAIL["EMAIL_BACKEND"],
            "OPTIONS": _SMTP if "smtp" in _MAIL["EMAIL_BACKEND"] else {},
        }
    }
else:
    vars().update(_MAIL)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="Meridian Quay <sales@meridian.example>")

# --- Logs: to the console, without the addresses that are keys
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "hide_keys": {"()": "example_project.logs.HideKeys"},
        "hide_tokens": {"()": "django_redpin.logs.HideTokens"},
    },
    "formatters": {
        "plain": {"format": "%(levelname)s %(name)s: %(message)s"},
        "server": {
            "()": "django.utils.log.ServerFormatter",
            "format": "[{server_time}] {message}",
            "style": "{",
        },
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "plain",
            "filters": ["hide_keys", "hide_tokens"],
        },
        "server": {
            "class": "logging.StreamHandler",
            "formatter": "server",
            "filters": ["hide_keys", "hide_tokens"],
        },
    },
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "django.server": {"handlers": ["server"], "level": "INFO", "propagate": False},
    },
}

# --- Database: ATOMIC_REQUESTS stays off, since no transaction may be open around a call to Redpin
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
_DATABASE_URL: Final = env.str("DATABASE_URL", default="")


def _database(url: str) -> dict[str, Any]:
    try:
        if urlsplit(url).scheme in env.DB_SCHEMES:
            return dict(env.db_url_config(url))
    except ValueError:  # Such as a port that is no number.
        pass
    # Nothing of it is quoted: there may be a password in it.
    raise ImproperlyConfigured(
        "DATABASE_URL is not understood; give one such as postgres://user:password@host:5432/name."
    )


DATABASES: dict[str, dict[str, Any]] = {
    "default": _database(_DATABASE_URL)
    if _DATABASE_URL
    else {"ENGINE": "django.db.backends.sqlite3", "NAME": str(data_path() / "merchant.sqlite3")}
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # WAL lets readers read while one writes; IMMEDIATE makes writers queue instead of colliding.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

# --- Cache: where web and worker share Redpin's access token. Files, because a token has no place
# in a database row; the folder is for its owner alone. CACHE_URL=redis://... shares it by network.
CACHES: dict[str, dict[str, Any]] = {
    "default": env.cache_url("CACHE_URL")
    if env.str("CACHE_URL", default="")
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(data_path("cache")),
    }
}

# --- Celery -------------------------------------------------------------------------------------
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://")
if CELERY_BROKER_URL.startswith("filesystem:"):
    _QUEUE: Final = str(data_path("broker", "queue"))
    CELERY_BROKER_TRANSPORT = "example_project.broker:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": _QUEUE,
        "data_folder_out": _QUEUE,
        "control_folder": str(data_path("broker", "control")),
        "processed_folder": str(data_path("broker", "processed")),
        # Kept, because kombu would otherwise move each message through the shared /tmp.
        "store_processed": True,
        "polling_interval": 0.1,
    }
CELERY_TASK_DEFAULT_QUEUE = "redpin-demo"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
# The package's sweeps, and the shop's own.
CELERY_BEAT_SCHEDULE = {
    **beat_schedule(),
    "tidy": {
        "task": "example_project.properties.tasks.tidy",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
}
