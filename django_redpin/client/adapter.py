"""A session of requests with hard bounds, for calls to Redpin and to nobody else.

Whether anything was sent before a call failed is known for sure, and its answer is read to its end
here, unpacked within a cap, and has nothing in it that requests would act on.
"""

from __future__ import annotations

import io
import zlib
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from ..exceptions import NoAnswer
from ..rules.addresses import is_loopback
from .connections import POOLS, current_call

_Session = TypeVar("_Session", bound=requests.Session)

MAX_ANSWER_BYTES: Final = 1024 * 1024  # As it comes in, headers and all, and once more unpacked.
_CHUNK: Final = 64 * 1024
_GZIP: Final = 16 + zlib.MAX_WBITS
# requests' own errors are OSErrors, and those of what can't be encoded or read are ValueErrors.
_TROUBLE: Final = (OSError, ValueError, urllib3.exceptions.HTTPError)


class BoundedAdapter(HTTPAdapter):
    """Sends one request within `timeout=(connect, read, total)`, all in seconds.

    Raises `NotSent` where the request surely never left, `NoAnswer` for every other failure.
    """

    # The way of the latest request, and the pool of connections that go it.
    _latest: tuple[tuple[Any, ...], Any] | None = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        connect, read, total = timeout
        current_call.begin(total, MAX_ANSWER_BYTES)
        try:
            response = self.carry(
                request,
                stream=True,
                timeout=(connect, read),
                verify=verify,
                cert=cert,
                proxies=proxies,
            )
            response._content = _body(response)
        except BaseException as error:
            self.close()  # What is still to come must not be taken for the next call's answer.
            if isinstance(error, _TROUBLE):
                # The library's own text may hold the URL with its query; its kind is enough.
                text = f"Redpin could not be reached ({type(error).__name__})."
                if not current_call.has_sent:
                    text += _cure(request.url)
                raise current_call.failure(text) from None
            raise
        _disarm(response)
        return response

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        """Return the pool for the request: that of the one before where it goes the same way."""
        way = (str(request.url).split("/", 3)[:3], verify, proxies, cert)
        if self._latest is None or self._latest[0] != way:
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._latest = (way, pool)
        return self._latest[1]

    def close(self) -> None:
        self._latest = None  # Else its connections would stay.
        super().close()

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        return super().request_url(request, proxies) if proxies else request.path_url

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        """Return the answer without what nobody here looks at, cookies above all."""
        response = requests.Response()
        response.status_code, response.reason = resp.status, resp.reason
        response.headers = CaseInsensitiveDict(resp.headers)
        response.request, response.url = req, str(req.url)
        response.raw = resp
        return response

    def carry(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """Send it over the network. This is where the testing kit's Redpin stands in for it."""
        return super().send(request, **how)


def open_session() -> requests.Session:
    """Return a session for calls to Redpin: bounded, and deaf to the environment.

    Proxies and certificates of the environment, and a ~/.netrc, would have a say in where our
    secrets go.
    """
    return bind(requests.Session())


def bind(session: _Session) -> _Session:
    """Make a session of requests one of ours, and return it."""
    session.trust_env = False
    # One coding, which we unpack ourselves, within the cap.
    session.headers["Accept-Encoding"] = "gzip"
    for scheme in ("https://", "http://"):
        session.mount(scheme, BoundedAdapter())
    return session


def _cure(url: str | None) -> str:
    """Say what to start where Redpin is to be on this machine, which only its sandbox can be."""
    parts = urlsplit(url or "")
    if not is_loopback(parts.hostname or ""):
        return ""
    return f" Is its sandbox running at {parts.netloc} (manage.py redpin_sandbox)?"


def _body(response: requests.Response) -> bytes:
    """Read the body, and unpack it within the cap."""
    content = bytearray()
    while chunk := response.raw.read(_CHUNK, decode_content=False):
        content += chunk
        if response.raw.length_remaining == 0:  # To find its end would be one more read.
            break
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding == "identity" or not content:
        return bytes(content)
    if coding not in ("gzip", "x-gzip"):
        raise NoAnswer("Redpin's answer is packed in a way that was not asked for.")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        unpacked = unpacker.decompress(content, MAX_ANSWER_BYTES + 1)
    except zlib.error:
        raise NoAnswer("Redpin's answer can't be unpacked.") from None
    if len(unpacked) > MAX_ANSWER_BYTES:
        raise current_call.too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise NoAnswer("Redpin's answer is cut off, or goes on after its end.")
    return unpacked


def _disarm(response: requests.Response) -> None:
    """Take out what requests would act on: where a redirect leads, and cookies.

    It works out a redirect's target though it was told to follow none, and so trips over an odd
    one; requests-oauthlib can't tell it to follow none. A cookie would carry something of one
    account into another's calls.
    """
    response.headers.pop("Location", None)
    response.raw = io.BytesIO()  # Cookies are read from here, after the adapter is done.
    response._content_consumed = True  # type: ignore[attr-defined]  # By us, to its end.
