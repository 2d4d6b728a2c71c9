"""What both admin pages with an action to try again share."""

from __future__ import annotations

from functools import partialmethod
from typing import Final

from .confirming import ConfirmingAdmin

# Nothing is called for it; more than so many are redpin_redrive's, which spreads them over time.
MOST: Final = 500


class RedrivingAdmin(ConfirmingAdmin):
    """A read-only page with the action `redrive`, for users with the permission of that name."""

    change_form_template = "admin/redpin/redriven_change_form.html"
    has_redrive_permission = partialmethod(ConfirmingAdmin.may, name="redrive")
