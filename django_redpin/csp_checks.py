"""What the system checks find in a content security policy: that it blocks what the tag shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.core.checks import Warning as WarningMessage
from django.utils.module_loading import import_string

from .accounts import redpin_settings
from .csp import redpin_csp
from .rules.addresses import origin_of
from .rules.content_security import (
    NONE,
    SELF,
    STRICT_DYNAMIC,
    allows_origin,
    directive_for,
    parsed,
)

# Any will do: what the policy makes of it is looked for.
_NONCE: Final = "redpin"


def _django_policy() -> str:
    build = import_string("django.utils.csp.build_policy")
    return str(build(settings.SECURE_CSP or {}, _NONCE))


def _django_csp_policy() -> str:
    return str(import_string("csp.utils.build_policy")(nonce=_NONCE))


# By each middleware that sends a policy: the setting that it reads, and what it makes of it. So
# each quirk of theirs, of defaults, constants and empty values, counts as in the header itself.
_POLICIES: Final[dict[str, tuple[str, Callable[[], str]]]] = {
    "django.middleware.csp.ContentSecurityPolicyMiddleware": ("SECURE_CSP", _django_policy),
    "csp.middleware.CSPMiddleware": ("CONTENT_SECURITY_POLICY", _django_csp_policy),
}

# What of the tag's does not work without the sources of a directive.
_BLOCKED: Final = {
    "frame-src": "the hosted page",
    "script-src": "redpin/session.js",
    "style-src": "redpin/session.css",
    "connect-src": "the look at a payment's status",
    "form-action": "the form to start a payment again",
}


def policy_messages() -> Iterator[CheckMessage]:
    """Yield what the policies that are enforced would block of a page with a payment."""
    bases = _bases_of_middleware()
    for middleware, (setting, build) in _POLICIES.items():
        if middleware not in bases:
            continue
        try:
            policy = parsed(build())
        except (AttributeError, ImportError, TypeError, ValueError):
            continue  # What can't be built, its own middleware tells of.
        yield from _blocked(setting, policy)


def _bases_of_middleware() -> set[str]:
    """Return the paths of all classes that the project's middleware is made of."""
    found: set[str] = set()
    for path in settings.MIDDLEWARE:
        with suppress(Exception):  # Without it nothing works, as Django says.
            kinds = getattr(import_string(path), "__mro__", ())
            found |= {f"{kind.__module__}.{kind.__qualname__}" for kind in kinds}
    return found


def _blocked(setting: str, policy: dict[str, list[str]]) -> Iterator[CheckMessage]:
    for name, needed in _needed().items():
        decides = directive_for(policy, name)
        if decides is None:
            continue
        sources = policy[decides]
        missing = [each for each in needed if not _lets_in(each, sources, name)]
        if missing:
            listed = " ".join(missing)
            yield WarningMessage(
                f"{setting} would block {_BLOCKED[name]}: its {decides!r} does not allow {listed}.",
                hint=f"Add {listed} to its {name!r}, or let django_redpin.csp.add_redpin_csp() do"
                " it, as docs/csp.md shows. Where the view of the payment has a policy of its own,"
                " silence this.",
                id="redpin.W006",
            )


def _needed() -> dict[str, list[str]]:
    """Return the sources without which something of the tag's does not work, by directive."""
    needed = redpin_csp()
    return {
        "frame-src": [page for page in needed["frame-src"] if page != NONE],
        # Its own files, from wherever they come.
        "script-src": needed["script-src"][-1:],
        "style-src": needed["style-src"][-1:],
        "connect-src": [SELF],
        "form-action": [SELF],
    }


def _lets_in(source: str, sources: list[str], name: str) -> bool:
    if name in ("script-src", "style-src") and any(
        each.startswith("'nonce-") for each in sources
    ):  # Both elements bear the page's.
        return True
    if name == "script-src" and STRICT_DYNAMIC in sources:  # It leaves nonces and hashes alone.
        return False
    if source == SELF:
        return SELF in sources or any(allows_origin(sources, each) for each in _site_origins())
    return allows_origin(sources, source)


def _site_origins() -> list[str]:
    """Return the origin of this site, as far as the settings tell it."""
    url: Any = redpin_settings().get("WEBHOOK_BASE_URL")
    origin = origin_of(url) if isinstance(url, str) else None
    return [origin] if origin else []
