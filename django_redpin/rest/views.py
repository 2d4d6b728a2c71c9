"""Views that create a session, or renew one, for an app that shows the hosted page itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.decorators import method_decorator
from rest_framework import status
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ..conf import DEFAULT_ACCOUNT
from ..embed import frame_source, status_url
from ..embed.serializers import PaymentSessionSerializer
from ..embed.view_names import OPEN, PREPARING
from ..exceptions import ConfigurationError, IdempotencyConflict, OutcomeUnknown, RedpinError
from ..exceptions.answers import NO_NEWS
from ..models import PaymentSession
from ..negotiation import JSONAlone
from ..services import create_payment_session, renew_payment_session
from ..services.opening import in_place_of
from ..telemetry import LogEvent, tell
from .problems import problem, retry_after

logger: logging.Logger = logging.getLogger("django_redpin")

_NO_OVERRIDE: Final = "Override get_session_arguments() in {name}; docs/apps.md shows how."
_NO_DICT: Final = "get_session_arguments() of {name} has to return a dict; docs/apps.md shows one."
_NO_SESSION: Final = (
    "get_session_arguments() of {name} has to return the 'session' to renew, a PaymentSession, or"
    " None where there is none yet."
)
_NO_KEY: Final = (
    "get_session_arguments() of {name} has to return an 'idempotency_key', such as"
    " f'order-{{order.pk}}': apps repeat requests whose answers they lost, and without a key each"
    " repetition would create another session that can be paid."
)


class _JSONOfAVersion(JSONAlone):
    """Keeps what the `Accept` header says of JSON: a project may have its API's versions there."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        chosen = super().select_renderer(request, renderers, format_suffix)
        with suppress(Exception):  # No JSON in it, or a header that can't be read.
            chosen = DefaultContentNegotiation.select_renderer(self, request, [chosen[0]])
        return chosen


# Outside ATOMIC_REQUESTS: the services refuse to call Redpin within an open transaction.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class _SessionView(APIView):
    """What creating and renewing have in common: who may, and how it is answered."""

    http_method_names: Sequence[str] = ["post", "options"]
    permission_classes: Sequence[Any] = (IsAuthenticated,)
    renderer_classes: Sequence[Any] = (JSONRenderer,)
    content_negotiation_class: type[Any] = _JSONOfAVersion

    def get_session_arguments(self, request: Request, **kwargs: Any) -> Mapping[str, Any]:
        """Return the arguments of the service. `kwargs` are those of the URL. Override it."""
        raise ConfigurationError(_NO_OVERRIDE.format(name=type(self).__name__))

    def call_service(self, request: Request, arguments: Mapping[str, Any]) -> PaymentSession:
        """Call it with the arguments, and return the session."""
        raise NotImplementedError

    def known_session(self, arguments: Mapping[str, Any]) -> PaymentSession | None:
        """Return the session that there was before the service was called, if there was one."""
        raise NotImplementedError

    def post(self, request: Request, **kwargs: Any) -> Response:
        """Answer 201 for a new session, 200 for one that was there, 202 for one to wait for.

        Raises what the service raises, which `handle_exception` then answers.
        """
        given = self.get_session_arguments(request, **kwargs)
        if not isinstance(given, Mapping):
            raise ConfigurationError(_NO_DICT.format(name=type(self).__name__))
        arguments = {"payer": request.user, **given}
        started, unknown = timezone.now(), None
        try:
            session = self.call_service(request, arguments)
        except OutcomeUnknown as error:
            session, unknown = error.session, error
        except RedpinError as error:
            if not hasattr(error, "session"):
                _name_session(error, self.known_session(arguments))
            raise
        # The services ask what is paid, not who asks: an override that forgets to would give one
        # payer the page of another.
        if _is_anothers(session, arguments["payer"]):
            raise IdempotencyConflict(session)
        if unknown is not None:
            tell(
                logger,
                LogEvent.REST_WAITING,
                "%s",
                unknown,
                account=session.account,
                session=session.pk,
                reference=session.client_reference_id,
                state=session.state,
            )
            return _waiting(session, unknown)
        return _told(session, is_new=session.created_at >= started)

    def handle_exception(self, exc: Exception) -> Response:
        """Answer this package's errors by their table, and others as the project does."""
        if not isinstance(exc, RedpinError):
            return super().handle_exception(exc)
        session: PaymentSession | None = getattr(exc, "session", None)
        is_own = session is not None and not _is_anothers(session, self.request.user)
        return problem(exc, status_url(session) if session is not None and is_own else "")

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep the answer out of every cache: whoever has the page's address can pay on it."""
        response["Cache-Control"] = "no-store"
        return super().finalize_response(request, response, *args, **kwargs)


class PaymentSessionCreateView(_SessionView):
    """Creates the payment session of an order: a POST, answered with the address of its page.

    Override `get_session_arguments` to say what is paid. It finds the order that the URL names
    among those of `request.user`, and returns the arguments of `services.create_payment_session`,
    with an `idempotency_key` that stands for this order. `payer` is `request.user` where it is
    left out. The view reads nothing of the request's body: what is paid, and to whom, is yours to
    say.
    """

    def call_service(self, request: Request, arguments: Mapping[str, Any]) -> PaymentSession:
        if not arguments.get("idempotency_key"):
            raise ConfigurationError(_NO_KEY.format(name=type(self).__name__))
        return create_payment_session(**arguments)

    def known_session(self, arguments: Mapping[str, Any]) -> PaymentSession | None:
        key = arguments.get("idempotency_key")
        account = arguments.get("account", DEFAULT_ACCOUNT)
        rows = PaymentSession.objects.filter(account=account, idempotency_key=key)
        return rows.first() if key else None


class PaymentSessionRenewView(_SessionView):
    """Puts a new session in the place of one that expired or was called off: a POST.

    Override `get_session_arguments` to return those of `services.renew_payment_session`: the
    `session`, found among those of `request.user`, and a `due_date` where the old one is too near.
    A `session` that is None is answered 404.
    """

    def call_service(self, request: Request, arguments: Mapping[str, Any]) -> PaymentSession:
        asked = dict(arguments)
        payer, session = asked.pop("payer"), asked.pop("session", "missing")
        if not isinstance(session, (PaymentSession, type(None))):
            raise ConfigurationError(_NO_SESSION.format(name=type(self).__name__))
        if session is None or _is_anothers(session, payer):
            # In the words in which an override tells of a session that there is not.
            session = get_object_or_404(PaymentSession.objects.none())
        return renew_payment_session(session, **asked)

    def known_session(self, arguments: Mapping[str, Any]) -> PaymentSession | None:
        session = arguments.get("session")
        return session if isinstance(session, PaymentSession) else None


def _name_session(error: RedpinError, session: PaymentSession | None) -> None:
    """Let an error that knows no session say what holds where there is one: it may be paid.

    By itself it says that the call has led to no payment, which is no news of an earlier one.
    """
    if session is not None:
        vars(error).update(session=session, money_may_have_moved=True, user_message=NO_NEWS)


def _is_anothers(session: PaymentSession, user: object) -> bool:
    """Tell whether the session has a payer, and another one than this user."""
    if session.payer_id is None:
        return False
    return not isinstance(user, get_user_model()) or session.payer_id != user.pk


def _told(session: PaymentSession, *, is_new: bool, detail: str = "") -> Response:
    session = in_place_of(session)
    told = PaymentSessionSerializer(session).data
    code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
    return Response(
        {
            **told,
            "session_url": frame_source(session) if told["view"] == OPEN else None,
            "status_url": status_url(session) or None,
            "detail": detail,
        },
        status.HTTP_202_ACCEPTED if told["view"] == PREPARING else code,
    )


def _waiting(session: PaymentSession, error: OutcomeUnknown) -> Response:
    response = _told(session, is_new=False, detail=str(error.user_message))
    response.status_code = status.HTTP_202_ACCEPTED
    response["Retry-After"] = retry_after(error)
    return response
