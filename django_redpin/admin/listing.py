"""Lists of tables with millions of rows: nothing is counted, and every page costs the same.

A page is found by the key of the row that it follows or precedes, never by an offset. Newest first,
or oldest first: by the primary key, which rises with time and is in every index that the filters
use. There is no order by anything else, as it would sort the whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.contrib.admin.views.main import IGNORED_PARAMS, PAGE_VAR, ChangeList
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from .filters import BoundedFilter
from .readonly import DiscreetAdmin

# "after.7": what follows row 7 in the list's order. Eighteen digits fit any database's integer.
_CURSOR: Final = re.compile(r"(after|before)\.([0-9]{1,18})", re.ASCII)
_TOLD: Final = 200


class KeysetChangeList(ChangeList):
    """One page of a list, and whether there is more on either side."""

    list_filter: Any
    model_admin: Any

    def get_filters(self, request: HttpRequest) -> Any:
        """Take what the filters know from the query string, and tell of what none of them does.

        Django would look up any column of the model. Then whoever may see a list could find out
        letter by letter what it doesn't show: bank details, the hosted page's URL.
        """
        known: dict[str, list[str]] = {}
        for list_filter in self.list_filter:
            if not (isinstance(list_filter, type) and issubclass(list_filter, BoundedFilter)):
                raise ImproperlyConfigured(
                    f"{list_filter!r} in list_filter of {type(self.model_admin).__name__} may read"
                    " the whole table. Give a django_redpin.admin.filters.BoundedFilter instead."
                )
            known.update(list_filter.taken(self.filter_params))
        names = set(known).union(IGNORED_PARAMS, *(each.names() for each in self.list_filter))
        unknown = sorted(set(self.filter_params) - names)
        if unknown:
            told = _("There is no such filter: %(names)s.") % {"names": ", ".join(unknown)[:_TOLD]}
            messages.warning(request, told)
        ignored = {name: self.filter_params[name] for name in IGNORED_PARAMS if name in self.params}
        self.filter_params = {**ignored, **known}
        # The search form carries these on as hidden fields, one value each.
        self.params = {name: values[-1] for name, values in self.filter_params.items()}
        return super().get_filters(request)

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet[Any]:
        """Return the rows that are listed, without what the list need not read."""
        rows: QuerySet[Any] = super().get_queryset(request, *args, **kwargs)
        return rows.defer(*self.model_admin.list_deferred)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the one order that every filter's index has, forwards or backwards."""
        return ["pk"] if super().get_ordering(request, queryset)[:1] == ["pk"] else ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """Read one page, and one row more to see whether there is another."""
        cursor = _CURSOR.fullmatch(request.GET.get(PAGE_VAR, ""))
        way, key = (cursor[1], int(cursor[2])) if cursor else ("after", None)
        rows = page_of(self.queryset, self.list_per_page + 1, key, is_backwards=way == "before")
        has_more, rows = len(rows) > self.list_per_page, rows[: self.list_per_page]
        if way == "before":
            rows.reverse()
        self.result_list = rows
        has_next = has_more if way == "after" else bool(rows)
        has_previous = has_more if way == "before" else cursor is not None and bool(rows)
        self.next_url = self._page("after", rows[-1]) if has_next else None
        self.previous_url = self._page("before", rows[0]) if has_previous else None
        self.first_url = self.get_query_string() if cursor else None
        self.is_newest_first = is_descending(self.queryset)
        # The rest is what Django's templates ask for. Both counts are this page's, so that they
        # offer no total, and no selection of more than is shown.
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.multi_page = self.can_show_all = False
        self.show_admin_actions = True
        self.paginator = self.model_admin.get_paginator(request, rows, self.list_per_page)

    def _page(self, way: str, row: Model) -> str:
        return self.get_query_string({PAGE_VAR: f"{way}.{row.pk}"})


class KeysetAdmin(DiscreetAdmin):
    """A list that counts nothing. Its filters are `BoundedFilter`s; actions take what is ticked."""

    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-pk",)
    # Columns that a list need not read, as it doesn't show them.
    list_deferred: ClassVar[Sequence[str]] = ()

    class Media:
        css = {"all": ["redpin/admin.css"]}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return KeysetChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows in which one of `search_fields` gives the term; no row comes twice.

        The term is one, whatever is in it, but for the space around that comes with pasting.
        """
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q.create([(lookup, term) for lookup in self.search_fields], connector=Q.OR)
        return queryset.filter(wanted), False

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run the action on the rows that are ticked, whatever the form says of all the others."""
        post = request.POST.copy()
        post["select_across"] = "0"
        request.POST = post  # type: ignore[assignment]
        answer: HttpResponse | None = super().response_action(request, queryset, *args, **kwargs)
        return answer


def page_of(
    rows: QuerySet[Any], size: int, key: int | None, *, is_backwards: bool = False
) -> list[Any]:
    """Return the rows that follow the key in the order of `rows`, or precede it, nearest first.

    Without a key these are the first ones. Costs the same wherever in the table they are.
    """
    is_falling = is_descending(rows) != is_backwards
    if key is not None:
        rows = rows.filter(**{"pk__lt" if is_falling else "pk__gt": key})
    return list(rows.order_by("-pk" if is_falling else "pk")[:size])


def in_chunks(rows: QuerySet[Any], size: int) -> Iterator[list[Any]]:
    """Yield all of the rows in their order, `size` in memory at a time, whatever the database."""
    key: int | None = None
    while chunk := page_of(rows, size, key):
        yield chunk
        key = chunk[-1].pk


def is_descending(rows: QuerySet[Any]) -> bool:
    """Tell whether the newest row comes first."""
    return rows.query.order_by[:1] != ("pk",)
