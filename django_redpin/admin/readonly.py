"""Admin classes that show and never change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

# Django's admin classes are generic for type checkers alone. Where django-unfold is installed, its
# classes bring the look that its templates expect; all that is built on them is the same.
if TYPE_CHECKING:
    AnyModelAdmin = admin.ModelAdmin[Any]
elif apps.is_installed("unfold"):
    from unfold.admin import ModelAdmin as AnyModelAdmin
else:
    AnyModelAdmin = admin.ModelAdmin


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DiscreetAdmin(AnyModelAdmin):
    """Tells nobody who may not see its rows which of them there are."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # Django looks the row up first, and sends whoever asks for none to the index.
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        return super().history_view(request, object_id, extra_context)


class ReadOnlyAdmin(_ReadOnly, DiscreetAdmin):
    """Nobody adds, changes or deletes these rows here."""

    # Two full counts less on every page of a large table.
    show_full_result_count = False


def link(row: Model | None) -> SafeString | str:
    """Return a link to the row's own page, or a dash."""
    if row is None:
        return "-"
    url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.pk,))
    return format_html('<a href="{}">{}</a>', url, str(row) or f"#{row.pk}")
