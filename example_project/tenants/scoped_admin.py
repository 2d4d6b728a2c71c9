"""The package's admin, where staff see the rows of their tenants alone; superusers see all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib.admin import AdminSite, ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

from django_redpin.admin import (
    PaymentSessionAdmin,
    RecipientAdmin,
    StatusTransitionAdmin,
    WebhookEventAdmin,
)
from django_redpin.admin.filters import AccountFilter
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent

if TYPE_CHECKING:
    AnyAdmin = ModelAdmin[Any]
else:
    AnyAdmin = object


def aliases_of(request: HttpRequest) -> list[str]:
    """Return the accounts of the tenants that the user works for."""
    user: Any = request.user
    return list(user.tenants.values_list("slug", flat=True))


class OfTheirTenants(AnyAdmin):
    """Leaves the rows that are told of, found, exported and worked on to their tenant's staff."""

    account_column = "account"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the user's tenants. Every page of the admin begins here."""
        rows: QuerySet[Any] = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(**{f"{self.account_column}__in": aliases_of(request)})

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Leave out the filter that offers each account which is in use."""
        offered = super().get_list_filter(request)
        if request.user.is_superuser:
            return offered
        return [each for each in offered if each is not AccountFilter]


class TenantSessionAdmin(OfTheirTenants, PaymentSessionAdmin):
    """Sessions, and the overview of one tenant at a time."""

    def overview_view(self, request: HttpRequest) -> TemplateResponse:
        """Show an account of the user's tenants; 403 for all others, and for all at once."""
        asked = request.GET.get("account", "")
        if not request.user.is_superuser and asked not in aliases_of(request):
            raise PermissionDenied
        return super().overview_view(request)


class TenantEventAdmin(OfTheirTenants, WebhookEventAdmin):
    """The inbox."""


class TenantTransitionAdmin(OfTheirTenants, StatusTransitionAdmin):
    """The journal."""

    account_column = "session__account"


class TenantRecipientAdmin(OfTheirTenants, RecipientAdmin):
    """Payees. Whoever adds one says where money goes, so nobody adds one for another tenant."""

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Offer the user's accounts, and take no other."""
        form = super().get_form(request, obj, change, **kwargs)
        if obj is None and not request.user.is_superuser:
            choices = [(alias, alias) for alias in aliases_of(request)]
            form.base_fields["account"] = forms.ChoiceField(choices=choices)
        return form


def register(site: AdminSite) -> None:
    """Put these classes in the place of the package's."""
    for model, kind in (
        (PaymentSession, TenantSessionAdmin),
        (WebhookEvent, TenantEventAdmin),
        (StatusTransition, TenantTransitionAdmin),
        (Recipient, TenantRecipientAdmin),
    ):
        if site.is_registered(model):
            site.unregister(model)
        site.register(model, kind)
