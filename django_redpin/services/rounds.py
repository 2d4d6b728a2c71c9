"""One account's due sessions: claimed together, asked about by the fewest calls, released.

Redpin's list shows 100 sessions on a page. Where few are due, each is looked up by its reference;
else pages are read for as long as they tell of more sessions than as many look-ups would.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from celery.exceptions import SoftTimeLimitExceeded
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.utils import timezone

from ..client import RedpinClient, SessionRecord
from ..conf import get_account
from ..exceptions import (
    AuthenticationError,
    ConfigurationError,
    NotSent,
    RateLimitedError,
    RedpinError,
)
from ..models import PaymentSession
from ..telemetry import LogEvent, Spans, note, operation, tell
from .leases import LEASE, due
from .lookup import look_up
from .refresh import apply_absence, apply_record
from .schedule import FIRST_LOOK, late_look, next_look
from .transactions import update
from .watching import watch

logger: logging.Logger = logging.getLogger("django_redpin")
State = PaymentSession.State

# The calls of a round in all, and those in a row that may fail before it is given up.
MAX_CALLS: Final = 100
MAX_FAILURES: Final = 3
# So few sessions are looked up one by one.
FEW: Final = 5

# The sessions that are asked about, and when each of them is again.
_LOOKS: Final[dict[str, Callable[[PaymentSession, datetime], datetime | None]]] = {
    State.OPEN: next_look,
    State.EXPIRED: late_look,
}
STATES: Final = tuple(_LOOKS)

# After one of these every other call would fail as well.
_HOPELESS: Final = (AuthenticationError, ConfigurationError, NotSent, RateLimitedError)
# SQLite may allow 999 parameters in a statement; a row takes three.
_BATCH: Final = 300


class Round:
    """Up to `limit` due sessions of one customer of one account, until `deadline` (monotonic).

    Of those, the ones `among` which they are to be.

    `waiting`, by reference, are those that are still to be asked about. Each of the others ends in
    one of the lists, which say when it is due again.
    """

    def __init__(
        self, alias: str, customer_id: str, *, limit: int, deadline: float, among: Q
    ) -> None:
        self.alias = alias
        self.customer_id = customer_id
        self.calls = self.moved = 0
        self.answered: list[PaymentSession] = []
        self.failed: list[PaymentSession] = []
        self.passed_by: list[PaymentSession] = []
        self._among = among
        self._deadline = deadline
        self._failures = 0
        # The lease's end says whose it is. Should two rounds hit upon the same microsecond, both
        # ask, which does no harm.
        self._mark = timezone.now() + LEASE + timedelta(microseconds=secrets.randbelow(1_000_000))
        self._sessions = list(self._claim(limit))
        self.waiting = {session.client_reference_id: session for session in self._sessions}

    def run(self) -> None:
        """Ask and apply. What fails is logged and not raised, but for a task's time limit."""
        with operation(Spans.ROUND):
            note(Spans.ROUND, account=self.alias, count=len(self._sessions))
            try:
                self._ask(RedpinClient(get_account(self.alias), self.customer_id))
            except SoftTimeLimitExceeded:
                raise
            except Exception as error:  # noqa: BLE001  It must not stop another account's round.
                self._give_up(error)
            finally:
                self._release()

    def _claim(self, limit: int) -> Iterator[PaymentSession]:
        rows = PaymentSession.objects.filter(
            self._among, state__in=STATES, account=self.alias, customer_id=self.customer_id
        )
        found = due(rows).order_by("next_attempt_at", "pk").values_list("pk", flat=True)
        for keys in _batches(list(found[:limit])):
            update(due(rows).filter(pk__in=keys), leased_until=self._mark)
            yield from self._leased(keys)

    def _ask(self, client: RedpinClient) -> None:
        if len(self._to_be_listed()) > FEW and self._read_pages(client):
            unlisted = self._to_be_listed()
            if len(unlisted) > FEW:
                # The pages shifted, or don't show all: looked up one by one the next time.
                self.passed_by = unlisted
                for session in unlisted:
                    del self.waiting[session.client_reference_id]
        self._look_up()

    def _to_be_listed(self) -> list[PaymentSession]:
        """Return those that wait and that the pages have not passed by before."""
        return [session for session in self.waiting.values() if not session.attempts]

    def _read_pages(self, client: RedpinClient) -> bool:
        """Read pages while that is the cheaper way; tell whether all of them were read."""
        page = 0
        while self._may_call():
            page += 1
            self.calls += 1
            try:
                listing = client.list_sessions(page)
            except RedpinError as error:
                self._note(error)
                return False
            self._failures = 0
            found = self._apply_page(listing.records)
            pages_left = listing.total_pages - page
            if pages_left <= 0:
                return self._has_time()  # Else what the page tells was not applied to its end.
            look_ups = min(len(self._to_be_listed()), MAX_CALLS - self.calls)
            if found < 2 and look_ups <= pages_left:
                return False
        return False

    def _apply_page(self, records: Iterable[SessionRecord]) -> int:
        """Apply what a page tells of sessions that wait; return of how many it does."""
        found = 0
        for record in records:
            session = self.waiting.get(record.client_reference_id)
            # What is not simply ours may have a double on another page: a look-up tells.
            if session and record.session_id == session.session_id and self._has_time():
                found += 1
                self._apply(session, record)
        return found

    def _look_up(self) -> None:
        for session in list(self.waiting.values()):
            if not self._may_call():
                return
            self.calls += 1
            try:
                record = look_up(session)
            except RedpinError as error:
                self.failed.append(self.waiting.pop(session.client_reference_id))
                self._note(error, session)
                continue
            self._failures = 0
            self._apply(session, record)

    def _apply(self, session: PaymentSession, record: SessionRecord | None) -> None:
        del self.waiting[session.client_reference_id]
        watch().note()
        try:
            if record is None:
                apply_absence(session)
            else:
                self.moved += apply_record(session, record, session.payment_status_position)
        except SoftTimeLimitExceeded:
            raise
        except Exception as error:  # noqa: BLE001  Nor may one session stop the others.
            tell(
                logger,
                LogEvent.SESSION_NOT_RECONCILED,
                "Session %s could not be reconciled.",
                session,
                exc_info=True,
                account=self.alias,
                session=session.pk,
                reference=session.client_reference_id,
                failure=type(error).__name__,
            )
            self.failed.append(session)
        else:
            self.answered.append(session)

    def _may_call(self) -> bool:
        """Tell whether another call is within the bounds, and of use."""
        return bool(self.waiting) and self._has_time() and self.calls < MAX_CALLS

    def _has_time(self) -> bool:
        return time.monotonic() < self._deadline and watch().goes_on()

    def _note(self, error: RedpinError, session: PaymentSession | None = None) -> None:
        """Take down a call that failed."""
        self._failures += 1
        if isinstance(error, _HOPELESS) or self._failures >= MAX_FAILURES:
            raise error
        tell(
            logger,
            LogEvent.LIST_FAILED,
            "Redpin's list (account %s, %s): %s",
            self.alias,
            session or "a page",
            error,
            account=self.alias,
            session=session.pk if session else None,
            failure=type(error).__name__,
        )

    def _give_up(self, error: Exception) -> None:
        is_foreseen = isinstance(error, RedpinError)
        tell(
            logger,
            LogEvent.ACCOUNT_LEFT,
            "Account %s is left for now, with %s sessions to ask about: %s",
            self.alias,
            len(self.waiting),
            error if is_foreseen else type(error).__name__,
            exc_info=not is_foreseen,
            account=self.alias,
            count=len(self.waiting),
            failure=type(error).__name__,
        )
        self.failed += self.waiting.values()
        self.waiting.clear()

    def _release(self) -> None:
        """Say when each is due again, and end the leases, but for one that somebody else has."""
        now = timezone.now()
        for state, look in _LOOKS.items():
            looks = {each.pk: look(each, now) for each in self.answered if each.state == state}
            for keys in _batches(list(looks)):
                at = Case(
                    *(When(pk=key, then=Value(looks[key])) for key in keys),
                    default=F("next_attempt_at"),
                )
                # One that has been moved on meanwhile says itself when it is due.
                rows = self._leased(keys).filter(state=state)
                update(rows, next_attempt_at=at, leased_until=None, attempts=0)
        for keys in _batches([session.pk for session in self.failed]):
            update(self._leased(keys), next_attempt_at=now + FIRST_LOOK, leased_until=None)
        for keys in _batches([session.pk for session in self.passed_by]):
            update(self._leased(keys), attempts=F("attempts") + 1, leased_until=None)
        for keys in _batches([session.pk for session in self._sessions]):
            update(self._leased(keys), leased_until=None)

    def _leased(self, keys: Sequence[int]) -> QuerySet[PaymentSession]:
        return PaymentSession.objects.filter(pk__in=keys, leased_until=self._mark)


def _batches(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))
