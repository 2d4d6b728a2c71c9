"""OAuth 2.0 client credentials as Redpin's token endpoint speaks them, and bearer tokens.

Redpin: the credentials stand in the form body, there is no Basic header and no scope.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from .conf import options
from .faults import may_fail
from .models import AccessToken, digest_of
from .wire import BadBody, answer, body_of, error, method_not_allowed

TOKEN_SECONDS: Final = 3600


# Called by programs with credentials of their own; there is no cookie that a page could abuse.
@csrf_exempt
@may_fail({"POST": "token"})
def token(request: HttpRequest) -> HttpResponse:
    """``POST /auth/oauth/v2/token``: trade the client's credentials for an access token."""
    if request.method != "POST":
        return method_not_allowed(["POST"])
    try:
        form = _form_of(request)
    except BadBody as problem:
        if problem.error == "too_big":
            return error("too_big", problem.description)
        return _refuse(400, "invalid_request", problem.description)
    grant_type = form.get("grant_type", "")
    if not grant_type:
        return _refuse(400, "invalid_request", "grant_type is required.")
    client_id = form.get("client_id", "")
    if not _are_credentials(client_id, form.get("client_secret", "")):
        return _refuse(401, "invalid_client", "client_id or client_secret is wrong.")
    if grant_type != "client_credentials":
        return _refuse(
            400, "unsupported_grant_type", "The only grant_type here is client_credentials."
        )
    return answer(
        {
            "access_token": _issue(client_id),
            "token_type": "bearer",
            "expires_in": TOKEN_SECONDS,
        }
    )


def client_of(request: HttpRequest) -> str | None:
    """Return the client id that the request's bearer token was issued to, None if it is no good."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not credentials.strip():
        return None
    found = AccessToken.objects.filter(
        digest=digest_of(credentials.strip()), expires_at__gt=timezone.now()
    ).first()
    # A sandbox restarted with another client id honours no token of the former one.
    if found is None or found.client_id != options().client_id:
        return None
    return found.client_id


def _form_of(request: HttpRequest) -> QueryDict:
    body = body_of(request)
    if request.content_type != "application/x-www-form-urlencoded":
        raise BadBody("The body must be application/x-www-form-urlencoded.")
    try:
        form = QueryDict(body, encoding="utf-8")
    except (SuspiciousOperation, UnicodeDecodeError, ValueError):
        raise BadBody("The body is not a readable form.") from None
    if any(len(values) > 1 for _, values in form.lists()):
        raise BadBody("A parameter is given twice.")
    return form


def _are_credentials(client_id: str, client_secret: str) -> bool:
    known = options()
    # Both are compared, so that the time taken does not tell which one was wrong.
    id_fits = secrets.compare_digest(digest_of(client_id), digest_of(known.client_id))
    secret_fits = secrets.compare_digest(digest_of(client_secret), digest_of(known.client_secret))
    return id_fits and secret_fits


def _issue(client_id: str) -> str:
    now = timezone.now()
    AccessToken.objects.filter(expires_at__lte=now).delete()
    access_token = secrets.token_urlsafe(32)
    AccessToken.objects.create(
        digest=digest_of(access_token),
        client_id=client_id,
        expires_at=now + timedelta(seconds=TOKEN_SECONDS),
    )
    return access_token


def _refuse(status: int, code: str, description: str) -> HttpResponse:
    return answer({"error": code, "error_description": description}, status)
