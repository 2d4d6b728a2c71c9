"""The fork's models: Oscar's own, of which there are none."""

from oscar.apps.checkout.models import *  # noqa: F403
