"""The API's session resource: create one, list them. Rules are in ``validation``.

Plain Django views, so that the sandbox shares no code with the framework the package answers with.
"""

from __future__ import annotations

import re
import uuid
from datetime import timezone as tz
from typing import TYPE_CHECKING, Final

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from .conf import options
from .controls import call_back_before_answer
from .faults import PLAYED, WITH_URL, may_fail
from .fields import is_clean
from .models import Item, Recipient, Session, new_recipient_id
from .oauth import client_of
from .validation import InvalidRequest, ValidRequest, validate
from .wire import BadBody, answer, body_of, error, json_object, method_not_allowed, stamp

if TYPE_CHECKING:
    from datetime import datetime

MOST_PER_PAGE: Final = 100
DEFAULT_PER_PAGE: Final = 20
_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)


# Called by programs that show a bearer token; there is no cookie that a page could abuse.
@csrf_exempt
@may_fail({"POST": "create", "GET": "list"})
def sessions(request: HttpRequest, customer_id: str) -> HttpResponse:
    """``/v1/customers/{customer_id}/sessions``: POST creates a session, GET lists them."""
    refusal = refusal_of(request, customer_id)
    if refusal is not None:
        return refusal
    if request.method == "POST":
        return _create(request, options().client_id)
    if request.method == "GET":
        return _list(request)
    return method_not_allowed(["GET", "POST"])


def refusal_of(request: HttpRequest, customer_id: str) -> HttpResponse | None:
    """Return the answer to who may not ask for this customer, or None to who may."""
    if client_of(request) is None:
        response = error("unauthorized", "The access token is missing, unknown or expired.")
        response["WWW-Authenticate"] = "Bearer"
        return response
    if customer_id != options().customer_id:
        return error("not_found", "There is no such customer.")
    return None


def _create(request: HttpRequest, client_id: str) -> HttpResponse:
    try:
        document = json_object(body_of(request))
    except BadBody as problem:
        return error(problem.error, problem.description)
    now = timezone.now()
    try:
        valid = validate(
            document,
            today=now.astimezone(tz.utc).date(),
            purposes=options().purposes,
            version=options().version,
        )
    except InvalidRequest as problem:
        first, *more = problem.faults
        details = [{"field": fault.field, "description": fault.description} for fault in more]
        return error("invalid", first.description, field=first.field, details=details or None)
    try:
        session = _store(valid, client_id, now)
    except IntegrityError:
        return error(
            "invalid",
            "client_reference_id is already used by another session",
            field="client_reference_id",
        )
    call_back_before_answer(session, now)
    return answer(
        {
            "session_id": str(session.session_id),
            "client_reference_id": session.client_reference_id,
            options().version.expires_field: stamp(session.expires_at),
            "session_url": _url_of(request, session),
        },
        201,
    )


def _store(valid: ValidRequest, client_id: str, now: datetime) -> Session:
    known = options()
    scope = known.version.unique_within
    with transaction.atomic():
        session = Session.objects.create(
            client_id=client_id,
            customer_id=known.customer_id,
            client_customer_ref=valid.client_customer_ref,
            client_reference_id=valid.client_reference_id,
            unique_within=f"{scope}:{client_id if scope == 'client' else known.customer_id}",
            currency=valid.amount.currency,
            total_minor=valid.amount.minor,
            due_date=valid.due_date,
            purpose_of_transaction=valid.purpose_of_transaction,
            allowed_origins=list(valid.allowed_origins),
            # One URL given twice is still one receiver.
            callbacks=list(dict.fromkeys(valid.callbacks)),
            created_at=now,
            # Whole seconds, so that the answer says exactly when it ends.
            expires_at=(now + known.lifetime).replace(microsecond=0),
            paused=known.manual,
        )
        Recipient.objects.bulk_create(
            Recipient(
                session=session,
                recipient_id=recipient.recipient_id or new_recipient_id(),
                name=recipient.name,
                type=recipient.type,
                country_code=recipient.country_code,
                bank_details=recipient.bank_details,
                amount_minor=recipient.amount.minor,
            )
            for recipient in valid.recipients
        )
        Item.objects.bulk_create(
            Item(
                session=session,
                item_ref=item.item_ref,
                description=item.description,
                amount_minor=item.amount.minor,
            )
            for item in valid.items
        )
    return session


def _list(request: HttpRequest) -> HttpResponse:
    page = number_of(request, "page", 1)
    limit = number_of(request, "limit", DEFAULT_PER_PAGE, most=MOST_PER_PAGE)
    for field, number in (("page", page), ("limit", limit)):
        if number is None:
            top = f" and at most {MOST_PER_PAGE}" if field == "limit" else ""
            return error("invalid", f"{field} must be a whole number, at least 1{top}", field=field)
    filters: dict[str, str | uuid.UUID] = {"customer_id": options().customer_id}
    for field in ("client_reference_id", "client_customer_ref"):
        text = request.GET.get(field, "")
        if not is_clean(text):
            return error("invalid", f"{field} must not contain control characters", field=field)
        if text:
            filters[field] = text
    if wanted := request.GET.get("session_id", ""):
        try:
            filters["session_id"] = uuid.UUID(wanted)
        except ValueError:
            return error("invalid", "session_id must be a UUID", field="session_id")
    return _page(request, filters, page or 1, limit or DEFAULT_PER_PAGE)


def _page(
    request: HttpRequest, filters: dict[str, str | uuid.UUID], page: int, limit: int
) -> HttpResponse:
    found = Session.objects.filter(**filters).select_related("payment")
    total = found.count()
    shown = found[(page - 1) * limit : page * limit]
    return answer(
        {
            "sessions": [_record(request, session) for session in shown],
            "meta": {
                "page": page,
                "limit": limit,
                "total_records": total,
                "total_pages": -(-total // limit),
            },
        }
    )


def number_of(
    request: HttpRequest, field: str, default: int, most: int | None = None
) -> int | None:
    """Return a whole number of the query, or None where what is there is none that is allowed."""
    text = request.GET.get(field, "")
    if not text:
        return default
    if not _WHOLE_NUMBER.fullmatch(text):
        return None
    number = int(text)
    return number if number >= 1 and (most is None or number <= most) else None


def _record(request: HttpRequest, session: Session) -> dict[str, object]:
    payment = getattr(session, "payment", None)
    record: dict[str, object] = {
        "session_id": str(session.session_id),
        "client_reference_id": session.client_reference_id,
        "client_customer_ref": session.client_customer_ref,
        "customer_id": session.customer_id,
        "created_at": stamp(session.created_at),
        "session_expires_at": stamp(session.expires_at),
        "latest_status": payment.status if payment else None,
        "has_payment": payment is not None,
        "payment_id": payment.payment_id if payment else None,
    }
    if options().list_shows_url or request.META.get(PLAYED) == WITH_URL:
        record["session_url"] = _url_of(request, session)
    return record


def _url_of(request: HttpRequest, session: Session) -> str:
    return request.build_absolute_uri(reverse("redpin_sandbox_pay", args=[session.key]))
