"""What the OpenAPI schema says of a session's views is what they do, whatever they are asked."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.urls import path
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.embed import status_url
from django_redpin.models import PaymentSession
from tests.embed.reading import make_session

generators = pytest.importorskip("drf_spectacular.generators", reason="No drf-spectacular here.")
schemathesis = pytest.importorskip("schemathesis", reason="No Schemathesis for this Python.")

from drf_spectacular.drainage import GENERATOR_STATS  # noqa: E402
from drf_spectacular.utils import extend_schema  # noqa: E402
from drf_spectacular.validation import validate_schema  # noqa: E402
from schemathesis.generation import GenerationMode  # noqa: E402
from schemathesis.specs.openapi import checks as conformance  # noqa: E402

import django_redpin.rest.schema  # noqa: E402  As the app does, where drf-spectacular is one.
import django_redpin.webhooks.schema  # noqa: E402, F401

from . import shop  # noqa: E402

PAY: Final = "/orders/{number}/payment-session/"
RENEW: Final = "/payment-sessions/{reference}/renewal/"
STATUS: Final = "/redpin/sessions/{token}/"
DETAIL: Final = "/redpin/sessions/{account}/{client_reference_id}/"
# What leads to the views; most of anything else Django's own 404 answers.
WRONG: Final[dict[str, dict[str, Any]]] = {
    PAY: {"number": 8},
    RENEW: {"reference": "another"},
}
POSITIVE, NEGATIVE = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CHECKS: Final = [
    schemathesis.checks.not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_schema_conformance,
]


@pytest.fixture
def document() -> dict[str, Any]:
    GENERATOR_STATS.reset()
    generator = generators.SchemaGenerator(urlconf="tests.rest.shop")
    found: dict[str, Any] = generator.get_schema(public=True)
    return found


def test_e17_the_schema_is_right_and_without_a_warning(document: dict[str, Any]) -> None:
    validate_schema(document)  # type: ignore[no-untyped-call]

    assert not GENERATOR_STATS._warn_cache
    assert not GENERATOR_STATS._error_cache


def test_e17_every_address_is_described_once_with_its_answers(document: dict[str, Any]) -> None:
    assert {path for path in document["paths"] if "webhooks" not in path} == {
        *(PAY, RENEW, STATUS, DETAIL),
        *("/anybodys/{number}/", "/without-key/{number}/", "/without-override/{number}/"),
    }
    status = document["paths"][STATUS]["get"]
    assert status["operationId"] == "redpin_session_status"
    assert set(status["responses"]) == {"200", "304", "404", "405", "429", "503"}
    assert status["security"] == [{}]
    create = document["paths"][PAY]["post"]
    assert "requestBody" not in create
    assert {"201", "200", "202", "409", "422", "500", "503"} <= set(create["responses"])
    assert set(create["responses"]["409"]["content"]) == {"application/problem+json"}
    session = document["components"]["schemas"]["RedpinPaymentSession"]
    assert all(each["readOnly"] for each in session["properties"].values())
    assert "session_url" not in session["properties"]


def test_what_a_project_says_of_its_own_view_stays_said() -> None:
    @extend_schema(summary="Pay an order", tags=["orders"])
    class Described(shop.Pay):
        pass

    generator = generators.SchemaGenerator(
        patterns=[path("pay/<int:number>/", Described.as_view())]
    )
    operation = generator.get_schema(public=True)["paths"]["/pay/{number}/"]["post"]

    assert (operation["summary"], operation["tags"]) == ("Pay an order", ["orders"])
    assert "201" in operation["responses"]


@pytest.fixture
def _the_connection_stays_open() -> Iterator[None]:
    """Keep the handler from closing a connection that is within the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def credentials(payer: User) -> dict[str, str]:
    """The payer's, by HTTP Basic, which REST framework takes by default."""
    payer.set_password("canary")
    payer.save()
    return {"Authorization": f"Basic {base64.b64encode(b'payer:canary').decode()}"}


@pytest.fixture
def right(payer: User, settings: Settings, order: Any) -> dict[str, dict[str, Any]]:
    session = make_session(payer=payer)
    session.save()
    return {
        STATUS: {"token": status_url(session).split("/")[-2]},
        DETAIL: {"account": "default", "client_reference_id": session.client_reference_id},
        PAY: {"number": 7},
    }


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.usefixtures("_the_connection_stays_open", "redpin")
@pytest.mark.parametrize(
    ("url", "mode", "asked", "who", "answers"),
    [
        # What is asked for by GET has no part that could be wrong, but the path.
        (STATUS, POSITIVE, "right", "anonymous", {200, 304}),
        (STATUS, POSITIVE, "any", "anonymous", {404}),
        (DETAIL, POSITIVE, "right", "payer", {200, 304}),
        (DETAIL, POSITIVE, "right", "anonymous", {404}),
        (DETAIL, POSITIVE, "any", "payer", {404}),
        (PAY, POSITIVE, "right", "payer", {200, 201}),
        (PAY, NEGATIVE, "right", "payer", {200, 201}),
        (PAY, NEGATIVE, "right", "anonymous", {401, 403}),
        (PAY, POSITIVE, "wrong", "payer", {404}),
        (RENEW, POSITIVE, "wrong", "payer", {404}),
        (RENEW, NEGATIVE, "wrong", "payer", {404}),
    ],
    ids=str,
)
def test_e17_every_request_is_answered_as_documented(
    document: dict[str, Any],
    right: dict[str, dict[str, Any]],
    credentials: dict[str, str],
    url: str,
    mode: Any,
    asked: str,
    who: str,
    answers: set[int],
) -> None:
    method = "GET" if url in (STATUS, DETAIL) else "POST"
    operations = schemathesis.openapi.from_dict(document)
    operations.app = WSGIHandler()
    parameters = {"right": right.get(url), "wrong": WRONG.get(url), "any": None}[asked]
    fixed = {} if parameters is None else {"path_parameters": parameters}
    cases = operations[url][method].as_strategy(mode, **fixed)
    before = list(PaymentSession.objects.values())
    codes: set[int] = set()

    @hypothesis_settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: Any) -> None:
        cache.clear()
        case = data.draw(cases)
        headers = credentials if who == "payer" else {}
        codes.add(case.call_and_validate(checks=CHECKS, headers=headers).status_code)

    run()

    assert codes <= answers
    if method == "GET":
        assert list(PaymentSession.objects.values()) == before
