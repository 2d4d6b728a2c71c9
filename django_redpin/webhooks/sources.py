"""Where a post comes from: the address that the last proxy of our own saw.

What stands further left in `X-Forwarded-For` was written by strangers, and is not believed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..rules.networks import Address, network_of, parsed_address, parsed_networks
from ..rules.signatures import HEADER_MAX_BYTES


def source_of(meta: Mapping[str, Any], trusted_proxies: Sequence[str]) -> Address | None:
    """Return the address from which a request reached the outermost proxy that is trusted.

    That is the peer's own, whatever the headers say, unless the peer is such a proxy. None where it
    can't be told: nothing may be concluded from it then.
    """
    trusted = parsed_networks(trusted_proxies) if trusted_proxies else ()
    source = parsed_address(str(meta.get("REMOTE_ADDR") or ""))
    forwarded = str(meta.get("HTTP_X_FORWARDED_FOR") or "")
    # Each hop was written by the one to its right, and counts only as far as that one is trusted.
    for hop in reversed(forwarded.split(",")) if forwarded else ():
        if source is None or network_of(source, trusted) is None:
            break
        is_bounded = len(forwarded) <= HEADER_MAX_BYTES
        source = parsed_address(hop.strip()) if is_bounded else None
    return source
