"""The calls of Redpin's API that this package makes: create a session, look one up."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from ..conf import Account
from ..exceptions import AuthenticationError, ConfigurationError, NoAnswer
from ..rules.addresses import is_secure_url
from ..rules.requests import SessionRequest
from .messages import CreatedSession, SessionRecord, create_body, read_created, read_record
from .tokens import TokenProvider
from .transport import Answer, call, hanging_up_on_nonsense

_providers: dict[Account, TokenProvider] = {}
_providers_lock: Final = threading.Lock()


class RedpinClient:
    """Redpin's API for one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._tokens = _provider(account)

    def __repr__(self) -> str:
        return f"<RedpinClient {self._account.alias}>"

    @sensitive_variables()
    def create_session(self, request: SessionRequest) -> CreatedSession:
        """Create a payment session: `POST /v1/customers/{customer_id}/sessions`.

        The request has to be without faults. Raises `NoAnswer` where it can't be told whether the
        session was created, and a subclass of `APIError` where Redpin refuses.
        """
        answer = self._call("POST", json=create_body(request))
        with hanging_up_on_nonsense():
            return read_created(answer.body, request.client_reference_id)

    def find_session(self, client_reference_id: str) -> SessionRecord | None:
        """Look a session up by its reference: `GET /v1/customers/{customer_id}/sessions`.

        Returns None where Redpin knows no such session of this customer. Raises as
        `create_session` does.
        """
        answer = self._call("GET", params={"client_reference_id": client_reference_id})
        with hanging_up_on_nonsense():
            return self._only_record(answer, client_reference_id)

    def _only_record(self, answer: Answer, client_reference_id: str) -> SessionRecord | None:
        entries = answer.body.get("sessions")
        if not isinstance(entries, list):
            raise NoAnswer("Redpin's list of sessions has no list in it.")
        records = [read_record(entry, answer.at) for entry in entries]
        # The filter is Redpin's; that it held is for us to see.
        ours = [
            record
            for record in records
            if record.client_reference_id == client_reference_id
            and record.customer_id in ("", self._account.customer_id)
        ]
        if len(ours) > 1:
            raise NoAnswer("Redpin lists more than one session with this reference.")
        return ours[0] if ours else None

    @sensitive_variables()
    def _call(
        self, method: str, *, params: Mapping[str, str] | None = None, json: object = None
    ) -> Answer:
        """Send one request; on 401 drop the token that failed and send once more."""
        try:
            return self._send(method, self._tokens.get(), params, json)
        except _TokenRefused as refusal:
            self._tokens.forget(refusal.token)
        try:
            return self._send(method, self._tokens.get(), params, json)
        except _TokenRefused as refusal:
            raise refusal.error from None

    @sensitive_variables()
    def _send(
        self, method: str, token: str, params: Mapping[str, str] | None, json: object
    ) -> Answer:
        account = self._account
        try:
            return call(
                method,
                self._url(),
                bearer=token,
                timeout=(account.connect_timeout, account.read_timeout, account.total_timeout),
                proxies=dict(account.proxies),
                verify=account.ca_bundle or True,
                params=params,
                json=json,
            )
        except AuthenticationError as error:
            raise _TokenRefused(token, error) from None

    def _url(self) -> str:
        account = self._account
        if not is_secure_url(account.base_url, allow_loopback=bool(settings.DEBUG)):
            raise ConfigurationError(
                "REDPIN['BASE_URL'] has to be an absolute https:// URL (http:// only to this"
                " machine, with DEBUG)."
            )
        customer_id = quote(account.required("customer_id"), safe="")
        return account.base_url + account.sessions_path.format(customer_id=customer_id)


class _TokenRefused(Exception):
    def __init__(self, token: str, error: AuthenticationError) -> None:
        self.token = token
        self.error = error
        super().__init__("Redpin refused the access token.")


def _provider(account: Account) -> TokenProvider:
    """Return the one provider for these settings; changed settings get a new one."""
    with _providers_lock:
        if account not in _providers:
            _providers[account] = TokenProvider(account)
        return _providers[account]
