"""The checkout's views that differ from Oscar's: an order is placed first, and paid after."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.generic import TemplateView, View
from oscar.apps.checkout import views
from oscar.core.loading import get_class, get_model

from django_redpin.decorators import payment_page
from django_redpin.exceptions import InvalidPaymentSession, RedpinError
from django_redpin.models import PaymentSession

from ..paying import sessions, stock
from ..paying.statuses import ATTENTION, NOT_PAID, PENDING

Basket = get_model("basket", "Basket")
Order = get_model("order", "Order")
UnableToPlaceOrder = get_class("order.exceptions", "UnableToPlaceOrder")

_State = PaymentSession.State
CAN_BE_PAID: Final = (_State.CREATING, _State.UNKNOWN, _State.OPEN)


# Redpin is called in no transaction, whatever ATOMIC_REQUESTS says.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class PaymentDetailsView(views.PaymentDetailsView):
    """The preview and the button below it, which places the order."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.preview:  # There are no details to ask for: Redpin's page does that.
            return redirect("checkout:preview")
        return super().get(request, *args, **kwargs)

    def handle_place_order_submission(self, request: HttpRequest) -> HttpResponseBase:
        """Place the order, if its total is the one that the customer has seen."""
        submission = self.build_submission()
        if request.POST.get("seen_total") != str(submission["order_total"].incl_tax):
            told = _("Your basket has changed in the meantime. Please look at the new total.")
            return self.render_preview(request, error=told)
        return self.submit(**submission)

    def submit(self, user: Any, basket: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Freeze the basket, by one only of the tabs in which the button was pressed."""
        is_ours = Basket.objects.filter(pk=basket.pk, status=Basket.OPEN).update(
            status=Basket.FROZEN
        )
        if not is_ours:
            messages.info(self.request, _("This order is being placed in another window."))
            return redirect("basket:summary")
        return super().submit(user, basket, *args, **kwargs)

    def place_order(self, **kwargs: Any) -> Any:
        """Write the order, its claim on the stock and the intent to have it paid: all or none."""
        payer = kwargs["user"]
        with transaction.atomic():
            order = super().place_order(**kwargs)
            try:
                stock.require(order)
                sessions.prepare(order, payer)
            except stock.OutOfStock as problem:
                raise UnableToPlaceOrder(str(problem)) from problem
            except InvalidPaymentSession as problem:
                sessions.log_refusal(order, problem)
                raise UnableToPlaceOrder(str(problem.user_message)) from problem
        return order

    def handle_successful_order(self, order: Any) -> HttpResponseBase:
        """Open the session at Redpin. Should that fail, the page to pay on says how it stands."""
        sessions.open_first(order)
        return super().handle_successful_order(order)

    def send_order_placed_email(self, order: Any) -> None:
        """Send nothing yet: the confirmation goes out when the order is paid."""

    def get_success_url(self) -> str:
        order = Order.objects.get(pk=self.request.session["checkout_order_id"])
        return sessions.pay_url(order)


class ThankYouView(views.ThankYouView):
    """Thank for what is paid; lead to the payment for what is not."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        order = self.get_object()
        if order is not None and order.status in (PENDING, NOT_PAID, ATTENTION):
            return redirect(sessions.pay_url(order))
        return super().get(request, *args, **kwargs)


class OwnOrderMixin(View):
    """Finds the order of an address, for its owner or, if a guest placed it, by its hash."""

    def get_order(self) -> Any:
        """Return the order with its payment. Raises `Http404` for whoever must not see it."""
        orders = Order.objects.select_related("payment__session")
        order = get_object_or_404(orders, number=self.kwargs["order_number"])
        is_theirs = order.check_verification_hash(self.kwargs["order_hash"]) and (
            order.user_id is None or order.user_id == self.request.user.pk
        )
        if not is_theirs or not hasattr(order, "payment"):
            raise Http404
        return order


@method_decorator(payment_page, name="dispatch")
class PayView(OwnOrderMixin, TemplateView):
    """The page around Redpin's: what is to be paid, and what became of it."""

    template_name = "oscar/checkout/pay.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        order = self.get_order()
        session = order.payment.newest_session
        self.request.session["checkout_order_id"] = order.pk  # Which the thanks will be for.
        return super().get_context_data(
            **kwargs,
            order=order,
            session=session,
            # The page of an order that is not to be paid any more may still be open at Redpin, or
            # be about to open.
            is_shown=order.status == PENDING or session.state not in CAN_BE_PAID,
            renew_url=reverse("checkout:start-again", kwargs=self.kwargs),
        )


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class StartAgainView(OwnOrderMixin):
    """Takes the form that the tag shows where a session has expired or was called off."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, **kwargs: str) -> HttpResponse:
        order = self.get_order()
        try:
            sessions.start_again(order)
        except stock.OutOfStock as problem:
            messages.error(request, str(problem))
        except sessions.NotPayable:
            messages.info(request, _("This order is not to be paid any more."))
        except RedpinError as problem:
            sessions.log_refusal(order, problem)
            messages.warning(request, problem.user_message)
        return redirect(sessions.pay_url(order))
