"""The shop's addresses. An order's holds its random key, which only its buyer has seen."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "properties"
urlpatterns = [
    path("", views.units, name="units"),
    path("units/<slug:reference>/", views.unit, name="unit"),
    path("units/<slug:reference>/reserve/", views.checkout, name="checkout"),
    path("orders/<uuid:order_id>/", views.order, name="order"),
    path("orders/<uuid:order_id>/pay/", views.pay, name="pay"),
    path("orders/<uuid:order_id>/renew/", views.renew, name="renew"),
    path("orders/<uuid:order_id>/status.json", views.status, name="status"),
]
