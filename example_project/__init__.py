"""An example merchant, Meridian Quay: off-plan homes whose deposits are paid through Redpin.

Importing the package loads its Celery app, so that `@shared_task` finds the right one.
"""

from __future__ import annotations

from example_project.celery import app as celery_app

__all__ = ["celery_app"]
