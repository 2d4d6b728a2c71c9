"""Settings for a test suite that has no credentials, and needs none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# Made up, all of it: `.test` belongs to nobody, and nothing here opens anything anywhere.
SETTINGS: Final[Mapping[str, object]] = MappingProxyType(
    {
        "BASE_URL": "https://api.redpin.test",
        "TOKEN_URL": "https://auth.redpin.test/auth/oauth/v2/token",
        "CLIENT_ID": "client-of-the-tests",
        "CLIENT_SECRET": "secret-of-the-tests-that-opens-nothing",
        "CUSTOMER_ID": "1000000000000000",
        "WEBHOOK_BASE_URL": "https://merchant.test",
        "WEBHOOK_SECRETS": ("webhook-secret-of-the-tests-that-signs-nothing-else",),
        "HOSTED_PAGE_ORIGINS": ("https://pay.redpin.test",),
    }
)
