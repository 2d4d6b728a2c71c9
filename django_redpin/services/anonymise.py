"""Take a payer out of what is kept. What is left tells of money.

Amounts, statuses, the journal and Redpin's ids stay, so that news that come a year later still find
their session. Each row is one transaction, whose first statement decides; so runs may overlap, and
be killed, and the next one goes on.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ..models import PaymentSession, StatusTransition, WebhookEvent
from ..telemetry import LogEvent, tell
from .anonymous import emptied, pseudonym
from .retention import DONE
from .transactions import retried
from .watching import watch

logger: logging.Logger = logging.getLogger("django_redpin")
State = PaymentSession.State

BATCH: Final = 100
LIMIT: Final = 100_000  # Of a run; the rest is left to the next one.
SECONDS: Final = 240.0

OVER: Final = (State.CLOSED, State.EXPIRED, State.REJECTED, State.SUPERSEDED)


# Functions, as these ask for related models, and a project's own models may import the services.
def _is_untold() -> Exists:
    return Exists(
        StatusTransition.objects.filter(session=OuterRef("pk")).exclude(next_attempt_at=None)
    )


def _is_unread() -> Q:
    pending = WebhookEvent.objects.exclude(next_attempt_at=None)
    return Exists(pending.filter(session=OuterRef("pk"))) | Exists(
        pending.filter(  # It finds its session when it is processed.
            session=None,
            account=OuterRef("account"),
            client_reference_id=OuterRef("client_reference_id"),
        )
    )


def _reasons() -> tuple[tuple[Q, str], ...]:
    """Why a session is left as it is, the first that holds; so what is done has none of them."""
    return (
        (~Q(state__in=OVER), "it is not over: wait for its end, or until it expires"),
        (~Q(review_reason=""), "a person has to look at it: release it from review first"),
        (~Q(next_attempt_at=None), "Redpin is still asked about it: wait for a day"),
        (Q(_is_untold()), "receivers are still to be told of it: let redpin_dispatch run"),
        (Q(_is_unread()), "an event of it is still to be processed: let redpin_process run"),
    )


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was left as it is: its `reference` (a recipient's primary key), and why."""

    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class Anonymised:
    """What a run did: how many `sessions`, `events` and `recipients`, and what it `refused`.

    Where it `is_cut_off`, by its bounds or by whoever stopped it, more is left: call it again.
    """

    sessions: int = 0
    events: int = 0
    recipients: int = 0
    refused: tuple[Refused, ...] = ()
    is_cut_off: bool = False


def anonymise_payer(
    *,
    payer: AbstractBaseUser | None = None,
    client_customer_ref: str = "",
    session: PaymentSession | None = None,
    account: str | None = None,
    keep_metadata: Collection[str] = (),
    dry_run: bool = False,
    limit: int = LIMIT,
    seconds: float = SECONDS,
) -> Anonymised:
    """Take the payer out of their sessions, and out of the events about them.

    Name one of `payer`, `client_customer_ref` and `session`; a person may have to be named by both
    of the first. Only sessions that are over are touched; the others are in `refused`, with the
    reason. Calling again goes on, and is harmless. The page "Data protection" tells what becomes of
    each column.

    Args:
        payer: The user whose sessions they are.
        client_customer_ref: The reference of the payer whose sessions they are.
        session: The one session.
        account: Whose sessions, by alias; `None` for those of all accounts.
        keep_metadata: Names within `metadata` that tell of no person, such as that of the order,
            which your receivers may need for a late refund; the rest of it goes.
        dry_run: Change nothing, and only count.
        limit: How many sessions are done at most.
        seconds: After which none is begun.

    Returns:
        What was done, what was refused, and whether more is left.

    Raises:
        ValueError: None or several of the three are named.
    """
    if sum(map(bool, (payer, client_customer_ref, session))) != 1:
        raise ValueError("Name one of payer, client_customer_ref and session.")
    rows = PaymentSession.objects.filter(anonymised_at=None)
    strays = WebhookEvent.objects.filter(DONE, session=None)
    if account is not None:
        rows, strays = rows.filter(account=account), strays.filter(account=account)
    if payer is not None:
        rows = rows.filter(payer_id=payer.pk)
        same = {name: OuterRef(name) for name in ("account", "client_customer_ref")}
        strays = strays.filter(
            Exists(rows.filter(**same)), client_customer_ref__in=_references(rows)
        )
    elif session is not None:
        rows, strays = rows.filter(pk=session.pk), strays.none()
    else:
        rows = rows.filter(client_customer_ref=client_customer_ref)
        strays = strays.filter(client_customer_ref=client_customer_ref)
    deadline = time.monotonic() + seconds
    # The strays come first: once its sessions are done, nothing leads from a payer to them.
    events = strays.count() if dry_run else _each_stray(strays, limit, deadline)
    if not dry_run and strays.exists():
        return Anonymised(events=events, is_cut_off=True)
    done = _sessions(rows, tuple(keep_metadata), limit, deadline, dry_run=dry_run)
    return replace(done, events=done.events + events)


def _sessions(
    rows: QuerySet[PaymentSession],
    keep: tuple[str, ...],
    limit: int,
    deadline: float,
    *,
    dry_run: bool,
) -> Anonymised:
    sessions, events, refused, is_cut_off = 0, 0, list[Refused](), False
    pseudonym_of = cache(lambda account, reference: pseudonym())
    for session in _each(rows):
        if sessions >= limit or time.monotonic() >= deadline or not watch().goes_on():
            is_cut_off = True
            break
        reason = _reason(session)
        if reason:
            refused.append(Refused(session.client_reference_id, reason))
            continue
        if dry_run:
            sessions += 1
            events += _events_of(session).count()
            continue
        name = pseudonym_of(session.account, session.client_customer_ref)
        count = _anonymise(session, name, keep)
        if count is None:
            reason = _reason(session) or "it was changed at this very moment: try again"
            refused.append(Refused(session.client_reference_id, reason))
            continue
        sessions, events = sessions + 1, events + count
        reference = session.client_reference_id
        text = "Session %s was anonymised."
        tell(
            logger,
            LogEvent.SESSION_ANONYMISED,
            text,
            reference,
            account=session.account,
            session=session.pk,
            reference=reference,
        )
    return Anonymised(sessions, events, 0, tuple(refused), is_cut_off)


def _each(rows: QuerySet[PaymentSession]) -> Iterator[PaymentSession]:
    """Yield the rows by batches, the oldest first, however many are left as they are."""
    last = 0
    while found := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield from found
        last = found[-1].pk


def _reason(session: PaymentSession) -> str:
    """Return why the session has to stay as it is, or ""."""
    row = PaymentSession.objects.filter(pk=session.pk)
    return next((reason for held, reason in _reasons() if row.filter(held).exists()), "")


@retried
def _anonymise(session: PaymentSession, name: str, keep: tuple[str, ...]) -> int | None:
    """Empty the row and its parts; return how many events, or None where the row has moved on."""
    rows = PaymentSession.objects.filter(pk=session.pk, anonymised_at=None)
    for held, _ in _reasons():
        rows = rows.exclude(held)
    metadata = session.metadata if isinstance(session.metadata, dict) else {}
    with transaction.atomic():
        is_done = rows.update(
            payer=None,
            client_customer_ref=name,
            metadata={name: metadata[name] for name in keep if name in metadata},
            callbacks=[],
            session_url="",
            last_error="",
            # A digest of the payer's reference, among what else the row tells: it could be tried.
            fingerprint="",
            payment_status_position=_without_key(session.payment_status_position),
            anonymised_at=timezone.now(),
            updated_at=timezone.now(),
        )
        if not is_done:
            return None
        session.items.update(description="")
        session.transitions.update(note="", last_error="")
        for share in session.shares.exclude(payout_position=""):
            position = _without_key(share.payout_position)
            session.shares.filter(pk=share.pk).update(payout_position=position)
        return _empty(_events_of(session), name)


def _events_of(session: PaymentSession) -> QuerySet[WebhookEvent]:
    """Return the events about the session, found or not by the time when they came."""
    same = Q(
        session=None,
        account=session.account,
        client_reference_id=session.client_reference_id,
        next_attempt_at=None,
    )
    return WebhookEvent.objects.filter(Q(session=session) | same)


def _references(rows: QuerySet[PaymentSession]) -> list[str]:
    return list(rows.order_by().values_list("client_customer_ref", flat=True).distinct())


def _each_stray(strays: QuerySet[WebhookEvent], limit: int, deadline: float) -> int:
    """Empty the events of no session that name the payer, such as of their approval."""
    name, done = pseudonym(), 0
    while done < limit and time.monotonic() < deadline and watch().goes_on():
        keys = list(strays.values_list("pk", flat=True)[: min(BATCH, limit - done)])
        if not keys:
            break
        done += _empty(strays.filter(pk__in=keys), name)
    return done


@retried
def _empty(events: QuerySet[WebhookEvent], name: str) -> int:
    count = 0
    for pk in list(events.values_list("pk", flat=True)):
        changes = emptied(name) | {"last_error": "", "key": secrets.token_hex(32)}
        count += WebhookEvent.objects.filter(pk=pk).update(**changes)
    return count


def _without_key(position: str) -> str:
    """Return a position without its event's key, a digest of what that event said of the payer.

    It is greater than any of its time and rank: the same fact moves nothing when it comes again.
    """
    at_and_rank, _, key = position.rpartition(" ")
    return f"{at_and_rank} ~" if key else position
