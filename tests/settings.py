"""Settings of the test suite. `DATABASE_URL` moves the tests to PostgreSQL or MariaDB;
`SQLITE_DEFAULTS` takes away what makes SQLite comfortable.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import environ

env = environ.Env()

SECRET_KEY = "only-for-tests"
USE_TZ = True
TIME_ZONE = "UTC"
ALLOWED_HOSTS = ["*"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if "REDPIN_TESTS_DIR" not in os.environ:
    # One for each run, so that runs don't meet; the workers of a run inherit it.
    os.environ["REDPIN_TESTS_DIR"] = tempfile.mkdtemp(prefix="redpin-tests-")
    atexit.register(shutil.rmtree, os.environ["REDPIN_TESTS_DIR"], ignore_errors=True)
_SQLITE_FILE = Path(os.environ["REDPIN_TESTS_DIR"]) / "db.sqlite3"
DATABASES = {"default": env.db_url("DATABASE_URL", default=f"sqlite:///{_SQLITE_FILE}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads of one test then see one database, as in life.
    DATABASES["default"]["TEST"] = {"NAME": str(_SQLITE_FILE)}
if "SQLITE_DEFAULTS" not in env and DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "import_export",
    "rest_framework",
    "django_redpin",
    "django_redpin.sandbox",
    "example_project.properties",
    "example_project.tenants",
]
# Django 6's tasks, or the back-port of them, with a worker that reads a table.
_HAS_TASKS = find_spec("django.tasks") or find_spec("django_tasks")
if _HAS_TASKS and find_spec("django_tasks_db"):
    INSTALLED_APPS += ["django_tasks_db"]
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
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
ROOT_URLCONF = "tests.urls"
STATIC_URL = "/static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


REDPIN = {
    "BASE_URL": "https://api.redpin.test",
    "TOKEN_URL": "https://auth.redpin.test/auth/oauth/v2/token",
    "CLIENT_ID": "merchant",
    "CLIENT_SECRET": "canary-client-secret-0123456789",
    "CUSTOMER_ID": "0201001008132685",
    "WEBHOOK_BASE_URL": "https://merchant.test",
    "WEBHOOK_SECRETS": ["canary-webhook-secret-0123456789-abcdef"],
    "HOSTED_PAGE_ORIGINS": ["https://pay.redpin.test"],
}
