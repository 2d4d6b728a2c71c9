"""The example's settings, for a merchant that does its work in its one process."""

from __future__ import annotations

from example_project.settings import *  # noqa: F403
from example_project.settings import INSTALLED_APPS as _APPS
from example_project.settings import REDPIN as _REDPIN

INSTALLED_APPS = [*_APPS, "tests.browser.stage"]
ROOT_URLCONF = "tests.browser.urls"
REDPIN = {**_REDPIN, "WEBHOOK_PROCESSING": "inline"}
CELERY_TASK_ALWAYS_EAGER = True
