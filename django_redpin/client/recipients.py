"""The wire's shapes for recipients: what is sent to add one, what add and list answer.

The names of the body and of the answers are documented. Inferred, and here alone: that the list is
a GET on the path of add, how its last page is told, that a mismatch may come with 2xx as well as
with 4xx, and that a confirmation goes into an object of the mismatch's own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..exceptions import APIError, NoAnswer, RecipientNotConfirmed
from ..rules.recipients import RecipientCheck, RecipientRequest
from .messages import text

# Redpin: 50 is the list's default; a larger limit is not documented.
RECIPIENTS_PAGE_LIMIT: Final = 50
_TEXT_LIMIT: Final = 500


def recipient_body(
    request: RecipientRequest, confirmation: RecipientCheck | None, customer_action: str
) -> dict[str, Any]:
    """Return the JSON that adds a recipient, with the payer's decision where there is one."""
    payee = request.payee
    body: dict[str, Any] = {
        **request.further_details,  # First: what the columns say can't be overridden.
        "client_reference_id": request.client_reference_id,
        "name": payee.name,
        "type": payee.type,
        "country_code": payee.country_code,
        "customer_own_account": "yes" if request.is_own_account else "no",
        "recipient_bank_details": {**(payee.bank_details or {}), "currency": payee.currency},
    }
    body.pop("recipient_check", None)
    if request.address:
        body["address"] = dict(request.address)
    if confirmation is not None:
        body["recipient_check"] = {
            "request_identifier": confirmation.request_identifier,
            "event_id": confirmation.event_id,
            "customer_action": customer_action,
        }
    return body


def read_recipient_id(body: Mapping[str, Any], client_reference_id: str) -> str:
    """Read a 2xx answer to add.

    Raises `RecipientNotConfirmed` for a mismatch, and `NoAnswer` where the answer lacks the id or
    isn't ours. An answer that has an id and the code of a mismatch, too, is a mismatch.
    """
    recipient_id, code = text(body.get("recipient_id"), 100), _text(body.get("code"))
    check = _check(body.get("recipient_check"))
    if check is not None and (code or not recipient_id):
        raise RecipientNotConfirmed(code, _text(body.get("description")), check)
    if not recipient_id or code:
        raise NoAnswer("Redpin's answer lacks recipient_id.")
    if body.get("client_reference_id", client_reference_id) != client_reference_id:
        raise NoAnswer("Redpin's answer is about another client_reference_id.")
    return recipient_id


def mismatch_of(error: APIError) -> RecipientNotConfirmed | None:
    """Return the mismatch that a 4xx answer tells of, or None where it tells of something else."""
    check = _check(error.details)
    if check is None:
        return None
    return RecipientNotConfirmed(error.code, error.description, check)


def read_listed(body: Mapping[str, Any]) -> dict[str, str]:
    """Return one page of the list: recipient ids by our references. Others' have none."""
    entries = body.get("recipients")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise NoAnswer("Redpin's list of recipients has no list of them in it.")
    return {
        text(entry.get("client_reference_id")): text(entry.get("recipient_id"), 100)
        for entry in entries
        if entry.get("client_reference_id")
    }


def is_last_page(body: Mapping[str, Any], page: int) -> bool:
    """Tell whether the list ends with this page: by its `meta_data`, or else by a short page."""
    meta = body.get("meta_data")
    pages = meta.get("total_pages") if isinstance(meta, dict) else None
    if type(pages) is int:
        return page >= pages
    return len(body["recipients"]) < RECIPIENTS_PAGE_LIMIT


def _check(value: object) -> RecipientCheck | None:
    if not isinstance(value, dict):
        return None
    check = RecipientCheck(text(value.get("request_identifier")), text(value.get("event_id")))
    return check if check.request_identifier or check.event_id else None


def _text(value: object) -> str:
    # PostgreSQL stores no NUL, and these texts end up in a row.
    return value.replace("\x00", "")[:_TEXT_LIMIT] if isinstance(value, str) else ""
