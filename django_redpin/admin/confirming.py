"""Actions that are confirmed on a page of their own, and done outside of any transaction.

An action is chosen in a list, or on the page of one row. Both lead to a page that says what would
be done and what would not, asks what there is to ask, and posts to an address of the action's own:
so what calls Redpin is in no transaction, whatever `ATOMIC_REQUESTS` says. Nothing here decides who
comes first: the services do, by compare-and-set.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_permission_codename
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    QueryDict,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _

from ..exceptions import RedpinError
from ..services.transactions import retried
from .permissions import has_perm
from .readonly import ReadOnlyAdmin
from .verbs import NAMED, Done, NotDone, Verb, named, sentence, told

# No further row is begun after so many seconds: a call to Redpin takes up to 15 of its own, and web
# servers give a request some 30 or more.
SECONDS: Final = 10.0
_CHOSEN: Final = re.compile(r"([0-9]{1,18})(?:-([0-9a-f]{16}))?")


class ConfirmingAdmin(ReadOnlyAdmin):
    """A read-only page with actions, each with its own permission and address."""

    verbs: tuple[Verb, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        return [
            path(
                f"actions/{verb.name}/",
                transaction.non_atomic_requests(self.admin_site.admin_view(self.act)),
                {"name": verb.name},
                name=f"{self.opts.app_label}_{self.opts.model_name}_{verb.name}",
            )
            for verb in self.verbs
        ] + super().get_urls()

    def may(self, request: HttpRequest, name: str) -> bool:
        """Whether the user may see these rows, and has the permission of that action's name."""
        codename = get_permission_codename(name, self.opts)
        is_given = has_perm(request, f"{self.opts.app_label}.{codename}")
        return is_given and bool(self.has_view_permission(request))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context.update(self.page_context(request, kwargs["obj"]))
        return super().render_change_form(request, context, *args, **kwargs)

    def page_context(self, request: HttpRequest, row: Any, /) -> dict[str, Any]:
        """Return what the template of a row's page shows besides its fields."""
        return {"offers": self.offers(request, row)}

    def offers(self, request: HttpRequest, row: Model) -> list[dict[str, Any]]:
        """Return the actions that the user has the permission for, and why one would do nothing."""
        return [
            {
                "verb": verb,
                "url": self._address(verb.name),
                "mark": verb.mark(row),
                "why_not": sentence(verb.why_not(row)),
            }
            for verb in self.verbs
            if self.may(request, verb.name)
        ]

    def act(self, request: HttpRequest, name: str) -> HttpResponse:
        """Show what the action would do (GET), or do it (POST)."""
        verb = next(verb for verb in self.verbs if verb.name == name)
        if not self.may(request, name):
            raise PermissionDenied
        if request.method == "POST":
            form, chosen = verb.form(request.POST), _chosen(request.POST)
            if chosen and form.is_valid():
                return self._do(request, verb, chosen, form.cleaned_data)
            return self._page(request, verb, [pk for pk, _seen in chosen], form)
        if request.method in ("GET", "HEAD"):
            chosen = _chosen(request.GET)
            return self._page(request, verb, [pk for pk, _seen in chosen], verb.form())
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])

    def confirm(
        self, request: HttpRequest, verb: Verb, queryset: QuerySet[Any]
    ) -> TemplateResponse:
        """Show what the action, chosen in the list, would do. Of many rows, the oldest first."""
        if not self.may(request, verb.name):
            raise PermissionDenied
        keys = list(queryset.order_by("pk").values_list("pk", flat=True)[: verb.most + 1])
        filters = request.GET.urlencode()
        return self._page(request, verb, keys, verb.form(), filters=filters)

    def _page(
        self,
        request: HttpRequest,
        verb: Verb,
        keys: list[int],
        form: forms.Form,
        filters: str | None = None,
    ) -> TemplateResponse:
        rows = self._rows(request, keys[: verb.most])
        would, would_not = [], Done()
        for row in rows:
            reason = verb.why_not(row)
            if reason:
                would_not.refuse(sentence(reason), row)
            else:
                would.append(row)
        if filters is None:
            filters = request.POST.get("filters")
        context = {
            **self.admin_site.each_context(request),
            "title": verb.title,
            "opts": self.opts,
            "verb": verb,
            "form": form,
            "would": [
                {"row": row, "name": named(row), "seen": verb.seen(row) if verb.seen else ""}
                for row in would[:NAMED]
            ],
            "would_count": len(would),
            "would_not": would_not.not_done,
            "has_more": len(keys) > verb.most,
            "chosen": ",".join(map(verb.mark, rows)),
            "filters": filters,
            "action_url": self._address(verb.name),
            "back_url": self._back(filters, [row.pk for row in rows]),
            "media": self.media + form.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/redpin/confirm_action.html", context)

    def _do(
        self,
        request: HttpRequest,
        verb: Verb,
        chosen: list[tuple[int, str]],
        answers: Mapping[str, Any],
    ) -> HttpResponse:
        """Do it to each row that was chosen, within bounds of time and number; go back and tell."""
        result = Done(left=max(0, len(chosen) - verb.most))
        deadline = time.monotonic() + SECONDS
        taken = chosen[: verb.most]
        for number, (pk, seen) in enumerate(taken):
            if number and time.monotonic() > deadline:
                result.left += len(taken) - number
                break
            found = self._rows(request, [pk])
            if not found:
                result.refuse(_("There is no such row."), f"#{pk}")
                continue
            self._do_one(request, verb, found[0], seen, answers, result)
        self._tell(request, verb, result)
        return HttpResponseRedirect(
            self._back(request.POST.get("filters"), [pk for pk, _seen in chosen])
        )

    def _do_one(
        self,
        request: HttpRequest,
        verb: Verb,
        row: Model,
        seen: str,
        answers: Mapping[str, Any],
        result: Done,
    ) -> None:
        try:
            reason = verb.why_not(row)
            if reason:
                raise NotDone(sentence(reason))
            if verb.digest(row) != seen:
                raise NotDone(_("It has changed since you looked at it. Look again, then decide."))
            run = self._called if verb.calls_redpin else self._written
            result.done.append(f"{named(row)}: {run(request, verb, row, answers)}")
        except NotDone as error:
            cause = str(error)
        except RedpinError as error:
            cause = told(error)
        else:
            return
        result.refuse(cause, row)
        self.log_change(request, row, f"{verb.title}: not done. {cause}")

    def _called(
        self, request: HttpRequest, verb: Verb, row: Model, answers: Mapping[str, Any]
    ) -> str:
        """Do what calls Redpin, which no open transaction may wait for, and write who did it."""
        done = verb.run(row, answers)
        self.log_change(request, row, f"{verb.title}: {done}")
        return done

    @retried
    def _written(
        self, request: HttpRequest, verb: Verb, row: Model, answers: Mapping[str, Any]
    ) -> str:
        """Do it and write who did it, both or neither: nothing is done by nobody."""
        with transaction.atomic():
            # First of all, as SQLite may refuse a transaction that reads before it writes.
            entry = self.log_change(request, row, str(verb.title))
            done = verb.run(row, answers)
            entry.change_message = f"{verb.title}: {done}"
            entry.save(update_fields=["change_message"])
        return done

    def _tell(self, request: HttpRequest, verb: Verb, result: Done) -> None:
        """Say on the next page how many rows it was done to, and to how many not, and why."""
        level = messages.SUCCESS if result.is_all else messages.WARNING
        self.message_user(request, result.summary(verb.title), level)
        for cause in result.causes():
            self.message_user(request, cause, messages.WARNING)

    def _rows(self, request: HttpRequest, keys: list[int]) -> list[Any]:
        """Return the rows with these keys that the user may see, without what is long in them."""
        rows = self.get_queryset(request).filter(pk__in=keys).order_by("pk")
        return [row for row in rows if self.has_view_permission(request, row)]

    def _address(self, name: str) -> str:
        meta = self.opts
        route = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_{name}"
        return reverse(route)

    def _back(self, filters: str | None, keys: list[int]) -> str:
        """Return the address of the list, as it was filtered, or of the one row's page."""
        if filters is None and len(keys) == 1:
            meta = self.opts
            route = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change"
            return reverse(route, args=keys)
        query = QueryDict(filters or "").urlencode()
        return f"{self._address('changelist')}{'?' if query else ''}{query}"


def list_action(verb: Verb) -> Callable[..., TemplateResponse]:
    """Return what Django's lists need for an action: it leads to the page that confirms it."""

    @admin.action(description=verb.title, permissions=[verb.name])
    def act(
        modeladmin: ConfirmingAdmin, request: HttpRequest, queryset: QuerySet[Any]
    ) -> TemplateResponse:
        return modeladmin.confirm(request, verb, queryset)

    act.__name__ = verb.name
    return act


def _chosen(data: QueryDict) -> list[tuple[int, str]]:
    """Return the keys of the rows that were chosen, each with the digest of what was shown."""
    marks = [mark for mark in data.get("rows", "").split(",") if mark]
    found = [_CHOSEN.fullmatch(mark) for mark in marks]
    if not all(found):
        raise BadRequest("The rows are given by their keys.")
    return list({int(each[1]): each[2] or "" for each in found if each}.items())
