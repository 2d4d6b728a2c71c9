"""The courier: makes due facts true and posts the callbacks about them, again and again if need be.

``deliver_due`` does what is due in the calling thread; ``Courier`` does it in the background.
No callback URL is ever logged or stored with an outcome: it may hold the receiver's secret.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import requests
from django.db import connection
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from .addresses import at_site, is_loopback
from .callback_faults import release_held
from .calls import LoggedSession
from .conf import options
from .flows import advance
from .ledger import Delivery
from .messages import event_of_delivery, message_of
from .models import Session

TIMEOUT_SECONDS: Final = 5
MOST_ATTEMPTS: Final = 8
HANDS: Final = 8
POLL_SECONDS: Final = 0.1

logger: logging.Logger = logging.getLogger(__name__)


def deliver_due(now: datetime | None = None) -> int:
    """Make due facts true, then post every callback due at ``now`` once; return how many.

    ``now`` is an aware datetime, the present by default. A callback that fails is due again
    1, 2, 4, ... seconds after ``now``, eight tries in all.
    """
    moment = now or timezone.now()
    advance(moment)
    posted = 0
    while (delivery := _claim(moment)) is not None:
        _post(delivery, now)
        posted += 1
    return posted


class Courier:
    """Does ``deliver_due`` in the background, several receivers at a time.

    A receiver that is slow holds up the later callbacks of its own payment, nobody else's.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._hands = threading.Semaphore(HANDS)
        self._pool = ThreadPoolExecutor(HANDS, thread_name_prefix="redpin-sandbox-post")
        self._thread = threading.Thread(
            target=self._run, name="redpin-sandbox-courier", daemon=True
        )

    def start(self) -> None:
        """Begin. What a former courier had in hand when it was stopped is taken up again."""
        Delivery.objects.filter(claimed_at__isnull=False).update(claimed_at=None)
        self._thread.start()

    def stop(self, seconds: float = 2.0) -> None:
        """Stop claiming, and wait for the courier's thread ``seconds`` at most."""
        self._stop.set()
        self._thread.join(seconds)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stop.wait(POLL_SECONDS):
            try:
                self._round()
            except Exception:
                # A courier that dies quietly would leave every later payment standing still.
                logger.exception("The courier stumbled; it tries again.")
                connection.close()
        connection.close()

    def _round(self) -> None:
        now = timezone.now()
        advance(now)
        while not self._stop.is_set() and self._hands.acquire(blocking=False):
            delivery = _claim(now)
            if delivery is None:
                self._hands.release()
                return
            self._pool.submit(self._carry, delivery)

    def _carry(self, delivery: Delivery) -> None:
        try:
            _post(delivery, None)
        except Exception:
            logger.exception("The outcome of a callback could not be stored.")
        finally:
            connection.close()
            self._hands.release()


def deliver_before_answer(session: Session) -> None:
    """Post what is due of this session in the calling thread, and wait till each was tried once.

    It waits for what another courier has in hand, for ten seconds at most.
    """
    started = timezone.now()
    untried = Delivery.objects.filter(
        session=session, attempts=0, finished_at=None, on_hold=False, next_at__lte=started
    )
    give_up = time.monotonic() + 2 * TIMEOUT_SECONDS
    while time.monotonic() < give_up and untried.exists():
        delivery = _claim(started, session)
        if delivery is None:
            time.sleep(POLL_SECONDS / 5)
        else:
            _post(delivery, None)


def _claim(now: datetime, session: Session | None = None) -> Delivery | None:
    """Take the delivery that has been due the longest, so that nobody else posts it."""
    lane = Delivery.objects.filter(
        session=OuterRef("session"), url=OuterRef("url"), in_turn=True, finished_at__isnull=True
    )
    # First tries keep the order of the facts; a retry may come after later facts, as in life.
    before = lane.filter(Q(claimed_at__isnull=False) | Q(pk__lt=OuterRef("pk"), attempts=0))
    waiting = (
        Delivery.objects.filter(finished_at__isnull=True, claimed_at__isnull=True, next_at__lte=now)
        .filter(on_hold=False)
        .exclude(Q(in_turn=True) & Exists(before))
        .order_by("next_at", "pk")
    )
    if session is not None:
        waiting = waiting.filter(session=session)
    while (delivery := waiting.first()) is not None:
        mine = Delivery.objects.filter(pk=delivery.pk, claimed_at__isnull=True)
        if mine.filter(finished_at__isnull=True).update(claimed_at=now):
            return delivery
    return None


def _post(delivery: Delivery, now: datetime | None) -> None:
    """Post a claimed delivery, and store what came of it."""
    outcome = "the courier was stopped"
    delivered = False
    try:
        delivered, outcome = _send(delivery)
    finally:
        _settle(delivery, delivered, outcome, now or timezone.now())
    release_held(delivery)


def _send(delivery: Delivery) -> tuple[bool, str]:
    url, message = at_site(delivery.url, options().site), message_of(delivery)
    kinds = (kind for kind, _value in delivery.faults)
    with LoggedSession(event_of_delivery(delivery), kinds) as session:
        # A proxy of the environment is not for addresses of this machine.
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")
        try:
            with session.post(
                url,
                data=message.body,
                headers={
                    "Content-Type": message.content_type,
                    "User-Agent": "redpin-sandbox",
                    "Connection": "close",
                },
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                # The status is all that counts; a body without end is not waited for.
                stream=True,
            ) as response:
                # Redpin: 200 = received.
                return response.status_code == 200, f"HTTP {response.status_code}"
        except (requests.RequestException, ValueError, OSError) as problem:
            return False, type(problem).__name__


def _settle(delivery: Delivery, delivered: bool, outcome: str, now: datetime) -> None:
    attempts = delivery.attempts + 1
    given_up = not delivered and attempts >= MOST_ATTEMPTS
    Delivery.objects.filter(pk=delivery.pk).update(
        attempts=F("attempts") + 1,
        claimed_at=None,
        delivered=delivered,
        outcome=outcome,
        tried_at=now,
        next_at=now + timedelta(seconds=2 ** (attempts - 1)),
        finished_at=now if delivered or given_up else None,
    )
    if not delivered:
        logger.warning(
            "Callback %s of session %s was not received (%s), try %d of %d.",
            delivery.fact.status if delivery.fact else "(forged)",
            delivery.session.session_id,
            outcome,
            attempts,
            MOST_ATTEMPTS,
        )
