"""The page type that editors fill in, and the payments that come of it."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.decorators import method_decorator
from moneyed import Money
from wagtail.admin.panels import FieldPanel
from wagtail.contrib.routable_page.models import RoutablePageMixin, path
from wagtail.fields import RichTextField
from wagtail.models import Page

from django_redpin.decorators import payment_page
from django_redpin.exceptions import InvalidPaymentSession, RedpinError, SessionRejected
from django_redpin.forms import add_faults
from django_redpin.models import PaymentSession

from . import payments
from .forms import StudentForm


class TuitionPage(RoutablePageMixin, Page):
    """A course, and what it costs. Below its own address are those of its payments."""

    intro = RichTextField(blank=True)
    # An editor sets the price. Whose account it goes to is no editor's choice.
    amount = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(1)])
    currency = models.CharField(max_length=3, choices=[("AED", "AED"), ("GBP", "GBP")])

    content_panels = [
        *Page.content_panels,
        FieldPanel("intro"),
        FieldPanel("amount"),
        FieldPanel("currency"),
    ]

    @path("")
    def form(self, request: HttpRequest) -> HttpResponse:
        """Ask who is to be paid for; a preview in the editor shows this, and begins nothing."""
        form = StudentForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            payment, _ = TuitionPayment.objects.get_or_create(
                pk=form.cleaned_data["payment"],
                page=self,
                defaults={
                    "student": form.cleaned_data["student"],
                    "number": form.cleaned_data["number"],
                    "amount": self.amount,
                    "currency": self.currency,
                },
            )
            try:
                if payment.session is None:
                    payments.start(payment)
            except (InvalidPaymentSession, SessionRejected) as problem:
                # There is nothing to pay: the form may be sent again, corrected.
                self.payments.filter(pk=payment.pk, session=None).delete()
                add_faults(form, problem, {"client_customer_ref": "number"})
            else:
                return redirect(self.address_of(request, payment))
        status = 422 if form.errors else 200
        return self.render(request, context_overrides={"form": form}, status=status)

    @path("pay/<uuid:pk>/", name="pay")
    @method_decorator(payment_page)
    def pay(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show Redpin's page, or what became of the payment. Its random address is the key."""
        payment = get_object_or_404(self.payments, pk=pk)
        context = {
            "payment": payment,
            # What was paid and then refunded is over: who pays after that sends the form again.
            "renew_url": self.address_of(request, payment, "again") if payment.is_due else "",
        }
        return self.render(request, template="tuition/pay.html", context_overrides=context)

    @path("pay/<uuid:pk>/again/", name="again")
    def again(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Take the form that the tag shows where a session expired or was called off."""
        payment = get_object_or_404(self.payments, pk=pk)
        problem = ""
        if request.method == "POST" and payment.is_due:
            try:
                payments.start_again(payment)
            except RedpinError as error:
                problem = str(error.user_message)
        if not problem:
            return redirect(self.address_of(request, payment))
        context = {"payment": payment, "problem": problem}
        return self.render(request, template="tuition/pay.html", context_overrides=context)

    def address_of(self, request: HttpRequest, payment: TuitionPayment, name: str = "pay") -> str:
        return f"{self.get_url(request)}{self.reverse_subpage(name, args=[payment.pk])}"

    def render(self, request: HttpRequest, *args: Any, status: int = 200, **kwargs: Any) -> Any:
        response = super().render(request, *args, **kwargs)
        response.status_code = status
        return response


class TuitionPayment(models.Model):
    """What somebody pays for a student: the price of the page as it was when they began."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    page = models.ForeignKey(TuitionPage, on_delete=models.PROTECT, related_name="payments")
    student = models.CharField(max_length=100)
    number = models.CharField(max_length=20)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    session = models.OneToOneField(
        PaymentSession, on_delete=models.PROTECT, null=True, related_name="+"
    )
    paid_at = models.DateTimeField(null=True)
    refunded_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.page} for {self.student}"

    @property
    def is_due(self) -> bool:
        return self.paid_at is None

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)
