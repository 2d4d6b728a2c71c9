"""Settings of a college's site on Wagtail, where tuition is paid by Redpin's sessions."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from django_redpin.csp import add_redpin_csp

# The site's own package. Yours may be called "college".
SITE = f"{__package__}"

SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-tests")
DEBUG = True  # Plain HTTP, to the sandbox on this machine.
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- apps
INSTALLED_APPS = [
    f"{SITE}.tuition.apps.TuitionConfig",
    "rest_framework",
    "django_redpin",
    "wagtail.contrib.routable_page",
    "wagtail.users",
    "wagtail.images",
    "wagtail.documents",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelsearch",
    "taggit",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
# --- Django and Wagtail
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
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
ROOT_URLCONF = f"{SITE}.urls"
STATIC_URL = "/static/"
WAGTAIL_SITE_NAME = "Harbour College"
WAGTAILADMIN_BASE_URL = "http://127.0.0.1:8000"

# --- Redpin
REDPIN: dict[str, Any] = {
    "BASE_URL": os.environ.get("REDPIN_BASE_URL", "http://localhost:8001"),
    "CLIENT_ID": os.environ.get("REDPIN_CLIENT_ID", "harbour-college"),
    "CLIENT_SECRET": os.environ.get("REDPIN_CLIENT_SECRET", "for-a-laptop-only"),
    "CUSTOMER_ID": os.environ.get("REDPIN_CUSTOMER_ID", "1000000000000000"),
    "WEBHOOK_BASE_URL": os.environ.get("REDPIN_WEBHOOK_BASE_URL", "http://127.0.0.1:8000"),
    "WEBHOOK_SECRETS": [os.environ.get("REDPIN_WEBHOOK_SECRET", "for-a-laptop-only-" * 2)],
    "HOSTED_PAGE_ORIGINS": [os.environ.get("REDPIN_PAGE_ORIGIN", "http://localhost:8001")],
    # No worker: what a webhook tells is worked off once it has been answered.
    "WEBHOOK_PROCESSING": "inline",
}
CONTENT_POLICY = {"default-src": ["'self'"], "img-src": ["'self'", "data:"]}
SECURE_CSP = add_redpin_csp(CONTENT_POLICY, REDPIN)

# --- what a machine of your own, and the tests, need
if "COLLEGE_DIR" not in os.environ:
    os.environ["COLLEGE_DIR"] = tempfile.mkdtemp(prefix="redpin-college-")
_FILE = Path(os.environ["COLLEGE_DIR"]) / "college.sqlite3"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _FILE,
        "TEST": {"NAME": _FILE},
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
