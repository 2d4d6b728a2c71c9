"""Who is asked whether the admin's user may do something."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import PermissionsMixin
from django.http import HttpRequest


def has_perm(request: HttpRequest, name: str) -> bool:
    """Tell whether the user has the permission `app_label.codename`.

    Whatever a project's user is, the admin lets nobody in who can't be asked.
    """
    return bool(cast("PermissionsMixin", request.user).has_perm(name))
