"""What is right with this project's Redpin, and what is not: `manage.py redpin_check`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from ...accounts import ACCOUNT_RESOLVER, DEFAULT_ACCOUNT, account_aliases, redpin_settings
from ...conf import get_account
from ...exceptions import ConfigurationError
from .database import database_findings
from .findings import ERROR as ERROR
from .findings import LEVELS as LEVELS
from .findings import OK as OK
from .findings import SKIPPED as SKIPPED
from .findings import WARNING as WARNING
from .findings import Finding as Finding
from .project import cache_findings, celery_findings, page_findings, settings_findings
from .redpin import redpin_findings
from .webhook import webhook_findings

SECONDS: Final = 90.0


def diagnose(
    account: str | None = None, *, offline: bool = False, seconds: float = SECONDS
) -> Iterator[Finding]:
    """Look at everything, and yield what is found, one by one.

    `account` is an alias; without it, all accounts of the settings are looked at. With `offline`,
    nothing is asked over the network but the database and the cache. After so many `seconds` no
    further look is begun; each takes some 20 at most.
    """
    deadline = time.monotonic() + seconds
    yield from settings_findings()
    yield from database_findings(account)
    try:
        aliases = [account] if account is not None else _used_aliases()
        accounts = [get_account(alias) for alias in aliases]
    except ConfigurationError as error:
        yield Finding("accounts", ERROR, str(error), error.next_step)
        return
    yield from cache_findings({each.token_cache for each in accounts})
    for each in accounts:
        yield from page_findings(each)
    if offline:
        yield Finding(
            "network", SKIPPED, "Not asked, because of --offline: Redpin, webhook, broker."
        )
        return
    yield from celery_findings()
    for each in accounts:
        for look in (redpin_findings, webhook_findings):
            if time.monotonic() >= deadline:
                text = f"Not looked at: {seconds:.0f} seconds are over."
                yield Finding(f"account {each.alias}", WARNING, text, "Give it more --seconds.")
                return
            yield from look(each)


def _used_aliases() -> list[str]:
    """Return the aliases of the accounts, without a default one that is there for its values."""
    aliases = account_aliases()
    has_others = len(aliases) > 1 or redpin_settings().get(ACCOUNT_RESOLVER) is not None
    if has_others and not get_account(DEFAULT_ACCOUNT).client_id:
        aliases.remove(DEFAULT_ACCOUNT)
    return aliases
