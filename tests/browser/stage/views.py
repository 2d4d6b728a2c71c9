"""The stage's views. Whoever reaches them may do anything: they are for tests on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from django.apps import apps
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.test import override_settings
from django.utils import translation
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from django_redpin.models import PaymentSession
from example_project.properties.samples import add_samples
from example_project.properties.views import pay

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest


@csrf_exempt
@require_POST
def add(request: HttpRequest, model: str) -> JsonResponse:
    """Make a row of the model (`app.name`), with the fields that the JSON names."""
    row = apps.get_model(model)._default_manager.create(**json.loads(request.body))
    return JsonResponse({"pk": row.pk})


@csrf_exempt
@require_POST
def change(request: HttpRequest, model: str, pk: int) -> JsonResponse:
    """Change a row's fields."""
    rows = apps.get_model(model)._default_manager.filter(pk=pk)
    return JsonResponse({"rows": rows.update(**json.loads(request.body))})


@csrf_exempt
@require_POST
def samples(request: HttpRequest) -> JsonResponse:
    """Store the example's sample payments, unless they are there."""
    return JsonResponse({"stored": add_samples()})


@require_safe
def newest(request: HttpRequest) -> JsonResponse:
    """Tell the newest session's primary key."""
    return JsonResponse({"pk": PaymentSession.objects.latest("pk").pk})


@require_safe
def sessions(request: HttpRequest, numbers: str) -> HttpResponse:
    """Show these sessions, one after the other; the query names the tag's options."""
    wanted = [int(number) for number in numbers.split(",")]
    found = PaymentSession.objects.in_bulk(wanted)
    options = {name: request.GET.get(name, "") for name in ("mode", "theme", "height", "title")}
    context = {**options, "sessions": [found[pk] for pk in wanted], "renew_url": "/stage/renew/"}
    with translation.override(request.GET.get("language", settings.LANGUAGE_CODE)):
        return render(request, "stage/session.html", context)


@require_safe
def order(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Show an order's payment page as if the settings had the mode that the query names."""
    with override_settings(PAYMENT_PAGE_MODE=request.GET["mode"]):
        return pay(request, pk)
