"""Payment sessions in the admin: what was asked for, what Redpin says, and the whole history."""

from __future__ import annotations

from django.contrib import admin

from ..models import PaymentSession
from .overview import OverviewAdmin
from .session_actions import SessionActionsAdmin
from .session_list import SessionListAdmin
from .session_page import SessionPageAdmin


@admin.register(PaymentSession)
class PaymentSessionAdmin(SessionListAdmin, SessionPageAdmin, SessionActionsAdmin, OverviewAdmin):
    """Read-only: a list, a page for each, the actions that permissions allow, the overview."""
