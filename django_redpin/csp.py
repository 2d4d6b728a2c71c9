"""What a page with a payment needs of its content security policy.

Both functions may be called in a settings module, before there are settings, with `REDPIN` and
`STATIC_URL` as they stand there. The page docs/csp.md shows it for Django 6 and for django-csp.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.conf import settings

from .accounts import ACCOUNTS, redpin_settings
from .rules.addresses import origin_of
from .rules.content_security import NONE, SELF, directive_for

# Whoever may frame a page may lay something over it: that is never loosened.
_FRAME_ANCESTORS: Final = "frame-ancestors"


def redpin_csp(
    redpin: Mapping[str, Any] | None = None, *, static_url: str | None = None
) -> dict[str, list[str]]:
    """Return the sources that a page with a payment needs, by directive.

    A form that starts a payment may be answered by a redirect to the hosted page, and browsers ask
    `form-action` for that, too.

    Args:
        redpin: The project's `REDPIN`, for a settings module; without it, both are read from the
            settings. Entries that are no origins are left out: the system checks tell of them.
            Accounts that an `ACCOUNT_RESOLVER` finds are not known here.
        static_url: The project's `STATIC_URL`.

    Returns:
        Lists of sources by directive.
    """
    if redpin is None:
        redpin = redpin_settings()
        static_url = settings.STATIC_URL if static_url is None else static_url
    pages = _hosted_page_origins(redpin)
    files = [SELF, *_origin_of_files(static_url)]
    return {
        "frame-src": pages or [NONE],
        "script-src": files,
        "style-src": [*files],
        "connect-src": [SELF],
        "form-action": [SELF, *pages],
        _FRAME_ANCESTORS: [SELF],
    }


def add_redpin_csp(
    policy: Mapping[str, Any],
    redpin: Mapping[str, Any] | None = None,
    *,
    static_url: str | None = None,
) -> dict[str, Any]:
    """Return a copy of `policy` that lets a page with a payment work, and hardly more.

    A directive that `default-src` or `child-src` spoke for gets its sources, and ours. One that
    nothing restricts stays so, but for `frame-ancestors`, which becomes `'self'` where the policy
    has none.

    Args:
        policy: Directives, as in Django's `SECURE_CSP` and django-csp's `DIRECTIVES`.
        redpin: As for `redpin_csp`.
        static_url: As for `redpin_csp`.

    Returns:
        The policy with what `redpin_csp` returns added.
    """
    merged = dict(policy)
    # What is None or False is left out of the header, and so decides nothing.
    told = {name: _listed(value) for name, value in policy.items() if value not in (None, False)}
    for name, needed in redpin_csp(redpin, static_url=static_url).items():
        decides = directive_for(told, name)
        if name == _FRAME_ANCESTORS:
            merged.setdefault(name, needed)
        elif decides is not None:
            # `script-src-elem` decides for itself alone; any other is a fallback, and stays.
            target = decides if decides.startswith(f"{name}-") else name
            merged[target] = _joined(told[decides], needed)
    return merged


def _hosted_page_origins(redpin: Mapping[str, Any]) -> list[str]:
    accounts = redpin.get(ACCOUNTS)
    others = accounts.values() if isinstance(accounts, Mapping) else ()
    found: dict[str, None] = {}
    for account in (redpin, *others):
        origins = account.get("HOSTED_PAGE_ORIGINS") if isinstance(account, Mapping) else None
        if isinstance(origins, (list, tuple)):
            found |= dict.fromkeys(filter(_is_source, origins))
    return list(found)


def _is_source(value: object) -> bool:
    """Tell whether it is an origin as browsers write it, which can be no second directive."""
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return False
    return origin_of(value) == value


def _origin_of_files(static_url: str | None) -> list[str]:
    """Return the origin of static files that another host serves."""
    url = f"https:{static_url}" if (static_url or "").startswith("//") else static_url
    origin = origin_of(url or "")
    return [origin] if origin else []


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return value.split()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    return list(value) if isinstance(value, Iterable) else []


def _joined(held: list[Any], needed: list[str]) -> list[Any]:
    """Return both, each source once, and `'none'` only where it stands alone."""
    both = dict.fromkeys([*held, *needed])
    return [source for source in both if source != NONE] or [NONE]
