"""Redpin's API over HTTP, as far as the client calls it: the answers of a `Redpin` in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final
from urllib.parse import parse_qs

from ..rules import exact_json
from ..rules.faults import Fault
from ..rules.requests import Policy
from .faults import CREATE, ENVELOPES, LIST, RECIPIENTS, TOKEN, Reply
from .reading import read_session, recipient_faults
from .redpin import TOKEN_SECONDS, HostedSession, Redpin, Taken

_FILTERS: Final = ("client_reference_id", "client_customer_ref", "session_id")
_MOST_PER_PAGE: Final = 100
_MISMATCH: Final = "The payee's bank says that the name is not that of the account"


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `call` is `token`, `create`, `list`, `recipients` or "" for any other."""

    call: str
    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    bearer: str = field(repr=False)

    @property
    def customer_id(self) -> str:
        """The one in the path, before its last part."""
        return self.path.rstrip("/").split("/")[-2]


def call_of(method: str, path: str) -> str:
    """Return the name of the call that this is, or "" for none that Redpin is known to have."""
    parts = path.rstrip("/").split("/")
    if method == "POST" and parts[-1] == "token":
        return TOKEN
    if len(parts) < 3 or parts[-3] != "customers":
        return ""
    calls = {
        ("POST", "sessions"): CREATE,
        ("GET", "sessions"): LIST,
        ("POST", "recipients"): RECIPIENTS,
        ("GET", "recipients"): RECIPIENTS,
    }
    return calls.get((method, parts[-1]), "")


class Api:
    """Answers requests. `origin` is where hosted pages are, `purposes` the allowed ones, or all.

    `shows_url`: whether the list tells each `session_url`, which Redpin does not document.
    """

    def __init__(self, redpin: Redpin, purposes: tuple[str, ...], *, allow_loopback: bool) -> None:
        self._redpin = redpin
        self._purposes = purposes
        self._allow_loopback = allow_loopback

    def answer(self, request: Request, origin: str, *, shows_url: bool = False) -> Reply:
        """Return the answer to this request, by Redpin's rules."""
        if request.call == TOKEN:
            return self._token(request)
        client_id = self._redpin.client_of(request.bearer)
        if client_id is None:
            return error(401, "The access token is missing, unknown or expired.")
        if request.call == CREATE:
            return self._create(request, client_id, origin)
        if request.call == LIST:
            return self._list(request, shows_url=shows_url)
        if request.call == RECIPIENTS:
            add = request.method == "POST"
            return self._add_recipient(request) if add else self._recipients(request)
        return error(404, "There is nothing at this address.")

    def _token(self, request: Request) -> Reply:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if not form.get("client_id") or not form.get("client_secret"):
            return json(401, {"error": "invalid_client"})
        if form.get("grant_type") != "client_credentials":
            return json(400, {"error": "unsupported_grant_type"})
        given = {"token_type": "bearer", "expires_in": TOKEN_SECONDS}
        return json(200, {"access_token": self._redpin.give_token(form["client_id"]), **given})

    def _create(self, request: Request, client_id: str, origin: str) -> Reply:
        document = _object(request.body)
        if document is None:
            return error(400, "The body must be a JSON object.")
        policy = Policy(
            today=self._redpin.now().astimezone(timezone.utc).date(),
            purposes=self._purposes or None,
            allow_loopback=self._allow_loopback,
        )
        asked, faults = read_session(document, policy)
        if faults:
            return _invalid(*faults)
        try:
            session = self._redpin.create(asked, client_id, request.customer_id, origin)
        except Taken:
            text = "client_reference_id is already used by another session"
            return _invalid(Fault("client_reference_id", "duplicate", text))
        subject = session.subject
        created = {
            "session_id": subject.session_id,
            "client_reference_id": subject.client_reference_id,
            "expires_at": stamp(session.expires_at),
            "session_url": session.url,
        }
        return json(201, created)

    def _list(self, request: Request, *, shows_url: bool) -> Reply:
        filters = {name: request.query[name] for name in _FILTERS if request.query.get(name)}
        found = self._redpin.listed(request.customer_id, filters)
        page = _Page.of(request.query, len(found), 20)
        if isinstance(page, Reply):
            return page
        shown = [_record(session, shows_url=shows_url) for session in found[page.rows]]
        return json(200, {"sessions": shown, "meta": page.meta})

    def _add_recipient(self, request: Request) -> Reply:
        document = _object(request.body)
        if document is None:
            return error(400, "The body must be a JSON object.")
        faults = recipient_faults(document)
        if faults:
            return _invalid(*faults)
        if "MISMATCH" in document["name"]:
            ids = _ids_of_check(document)
            decided = document.get("recipient_check") or {}
            is_confirmed = decided.get("customer_action") and ids.items() <= decided.items()
            if not is_confirmed:
                told = {"code": "ANNM", "description": _MISMATCH, "recipient_check": ids}
                return json(400, told)
        reference = document.get("client_reference_id") or ""
        return json(201, self._redpin.add_recipient(request.customer_id, reference))

    def _recipients(self, request: Request) -> Reply:
        found = self._redpin.recipients.get(request.customer_id, [])[::-1]
        page = _Page.of(request.query, len(found), 50)
        if isinstance(page, Reply):
            return page
        return json(200, {"recipients": found[page.rows], "meta_data": page.meta})


@dataclass(frozen=True, slots=True)
class _Page:
    rows: slice
    meta: Mapping[str, int]

    @classmethod
    def of(cls, query: Mapping[str, str], total: int, default: int) -> _Page | Reply:
        found = {}
        for name, usual, most in (("page", 1, 10**9), ("limit", default, _MOST_PER_PAGE)):
            text = query.get(name, str(usual))
            if not (text.isascii() and text.isdecimal() and 1 <= int(text[:10]) <= most):
                return _invalid(Fault(name, "invalid", f"{name} must be a whole number from 1 on"))
            found[name] = int(text)
        page, limit = found["page"], found["limit"]
        counts = {"total_records": total, "total_pages": -(-total // limit)}
        return cls(slice((page - 1) * limit, page * limit), {**found, **counts})


def json(status: int, document: object) -> Reply:
    """Return an answer of JSON."""
    return Reply(status, exact_json.dumps(document))


def error(status: int, description: str) -> Reply:
    """Return Redpin's error envelope."""
    code, kind = ENVELOPES[status]
    return json(status, {"code": code, "description": description, "type": kind})


def stamp(moment: datetime) -> str:
    """Return a time as Redpin writes it: UTC, whole seconds."""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _invalid(first: Fault, *more: Fault) -> Reply:
    code, kind = ENVELOPES[400]
    body: dict[str, object] = {"code": code, "type": kind}
    body |= {"description": first.message, "field": first.field}
    if more:
        body["details"] = [{"field": each.field, "description": each.message} for each in more]
    return json(400, body)


def _record(session: HostedSession, *, shows_url: bool) -> dict[str, object]:
    subject, payment = session.subject, session.payment
    record: dict[str, object] = {
        "session_id": subject.session_id,
        "client_reference_id": subject.client_reference_id,
        "client_customer_ref": subject.client_customer_ref,
        "customer_id": subject.customer_id,
        "created_at": stamp(session.created_at),
        "session_expires_at": stamp(session.expires_at),
        "latest_status": payment.status if payment else None,
        "has_payment": payment is not None,
        "payment_id": subject.payment_id if payment else None,
    }
    return {**record, "session_url": session.url} if shows_url else record


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = exact_json.loads(body)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _ids_of_check(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids of the check of this name and account; another name has another check."""
    checked = [document["name"], document["recipient_bank_details"]]
    digest = hashlib.sha256(exact_json.dumps(checked)).hexdigest()
    return {"request_identifier": str(int(digest[:12], 16)), "event_id": f"AG-{digest[12:24]}"}
