"""A Redpin in the process of the test, on `responses`: it answers the client, and plays payments.

It stands in for the network right under the client, so that all of the client's own code runs, and
no other request of the project is touched.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ContextDecorator, ExitStack
from datetime import datetime, timedelta
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from django.utils import timezone

from .deliveries import Deliveries
from .faults import CALLS, CREATE, FAULTS, WEBHOOK, Options
from .network import Network, Planned
from .payloads import Envelope
from .payments import Payments
from .process import fresh_process
from .records import Call
from .redpin import Redpin
from .spoiling import BEFORE_ANSWER, WEBHOOK_FAULTS

if TYPE_CHECKING:
    from typing_extensions import Self

    from .posting import PostedWebhook, PostingClient

_LIFETIME: Final = timedelta(minutes=30)
_Function = TypeVar("_Function", bound=Callable[..., Any])

# Those that run, in the order in which they began: each has put aside what was there before it.
_all_running: Final[list[tuple[FakeRedpin, ExitStack]]] = []


class FakeRedpin(Payments, ContextDecorator):
    """Redpin, in memory. Use it as a context manager, as a decorator, or by `start` and `stop`.

    `now` returns Redpin's time (aware; by default `django.utils.timezone.now`, which libraries that
    stop the clock stop, too); `lifetime` is how long a session's page lasts. `purposes` are the
    allowed purposes of a transaction, any if empty. `client` posts the webhooks, by default a test
    `Client` of Django's, in this `envelope`.

    Any credentials are taken, and any customer. Each start begins anew: no session, no call.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] | None = None,
        lifetime: timedelta = _LIFETIME,
        purposes: tuple[str, ...] = (),
        client: PostingClient | None = None,
        envelope: Envelope = "nested",
    ) -> None:
        self._now = now
        self._lifetime = lifetime
        self._purposes = purposes
        self._client = client
        self._envelope: Envelope = envelope
        self._is_running = False
        self._begin()

    def __repr__(self) -> str:
        return f"<FakeRedpin: {len(self._redpin.sessions)} sessions, {len(self.calls)} calls>"

    def __call__(self, function: _Function) -> _Function:
        """Decorate a test, async or not: the fake runs as long as it does.

        Raises `TypeError` for a class, of which no test would be found any more, and for a
        generator, which runs only after the decorated function has returned.
        """
        if (
            isinstance(function, type)
            or isgeneratorfunction(function)
            or isasyncgenfunction(function)
        ):
            raise TypeError(
                f"FakeRedpin decorates functions that return; {function.__name__} is none. Use it"
                " there as a context manager, or by start() and addCleanup(stop) in setUp()."
            )
        if not iscoroutinefunction(function):
            return super().__call__(function)

        @wraps(function)
        async def run(*args: Any, **named: Any) -> Any:
            with self:
                return await function(*args, **named)

        return cast("_Function", run)

    def start(self) -> None:
        """Begin, with nothing known. Another that runs waits until this one stops.

        Raises `RuntimeError` where it runs already.
        """
        if self._is_running:
            raise RuntimeError("This FakeRedpin runs already; stop it first.")
        self._begin()
        with ExitStack() as starting:
            starting.enter_context(fresh_process())
            starting.enter_context(self._network)
            _all_running.append((self, starting.pop_all()))
        self._is_running = True

    def stop(self) -> None:
        """End; the client reaches the network again. What was noted stays to be looked at.

        Those that began later end first, so that none is left in the way of the next test.
        """
        while self._is_running:
            last, running = _all_running.pop()
            last._is_running = False
            running.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in their order."""
        return self._network.calls

    @property
    def creates(self) -> list[Call]:
        """The calls to create a session so far."""
        return self.calls_of(CREATE)

    @property
    def posted(self) -> list[PostedWebhook]:
        """What became of each webhook that was posted, in their order."""
        return self._deliveries.posted

    def calls_of(self, call: str) -> list[Call]:
        """Return the calls of one kind: "token", "create", "list" or "recipients"."""
        return [each for each in self.calls if each.call == call]

    def fail(
        self,
        call: str,
        fault: str,
        *,
        times: int | None = 1,
        status: int | None = None,
        retry_after: int | None = None,
        seconds: float | None = None,
        code: str = "",
        description: str = "",
        field: str = "",
        value: object = "",
    ) -> None:
        """Let the next calls of a kind, or the next webhooks, go wrong by a fault of this name.

        `call` is "token", "create", "list", "recipients" or "webhook"; `times` how many of them,
        None for all from now on. `status` and `retry_after` (seconds), with `code`, `description`
        and `field`, are those of an error that is answered; `seconds` is how long "slow" takes, by
        default longer than the client waits. `value` is that of a webhook's fault. Faults of one
        call are played in the order in which they were set. Raises `ValueError` for unknown names,
        and for fewer times than once.
        """
        if times is not None and times < 1:
            raise ValueError(f"A fault is played once at least, not {times} times.")
        if call == WEBHOOK:
            known = WEBHOOK_FAULTS.get(fault)
            if known is None:
                raise ValueError(f"Unknown fault {fault!r}. Use {', '.join(WEBHOOK_FAULTS)}.")
            checked = known.check(str(value))
            plans = self._network.planned if fault == BEFORE_ANSWER else self._deliveries.planned
            plans.append(Planned(WEBHOOK, fault, times, value=checked))
            return
        if call not in CALLS:
            raise ValueError(f"Unknown call {call!r}. Use {', '.join((*CALLS, WEBHOOK))}.")
        suited = [name for name, each in FAULTS.items() if call in each.calls]
        if fault not in suited:
            raise ValueError(f"Unknown fault {fault!r} of {call!r}. Use {', '.join(suited)}.")
        options = Options(call, status, retry_after, seconds, code, description, field)
        self._network.planned.append(Planned(call, fault, times, options))

    def forgive(self) -> None:
        """Let nothing go wrong any more."""
        self._network.planned.clear()
        self._deliveries.planned.clear()

    def expire_tokens(self) -> None:
        """Let every access token that was given have expired."""
        self._redpin.expire_tokens()

    def deliver(self) -> None:
        """Post the webhooks that are still held ("delay", "reorder"), in the order of events."""
        self._deliveries.deliver_held()

    def _begin(self) -> None:
        self._redpin = Redpin(self._now or timezone.now, self._lifetime)
        self._network = Network(self._redpin, self._purposes, self._pay_before_answer)
        self._deliveries = Deliveries(self._client, self._envelope)

    def _pay_before_answer(self, client_id: str, reference: str) -> None:
        from ..models import PaymentSession

        # Another account may have a session of the same reference.
        for session in PaymentSession.objects.filter(client_reference_id=reference):
            if self._key(session) == (client_id, reference):
                self.pay(session, post=True)
