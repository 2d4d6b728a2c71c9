"""The webhook's view. It refuses cheaply, stores once, answers; the rest happens later.

What costs nothing is looked at first: method, content type, the size that is declared, the token
in the path. Then the body is read, to its limit and no further, and verified; then it is one row.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, UnreadablePostError
from rest_framework.exceptions import APIException, MethodNotAllowed
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from ..exceptions import OpenTransactionError, UnreadableEvent
from ..negotiation import JSONAlone
from ..services.callbacks import NOT_VERIFIED, TOO_MANY, UNCONFIGURED
from ..services.inline import after_response
from ..services.record import record_event
from ..signals import webhook_rejected
from ..telemetry import LogEvent, Metric, Spans, fail, measure, note, tell, traced
from . import failures
from .verification import NotVerified, NoVerifier, find_account, verify_post, verify_token

logger: logging.Logger = logging.getLogger("django_redpin.security")

_OPEN_TRANSACTION: Final = (
    "Webhook refused: something, such as a middleware, opened a database transaction around its"
    " view, whose rollback would lose an event that was answered 200. Leave the paths of"
    " django_redpin.urls out of it; ATOMIC_REQUESTS does no harm."
)
# What `verification` says of a post that it refuses, in a word. All else are verifiers' reasons.
_WORDS: Final = {"unknown account": "unknown_account", "wrong token": "wrong_token"}


class WebhookView(APIView):
    """Takes the events that Redpin posts to a session's callback URL.

    Every policy is pinned here, whatever the project's defaults: no authentication, no permission
    beyond the token, no throttle (a burst of Redpin's must not be dropped), JSON alone. As there is
    nothing to choose, `dispatch` passes by REST framework's machinery, which would take longer than
    the event; what stands here is what schemas say.
    """

    http_method_names = ["post"]
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONAlone
    versioning_class = None
    metadata_class = None

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., HttpResponseBase]:  # type: ignore[override]
        """Return the view, decorated once: `method_decorator` would do so at each request."""
        view: Callable[..., HttpResponseBase] = super().as_view(**initkwargs)  # Exempt from CSRF.
        view = after_response(traced(Spans.WEBHOOK)(view))
        # Login is not required: Redpin has none; the token in the path is the proof.
        view = login_not_required(view)
        # Outside ATOMIC_REQUESTS: 200 means that the event is committed.
        return transaction.non_atomic_requests(view)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Answer, whatever happens."""
        try:
            if request.method != "POST":
                raise MethodNotAllowed(request.method or "")
            response = self.post(request, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  What is not stored is not answered 200.
            response = self.handle_exception(error)
        return self.finalize_response(request, response, *args, **kwargs)

    def post(
        self, request: HttpRequest, account: str, token: str, client_reference_id: str = ""
    ) -> HttpResponse:
        """Verify, store, answer 200; refuse with 401, 400, 413, 415 or 503, and store nothing."""
        if not _is_json(request):
            detail = "Post application/json."
            return _answer(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail, "not_json")
        try:
            settings = find_account(account)
            limit = settings.webhook_max_body_bytes
            if _declared_size(request) > limit:
                return _too_large(limit)
            token_name = verify_token(settings, client_reference_id, token)
            body = _body(request, limit)
            if body is None:
                return _too_large(limit)
            passed = verify_post(settings, request, body)
        except NotVerified as error:
            return self._rejected(request, account, str(error))
        except NoVerifier as error:
            if failures.faults.may_tell():
                text = "Webhook refused: %s"
                tell(logger, LogEvent.WEBHOOK_MISCONFIGURED, text, error, account=account)
            return _later(UNCONFIGURED, "misconfigured")
        try:
            recorded = record_event(
                body,
                account=account,
                client_reference_id=client_reference_id,
                verifier=", ".join([token_name, *passed.names]),
                is_signed=passed.is_signed,
            )
        except UnreadableEvent as error:
            return _answer(HTTPStatus.BAD_REQUEST, str(error), "unreadable")
        except OpenTransactionError:
            tell(logger, LogEvent.WEBHOOK_OPEN_TRANSACTION, _OPEN_TRANSACTION, account=account)
            return _later("Please send it again.", "misconfigured")
        return _answer(HTTPStatus.OK, "stored", "stored" if recorded.is_new else "repeated")

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        """Answer whatever went wrong: never 200, and never a report, which would hold the URL."""
        if isinstance(exc, APIException):
            return _answer(exc.status_code, str(exc.detail), "not_allowed")
        if isinstance(exc, UnreadablePostError):
            detail = "The body could not be read to its end."
            return _answer(HTTPStatus.BAD_REQUEST, detail, "unreadable")
        # As text: with `exc_info`, error reports would show the frames, and the token in them.
        trace = "".join(traceback.format_exception(exc))
        text = "A webhook failed; its sender is asked to try again.\n%s"
        tell(logger, LogEvent.WEBHOOK_FAILED, text, trace, failure=type(exc).__name__)
        fail(type(exc).__name__)
        return _later("Please send it again.", "failed")

    def finalize_response(  # type: ignore[override]  # Django's will do.
        self, request: HttpRequest, response: HttpResponse, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Keep Django from logging a refusal: its line holds the path, and so the token."""
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark.
        return response

    def _rejected(self, request: HttpRequest, account: str, reason: str) -> HttpResponse:
        word = _WORDS.get(reason, "not_verified")
        noted = failures.note_failure(request)
        if noted.is_told:
            text, known = "Webhook refused: %s.", account if word != "unknown_account" else ""
            tell(logger, LogEvent.WEBHOOK_REFUSED, text, reason, account=known, reason=word)
            webhook_rejected.send_robust(
                sender=type(self),
                account=account,
                reason=reason,
                request=self.initialize_request(request),  # REST framework's, for receivers.
            )
        if noted.retry_after:
            later = {"Retry-After": str(noted.retry_after)}
            return _answer(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, word, headers=later)
        scheme = {"WWW-Authenticate": "Token"}
        return _answer(HTTPStatus.UNAUTHORIZED, NOT_VERIFIED, word, headers=scheme)


# Both read one header of `META`: `request.headers` would first make a dict of them all.
def _is_json(request: HttpRequest) -> bool:
    meta = request.META
    content_type = str(meta.get("CONTENT_TYPE", meta.get("HTTP_CONTENT_TYPE")) or "")
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or media_type.endswith("+json")


def _declared_size(request: HttpRequest) -> int:
    """Return what Content-Length says, in bytes; 0 where there is none.

    Raises `UnreadablePostError` where it is no number.
    """
    meta = request.META
    try:
        return int(meta.get("CONTENT_LENGTH") or 0)
    except ValueError:
        raise UnreadablePostError("Content-Length is no number.") from None


def _body(request: HttpRequest, limit: int) -> bytes | None:
    """Return the bytes as they came, or None where there are more than `limit`.

    No more than that is read, whatever was declared. Raises `UnreadablePostError` where it can't
    be read, and `RawPostDataException` where something else has read a part of it.
    """
    if hasattr(request, "_body") or getattr(request, "_read_started", False):
        body = request.body  # What was read of it, or an error: Django measures nothing by then.
    else:
        body = request.read(limit + 1)
        # As Django keeps it: a verifier, or a receiver of `webhook_rejected`, may ask for it.
        request._body = body
    return body if len(body) <= limit else None


def _answer(
    code: int, detail: str, outcome: str, *, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    note(Spans.WEBHOOK, outcome=outcome)
    measure(Metric.POSTS, labels={"redpin.outcome": outcome})
    given = {"Content-Type": "application/json", "Allow": "POST", **(headers or {})}
    return HttpResponse(_content(detail), status=code, headers=given)


@lru_cache(maxsize=64)
def _content(detail: str) -> bytes:
    return json.dumps({"detail": detail}, separators=(",", ":")).encode()


def _too_large(limit: int) -> HttpResponse:
    detail = f"The body is larger than {limit} bytes."
    return _answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, "too_large")


def _later(detail: str, outcome: str) -> HttpResponse:
    wait = {"Retry-After": "60"}
    return _answer(HTTPStatus.SERVICE_UNAVAILABLE, detail, outcome, headers=wait)
