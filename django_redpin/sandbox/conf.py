"""The sandbox's options: a frozen view of ``settings.REDPIN_SANDBOX``, read when asked for.

How a process gets those settings (command line, environment) is the business of ``__main__``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from .addresses import SITE_RULE, is_site
from .versions import VERSIONS, Version


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """What a sandbox does. ``settings.REDPIN_SANDBOX`` holds the same names in upper case.

    client_id, client_secret: the only credentials that the token endpoint accepts.
    customer_id: the only customer; any other id in a path is answered 404.
    step_seconds: time between two facts of a payment.
    session_minutes: how long a session can be paid.
    manual: start every payment paused, so that somebody decides what happens next.
    list_shows_url: put ``session_url`` among the listed fields, which Redpin does not document.
    purposes: allowed ``purpose_of_transaction`` values; empty allows any, as Redpin's list is
        not published.
    api: which of Redpin's API versions is spoken, ``seed`` or ``new``; see ``versions``.
    site: the origin under which the merchant's site runs here, such as ``http://127.0.0.1:8000``.
        Callbacks go there whatever their public origin is, and it may frame every hosted page.
    """

    client_id: str = "sandbox-client"
    client_secret: str = field(default="sandbox-secret", repr=False)
    customer_id: str = "0201001008132685"
    step_seconds: float = 1.5
    session_minutes: float = 30.0
    manual: bool = False
    list_shows_url: bool = False
    purposes: tuple[str, ...] = ()
    api: str = "seed"
    site: str = ""

    def __post_init__(self) -> None:
        for name in ("client_id", "client_secret", "customer_id"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise ImproperlyConfigured(
                    f"REDPIN_SANDBOX[{name.upper()!r}] must be a string that is not empty."
                )
        for name, least in (("step_seconds", 0), ("session_minutes", 0.01)):
            value = getattr(self, name)
            # The upper bound keeps every date that is reckoned from it inside the calendar.
            if (
                isinstance(value, bool)
                or not isinstance(value, int | float)
                or not least <= value <= 1_000_000
            ):
                raise ImproperlyConfigured(
                    f"REDPIN_SANDBOX[{name.upper()!r}] must be a number from {least} to 1000000."
                )
        for name in ("manual", "list_shows_url"):
            if not isinstance(getattr(self, name), bool):
                raise ImproperlyConfigured(
                    f"REDPIN_SANDBOX[{name.upper()!r}] must be True or False."
                )
        if not _are_strings(self.purposes):
            raise ImproperlyConfigured("REDPIN_SANDBOX['PURPOSES'] must be a list of strings.")
        object.__setattr__(self, "purposes", tuple(self.purposes))
        if self.api not in VERSIONS:
            raise ImproperlyConfigured(
                f"REDPIN_SANDBOX['API'] must be one of: {', '.join(VERSIONS)}."
            )
        if self.site and not is_site(self.site):
            raise ImproperlyConfigured(f"REDPIN_SANDBOX['SITE'] {SITE_RULE}")

    @property
    def version(self) -> Version:
        return VERSIONS[self.api]

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=self.step_seconds)

    @property
    def lifetime(self) -> timedelta:
        return timedelta(minutes=self.session_minutes)


def options() -> SandboxOptions:
    """Return the options as the settings stand now. Raises ImproperlyConfigured."""
    given = getattr(settings, "REDPIN_SANDBOX", {})
    if not isinstance(given, Mapping):
        raise ImproperlyConfigured("REDPIN_SANDBOX must be a dictionary.")
    known = {option.name.upper(): option.name for option in fields(SandboxOptions)}
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise ImproperlyConfigured(
            f"REDPIN_SANDBOX has unknown keys: {', '.join(unknown)}. "
            f"Known keys: {', '.join(sorted(known))}."
        )
    values = {known[key]: value for key, value in given.items()}
    return SandboxOptions(**values)


def _are_strings(value: object) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(entry, str) for entry in value)
