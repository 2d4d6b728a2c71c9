"""What a request tells of the merchant's page around the hosted one."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from ..rules.addresses import origin_of


def has_origin(request: HttpRequest | None, origin: str) -> bool:
    """Tell whether the page that is asked for has this origin; False where there is no request.

    The scheme is taken to be the same: behind a proxy, Django may not know the browser's.
    """
    if request is None:
        return False
    scheme = origin.partition("://")[0]
    return origin_of(f"{scheme}://{request.get_host()}") == origin


def is_own_address(url: str, request: HttpRequest | None) -> bool:
    """Tell whether `url` leads to this site, so that a form may post its CSRF token there."""
    return url_has_allowed_host_and_scheme(
        url,
        allowed_hosts={request.get_host()} if request else None,
        require_https=request is not None and request.is_secure(),
    )


def nonce_of(request: HttpRequest | None) -> str:
    """Return the nonce of the page's content security policy, or an empty text.

    django-csp keeps it in `request.csp_nonce`, Django 6 in `request._csp_nonce`; both make it when
    it is first read.
    """
    for name in ("csp_nonce", "_csp_nonce"):
        nonce = getattr(request, name, None)
        if nonce is not None:
            return str(nonce)
    return ""
