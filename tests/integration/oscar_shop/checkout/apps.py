"""The fork of Oscar's checkout app: one step more, where the order is paid."""

from __future__ import annotations

from typing import Any

from django.urls import path
from oscar.apps.checkout import apps
from oscar.core.loading import get_class


class CheckoutConfig(apps.CheckoutConfig):
    name = f"{__package__}"

    def ready(self) -> None:
        super().ready()
        self.pay_view = get_class("checkout.views", "PayView")
        self.start_again_view = get_class("checkout.views", "StartAgainView")

    def get_urls(self) -> list[Any]:
        # The hash lets guests come back to their order, as Oscar's own page of an order does.
        order = "pay/<str:order_number>/<str:order_hash>/"
        ours = [
            path(order, self.pay_view.as_view(), name="pay"),
            path(f"{order}again/", self.start_again_view.as_view(), name="start-again"),
        ]
        return [*super().get_urls(), *self.post_process_urls(ours)]
