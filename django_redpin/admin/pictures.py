"""The sections of the overview: each a table, and what its picture is drawn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from moneyed import Money

from ..l10n import display_money
from ..models import PaymentSession
from ..services.overview import Overview, Times
from ..services.spans import DAY, MONTH, WEEK, Span
from ..services.stages import Stage

# Beyond these, currencies have their tables alone.
MOST_PICTURES: Final = 4

_STAGES: Final[dict[Stage, Promise]] = {
    Stage.PAID: gettext_lazy("Paid"),
    Stage.UNDER_WAY: gettext_lazy("Under way"),
    Stage.OPEN: gettext_lazy("To be paid"),
    Stage.REVIEW: gettext_lazy("Needs review"),
    Stage.RETURNED: gettext_lazy("Cancelled or returned"),
    Stage.LAPSED: gettext_lazy("Expired, replaced or refused"),
}
# How a piece of the span is named: under a bar, and in a table.
_SHORT: Final = {DAY: "j M", WEEK: "j M", MONTH: "M Y"}
_LONG: Final = {DAY: "j F Y", WEEK: "j F Y", MONTH: "F Y"}
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_SECONDS: Final = ((_DAY, "d"), (_HOUR, "h"), (60, "min"), (1, "s"))
_NOTHING: Final = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a picture: a value for each piece, and how the table writes it."""

    name: str
    tone: str
    values: list[float | None]
    texts: list[str]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, what to know about it, its table, and its picture, where it has one."""

    key: str
    title: str
    note: str
    head: list[str]
    rows: list[list[str]]
    foot: list[str] = field(default_factory=list)
    kind: str = ""  # bars, lines
    unit: str = ""  # "", percent, hours, days
    labels: list[str] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    is_wide: bool = False


def sections_of(found: Overview) -> list[Section]:
    """Return all sections, in the order of the page; of an empty span, an empty one."""
    if not found.groups:
        return [Section(key="sessions", title=_("Sessions"), note="", head=[], rows=[])]
    amounts = [
        _amounts(found.span, code, pieces, place)
        for place, (code, pieces) in enumerate(found.amounts().items())
    ]
    return [_sessions(found), *amounts, _conversion(found), _lasting(found), _statuses(found)]


def pictures_of(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Return what the page's script draws."""
    return [
        {
            "key": section.key,
            "kind": section.kind,
            "unit": section.unit,
            "labels": section.labels,
            "series": [
                {"name": each.name, "tone": each.tone, "values": each.values, "texts": each.texts}
                for each in section.series
            ],
        }
        for section in sections
        if section.kind
    ]


def day_name(day: date) -> str:
    """Return the date as the admin writes it."""
    return date_format(day, "j F Y")


def duration(lasted: timedelta | None) -> str:
    """Return a time in its two largest units, such as `2 d 4 h`; a dash for None."""
    if lasted is None:
        return _NOTHING
    rest = int(lasted.total_seconds())
    parts: list[tuple[int, str]] = []
    for seconds, unit in _SECONDS:
        number, rest = divmod(rest, seconds)
        if number or parts:
            parts.append((number, unit))
    return " ".join(f"{number} {unit}" for number, unit in parts[:2] if number) or "0 s"


def _names(span: Span, formats: dict[str, str]) -> list[str]:
    return [date_format(day, formats[span.step]) for day in span.starts]


def _step_name(span: Span) -> str:
    return {DAY: _("Day"), WEEK: _("Week from"), MONTH: _("Month")}[span.step]


def _staged(
    span: Span, pieces: Sequence[dict[Stage, Any]], number: Callable[[Any], float], write: Any
) -> dict[str, Any]:
    """Return table and series of what is counted or added up by stage."""
    present = [stage for stage in Stage if any(stage in piece for piece in pieces)]

    def texts(piece: dict[Stage, Any]) -> list[str]:
        return [write(piece[stage]) if stage in piece else _NOTHING for stage in present]

    def total(values: Iterable[Any]) -> str:
        found = [*values]
        return write(sum(found)) if found else _NOTHING

    rows = [
        [name, *texts(piece), total(piece.values())]
        for name, piece in zip(_names(span, _LONG), pieces, strict=True)
    ]
    columns = [[piece[stage] for piece in pieces if stage in piece] for stage in present]
    everything = total(value for column in columns for value in column)
    return {
        "head": [_step_name(span), *(str(_STAGES[stage]) for stage in present), _("Total")],
        "rows": rows,
        "foot": [_("Total"), *map(total, columns), everything],
        "kind": "bars",
        "labels": _names(span, _SHORT),
        "series": [
            Series(
                name=str(_STAGES[stage]),
                tone=stage.value,
                values=[number(piece[stage]) if stage in piece else 0 for piece in pieces],
                texts=[row[place] for row in rows],
            )
            for place, stage in enumerate(present, start=1)
        ],
    }


def _sessions(found: Overview) -> Section:
    note = _("By the day of their creation, and by how far they have come until now.")
    staged = _staged(found.span, found.counts(), float, str)
    return Section(key="sessions", title=_("Sessions"), note=note, is_wide=True, **staged)


def _amounts(span: Span, code: str, pieces: list[dict[Stage, Money]], place: int) -> Section:
    def number(money: Money) -> float:
        return float(Decimal(money.amount))  # For the eye alone; the table has it exactly.

    staged = _staged(span, pieces, number, display_money)
    if place >= MOST_PICTURES:
        staged["kind"] = ""
    title = _("Amounts in %(currency)s") % {"currency": code}
    note = _("What was asked for, by the day of creation and by stage.")
    if place == 0:
        note = _("%(note)s Amounts of different currencies are never added up.") % {"note": note}
    return Section(key=f"amounts-{code}", title=title, note=note, **staged)


def _percent(paid: int, created: int) -> str:
    return f"{100 * paid / created:.1f} %" if created else _NOTHING


def _conversion(found: Overview) -> Section:
    span, pairs = found.span, found.conversion()
    created, paid = (sum(pair[side] for pair in pairs) for side in (0, 1))
    shares = [_percent(done, all_) for all_, done in pairs]
    name = _("Share paid")
    return Section(
        key="conversion",
        title=_("From created to paid"),
        note=_(
            "How many of the sessions created then are paid by now. What a renewal replaced is left"
            " out, as the renewal is counted; the latest sessions still have their time."
        ),
        head=[_step_name(span), _("Created"), _("Paid"), name],
        rows=[
            [day, str(all_), str(done), share]
            for day, (all_, done), share in zip(_names(span, _LONG), pairs, shares, strict=True)
        ],
        foot=[_("Total"), str(created), str(paid), _percent(paid, created)],
        kind="lines",
        unit="percent",
        labels=_names(span, _SHORT),
        series=[
            Series(
                name=name,
                tone="first",
                values=[100 * done / all_ if all_ else None for all_, done in pairs],
                texts=shares,
            )
        ],
    )


def _lasting(found: Overview) -> Section:
    span = found.span
    slowest = max((times.ninetieth or timedelta(0) for times in found.times), default=timedelta(0))
    unit, seconds = ("days", _DAY) if slowest > timedelta(days=2) else ("hours", _HOUR)
    half, most = _("Half within"), _("Nine in ten within")
    note = _(
        "From a session's creation until every recipient was credited, by the day of its creation."
    )
    sample = _("Of one payment in %(number)d, drawn at random.") % {"number": found.one_of}

    def row(name: str, times: Times) -> list[str]:
        return [name, str(times.count), duration(times.median), duration(times.ninetieth)]

    rows = [row(*each) for each in zip(_names(span, _LONG), found.times, strict=True)]

    def series(name: str, tone: str, place: int, pick: Callable[[Times], Any]) -> Series:
        picked = [pick(times) for times in found.times]
        values = [each.total_seconds() / seconds if each else None for each in picked]
        return Series(name, tone, values, [row[place] for row in rows])

    return Section(
        key="times",
        title=_("From created to credited"),
        note=f"{note} {sample}" if found.one_of > 1 else note,
        head=[_step_name(span), _("Payments"), half, most],
        rows=rows,
        foot=row(_("All"), found.all_times),
        kind="lines",
        unit=unit,
        labels=_names(span, _SHORT),
        series=[
            series(half, "first", 2, lambda times: times.median),
            series(most, "second", 3, lambda times: times.ninetieth),
        ],
    )


def _statuses(found: Overview) -> Section:
    return Section(
        key="statuses",
        title=_("Every status"),
        is_wide=True,
        note=_("The whole period, by currency: our state of the session, and Redpin's status."),
        head=[
            *(_("Currency"), _("Stage"), _("State"), _("Payment status"), _("Sessions")),
            _("Amount"),
        ],
        rows=[
            [
                total.money.currency.code,
                str(_STAGES[total.stage]),
                str(PaymentSession.State(total.state).label),
                total.payment_status or _NOTHING,
                str(total.count),
                display_money(total.money),
            ]
            for total in found.statuses()
        ],
    )
