"""Settings of the soak's processes: as in production, with a sweep every few seconds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django_redpin.tasks import beat_schedule
from tests.real.settings import *  # noqa: F403
from tests.real.settings import DATABASES as _DATABASES

DEBUG = False
DATABASES = {"default": {**_DATABASES["default"], "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django_redpin": {"handlers": ["stderr"], "level": "WARNING"}},
}


def _often(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of the schedule that comes every five seconds, if it comes every minute."""
    schedule = entry["schedule"]
    if not isinstance(schedule, timedelta) or schedule > timedelta(minutes=1):
        return entry
    # A soak of minutes would see few sweeps; one that takes longer than its time is no harm.
    return {**entry, "schedule": timedelta(seconds=5)}


CELERY_BEAT_SCHEDULE = {name: _often(entry) for name, entry in beat_schedule().items()}
