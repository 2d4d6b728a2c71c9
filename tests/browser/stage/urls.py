"""Where a test puts rows in place, and looks at the tag."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "stage"
urlpatterns = [
    path("rows/<str:model>/", views.add, name="add"),
    path("rows/<str:model>/<int:pk>/", views.change, name="change"),
    path("samples/", views.samples, name="samples"),
    path("newest/", views.newest, name="newest"),
    path("sessions/<str:numbers>/", views.sessions, name="sessions"),
    path("orders/<uuid:pk>/", views.order, name="order"),
]
