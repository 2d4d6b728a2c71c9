"""The shop's pages. Those that ask Redpin for a session run in no transaction."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from django_redpin.decorators import payment_page
from django_redpin.exceptions import (
    InvalidPaymentSession,
    OutcomeUnknown,
    PaymentUnderWay,
    RedpinError,
    SessionRejected,
)
from django_redpin.forms import add_faults
from django_redpin.models import PaymentSession

from . import orders, wording
from .forms import CheckoutForm
from .models import CURRENCY, Order, Unit

if TYPE_CHECKING:
    from django.http import HttpRequest

_State: Final = PaymentSession.State
# The order page looks again while one of these may change by itself.
_PREPARING: Final = frozenset({_State.CREATING, _State.UNKNOWN, _State.SUPERSEDED})
_MOVING: Final = _PREPARING | {_State.OPEN}
# The hosted page is where the buyer pays, and reads how to send the money.
_PAYABLE: Final = frozenset({"", "AWAITING_FUNDS"})
_ENDED_UNPAID: Final = frozenset({"CANCELLED", "REFUNDED"})


@require_safe
def units(request: HttpRequest) -> HttpResponse:
    """Show all homes, the free ones first within their release."""
    homes = Unit.objects.select_related("holder")
    return render(request, "properties/units.html", {"units": homes, "currency": CURRENCY})


@require_safe
def unit(request: HttpRequest, reference: str) -> HttpResponse:
    """Show one home and what its deposit is."""
    home = get_object_or_404(Unit.objects.select_related("holder"), reference=reference)
    return render(request, "properties/unit.html", {"unit": home, "currency": CURRENCY})


@never_cache
@transaction.non_atomic_requests
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: HttpRequest, reference: str) -> HttpResponse:
    """Take the buyer's details, place the order and ask for its payment session."""
    home = get_object_or_404(Unit.objects.select_related("holder"), reference=reference)
    form = CheckoutForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        answer = _order_from(request, form, home)
        if answer is not None:
            return answer
    context = {"form": form, "unit": home, "currency": CURRENCY}
    return render(request, "properties/checkout.html", context, status=422 if form.errors else 200)


def _order_from(
    request: HttpRequest, form: CheckoutForm, home: Unit
) -> HttpResponseRedirect | None:
    """Place the order; return where to go, or None where the form now says what is wrong."""
    data = form.cleaned_data
    buyer = orders.Buyer(data["buyer_name"], data["email"], data["client_customer_ref"])
    try:
        order, is_new = orders.place(home, data["order"], buyer)
    except orders.UnitTaken:
        form.add_error(None, _("Somebody else is reserving this home. Please choose another one."))
        return None
    if not is_new:  # The form was sent twice; the first one does the work.
        return redirect("properties:pay", order.pk)
    try:
        return _start(request, order)
    except (InvalidPaymentSession, SessionRejected) as problem:
        if isinstance(problem, SessionRejected) and problem.field not in form.fields:
            return _tell_refusal(request, order, problem)  # Nothing on this form could be mended.
        order.delete()  # There is no session to pay: the same form may be sent again, corrected.
        add_faults(form, problem)
        return None


def _start(request: HttpRequest, order: Order) -> HttpResponseRedirect:
    """Start the order's payment; return where to go next, with a message that says why.

    Raises `InvalidPaymentSession`, `SessionRejected` and `UnitTaken`, which each caller tells in
    its own way.
    """
    try:
        orders.start_payment(order)
    except (InvalidPaymentSession, SessionRejected, orders.UnitTaken):
        raise
    except OutcomeUnknown:
        messages.warning(request, _("Redpin has not answered yet. Your order is safe."))
    except PaymentUnderWay:
        messages.info(request, _("A payment for this order is under way already."))
    except RedpinError as problem:
        messages.error(request, problem.user_message)
    else:
        return redirect("properties:pay", order.pk)
    return redirect(order)


def _tell_refusal(
    request: HttpRequest, order: Order, problem: SessionRejected
) -> HttpResponseRedirect:
    told = _("Redpin did not accept the session: %(why)s")
    messages.error(request, told % {"why": problem.description or problem.code})
    return redirect(order)


@payment_page
@require_safe
def pay(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Show Redpin's hosted page inside the shop's, and in its place what becomes of the payment."""
    order = _get(order_id)
    session = order.session
    # What was paid in another way must not be paid again.
    if session is None or (order.is_paid and not session.payment_status):
        return redirect(order)
    return render(request, "properties/pay.html", _context(order))


@payment_page
@require_safe
def order(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Say what is known of an order. Buyers return here; the page looks again by itself."""
    return render(request, "properties/order.html", _context(_get(order_id)))


@never_cache
@transaction.non_atomic_requests
@require_POST
def renew(request: HttpRequest, order_id: uuid.UUID) -> HttpResponse:
    """Look a lost session up, or start a new one in place of one that is over."""
    order = _get(order_id)
    try:
        return _start(request, order)
    except orders.UnitTaken:
        messages.error(request, _("Somebody else has reserved this home in the meantime."))
    except SessionRejected as problem:
        return _tell_refusal(request, order, problem)
    except InvalidPaymentSession as problem:
        why = " ".join(fault.message for fault in problem.faults)
        told = _("This order can't be paid any more: %(why)s Please start over from the home.")
        messages.error(request, told % {"why": why})
    return redirect(order)


@never_cache
@require_safe
def status(request: HttpRequest, order_id: uuid.UUID) -> JsonResponse:
    """Tell a program what the order page tells a person."""
    order = _get(order_id)
    session = order.session
    return JsonResponse(
        {
            "order": order.status,
            "state": session.state if session else "",
            "payment_status": session.payment_status if session else "",
            "transitions": [step.to_value for step in _steps(session)],
            "receipt": "done" if order.receipt_sent_at else "pending",
        }
    )


def _get(order_id: uuid.UUID) -> Order:
    order = get_object_or_404(Order.objects.select_related("unit", "session"), pk=order_id)
    orders.newest_session(order)
    return order


def _steps(session: PaymentSession | None) -> list[Any]:
    if session is None:
        return []
    return list(session.transitions.filter(subject="payment_status").order_by("pk"))


def _context(order: Order) -> dict[str, object]:
    session = order.session
    payment_status = session.payment_status if session else ""
    # Without a session the first one is on its way, or the unit was let go before it came.
    state = orders.state_of(session) or (_State.CREATING if order.holds_id else _State.EXPIRED)
    is_over = payment_status in _ENDED_UNPAID or (not payment_status and state not in _MOVING)
    is_settled = order.receipt_sent_at is not None if order.is_paid else is_over
    return {
        "order": order,
        "unit": order.unit,
        "session": session,
        "currency": CURRENCY,
        "words": wording.of(payment_status, state),
        "steps": [
            (wording.STEPS.get(step.to_value, step.to_value), step.created_at)
            for step in _steps(session)
        ],
        "looks_again": not is_settled,
        "can_pay": state == _State.OPEN and payment_status in _PAYABLE and not order.is_paid,
        "can_look_up": state in _PREPARING and not payment_status,
        "can_start_again": is_over and not order.is_paid,
        "renew_url": reverse("properties:renew", args=[order.pk]),
        "mode": getattr(settings, "PAYMENT_PAGE_MODE", ""),
    }
