"""What both admin pages with an action to try again share."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ..services import Redriven
from .readonly import ReadOnlyAdmin

# Somebody waits for the page; what the workers make of it is theirs to pace.
PER_SECOND: Final = 1000.0


class RedrivingAdmin(ReadOnlyAdmin):
    """A read-only page with the action `redrive`, for users with the permission of that name."""

    actions = ("redrive",)

    def has_redrive_permission(self, request: HttpRequest) -> bool:
        """Whether the user has the permission that the action asks for."""
        codename = get_permission_codename("redrive", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def tell_redriven(self, request: HttpRequest, done: Redriven) -> None:
        """Say on the next page how many rows are due again, and how many were left."""
        text = _("%(due)s due again; %(left)s left as they are, done or not given up.")
        level = messages.SUCCESS if done.due else messages.WARNING
        self.message_user(request, text % {"due": done.due, "left": done.left}, level)
