"""What can be followed in a trace, where opentelemetry-api is installed; else nothing is done.

An error is told by its class alone: a message may hold what Redpin said of a payee, and a stack
trace what a line of a project's code looks like.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from ..exceptions.interrupts import is_interrupt
from .fields import Scalar, safe
from .metrics import Metric, measure

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .fields import Fields

try:
    from opentelemetry import trace
except ImportError:
    _trace: Any = None
    _tracer: Any = None
else:
    _trace = trace
    # A proxy, until the project sets its provider.
    _tracer = trace.get_tracer("django_redpin")

PREFIX: Final = "redpin."

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Kind:
    """The span `redpin.<operation>`, the facts that it may have, what it covers."""

    operation: str
    facts: str
    meaning: str


class Spans(Enum):
    """The table."""

    CREATE = Kind(
        "session.create",
        "account session reference state",
        "`create_payment_session`, calls included",
    )
    COMPLETE = Kind("session.complete", "account session reference", "`complete_payment_session`")
    REFRESH = Kind("session.refresh", "account session reference", "`refresh_payment_session`")
    RENEW = Kind("session.renew", "account session reference", "`renew_payment_session`")
    REGISTER = Kind("recipient.register", "account recipient", "`register_recipient`")
    TOKEN = Kind("token.fetch", "account", "a new access token is asked for")
    WEBHOOK = Kind("webhook", "outcome", "a post to the webhook, until it is answered")
    PROCESS = Kind(
        "event.process", "account webhook_event outcome attempt", "an attempt at an event"
    )
    DISPATCH = Kind(
        "transition.dispatch",
        "account transition session outcome attempt",
        "an attempt to tell receivers of a transition; theirs are inside",
    )
    SWEEP = Kind("sweep", "table count", "the rows of a table that are due")
    RECONCILE = Kind("reconcile", "count", "a run of the reconciliation")
    ROUND = Kind("reconcile.round", "account count", "one account's part of it")


def _is_followed() -> bool:
    """Tell whether anybody may see a span: nobody does before a project sets its provider."""
    if _tracer is None:
        return False
    is_set = not isinstance(_trace.get_tracer_provider(), _trace.ProxyTracerProvider)
    return is_set or not isinstance(_tracer, _trace.ProxyTracer)


def traced(what: Spans) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """Return a decorator: each call is a span, and is timed."""

    def decorate(function: Callable[_P, _R]) -> Callable[_P, _R]:
        if _tracer is None:
            return function

        @wraps(function)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            if _is_followed():
                with operation(what):
                    return function(*args, **kwargs)
            # The same without a span, of which the half would be two context managers.
            began, failure = time.monotonic(), ""
            try:
                return function(*args, **kwargs)
            except BaseException as error:
                failure = type(error).__name__
                raise
            finally:
                _time(what, began, failure)

        return run

    return decorate


@contextmanager
def operation(what: Spans) -> Iterator[None]:
    """Make what is done inside a span, and time it."""
    if _tracer is None:
        yield
        return
    began, failure = time.monotonic(), ""
    try:
        with open_span(PREFIX + what.value.operation):
            yield
    except BaseException as error:
        failure = type(error).__name__
        raise
    finally:
        _time(what, began, failure)


def _time(what: Spans, began: float, failure: str) -> None:
    labels = {"redpin.operation": what.value.operation, "error.type": failure}
    measure(Metric.OPERATIONS, time.monotonic() - began, labels)


@contextmanager
def open_span(
    name: str, attributes: dict[str, Any] | None = None, *, is_client: bool = False
) -> Iterator[None]:
    """Make what is done inside a span of this name. What is raised is told by its class alone.

    Where a project's sampler or processor fails, there is no span, and all else goes on.
    """
    if not _is_followed():
        yield
        return
    kind = _trace.SpanKind.CLIENT if is_client else _trace.SpanKind.INTERNAL
    span = _tracer.start_as_current_span(
        name,
        kind=kind,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    )
    is_open = _goes_well(span.__enter__)
    try:
        yield
    except BaseException as error:
        if is_open:
            fail(type(error).__name__)
        raise
    finally:
        if is_open:
            _goes_well(partial(span.__exit__, None, None, None))


def _goes_well(step: Callable[[], object]) -> bool:
    """Take a step and tell whether it went well. Raises nothing but a task's time limit."""
    try:
        step()
    except Exception as error:
        if is_interrupt(error):
            raise
        return False
    return True


def note(what: Spans, **fields: Unpack[Fields]) -> None:
    """Give the span that is open, which is one of these, facts of its own."""
    if _is_followed():
        facts = safe(fields, what.value.facts.split())
        annotate({PREFIX + name: value for name, value in facts.items()})


def annotate(attributes: Mapping[str, Scalar]) -> None:
    """Give the span that is open these attributes, which have to be fit to be told."""
    if _is_followed():
        _trace.get_current_span().set_attributes(attributes)


def fail(kind: str) -> None:
    """Mark the span that is open as failed, by the name of an exception's class."""
    if _is_followed():
        annotate({"error.type": kind})
        _trace.get_current_span().set_status(_trace.StatusCode.ERROR)
