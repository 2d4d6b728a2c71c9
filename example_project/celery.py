"""The example's Celery app. Its settings stand in the settings; here is only what can't, the clock.

The schedule of the sweeps comes from a module that imports models, which settings can't do.
"""

from __future__ import annotations

import os
from datetime import timedelta

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "example_project.settings")

app = Celery("example_project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.on_after_finalize.connect
def schedule(sender: Celery, **kwargs: object) -> None:
    """Put the package's sweeps and the shop's own on the clock, once Django is set up."""
    from django_redpin.tasks import beat_schedule

    sender.conf.beat_schedule = {
        **beat_schedule(),
        "tidy": {
            "task": "example_project.properties.tasks.tidy",
            "schedule": timedelta(minutes=1),
            "options": {"expires": 60},
        },
    }
