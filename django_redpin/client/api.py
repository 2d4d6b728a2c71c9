"""The calls of Redpin's API that this package makes: to sessions, and to recipients."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from ..conf import Account
from ..exceptions import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    NoAnswer,
)
from ..rules.addresses import is_secure_url
from ..rules.recipients import RecipientCheck, RecipientRequest
from ..rules.requests import SessionRequest
from .breaker import breaker_for
from .messages import (
    PAGE_LIMIT,
    CreatedSession,
    SessionPage,
    SessionRecord,
    create_body,
    read_created,
    read_page,
    read_record,
    read_total_pages,
)
from .recipients import (
    RECIPIENTS_PAGE_LIMIT,
    is_last_page,
    mismatch_of,
    read_listed,
    read_recipient_id,
    recipient_body,
)
from .retries import OneRetry, budget_for
from .tokens import TokenProvider
from .transport import Answer, call, hanging_up_on_nonsense

# Redpin: the list call's filter by `client_reference_id` takes 36 characters at most.
_FILTER_MAX_LENGTH: Final = 36
_DEFAULT_LIMIT: Final = 20  # Of its pages.
_MAX_PAGES: Final = 5
_MAX_RECIPIENT_PAGES: Final = 40
# The last page is begun by then, so that a registration ends within its lease.
_RECIPIENT_PAGES_SECONDS: Final = 60.0

# With tenants in a database there may be thousands of accounts.
PROVIDERS_KEPT: Final = 256
_providers: OrderedDict[Account, TokenProvider] = OrderedDict()
_providers_lock = threading.Lock()


class RedpinClient:
    """Redpin's API for one account, and one customer: by default the account's own."""

    def __init__(self, account: Account, customer_id: str = "") -> None:
        self._account = account
        self._customer_id = customer_id or account.customer_id
        self._tokens = _provider(account)

    def __repr__(self) -> str:
        return f"<RedpinClient {self._account.alias}>"

    def require_token(self) -> None:
        """Have an access token, from memory if there is one. Raises as every call does for it."""
        self._tokens.get()

    @hanging_up_on_nonsense()
    @sensitive_variables()
    def create_session(self, request: SessionRequest) -> CreatedSession:
        """Create a payment session: `POST /v1/customers/{customer_id}/sessions`.

        The request has to be without faults. Raises `NoAnswer` where it can't be told whether the
        session was created, and a subclass of `APIError` where Redpin refuses.
        """
        answer = self._call("POST", self._account.sessions_path, json=create_body(request))
        return read_created(answer.body, request.client_reference_id)

    @hanging_up_on_nonsense()
    def find_session(
        self, client_reference_id: str, *, session_id: str = "", client_customer_ref: str = ""
    ) -> SessionRecord | None:
        """Look a session up by its reference: `GET /v1/customers/{customer_id}/sessions`.

        Redpin's filter takes references of at most 36 characters. Longer ones are found by the
        `session_id`, or among those of the `client_customer_ref`, as far as they are known.

        Returns None where Redpin knows no such session of this customer. Raises as
        `create_session` does, though a failure that may pass is met with one retry: the call
        changes nothing.
        """
        params, limit = {"client_reference_id": client_reference_id}, _DEFAULT_LIMIT
        if len(client_reference_id) > _FILTER_MAX_LENGTH:
            params, limit = {"client_customer_ref": client_customer_ref}, PAGE_LIMIT
            params["limit"] = str(limit)
            if session_id:
                params = {"session_id": session_id}
        found: list[SessionRecord] = []
        for page in range(1, _MAX_PAGES + 1):
            answer = self._call(
                "GET",
                self._account.sessions_path,
                params={**params, **({"page": str(page)} if page > 1 else {})},
            )
            entries = answer.body.get("sessions")
            if not isinstance(entries, list):
                raise NoAnswer("Redpin's list of sessions has no list in it.")
            # The filter is Redpin's; that it held is for us to see.
            found += [
                record
                for record in (read_record(entry, answer.at) for entry in entries)
                if record.client_reference_id == client_reference_id and self._is_ours(record)
            ]
            if found or page >= read_total_pages(answer.body, page, len(entries), limit):
                break
        else:
            raise NoAnswer("Redpin lists too many sessions of this payer to find one among them.")
        if len(found) > 1:
            raise NoAnswer("Redpin lists more than one session with this reference.")
        return found[0] if found else None

    @hanging_up_on_nonsense()
    def list_sessions(self, page: int, limit: int = PAGE_LIMIT) -> SessionPage:
        """Return one page of all sessions: `GET /v1/customers/{customer_id}/sessions`.

        `page` counts from 1, `limit` is at most 100 a page. Redpin documents no order, so pages may
        shift while they are read. Raises as `create_session` does.
        """
        answer = self._call(
            "GET", self._account.sessions_path, params={"page": str(page), "limit": str(limit)}
        )
        found = read_page(answer.body, page, limit, answer.at)
        return replace(found, records=tuple(filter(self._is_ours, found.records)))

    def _is_ours(self, record: SessionRecord) -> bool:
        return record.customer_id in ("", self._customer_id)

    @hanging_up_on_nonsense()
    @sensitive_variables()
    def add_recipient(
        self,
        request: RecipientRequest,
        *,
        confirmation: RecipientCheck | None = None,
        customer_action: str = "",
    ) -> str:
        """Add a recipient, and return its id: `POST /v2/customers/{customer_id}/recipients`.

        `confirmation` and `customer_action` tell what was decided about a mismatch. Raises
        `RecipientNotConfirmed` where the name doesn't match the account, and else as
        `create_session` does.
        """
        body = recipient_body(request, confirmation, customer_action)
        try:
            answer = self._call("POST", self._account.recipients_path, json=body)
        except InvalidRequestError as error:
            raise mismatch_of(error) or error from None
        return read_recipient_id(answer.body, request.client_reference_id)

    @hanging_up_on_nonsense()
    def find_recipient(self, client_reference_id: str) -> str | None:
        """Return the id of the recipient with this reference, or None where the list has none.

        Redpin documents no filter, so that its pages are read one by one, up to 2,000 recipients
        and for a minute; raises `NoAnswer` beyond that, and else as `create_session` does.
        """
        give_up_at = time.monotonic() + _RECIPIENT_PAGES_SECONDS
        for page in range(1, _MAX_RECIPIENT_PAGES + 1):
            if time.monotonic() > give_up_at:
                break
            answer = self._call(
                "GET",
                self._account.recipients_path,
                params={"page": str(page), "limit": str(RECIPIENTS_PAGE_LIMIT)},
            )
            listed = read_listed(answer.body)
            if client_reference_id in listed:
                if not listed[client_reference_id]:
                    raise NoAnswer("Redpin lists the recipient without its recipient_id.")
                return listed[client_reference_id]
            if is_last_page(answer.body, page):
                return None
        raise NoAnswer("Redpin lists too many recipients to find one among them.", is_lasting=True)

    @sensitive_variables()
    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Answer:
        """Send one request; on 401 drop the token that failed and send once more.

        A GET may have its one retry, too. A POST never has one here: it may have been carried out.
        """
        retry = OneRetry(budget_for(self._account.base_url)) if method == "GET" else None
        has_new_token = False
        attempt = 0
        while True:
            attempt += 1
            token = self._tokens.get()  # Where there is none, that is no failure of this call's.
            try:
                return self._send(method, path, token, attempt, params, json)
            except AuthenticationError:
                if has_new_token:
                    raise
                self._tokens.forget(token)
                has_new_token = True
            except (NoAnswer, APIError) as error:
                if retry is None or not retry.follows(error):
                    raise

    @sensitive_variables()
    def _send(
        self,
        method: str,
        path: str,
        token: str,
        attempt: int,
        params: Mapping[str, str] | None,
        json: object,
    ) -> Answer:
        account = self._account
        url = self._url(path)
        with breaker_for(url, route=account.route).guard():
            return call(
                method,
                url,
                account=account.alias,
                template=path,
                attempt=attempt,
                bearer=token,
                timeout=(account.connect_timeout, account.read_timeout, account.total_timeout),
                proxies=dict(account.proxies),
                verify=account.ca_bundle or True,
                params=params,
                json=json,
            )

    def _url(self, path: str) -> str:
        account = self._account
        customer_id = self._customer_id or account.required("customer_id")
        return _address(account.base_url, path, customer_id, bool(settings.DEBUG))


@lru_cache(maxsize=PROVIDERS_KEPT)
def _address(base_url: str, path: str, customer_id: str, allow_loopback: bool) -> str:
    """Return the URL of a call; it is one of a few for each account."""
    if not is_secure_url(base_url, allow_loopback=allow_loopback):
        raise ConfigurationError(
            "REDPIN['BASE_URL'] has to be an absolute https:// URL (http:// only to this"
            " machine, with DEBUG)."
        )
    return base_url + path.format(customer_id=quote(customer_id, safe=""))


def _provider(account: Account) -> TokenProvider:
    """Return the one provider for these settings; changed settings get a new one.

    Those that were not used for longest are let go; the cache keeps their tokens.
    """
    with _providers_lock:
        provider = _providers.get(account)
        if provider is None:
            provider = _providers[account] = TokenProvider(account)
        _providers.move_to_end(account)
        if len(_providers) > PROVIDERS_KEPT:
            _providers.popitem(last=False)
        return provider


def _after_fork() -> None:
    """Begin with a lock that nobody holds: the parent's stays locked where a thread held it."""
    global _providers_lock
    _providers_lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # pragma: no branch  Windows has no fork.
    os.register_at_fork(after_in_child=_after_fork)
