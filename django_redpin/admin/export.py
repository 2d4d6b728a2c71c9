"""Export of the listed rows as CSV, for projects that have django-import-export installed.

Its resource says which columns there are; the rows are written here, as its own view would hold
all of them in memory.
"""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django import forms
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..models import PaymentSession
from .listing import KeysetAdmin, in_chunks
from .permissions import has_perm

if TYPE_CHECKING:
    from .export_columns import SessionResource

# So many rows are in memory at a time, and are one query.
CHUNK: Final = 1_000
_LONGEST_QUERY: Final = 500


class ExportForm(forms.Form):
    """Which columns are wanted."""

    columns = forms.MultipleChoiceField(
        label=_("Columns"), widget=forms.CheckboxSelectMultiple(attrs={"class": "redpin-columns"})
    )

    def __init__(self, *args: Any, names: Iterable[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["columns"]
        field.choices = [(name, name) for name in names]  # type: ignore[attr-defined]


class ExportAdmin(KeysetAdmin):
    """A list of sessions that can be taken away, by users with the permission `export`."""

    def get_urls(self) -> list[URLPattern]:
        urls: list[URLPattern] = super().get_urls()
        if not apps.is_installed("import_export"):
            return urls
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="redpin_paymentsession_export"), *urls]

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Whether the user may take the listed sessions away."""
        may_view = self.has_view_or_change_permission(request)
        return may_view and has_perm(request, "redpin.export_paymentsession")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {**(extra_context or {})}
        if apps.is_installed("import_export") and self.has_export_permission(request):
            address = reverse(
                "admin:redpin_paymentsession_export", current_app=self.admin_site.name
            )
            context["export_url"] = f"{address}?{request.GET.urlencode()}"
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Ask which columns are wanted; once that is posted, send the rows of the filtered list."""
        from .export_columns import ON_DEMAND, SessionResource

        if not self.has_export_permission(request):
            raise PermissionDenied
        try:
            listed: Any = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(request.path)
        resource = SessionResource()
        names = resource.get_export_headers()
        usual = {"columns": [name for name in names if name not in ON_DEMAND]}
        posted = request.POST if request.method == "POST" else None
        form = ExportForm(posted, names=names, initial=usual)
        if form.is_valid():
            return self._send(request, listed, resource, form.cleaned_data["columns"])
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("Export payment sessions"),
            "opts": self.opts,
            "form": form,
            "filters": [str(spec.title) for spec in listed.filter_specs if spec.chosen],
            "query": listed.query,
            "list_url": f"../{listed.get_query_string()}",
            "media": self.media,
        }
        return TemplateResponse(request, "admin/redpin/paymentsession/export.html", context)

    def _send(
        self, request: HttpRequest, listed: Any, resource: SessionResource, columns: list[str]
    ) -> StreamingHttpResponse:
        # Before the first row leaves: who took what away is known even if this process dies.
        author: Any = request.user
        entry = LogEntry.objects.create(
            user=author,
            content_type=ContentType.objects.get_for_model(PaymentSession),
            object_repr=str(_("export of payment sessions")),
            action_flag=CHANGE,
            change_message=str(_("Export began.")),
        )
        told = listed.get_query_string(remove=["q"]).lstrip("?")[:_LONGEST_QUERY]
        lines = _noted(entry, _lines(listed.queryset, resource, columns), told)
        content = _Asynchronous(lines) if isinstance(request, ASGIRequest) else lines
        day = timezone.now().strftime("%Y-%m-%d-%H%M")
        return StreamingHttpResponse(
            content,
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="payment-sessions-{day}.csv"',
                "Cache-Control": "no-store",
            },
        )


class _Asynchronous:
    """The same lines on ASGI, where Django would otherwise hold all of them in memory.

    Django calls `close` once the response is over, or broken off. The garbage collector would do so
    in the event loop, where no database can be told.
    """

    def __init__(self, lines: Generator[str, None, None]) -> None:
        self.close = lines.close
        self._read = sync_to_async(lambda: next(lines, None))

    async def __aiter__(self) -> AsyncIterator[str]:
        while (line := await self._read()) is not None:
            yield line


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: QuerySet[Any], resource: SessionResource, columns: list[str]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    # By this mark spreadsheets know UTF-8.
    yield "\ufeff" + writer.writerow(resource.get_export_headers(selected_fields=columns))
    for chunk in in_chunks(rows, CHUNK):
        for session in chunk:
            yield writer.writerow(resource.export_resource(session, selected_fields=columns))


def _noted(entry: LogEntry, lines: Iterator[str], query: str) -> Generator[str, None, None]:
    """Yield the lines; in the end, note how many rows there were, and whether those were all."""
    count, text = -1, _("Broken off after %(count)d rows. Filters: %(query)s")
    try:
        for count, line in enumerate(lines):  # noqa: B007  The first line is no row.
            yield line
        text = _("%(count)d rows. Filters: %(query)s")
    finally:
        entry.change_message = str(text % {"count": max(count, 0), "query": query or "-"})
        entry.save(update_fields=["change_message"])
