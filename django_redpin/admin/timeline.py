"""What happened to a session, as one list: asked for, events, transitions, who was told, and staff.

The newest first, and the newest of each kind alone: a session that is told of ten thousand times
costs as many queries as one that is told of once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from ..l10n import display_money
from ..models import PaymentSession, StatusTransition, WebhookEvent
from .badges import badge, dispatch_badge, event_badge

# Of each kind.
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One detail of an entry: a text or a time, perhaps with a link."""

    name: str
    value: object
    url: str = ""

    @property
    def is_time(self) -> bool:
        return isinstance(self.value, datetime)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    at: datetime
    kind: str
    title: str
    url: str = ""
    badge: str = ""
    lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """The entries, newest first, and where those are that are not among them."""

    entries: Sequence[Entry]
    rest: Sequence[Line]


def timeline_of(
    session: PaymentSession, may_see: Callable[[type[Model]], bool], site: str = "admin"
) -> Timeline:
    """Return what happened to the session, as far as the user may see it. Takes three queries."""
    entries, rest = list(_of_the_row(session)), []
    same = urlencode({"q": session.client_reference_id})
    sources: list[tuple[type[Model], QuerySet[Any], Callable[..., Iterable[Entry]], str, str]] = [
        (
            WebhookEvent,
            session.events.defer("body").order_by("-pk"),
            _of_an_event,
            _("Older events"),
            f"{reverse(f'{site}:redpin_webhookevent_changelist')}?{same}",
        ),
        (
            StatusTransition,
            session.transitions.select_related("event", "share__recipient", "share__session")
            .defer("event__body")
            .order_by("-pk"),
            _of_a_transition,
            _("Older transitions"),
            f"{reverse(f'{site}:redpin_statustransition_changelist')}?{same}",
        ),
        (
            PaymentSession,
            LogEntry.objects.filter(
                content_type=ContentType.objects.get_for_model(PaymentSession),
                object_id=str(session.pk),
            )
            .select_related("user")
            .order_by("-pk"),
            _of_staff,
            _("Older actions of staff"),
            reverse(f"{site}:redpin_paymentsession_history", args=(session.pk,)),
        ),
    ]
    for model, rows, entries_of, title, url in sources:
        if not may_see(model):
            continue
        found = list(rows[: SHOWN + 1])
        for row in found[:SHOWN]:
            entries += entries_of(row, may_see, site)
        if len(found) > SHOWN:
            rest.append(Line(title, _("all of them"), url))
    # By time; of the same moment, what came later in the order above is the later.
    return Timeline(sorted(entries, key=lambda entry: entry.at)[::-1], rest)


def _of_the_row(session: PaymentSession) -> Iterator[Entry]:
    yield Entry(session.created_at, _("Session"), _("Asked for"), badge=badge(_("intent"), "plain"))
    if session.unanswered_at:
        title = _("A request left for Redpin, and no answer that can be trusted came")
        yield Entry(session.unanswered_at, _("Call"), title, badge=badge(_("unanswered"), "bad"))
    if session.anonymised_at:
        yield Entry(session.anonymised_at, _("Session"), _("The payer's data was anonymised"))


def _of_an_event(
    event: WebhookEvent, may_see: Callable[[type[Model]], bool], site: str
) -> Iterator[Entry]:
    yield Entry(
        event.received_at,
        _("Event"),
        str(event) or f"#{event.pk}",
        reverse(f"{site}:redpin_webhookevent_change", args=(event.pk,)),
        event_badge(event),
        _told(
            Line(_("processed"), event.processed_at),
            Line(_("verified by"), event.verifier),
            Line(_("duplicates"), event.duplicates),
            Line(_("attempts"), event.attempts if event.attempts > 1 else 0),
            Line(_("next attempt"), event.next_attempt_at),
            Line(_("last error"), event.last_error),
        ),
    )


def _of_a_transition(
    transition: StatusTransition, may_see: Callable[[type[Model]], bool], site: str
) -> Iterator[Entry]:
    url = reverse(f"{site}:redpin_statustransition_change", args=(transition.pk,))
    event = transition.event if may_see(WebhookEvent) else None
    of_event = reverse(f"{site}:redpin_webhookevent_change", args=(event.pk,)) if event else ""
    subject = str(transition.get_subject_display())
    yield Entry(
        transition.created_at,
        _("Transition"),
        f"{subject}: {transition.from_value or '-'} → {transition.to_value or '-'}",
        url,
        dispatch_badge(transition),
        _told(
            Line(_("because of"), event and (str(event) or f"#{event.pk}"), of_event),
            Line(_("share"), _share(transition)),
            Line(_("note"), transition.note),
            Line(_("in Redpin's flow"), "" if transition.is_documented else _("no such step")),
            Line(_("occurred"), transition.occurred_at),
            *(() if transition.dispatched_at else _dispatch(transition)),
        ),
    )
    if transition.dispatched_at:
        title = _("Receivers were told of “%(subject)s: %(value)s”") % {
            "subject": subject,
            "value": transition.to_value or "-",
        }
        told = badge(transition.get_outcome_display(), "good")
        lines = _told(*_dispatch(transition))
        yield Entry(transition.dispatched_at, _("Dispatch"), title, url, told, lines)


def _share(transition: StatusTransition) -> str:
    share = transition.share
    return f"{share.recipient}: {display_money(share.money)}" if share else ""


def _dispatch(transition: StatusTransition) -> Iterator[Line]:
    yield Line(_("attempts"), transition.attempts)
    yield Line(_("next attempt"), transition.next_attempt_at)
    yield Line(_("last error"), transition.last_error)


def _of_staff(
    entry: LogEntry, may_see: Callable[[type[Model]], bool], site: str
) -> Iterator[Entry]:
    yield Entry(
        entry.action_time,
        _("Staff"),
        str(entry.get_change_message()) or str(cast("Any", entry).get_action_flag_display()),
        lines=[Line(_("by"), entry.user.get_username())],
    )


def _told(*lines: Line) -> list[Line]:
    return [line for line in lines if line.value]
