"""Settings of a shop on django-oscar that is paid by Redpin's sessions."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

from oscar.defaults import *  # noqa: F403

from django_redpin.csp import add_redpin_csp

from .paying import statuses

# The shop's own package. Yours may be called "shop".
SHOP = f"{__package__}"

SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-tests")
DEBUG = True  # Plain HTTP, to the sandbox on this machine.
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English")]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SITE_ID = 1

# --- apps
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "django.contrib.flatpages",
    f"{SHOP}.paying.apps.PayingConfig",
    f"{SHOP}.checkout.apps.CheckoutConfig",  # In the place of oscar.apps.checkout.
    "rest_framework",
    "django_redpin",
    "oscar.config.Shop",
    "oscar.apps.analytics.apps.AnalyticsConfig",
    "oscar.apps.address.apps.AddressConfig",
    "oscar.apps.shipping.apps.ShippingConfig",
    "oscar.apps.catalogue.apps.CatalogueConfig",
    "oscar.apps.catalogue.reviews.apps.CatalogueReviewsConfig",
    "oscar.apps.communication.apps.CommunicationConfig",
    "oscar.apps.partner.apps.PartnerConfig",
    "oscar.apps.basket.apps.BasketConfig",
    "oscar.apps.payment.apps.PaymentConfig",
    "oscar.apps.offer.apps.OfferConfig",
    "oscar.apps.order.apps.OrderConfig",
    "oscar.apps.customer.apps.CustomerConfig",
    "oscar.apps.search.apps.SearchConfig",
    "oscar.apps.voucher.apps.VoucherConfig",
    "oscar.apps.wishlists.apps.WishlistsConfig",
    "oscar.apps.dashboard.apps.DashboardConfig",
    "oscar.apps.dashboard.reports.apps.ReportsDashboardConfig",
    "oscar.apps.dashboard.users.apps.UsersDashboardConfig",
    "oscar.apps.dashboard.orders.apps.OrdersDashboardConfig",
    "oscar.apps.dashboard.catalogue.apps.CatalogueDashboardConfig",
    "oscar.apps.dashboard.offers.apps.OffersDashboardConfig",
    "oscar.apps.dashboard.partners.apps.PartnersDashboardConfig",
    "oscar.apps.dashboard.pages.apps.PagesDashboardConfig",
    "oscar.apps.dashboard.ranges.apps.RangesDashboardConfig",
    "oscar.apps.dashboard.reviews.apps.ReviewsDashboardConfig",
    "oscar.apps.dashboard.vouchers.apps.VouchersDashboardConfig",
    "oscar.apps.dashboard.communications.apps.CommunicationsDashboardConfig",
    "oscar.apps.dashboard.shipping.apps.ShippingDashboardConfig",
    "widget_tweaks",
    "sorl.thumbnail",
    "haystack",
    "treebeard",
    "django_tables2",
]
# --- Oscar, as its documentation has it
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
HAYSTACK_SIGNAL_PROCESSOR = "haystack.signals.BaseSignalProcessor"  # That engine has no index.
ROOT_URLCONF = f"{SHOP}.urls"
STATIC_URL = "/static/"
MEDIA_URL = "/media/"

# --- the shop
OSCAR_SHOP_NAME = "Meridian Goods"
OSCAR_DEFAULT_CURRENCY = "AED"
OSCAR_ALLOW_ANON_CHECKOUT = True
OSCAR_INITIAL_ORDER_STATUS = statuses.PENDING
OSCAR_ORDER_STATUS_PIPELINE = statuses.PIPELINE

# --- Redpin
REDPIN: dict[str, Any] = {
    "BASE_URL": os.environ.get("REDPIN_BASE_URL", "http://localhost:8001"),
    "CLIENT_ID": os.environ.get("REDPIN_CLIENT_ID", "meridian-goods"),
    "CLIENT_SECRET": os.environ.get("REDPIN_CLIENT_SECRET", "for-a-laptop-only"),
    "CUSTOMER_ID": os.environ.get("REDPIN_CUSTOMER_ID", "1000000000000000"),
    "WEBHOOK_BASE_URL": os.environ.get("REDPIN_WEBHOOK_BASE_URL", "http://127.0.0.1:8000"),
    "WEBHOOK_SECRETS": [os.environ.get("REDPIN_WEBHOOK_SECRET", "for-a-laptop-only-" * 2)],
    "HOSTED_PAGE_ORIGINS": [os.environ.get("REDPIN_PAGE_ORIGIN", "http://localhost:8001")],
    # No worker: what a webhook tells is worked off once it has been answered.
    "WEBHOOK_PROCESSING": "inline",
}
# Oscar's pages have inline scripts and styles, and load jQuery from Google's servers.
CONTENT_POLICY = {
    "default-src": ["'self'"],
    "script-src": ["'self'", "'unsafe-inline'", "https://ajax.googleapis.com"],
    "style-src": ["'self'", "'unsafe-inline'"],
    "img-src": ["'self'", "data:"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
}
SECURE_CSP = add_redpin_csp(CONTENT_POLICY, REDPIN)

# --- what a machine of your own, and the tests, need
if "SHOP_DIR" not in os.environ:
    os.environ["SHOP_DIR"] = tempfile.mkdtemp(prefix="redpin-shop-")
_FILE = Path(os.environ["SHOP_DIR"]) / "shop.sqlite3"
MEDIA_ROOT = os.environ["SHOP_DIR"]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": _FILE,
        "TEST": {"NAME": _FILE},
        "ATOMIC_REQUESTS": True,  # As in Oscar's own example.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
