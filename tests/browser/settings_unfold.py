"""The merchant's settings with django-unfold's look of the admin."""

from __future__ import annotations

from typing import Any

from tests.browser.settings import *  # noqa: F403
from tests.browser.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = ["unfold", *_APPS]
# Its scripts are partly inline, and evaluated.
SECURE_CSP: dict[str, Any] = {}
