"""Settings of the merchant's tests: no credentials, no broker, a database in memory."""

from __future__ import annotations

from django_redpin.testing import SETTINGS

SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS: list[str] = []
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "rest_framework",
    "django_redpin",
    "shop",
]
ROOT_URLCONF = "urls"
USE_TZ = True

REDPIN = {**SETTINGS}
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
