"""OAuth 2.0 client credentials: fetch a token, share it through Django's cache, forget it.

The token's session of requests-oauthlib only ever speaks to the token endpoint. Calls to the API
carry the token in a header of their own (`transport.py`), so none can leave without one.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.cache import cache
from django.views.decorators.debug import sensitive_variables
from oauthlib.oauth2 import BackendApplicationClient, OAuth2Error
from requests_oauthlib import OAuth2Session

from ..conf import Account
from ..exceptions import AuthenticationError, ConfigurationError, NoAnswer, NotSent
from ..rules.addresses import is_secure_url
from .adapter import BoundedAdapter, bind

# Redpin's example says 3600 seconds; where an answer leaves it out, this is what we trust.
_DEFAULT_LIFE: Final = 300.0
_MIN_MARGIN: Final = 60.0

logger = logging.getLogger("django_redpin")

# requests-oauthlib logs the token request, secret and all, at DEBUG.
logging.getLogger("requests_oauthlib.oauth2_session").addFilter(lambda record: False)


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    good_until: float  # Seconds since the epoch.

    def __repr__(self) -> str:
        return "<_Token>"


class TokenProvider:
    """Gives the access token of one account, from memory, the cache, or Redpin."""

    def __init__(self, account: Account) -> None:
        self._account = account
        identity = "\n".join((account.alias, account.token_url, account.client_id))
        self._key = "redpin:token:" + hashlib.sha256(identity.encode()).hexdigest()
        self._lock = threading.Lock()
        self._token: _Token | None = None

    @sensitive_variables()
    def get(self) -> str:
        """Return a token that is good for a while yet.

        Raises `AuthenticationError` where the token endpoint refuses the credentials, `NotSent`
        where it can't be reached or talks nonsense: the call that wants the token was not sent.
        """
        token = self._token
        if token and token.good_until > time.time():
            return token.value
        with self._lock:  # One thread asks; the others find its answer.
            token = self._token = self._cached() or self._fetch()
        return token.value

    @sensitive_variables()
    def forget(self, value: str) -> None:
        """Drop the token that Redpin refused, and only that one: a newer one stays."""
        with self._lock:
            if self._token and self._token.value == value:
                self._token = None
            cached = self._cached()
            if cached and cached.value == value:
                cache.delete(self._key)

    def _cached(self) -> _Token | None:
        try:
            found = cache.get(self._key)
        except Exception as error:  # noqa: BLE001  A cache that is away is a cache miss.
            logger.warning("The cache is out of reach (%s).", type(error).__name__)
            return None
        if isinstance(found, (list, tuple)) and len(found) == 2:
            token = _Token(str(found[0]), float(found[1]))
            return token if token.good_until > time.time() else None
        return None

    @sensitive_variables()
    def _fetch(self) -> _Token:
        asked = time.time()
        answer = self._ask()
        value = answer.get("access_token")
        if not isinstance(value, str) or not value or not value.isprintable():
            raise NotSent("Redpin's token endpoint answered without an access token.")
        life = _seconds(answer.get("expires_in"))
        # Renewed early, so that no token dies on its way.
        good_for = life - min(max(_MIN_MARGIN, life * 0.1), life / 2)
        token = _Token(value, asked + good_for)
        try:
            cache.set(self._key, (token.value, token.good_until), timeout=good_for)
        except Exception as error:  # noqa: BLE001  This process still has it in memory.
            logger.warning("The cache took no token (%s).", type(error).__name__)
        return token

    @sensitive_variables()
    def _ask(self) -> dict[str, Any]:
        account = self._account
        url = _https(account.token_url)
        client_id = account.required("client_id")
        client_secret = account.required("client_secret")
        client = BackendApplicationClient(client_id=client_id)
        with bind(OAuth2Session(client=client)) as session:
            if url != account.token_url:
                session.mount(url, _PlainLoopback())
            try:
                # Redpin takes the credentials in the form's body, not in a Basic header.
                return dict(
                    session.fetch_token(
                        url,
                        client_secret=client_secret,
                        include_client_id=True,
                        timeout=(
                            account.connect_timeout,
                            account.read_timeout,
                            account.total_timeout,
                        ),
                        proxies=dict(account.proxies),
                        verify=account.ca_bundle or True,  # type: ignore[arg-type]  # A path, too.
                    )
                )
            except OAuth2Error as error:
                if error.error == "missing_token":
                    raise NotSent("Redpin's token endpoint gave no token.") from None
                raise AuthenticationError(
                    int(error.status_code or 400),
                    code=str(error.error)[:100],
                    description="The token endpoint refuses REDPIN's CLIENT_ID and CLIENT_SECRET.",
                ) from None
            except NoAnswer as error:
                raise NotSent(f"Redpin's token endpoint gave no token: {error}") from None
            except Exception:  # noqa: BLE001  oauthlib raises whatever an odd answer trips over.
                raise NotSent("Redpin's token endpoint gave an unreadable answer.") from None


def _seconds(value: object) -> float:
    try:
        life = float(value)  # type: ignore[arg-type]  # What isn't a number raises.
    except (TypeError, ValueError):
        return _DEFAULT_LIFE
    return life if 0 < life < 10**9 else _DEFAULT_LIFE


class _PlainLoopback(BoundedAdapter):
    """Speaks HTTP to this machine where oauthlib, which insists on it, was given HTTPS."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        request.url = "http" + str(request.url).removeprefix("https")
        return super().send(request, *args, **kwargs)


def _https(url: str) -> str:
    """Return the token URL as HTTPS; HTTP is for this machine alone, with DEBUG."""
    if not is_secure_url(url, allow_loopback=bool(settings.DEBUG)):
        raise ConfigurationError(
            "REDPIN['TOKEN_URL'] has to be an absolute https:// URL (http:// only to this machine,"
            " with DEBUG)."
        )
    return urlsplit(url)._replace(scheme="https").geturl()
