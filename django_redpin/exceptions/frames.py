"""Errors that take no frames along in which a payee's bank details are."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


def frameless(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function: what it raises has no frames of what it calls.

    `sensitive_variables` hides a frame that has it among its callers. Before Python 3.12 a
    generator that has ended has no callers, and psycopg sends each query by one, with all values.
    """

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        _, outer, _ = sys.exc_info()  # What the caller handles meanwhile is the caller's.
        try:
            return function(*args, **kwargs)
        except Exception as error:
            link: BaseException | None = error
            while link not in (None, outer) and link.__traceback__ is not None:
                link.__traceback__ = None
                link = link.__cause__ or link.__context__
            # Named, for Python 3.10 would raise it with the frames that it had.
            raise error  # noqa: TRY201

    return call
