"""The merchant's settings with django-unfold's look of the admin."""

from __future__ import annotations

from tests.browser.settings import *  # noqa: F403
from tests.browser.settings import INSTALLED_APPS as _APPS
from tests.browser.settings import MIDDLEWARE as _MIDDLEWARE

INSTALLED_APPS = ["unfold", *_APPS]
# Its scripts are partly inline, and evaluated.
MIDDLEWARE = [name for name in _MIDDLEWARE if "csp" not in name]
