"""The actions of payment sessions, in the list and on each one's page."""

from __future__ import annotations

from functools import partialmethod

from .confirming import ConfirmingAdmin, list_action
from .session_verbs import SESSION_VERBS


class SessionActionsAdmin(ConfirmingAdmin):
    """Refresh, renew, expire, tell and release, each for those with its permission."""

    verbs = SESSION_VERBS
    actions = tuple(map(list_action, SESSION_VERBS))

    # Django asks for these by their names.
    has_refresh_permission = partialmethod(ConfirmingAdmin.may, name="refresh")
    has_renew_permission = partialmethod(ConfirmingAdmin.may, name="renew")
    has_expire_permission = partialmethod(ConfirmingAdmin.may, name="expire")
    has_dispatch_permission = partialmethod(ConfirmingAdmin.may, name="dispatch")
    has_release_permission = partialmethod(ConfirmingAdmin.may, name="release")
