"""What both admin pages with an action to try again share."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.contrib.auth import get_permission_codename
from django.http import HttpRequest
from django.utils.translation import gettext as _

from ..services import Redriven
from .readonly import AnyModelAdmin

# Somebody waits for the page; what the workers make of it is theirs to pace.
PER_SECOND: Final = 1000.0


def may_redrive(page: AnyModelAdmin, request: HttpRequest) -> bool:
    """Tell whether the user may try again rows of this page."""
    codename = get_permission_codename("redrive", page.opts)
    return bool(request.user.has_perm(f"{page.opts.app_label}.{codename}"))


def tell_redriven(page: AnyModelAdmin, request: HttpRequest, done: Redriven) -> None:
    """Say on the next page how many rows are due again, and how many were left."""
    text = _("%(due)s due again; %(left)s left as they are, done or not given up.")
    level = messages.SUCCESS if done.due else messages.WARNING
    page.message_user(request, text % {"due": done.due, "left": done.left}, level)
