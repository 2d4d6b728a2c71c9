"""How a session stands, as JSON: what the script in a merchant's page asks for, and what apps do.

It reads and never writes, so that asking changes nothing, however often. Whatever is no session to
be shown to the asker, for whichever reason, gets the same answer, 404, for the same queries.
"""

from __future__ import annotations

import hashlib
import logging
import traceback
from collections.abc import Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils.cache import patch_vary_headers
from django.utils.decorators import method_decorator
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.metadata import BaseMetadata
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.throttling import SimpleRateThrottle
from rest_framework.versioning import BaseVersioning
from rest_framework.views import APIView, exception_handler

from ..models import PaymentSession
from ..negotiation import JSONAlone
from ..telemetry import LogEvent, tell
from .serializers import PaymentSessionSerializer
from .tokens import read_token

logger: logging.Logger = logging.getLogger("django_redpin")

# After how many seconds a question that failed is worth being asked again.
_RETRY_AFTER: Final = "30"
_VIEW_PERMISSION: Final = "redpin.view_paymentsession"


class _Generous(SimpleRateThrottle):
    """Bounds how often one session, or one user, is asked about: above what any page asks.

    What is refused anyhow costs nothing and isn't counted.
    """

    scope = "redpin_status"
    rate = "120/min"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        asker = view.asker(request) if isinstance(view, _StatusView) else ""
        return f"redpin_status:{asker}" if asker else None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Tell whether it may be asked; where the cache is away, it may."""
        try:
            return super().allow_request(request, view)
        except Exception:  # noqa: BLE001  Whatever a stranger's cache raises.
            return True


# Login is not required: who may see what is told below, and nobody is sent to a login page.
@method_decorator(login_not_required, name="dispatch")
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class _StatusView(APIView):
    """What both ways to a session's status have in common.

    Every policy is pinned here, whatever the project's defaults.
    """

    http_method_names: Sequence[str] = ["get", "head", "options"]
    authentication_classes: Sequence[Any] = ()
    permission_classes: Sequence[Any] = (AllowAny,)
    throttle_classes: Sequence[Any] = (_Generous,)
    parser_classes: Sequence[Any] = ()
    renderer_classes: Sequence[Any] = (JSONRenderer,)
    content_negotiation_class: type[Any] = JSONAlone
    versioning_class: type[BaseVersioning] | None = None
    metadata_class: str | type[BaseMetadata] | None = None

    def find_session(self, request: Request) -> PaymentSession | None:
        """Return the session that is asked for, if the asker may see it."""
        raise NotImplementedError

    def asker(self, request: Request) -> str:
        """Return whose questions are counted as one, or "" where they need not be."""
        raise NotImplementedError

    def get(self, request: Request, **kwargs: str) -> Response:
        """Answer 200, 304 where the asker has this answer already, or 404."""
        session = self.find_session(request)
        if session is None:
            return Response({"detail": "Not found."}, status.HTTP_404_NOT_FOUND)
        data = PaymentSessionSerializer(session).data
        etag = f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'
        is_known = _is_among(etag, request.headers.get("if-none-match", ""))
        response = Response(status=status.HTTP_304_NOT_MODIFIED) if is_known else Response(data)
        response["ETag"] = etag
        return response

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Tell the methods, and nothing of whether there is such a session."""
        return Response(status=status.HTTP_204_NO_CONTENT)

    def get_exception_handler(self) -> Any:
        """Return REST framework's own: a project's may answer in another form."""
        return exception_handler

    def handle_exception(self, exc: Exception) -> Response:
        """Answer whatever went wrong in JSON, and never with a report, which holds the address."""
        if isinstance(exc, (APIException, Http404, PermissionDenied)):
            return super().handle_exception(exc)
        # As text: with `exc_info`, error reports would show the frames, and the token in them.
        trace = "".join(traceback.format_exception(exc))
        text = "A session's status could not be told.\n%s"
        tell(logger, LogEvent.STATUS_FAILED, text, trace, failure=type(exc).__name__)
        response = Response({"detail": "Try again."}, status.HTTP_503_SERVICE_UNAVAILABLE)
        response["Retry-After"] = _RETRY_AFTER
        return response

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep the answer from shared caches and search engines, and its address from the log."""
        response["Cache-Control"] = "private, no-cache"
        response["X-Robots-Tag"] = "noindex"
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark.
        return super().finalize_response(request, response, *args, **kwargs)


class PaymentSessionStatusView(_StatusView):
    """Tells how the session stands for which the token in its address was signed."""

    def find_session(self, request: Request) -> PaymentSession | None:
        found = read_token(self.kwargs["token"])
        if found is None:
            return None
        pk, account = found
        return PaymentSession.objects.filter(pk=pk, account=account).first()

    def asker(self, request: Request) -> str:
        found = read_token(self.kwargs["token"])
        return "" if found is None else f"session:{found[0]}"  # A token is no name for a cache.

    def perform_authentication(self, request: Request) -> None:
        """Ask for no user: some payers have no account."""


class PaymentSessionDetailView(_StatusView):
    """Tells a session's payer how it stands, and staff with the permission to view sessions.

    It takes the credentials that the project's other REST views take, and Django's sessions.
    """

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Return the project's, whose challenge comes first, and the one for Django's sessions."""
        kinds: list[Any] = [*api_settings.DEFAULT_AUTHENTICATION_CLASSES, SessionAuthentication]
        return [kind() for kind in dict.fromkeys(kinds)]

    def find_session(self, request: Request) -> PaymentSession | None:
        user = self._user(request)
        if user is None:
            return None
        # The reference is unique in its account, whichever customer of Redpin's it belongs to.
        session = PaymentSession.objects.filter(
            account=self.kwargs["account"],
            client_reference_id=self.kwargs["client_reference_id"],
        ).first()
        if session is not None and session.payer_id == user.pk:
            return session
        # Asked even where there is none, so that neither queries nor time tell of it.
        may_view = getattr(user, "is_staff", False) and user.has_perm(_VIEW_PERMISSION)
        return session if may_view else None

    def asker(self, request: Request) -> str:
        user = self._user(request)
        return "" if user is None else f"user:{user.pk}"

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(response, ["Cookie", "Authorization"])
        return response

    def _user(self, request: Request) -> Any:
        """Return the user, or None. Other things that log in have keys that users have, too."""
        return request.user if isinstance(request.user, get_user_model()) else None


def _is_among(etag: str, header: str) -> bool:
    """Tell whether `If-None-Match` names the answer. Proxies that compress mark it as weak."""
    known = {tag.removeprefix("W/") for tag in parse_etags(header)}
    return etag in known or "*" in known
