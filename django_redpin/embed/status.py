"""How a session stands, as JSON: what the script in a merchant's page asks for, and what apps do.

It reads and never writes; so asking often changes nothing.
"""

from __future__ import annotations

import hashlib
import logging
import traceback
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.utils.decorators import method_decorator
from django.utils.http import parse_etags
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..models import PaymentSession
from ..negotiation import JSONAlone
from .serializers import PaymentSessionSerializer
from .tokens import read_token

logger = logging.getLogger("django_redpin")

# Seconds after which an answer that failed is worth another try.
_RETRY_AFTER: Final = 30


# Login is not required: the token in the path is the proof.
@method_decorator(login_not_required, name="dispatch")
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PaymentSessionStatusView(APIView):
    """Tells how the session stands whose signed address is asked for.

    Every policy is pinned here, whatever the project's defaults. What is no good address of a
    session, for whichever reason, is 404, always the same.
    """

    http_method_names = ["get", "head", "options"]
    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONAlone
    versioning_class = None
    metadata_class = None

    def get(self, request: Request, **kwargs: str) -> Response:
        """Answer 200, 304 where the asker has this answer already, or 404."""
        session = self.find_session(request, **kwargs)
        if session is None:
            return Response({"detail": "Not found."}, status.HTTP_404_NOT_FOUND)
        data = PaymentSessionSerializer(session).data
        etag = f'"{hashlib.sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'
        is_known = _is_among(etag, request.META.get("HTTP_IF_NONE_MATCH", ""))
        response = Response(status=status.HTTP_304_NOT_MODIFIED) if is_known else Response(data)
        response["ETag"] = etag
        return response

    def options(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Tell the methods, and nothing of whether there is such a session."""
        return Response(status=status.HTTP_204_NO_CONTENT)

    def find_session(self, request: Request, token: str) -> PaymentSession | None:
        """Return the session that the token was made for, or None."""
        found = read_token(token)
        if found is None:
            return None
        pk, account = found
        return PaymentSession.objects.filter(pk=pk, account=account).first()

    def perform_authentication(self, request: Request) -> None:
        """Ask for no user: some payers have no account."""

    def handle_exception(self, exc: Exception) -> Response:
        """Answer whatever went wrong in JSON, and never with a report, which holds the address."""
        if isinstance(exc, APIException):
            return Response({"detail": str(exc.detail)}, exc.status_code)
        # As text: with `exc_info`, error reports would show the frames, and the token in them.
        trace = "".join(traceback.format_exception(exc))
        logger.error("A session's status could not be told.\n%s", trace)
        response = Response({"detail": "Try again."}, status.HTTP_503_SERVICE_UNAVAILABLE)
        response["Retry-After"] = str(_RETRY_AFTER)
        return response

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep the answer out of shared caches, of search engines, and its address out of logs."""
        response["Cache-Control"] = "private, no-cache"
        response["X-Robots-Tag"] = "noindex"
        response._has_been_logged = True  # type: ignore[attr-defined]  # Django's own mark.
        return super().finalize_response(request, response, *args, **kwargs)


def _is_among(etag: str, header: str) -> bool:
    """Tell whether `If-None-Match` names the answer. Proxies that compress mark it as weak."""
    known = {tag.removeprefix("W/") for tag in parse_etags(header)}
    return etag in known or "*" in known
