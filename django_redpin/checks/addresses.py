"""What the system checks find in an account's addresses: Redpin's, this site's, the pages'."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error

from ..rules.addresses import is_secure_url, origin_faults, origin_of, own_callback_faults

# Redpin's addresses; this project's own is told by its own rule.
_URLS: Final = ("BASE_URL", "TOKEN_URL")


def address_messages(
    where: str, raw: Mapping[str, Any], wrong: Collection[str]
) -> Iterator[CheckMessage]:
    """Yield which addresses can't be used; `wrong` names the settings of no shape."""
    loopback = bool(settings.DEBUG)
    for name in _URLS:
        if name in wrong or not raw[name]:
            continue
        if not is_secure_url(raw[name], allow_loopback=loopback):
            hint = "Begin it with https:// (http:// only to this machine, with DEBUG)."
            yield Error(f"{where}[{name!r}] is no secure URL.", hint=hint, id="redpin.E005")
        elif set(raw[name]) & {"?", "#"}:
            hint = "Leave out what begins with '?' or '#': a path is added to it."
            yield Error(f"{where}[{name!r}] is no plain address.", hint=hint, id="redpin.E005")
    if "WEBHOOK_BASE_URL" not in wrong and raw["WEBHOOK_BASE_URL"]:
        url = raw["WEBHOOK_BASE_URL"]
        for fault in own_callback_faults(url, "WEBHOOK_BASE_URL", allow_loopback=loopback):
            text = f"{where}['WEBHOOK_BASE_URL'] is no address that Redpin can post to."
            yield Error(text, hint=fault.message, id="redpin.E005")
    yield from _certificates(where, raw, wrong)
    yield from _unusable_origins(where, raw, wrong)


def _unusable_origins(
    where: str, raw: Mapping[str, Any], wrong: Collection[str]
) -> Iterator[CheckMessage]:
    if "ALLOWED_ORIGINS" not in wrong:
        for origin in raw["ALLOWED_ORIGINS"]:
            for fault in origin_faults(origin, "ALLOWED_ORIGINS"):
                text = f"{where}['ALLOWED_ORIGINS']: {origin!r} can't be used."
                yield Error(text, hint=fault.message, id="redpin.E007")
    if "HOSTED_PAGE_ORIGINS" not in wrong:
        for origin in raw["HOSTED_PAGE_ORIGINS"]:
            if origin_of(origin) != origin or not is_secure_url(
                origin, allow_loopback=bool(settings.DEBUG)
            ):
                text = f"{where}['HOSTED_PAGE_ORIGINS']: {origin!r} is no HTTPS origin."
                hint = "Write it as browsers do: https://host, lower case, no path, no final slash."
                yield Error(text, hint=hint, id="redpin.E008")
            elif "WEBHOOK_BASE_URL" not in wrong and origin == origin_of(raw["WEBHOOK_BASE_URL"]):
                text = f"{where}['HOSTED_PAGE_ORIGINS']: {origin!r} is this site's own origin."
                hint = "Take it out: a page of it could take its frame's sandbox off."
                yield Error(text, hint=hint, id="redpin.E008")


def _certificates(
    where: str, raw: Mapping[str, Any], wrong: Collection[str]
) -> Iterator[CheckMessage]:
    # requests takes a folder of hashed names, too.
    if "CA_BUNDLE" in wrong or not raw["CA_BUNDLE"] or Path(raw["CA_BUNDLE"]).exists():
        return
    yield Error(
        f"{where}['CA_BUNDLE'] is the path of nothing, so that no call reaches Redpin.",
        hint="Give the path of a file of certificates (PEM), or leave it out for the usual ones.",
        id="redpin.E025",
    )
