"""The API's recipient resource: add one, list them, and a check of names that can fail.

A name that holds ``MISMATCH`` is never that of its account. Redpin then wants the request again,
with the ids of the check and what was decided; where those stand in it is this file's own reading.
"""

from __future__ import annotations

import hashlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from .api import number_of, refusal_of
from .conf import options
from .faults import may_fail
from .fields import Fields
from .models import Payee
from .validation import COUNTRY, RECIPIENT_TYPES
from .wire import BadBody, answer, body_of, dumps, error, json_object, method_not_allowed

DEFAULT_PER_PAGE: Final = 50
MOST_PER_PAGE: Final = 100
# Redpin: currency, with one of these.
_ACCOUNTS: Final = (
    {"iban"},
    {"account_number", "swift_code"},
    {"account_number", "routing_code_type", "routing_code_value", "bank_country_code"},
)


@csrf_exempt  # As for sessions.
@may_fail({"POST": "recipients", "GET": "recipients"})
def recipients(request: HttpRequest, customer_id: str) -> HttpResponse:
    """``/v2/customers/{customer_id}/recipients``: POST adds a recipient, GET lists them."""
    refusal = refusal_of(request, customer_id)
    if refusal is not None:
        return refusal
    if request.method == "POST":
        return _add(request)
    if request.method == "GET":
        return _list(request)
    return method_not_allowed(["GET", "POST"])


def _add(request: HttpRequest) -> HttpResponse:
    try:
        document = json_object(body_of(request))
    except BadBody as problem:
        return error(problem.error, problem.description)
    fields = Fields(document, [])
    name = fields.text("name", most=200)
    reference = fields.text("client_reference_id", most=100, required=False)
    _check_choice(fields, "type", RECIPIENT_TYPES)
    _check_choice(fields, "customer_own_account", ("yes", "no"))
    country = fields.text("country_code", most=100)
    if country and not COUNTRY.fullmatch(country):
        fields.fault("country_code", "must be an ISO 3166-1 alpha-3 code such as ARE")
    if not isinstance(document.get("address"), dict):
        fields.fault("address", "is required, as an object")
    account = _account(fields)
    if fields.faults:
        first = fields.faults[0]
        return error("invalid", first.description, field=first.field)
    if "MISMATCH" in name and not _is_decided(document, ids := _ids(name, account)):
        description = "Payee's Bank has performed the matching and confirms it is not a match"
        return answer({"code": "ANNM", "description": description, "recipient_check": ids}, 400)
    payee = Payee.objects.create(
        customer_id=options().customer_id, name=name, client_reference_id=reference
    )
    return answer(_record(payee), 201)


def _check_choice(fields: Fields, field: str, choices: tuple[str, ...]) -> None:
    value = fields.text(field, most=20)
    if value and value not in choices:
        fields.fault(field, f"must be {' or '.join(choices)}")


def _account(fields: Fields) -> dict[str, object]:
    field = "recipient_bank_details"
    given = fields.document.get(field)
    if not isinstance(given, dict):
        fields.fault(field, "is required, as an object")
        return {}
    inner = Fields(given, fields.faults, field)
    inner.text("currency", most=3)
    named = {key for key in given if inner.text(key, most=200)}
    if not any(needed <= named for needed in _ACCOUNTS):
        fields.fault(field, "must have an iban, or an account_number with its bank's codes")
    return given


def _ids(name: str, account: dict[str, object]) -> dict[str, str]:
    """Return the ids of the check of this name and account; another name has another check."""
    digest = hashlib.sha256(dumps([name, sorted(account.items())]).encode()).hexdigest()
    return {"request_identifier": str(int(digest[:12], 16)), "event_id": f"AG-{digest[12:24]}"}


def _is_decided(document: dict[str, object], ids: dict[str, str]) -> bool:
    given = document.get("recipient_check")
    if not isinstance(given, dict) or not given.get("customer_action"):
        return False
    return all(given.get(name) == value for name, value in ids.items())


def _list(request: HttpRequest) -> HttpResponse:
    page = number_of(request, "page", 1)
    limit = number_of(request, "limit", DEFAULT_PER_PAGE, most=MOST_PER_PAGE)
    if page is None or limit is None:
        field = "page" if page is None else "limit"
        return error("invalid", f"{field} must be a whole number that is allowed", field=field)
    found = Payee.objects.filter(customer_id=options().customer_id)
    shown = [_record(payee) for payee in found[(page - 1) * limit : page * limit]]
    total = found.count()
    meta = {"page": page, "limit": limit, "total_records": total, "total_pages": -(-total // limit)}
    return answer({"recipients": shown, "meta_data": meta})


def _record(payee: Payee) -> dict[str, object]:
    reference = payee.client_reference_id or None
    return {"client_reference_id": reference, "recipient_id": payee.recipient_id}
