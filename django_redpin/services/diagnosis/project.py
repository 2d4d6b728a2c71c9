"""What a diagnosis finds in the project itself: its settings, its cache, its Celery."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator
from typing import Final

from celery import current_app
from django.conf import settings
from django.core import checks
from django.core.cache import caches

from ...conf import Account, project_settings
from ...exceptions import ConfigurationError
from .findings import ERROR, OK, WARNING, Finding, TooLate, within

_PATIENCE: Final = 5.0  # Seconds, for a cache or a broker.
_PING: Final = 1.5  # Seconds, for the workers' answers.


def settings_findings() -> Iterator[Finding]:
    """Yield what our system checks say, with those of a deployment.

    With DEBUG these are warnings: what they find is right on a laptop.
    """
    everywhere = _messages(deploy=False)
    found = _messages(deploy=True)
    for message in sorted(found, key=lambda each: (-each.level, str(each.id), each.msg)):
        is_error = message.level >= checks.ERROR
        text = f"{message.msg} ({message.id})"
        if is_error and settings.DEBUG and message not in everywhere:
            is_error, text = False, f"{text[:-1]}, an error once DEBUG is off)"
        yield Finding("settings", ERROR if is_error else WARNING, text, str(message.hint or ""))
    if not found:
        yield Finding("settings", OK, "All system checks of REDPIN pass, those of --deploy too.")


def _messages(*, deploy: bool) -> list[checks.CheckMessage]:
    found = checks.run_checks(tags=[checks.Tags.security], include_deployment_checks=deploy)
    return [each for each in found if str(each.id).startswith("redpin.") and not each.is_silenced()]


def cache_findings(aliases: Collection[str | None]) -> Iterator[Finding]:
    """Yield whether the caches that share access tokens keep what they are given."""
    for alias in sorted(alias or "" for alias in aliases):
        if not alias:
            yield Finding("cache", OK, "TOKEN_CACHE is None: each process keeps its own token.")
            continue
        try:
            keeps = within(_PATIENCE, lambda alias=alias: _keeps(alias))  # type: ignore[misc]
        except Exception as error:  # noqa: BLE001  Whatever a backend raises.
            text = f"The cache {alias!r} is out of reach ({type(error).__name__})."
            cure = "Tokens are then asked for by each process; start it, or mend CACHES."
            yield Finding("cache", ERROR, text, cure)
            continue
        if keeps:
            yield Finding("cache", OK, f"The cache {alias!r} keeps what it is given.")
        else:
            text = f"The cache {alias!r} keeps nothing."
            cure = "Name one that does, such as Redis, in TOKEN_CACHE; or set it to None."
            yield Finding("cache", ERROR, text, cure)


def _keeps(alias: str) -> bool:
    cache, key = caches[alias], f"redpin:check:{secrets.token_hex(8)}"
    cache.set(key, key, timeout=30)
    try:
        return bool(cache.get(key) == key)
    finally:
        cache.delete(key)


def page_findings(account: Account) -> Iterator[Finding]:
    """Yield whose hosted pages may be shown; that there are none, W001 tells."""
    if account.hosted_page_origins:
        text = f"Pages of {', '.join(account.hosted_page_origins)} may be shown."
        yield Finding(f"account {account.alias}", OK, text)


def celery_findings() -> Iterator[Finding]:
    """Yield whether the broker takes messages and a worker answers, where Celery does the work."""
    try:
        if project_settings().webhook_processing != "task":
            return
    except ConfigurationError:
        return  # The system checks tell.
    try:
        within(_PATIENCE, _connect)
    except Exception as error:  # noqa: BLE001  Whatever a transport raises.
        kind = "no answer" if isinstance(error, TooLate) else type(error).__name__
        text = f"Celery's broker can't be reached ({kind})."
        cure = "Start it, or mend CELERY_BROKER_URL. Until then the sweeps do the work, later."
        yield Finding("broker", ERROR, text, cure)
        return
    yield Finding("broker", OK, "Celery's broker can be reached.")
    try:
        answers = within(_PATIENCE, lambda: current_app.control.ping(timeout=_PING))
    except Exception:  # noqa: BLE001  Some transports have no way to ask.
        answers = []
    if answers:
        yield Finding("worker", OK, f"{len(answers)} of Celery's workers answered.")
    else:
        text = f"None of Celery's workers answered within {_PING} seconds."
        cure = (
            "Start one: celery -A yourproject worker. One that is busy, or has remote control off,"
            " answers nothing: the ages of what waits tell, too."
        )
        yield Finding("worker", WARNING, text, cure)


def _connect() -> bool:
    with current_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=int(_PATIENCE))
    return True
