"""The overview of payments in the admin: pictures, and under each the same numbers in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import PermissionDenied
from django.core.validators import slug_re
from django.forms import Media
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from ..accounts import account_aliases
from ..embed.page import nonce_of
from ..services.overview import Overview, overview
from ..services.spans import DAY, LENGTHS, MONTH, WEEK, Span
from .pictures import day_name, pictures_of, sections_of
from .readonly import ReadOnlyAdmin
from .tiles import tiles_of

# The folder bears the version; static/redpin/vendor/README.md tells how to update it.
CHART: Final = "redpin/vendor/chart-4.6.1/chart.umd.min.js"

_DEFAULTS: Final = {"days": "30", "step": DAY, "account": ""}
_LENGTHS: Final = [
    (days, _("a year") if days == LENGTHS[-1] else format_lazy("{} {}", days, _("days")))
    for days in LENGTHS
]
_STEPS: Final = [(DAY, _("day")), (WEEK, _("week")), (MONTH, _("month"))]


class SpanForm(forms.Form):
    """Which days, in which steps, of which account."""

    days = forms.TypedChoiceField(label=_("Period"), coerce=int, choices=_LENGTHS)
    step = forms.ChoiceField(label=_("by"), choices=_STEPS)
    account = forms.ChoiceField(label=_("Account"), required=False)

    if TYPE_CHECKING:
        fields: dict[str, Any]

    def __init__(self, asked: dict[str, str]) -> None:
        """Offer the accounts of the settings, and the one that is asked for: a tenant's, say."""
        super().__init__(_DEFAULTS | asked, label_suffix="")
        account = asked.get("account", "")
        known = account_aliases()
        others = [account] if slug_re.match(account) and account not in known else []
        names = [*known, *others]
        self.fields["account"].choices = [("", _("all")), *((name, name) for name in names)]
        if len(names) == 1 and not account:
            del self.fields["account"]

    @property
    def span(self) -> Span:
        """The span that is asked for, or the usual one."""
        if not self.is_valid():
            return Span.last(int(_DEFAULTS["days"]), _DEFAULTS["step"])
        return Span.last(self.cleaned_data["days"], self.cleaned_data["step"])

    @property
    def account_name(self) -> str:
        """The account that is asked for, or an empty text."""
        return str(self.cleaned_data.get("account", "")) if self.is_valid() else ""


class OverviewAdmin(ReadOnlyAdmin):
    """Adds the page `overview/`, for whoever may view sessions."""

    @property
    def media(self) -> Media:
        return super().media + Media(css={"all": ["redpin/overview.css"]})  # For the link to it.

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.overview_view)
        return [path("overview/", view, name="redpin_overview"), *super().get_urls()]

    def overview_view(self, request: HttpRequest) -> TemplateResponse:
        """Show the numbers of a span of days; 403 without the permission to view sessions."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = SpanForm(request.GET.dict())
        found = overview(form.span, form.account_name)
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/redpin/overview.html",
            {
                **self.admin_site.each_context(request),
                "title": _("Overview of payments"),
                "form": form,
                **_told(found),
                "chart": CHART,
                "nonce": nonce_of(request),
            },
        )


def _told(found: Overview) -> dict[str, Any]:
    sections = sections_of(found)
    return {
        "first": day_name(found.span.starts[0]),
        "tiles": tiles_of(found),
        "sections": sections,
        "pictures": pictures_of(sections),
    }
