"""The hosted payment page: one address per session, one step at a time, no cookie and no script.

Which step is shown follows from the database; codes, payments and tokens are other modules'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from .codes import Outcome, send_code, try_code, waiting_code
from .conf import options
from .flows import begin_payment, cancel_payment, seconds_of
from .frames import HttpResponseSeeOther, page
from .languages import (
    LANGUAGES,
    chosen_language,
    display_clock,
    display_date,
    display_length,
    display_time,
    language_of,
)
from .ledger import Payment, Status
from .models import OneTimeCode, Session
from .rates import offers
from .tokens import (
    FormToken,
    new_form_token,
    read_form_token,
    read_seat,
    seat_token,
)

_CODE_PROBLEMS: Final = {
    Outcome.WRONG: gettext_lazy("That code is not right. Check it and try again."),
    Outcome.NONE_SENT: gettext_lazy("There is no code to check. Ask for a new one."),
    Outcome.TOO_OLD: gettext_lazy("That code is too old. Ask for a new one."),
    Outcome.TOO_MANY_ATTEMPTS: gettext_lazy(
        "That code was tried too often and no longer counts. Ask for a new one."
    ),
}
_RETURNED: Final = (Status.BOUNCED_BACK, Status.REFUNDED)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for one session's page, by the browser that holds ``seat``, if any."""

    request: HttpRequest
    session: Session
    now: datetime
    seat: int | None

    @property
    def may_enter(self) -> bool:
        return not self.session.needs_code or self.seat is not None

    @property
    def payment(self) -> Payment | None:
        return Payment.objects.filter(session=self.session).first()

    def token(self, step: str) -> str:
        return new_form_token(self.session, step, self.seat)

    def address(self, **query: str) -> str:
        """Return the page's address, which carries seat and language in place of cookies."""
        if self.seat is not None:
            query["seat"] = seat_token(self.session, self.seat)
        if chosen := query.get("lang") or chosen_language(self.request):
            query["lang"] = chosen
        plain = reverse("redpin_sandbox_pay", args=[self.session.key])
        return f"{plain}?{urlencode(query)}" if query else plain

    def show(self, template: str, status: int = 200, **context: object) -> HttpResponse:
        language = translation.get_language() or ""
        context |= {
            "session": self.session,
            "address": self.address(),
            "framed": True,
            "languages": [
                {
                    "code": code,
                    "name": name,
                    "address": self.address(lang=code),
                    "current": code == language.partition("-")[0],
                }
                for code, name in LANGUAGES.items()
            ],
        }
        return page(self.request, template, context, status=status, session=self.session)

    def again(self, **query: str) -> HttpResponse:
        return HttpResponseSeeOther(self.address(**query))


# Exempt because the page lives in a frame on another site, where browsers withhold cookies, and
# Django's protection rests on one. The signed, session-bound token in each form does its work.
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, key: str) -> HttpResponse:
    """The page at ``/pay/<key>/``: 404 for an unknown key, 410 once the session has expired."""
    with translation.override(language_of(request)):
        return _answer(request, key)


def _answer(request: HttpRequest, key: str) -> HttpResponse:
    session = Session.objects.filter(key=key).first()
    if session is None:
        return page(request, "missing.html", {"framed": True}, status=404)
    now = timezone.now()
    if request.method != "POST":
        seat = read_seat(session, request.GET.get("seat", ""))
        return _show(Visit(request, session, now, seat))
    form = form_of(request)
    token = read_form_token(session, form.get("token", ""))
    handle = _STEPS.get(token.step) if token else None
    visit = Visit(request, session, now, token.seat if token else None)
    if token is None or handle is None:
        return visit.show("stale.html", 403)
    return handle(visit, form, token)


def _show(visit: Visit) -> HttpResponse:
    payment = visit.payment
    if payment is not None and visit.may_enter:
        return _progress(visit, payment)
    if visit.session.has_expired(visit.now):
        return visit.show("expired.html", 410, until=display_time(visit.session.expires_at))
    if not visit.may_enter:
        return _code(visit)
    if "left" in visit.request.GET:
        return visit.show("left.html", until=display_clock(visit.session.expires_at))
    return _review(visit)


def _code(visit: Visit, problem: str = "", status: int = 200) -> HttpResponse:
    waiting = waiting_code(visit.session, visit.now)
    return visit.show(
        "code.html",
        status,
        waiting=waiting,
        channels=OneTimeCode.Channel.choices,
        channel=waiting.channel if waiting else OneTimeCode.Channel.SMS,
        send_token=visit.token("send-code"),
        verify_token=visit.token("verify-code"),
        problem=problem,
        refresh=_until_expiry(visit),
    )


def _review(visit: Visit, problem: str = "", status: int = 200) -> HttpResponse:
    session = visit.session
    return visit.show(
        "review.html",
        status,
        recipients=session.recipients.select_related("session"),
        items=session.items.select_related("session"),
        offers=offers(session.total),
        token=visit.token("review"),
        problem=problem,
        refresh=_until_expiry(visit),
        due=display_date(session.due_date),
        left=display_length(session.expires_at - visit.now),
        until=display_clock(session.expires_at),
    )


def _progress(visit: Visit, payment: Payment) -> HttpResponse:
    facts = [
        {
            "fact": fact,
            "done": fact.position < payment.facts_true,
            "current": fact.position == payment.facts_true - 1,
        }
        for fact in payment.facts.select_related("recipient")
    ]
    if payment.status == Status.CANCELLED:
        return visit.show("cancelled.html", payment=payment)
    if payment.status == Status.PAYMENT_COMPLETED:
        return visit.show("done.html", payment=payment, facts=facts)
    if payment.status in _RETURNED:
        title = Status(payment.status).label
        return visit.show("returned.html", payment=payment, facts=facts, title=title)
    return visit.show(
        "progress.html",
        payment=payment,
        facts=facts,
        token=visit.token("cancel"),
        refresh=min(5, seconds_of(options().step)),
        too_late="too-late" in visit.request.GET,
    )


def _until_expiry(visit: Visit) -> int:
    # The page turns into the expired one by itself, so nobody fills it in for nothing.
    return seconds_of(visit.session.expires_at - visit.now)


def _on_send(visit: Visit, form: QueryDict, token: FormToken) -> HttpResponse:
    if visit.may_enter or visit.session.has_expired(visit.now):
        return visit.again()
    channel = form.get("channel", OneTimeCode.Channel.SMS)
    if channel not in OneTimeCode.Channel.values:
        return _code(visit, _("Choose how the code is sent."), 422)
    if send_code(visit.session, visit.now, channel) is None:
        problem = _("Too many codes were sent. Wait ten minutes, then ask for a new one.")
        return _code(visit, problem, 429)
    return visit.again()


def _on_verify(visit: Visit, form: QueryDict, token: FormToken) -> HttpResponse:
    if visit.may_enter or visit.session.has_expired(visit.now):
        return visit.again()
    entered = "".join(form.get("code", "").split())
    outcome, code = try_code(visit.session, entered, token.nonce, visit.now)
    if code is None:
        return _code(visit, str(_CODE_PROBLEMS[outcome]), 422)
    return Visit(visit.request, visit.session, visit.now, code.pk).again()


def _on_review(visit: Visit, form: QueryDict, token: FormToken) -> HttpResponse:
    if not visit.may_enter or visit.payment is not None:
        return visit.again()
    if visit.session.has_expired(visit.now):
        return visit.again()
    action = form.get("action", "")
    if action == "cancel":
        return visit.again(left="1")
    wanted = form.get("pay_from", "")
    offer = next((o for o in offers(visit.session.total) if o.currency == wanted), None)
    if action != "pay" or offer is None:
        return _review(visit, _("Choose a currency to pay from, then press Pay."), 422)
    begin_payment(visit.session, offer, visit.now)
    return visit.again()


def _on_cancel(visit: Visit, form: QueryDict, token: FormToken) -> HttpResponse:
    payment = visit.payment
    if payment is None or not visit.may_enter:
        return visit.again()
    if cancel_payment(payment, visit.now) or payment.status == Status.CANCELLED:
        return visit.again()
    return visit.again(**{"too-late": "1"})


_STEPS: Final[dict[str, Callable[[Visit, QueryDict, FormToken], HttpResponse]]] = {
    "send-code": _on_send,
    "verify-code": _on_verify,
    "review": _on_review,
    "cancel": _on_cancel,
}


def form_of(request: HttpRequest) -> QueryDict:
    """Return the posted form; one that cannot be read counts as empty, so it has no token."""
    try:
        return request.POST
    except (MultiPartParserError, SuspiciousOperation, UnreadablePostError, ValueError):
        return QueryDict()
