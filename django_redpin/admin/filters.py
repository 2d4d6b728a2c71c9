"""Filters of large tables: several values at once, by links, without a look at all the rows.

What can be chosen is known, or is read off an index, one step for each value. A choice that is
ticked again is taken back; `?state=open&state=expired` says the same as `?state__in=open,expired`.
What makes no sense is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.contrib import admin
from django.db.models import Model, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ..models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from ..rules import statuses
from .by_index import none_of, start_of, used_values

Options = Sequence[tuple[str, "str | Promise"]]

# More are not offered, though they can be asked for by the address.
MOST_USED: Final = 50

# By how much a row's time may differ from its neighbours' by key: clocks, long transactions.
_UNORDERED: Final = timedelta(days=1)


class BoundedFilter(admin.ListFilter):
    """Some of the options that there are. `column` is the one that is filtered by."""

    column = ""
    parameter = ""
    is_several = True

    def __init__(
        self,
        request: HttpRequest,
        params: dict[str, list[str]],
        model: type[Model],
        model_admin: admin.ModelAdmin[Any],
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.parameter_name = self.parameter  # django-unfold's templates ask for it.
        (given,) = params.pop(self.parameter, None) or [""]
        self.rows = model_admin.get_queryset(request)
        self.options = self.find_options(given.split(",") if given else [])
        self.chosen = [token for token, _label in self.options if token in given.split(",")]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names in a query string that the filter takes its value from."""
        return (cls.parameter, cls.column) if cls.is_several else (cls.parameter,)

    @classmethod
    def taken(cls, params: Mapping[str, list[str]]) -> dict[str, list[str]]:
        """Return what the filter makes of a query string: its one parameter, or nothing."""
        given = [
            each
            for name in cls.names()
            for text in params.get(name, ())
            for each in text.split(",")
        ]
        tokens = [token for token in dict.fromkeys(given) if cls.makes_sense(token)]
        if not cls.is_several:
            tokens = tokens[-1:]
        return {cls.parameter: [",".join(tokens)]} if tokens else {}

    @classmethod
    def makes_sense(cls, token: str) -> bool:
        """Tell whether it can be asked for."""
        return token in dict(cls.known())

    @classmethod
    def known(cls) -> Options:
        """Return what can be chosen, as tokens and labels."""
        raise NotImplementedError

    def find_options(self, given: Sequence[str]) -> Options:
        """Return what is offered, which holds all that is chosen."""
        return self.known()

    def condition(self, chosen: Sequence[str]) -> Q:
        """Return what the rows of the chosen options have in common."""
        return Q(**{f"{self.column}__in": chosen})

    def has_output(self) -> bool:
        """Offer no choice where there is none."""
        return len(self.options) > 1 or bool(self.chosen)

    def expected_parameters(self) -> list[str | None]:
        """Return the parameter that the filter's links set."""
        return [self.parameter]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield a link for each option, which adds it to the chosen ones or takes it away."""
        yield self._choice(changelist, _("All"), [], is_selected=not self.chosen)
        for token, label in self.options:
            is_selected = token in self.chosen
            kept = [each for each in self.chosen if each != token] if self.is_several else []
            others = kept if is_selected else [*kept, token]
            # Not every look tells several that are chosen from the rest.
            text = f"\N{CHECK MARK} {label}" if is_selected else label
            yield self._choice(changelist, text, others, is_selected=is_selected)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen options, or all."""
        return queryset.filter(self.condition(self.chosen)) if self.chosen else queryset

    def _choice(
        self, changelist: Any, label: str | Promise, tokens: Sequence[str], *, is_selected: bool
    ) -> dict[str, object]:
        query = changelist.get_query_string({self.parameter: ",".join(tokens) or None})
        return {"selected": is_selected, "query_string": query, "display": label}


class StateFilter(BoundedFilter):
    """Our state of a session."""

    title = _("state")
    column, parameter = "state", "state__in"

    @classmethod
    def known(cls) -> Options:
        return PaymentSession.State.choices


class PaymentStatusFilter(BoundedFilter):
    """Redpin's status of a payment: those that it documents, none yet, or any other."""

    title = _("payment status")
    column, parameter = "payment_status", "payment_status__in"
    # Redpin's own are in capitals.
    NONE: Final = "none"
    OTHER: Final = "other"

    @classmethod
    def known(cls) -> Options:
        documented = [(status, status) for status in statuses.RANKS]
        return [(cls.NONE, _("none yet")), *documented, (cls.OTHER, _("any other"))]

    def condition(self, chosen: Sequence[str]) -> Q:
        named = ["" if token == self.NONE else token for token in chosen if token != self.OTHER]
        found = super().condition(named)
        return found | none_of(self.column, statuses.RANKS) if self.OTHER in chosen else found


class EventOutcomeFilter(BoundedFilter):
    """What became of an event."""

    title = _("outcome")
    column, parameter = "outcome", "outcome__in"

    @classmethod
    def known(cls) -> Options:
        return WebhookEvent.Outcome.choices


class DispatchFilter(BoundedFilter):
    """Whether receivers were told of a transition."""

    title = _("dispatch")
    column, parameter = "outcome", "outcome__in"

    @classmethod
    def known(cls) -> Options:
        return StatusTransition.Outcome.choices


class SubjectFilter(BoundedFilter):
    """What it is that moved."""

    title = _("subject")
    column, parameter = "subject", "subject__in"

    @classmethod
    def known(cls) -> Options:
        return StatusTransition.Subject.choices


class UsedFilter(BoundedFilter):
    """The values that are in use in a column that leads an index; the first `MOST_USED` of them."""

    pattern: re.Pattern[str]

    @classmethod
    def makes_sense(cls, token: str) -> bool:
        return bool(cls.pattern.fullmatch(token))

    def find_options(self, given: Sequence[str]) -> Options:
        used = used_values(self.rows, self.column, MOST_USED)
        return [(value, value) for value in sorted({*used, *given})]


class CurrencyFilter(UsedFilter):
    """The currencies that are in use."""

    title = _("currency")
    column, parameter = "currency", "currency__in"
    pattern = re.compile(r"[A-Z]{3}", re.ASCII)


class AccountFilter(UsedFilter):
    """The accounts that are in use."""

    title = _("account")
    column, parameter = "account", "account__in"
    pattern = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class YesNoFilter(BoundedFilter):
    """A column that is true or false."""

    is_several = False

    @classmethod
    def known(cls) -> Options:
        return [("1", _("Yes")), ("0", _("No"))]

    def condition(self, chosen: Sequence[str]) -> Q:
        return Q(**{self.column: chosen == ["1"]})


class ReviewFilter(YesNoFilter):
    """Whether somebody has to look at the session."""

    title = _("needs review")
    column = parameter = "needs_review"


class DocumentedFilter(YesNoFilter):
    """Whether Redpin's flow has this step."""

    title = _("documented")
    column = parameter = "is_documented"


class SinceFilter(BoundedFilter):
    """From a time until now, by a column of times that rise with the key."""

    is_several = False

    @classmethod
    def known(cls) -> Options:
        return [
            ("today", _("Today")),
            ("7days", _("Past 7 days")),
            ("30days", _("Past 30 days")),
            ("month", _("This month")),
            ("year", _("This year")),
        ]

    def condition(self, chosen: Sequence[str]) -> Q:
        """Bound the key, too: else the last page would read on to the table's other end."""
        since = start_of(chosen[0])
        older = self.rows.order_by(f"-{self.column}").filter(
            **{f"{self.column}__lt": since - _UNORDERED}
        )
        bound = Coalesce(Subquery(older.values("pk")[:1]), 0)
        return Q(**{f"{self.column}__gte": since, "pk__gt": bound})


class CreatedFilter(SinceFilter):
    """When the row was created."""

    title = _("created")
    column, parameter = "created_at", "created"


class ReceivedFilter(SinceFilter):
    """When the event came."""

    title = _("received")
    column, parameter = "received_at", "received"


class RecipientTypeFilter(BoundedFilter):
    """Person or company."""

    title = _("type")
    column, parameter = "type", "type__in"

    @classmethod
    def known(cls) -> Options:
        return Recipient.Type.choices
