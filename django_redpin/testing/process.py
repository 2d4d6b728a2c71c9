"""The client as in a process that has just begun, for as long as a fake runs.

What it remembers (tokens, circuits, budgets) is put aside and comes back afterwards, so that no
test depends on another, no token of a fake's gets into the project's cache, and no real one out of
it. The random part of pauses is nothing, so that a test waits for nobody; and what is enqueued is
done in this process, after the commit or the response, as by `WEBHOOK_PROCESSING = "inline"`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from unittest.mock import patch

from django.apps import apps

from ..client import api, breaker, retries, token_cache
from ..webhooks import failures


class _Least:
    """Draws the least that may be drawn."""

    def uniform(self, least: float, most: float) -> float:
        return least


def _no_cache(shared: object, verb: str, *args: object, **kwargs: object) -> object:
    return token_cache._AWAY


def _no_queue() -> AbstractContextManager[object]:
    from ..services import inline, queue  # Which have models, and so need the apps.

    return patch.dict(queue._WAYS, dict.fromkeys(queue._WAYS, inline.do_later))


@contextmanager
def fresh_process() -> Iterator[None]:
    """Remember nothing on entering, and again what was remembered before on leaving."""
    with ExitStack() as stack:
        for module, name, value in (
            (api, "_providers", OrderedDict()),
            (breaker, "_breakers", {}),
            (retries, "_budgets", {}),
            (retries, "_random", _Least()),
            (token_cache.SharedTokens, "_do", _no_cache),
        ):
            stack.enter_context(patch.object(module, name, value))
        if apps.ready:
            stack.enter_context(_no_queue())
        failures.reset()
        stack.callback(failures.reset)
        yield
