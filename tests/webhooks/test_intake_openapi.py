"""What the OpenAPI schema says of the webhook is what it does, whatever is posted."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_redpin.models import WebhookEvent
from django_redpin.rules.callback_tokens import sign

from .posting import REFERENCE, SECRET, path, post

generators = pytest.importorskip("drf_spectacular.generators", reason="No drf-spectacular here.")
schemathesis = pytest.importorskip("schemathesis", reason="No Schemathesis for this Python.")

from schemathesis.generation import GenerationMode  # noqa: E402
from schemathesis.specs.openapi import checks as conformance  # noqa: E402

import django_redpin.rest.schema  # noqa: E402, F401  The other views of these URLs.
from django_redpin.webhooks import schema as described  # noqa: E402

SESSION = "/redpin/webhooks/{account}/{client_reference_id}/{token}/"
ACCOUNT = "/redpin/webhooks/{account}/{token}/"
CHECKS = [
    schemathesis.checks.not_a_server_error,
    conformance.status_code_conformance,
    conformance.content_type_conformance,
    conformance.response_schema_conformance,
]
RIGHT = {
    SESSION: {
        "account": "default",
        "client_reference_id": REFERENCE,
        "token": sign(SECRET, "default", REFERENCE),
    },
    ACCOUNT: {"account": "default", "token": sign(SECRET, "default", "")},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = generators.SchemaGenerator(urlconf="tests.urls").get_schema(public=True)
    return found


def test_e17_both_urls_are_described_once_with_all_their_answers(document: dict[str, Any]) -> None:
    paths = {path: methods for path, methods in document["paths"].items() if "webhooks" in path}
    assert set(paths) == {SESSION, ACCOUNT}
    operations = [methods["post"] for methods in paths.values()]
    assert {op["operationId"] for op in operations} == {
        "redpin_session_webhook",
        "redpin_account_webhook",
    }
    for operation in operations:
        codes = {"200", "400", "401", "405", "413", "415", "429", "503"}
        assert set(operation["responses"]) == codes
        assert "security" not in operation or operation["security"] == []
        (content,) = operation["requestBody"]["content"].values()
        flat, nested, _ = content["schema"]["anyOf"]
        assert "payment_id" in flat["required"]
        assert "payment_id" in nested["properties"]["data"]["required"]


@pytest.mark.django_db
def test_e17_the_documented_example_is_stored(document: dict[str, Any]) -> None:
    (media,) = document["paths"][SESSION]["post"]["requestBody"]["content"].values()
    (example,) = media["examples"].values()

    assert post(path(), example["value"]).status_code == 200
    assert WebhookEvent.objects.get().payment_id == example["value"]["payment_id"]
    assert example["value"] == described._EXAMPLE


@pytest.fixture
def _the_connection_stays_open() -> Any:
    """Keep the handler from closing a connection that is within the test's transaction."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.usefixtures("_the_connection_stays_open")
@pytest.mark.parametrize(
    ("url", "mode", "is_forged"),
    [
        (SESSION, GenerationMode.POSITIVE, False),
        (SESSION, GenerationMode.NEGATIVE, False),
        (SESSION, GenerationMode.POSITIVE, True),
        (SESSION, GenerationMode.NEGATIVE, True),
        (ACCOUNT, GenerationMode.POSITIVE, False),
    ],
    ids=str,
)
def test_e17_every_post_is_answered_as_documented(
    document: dict[str, Any], url: str, mode: Any, is_forged: bool
) -> None:
    operations = schemathesis.openapi.from_dict(document)
    operations.app = WSGIHandler()
    parameters = dict(RIGHT[url])
    if is_forged:
        parameters["token"] = parameters["token"][::-1]
    cases = operations[url]["POST"].as_strategy(mode, path_parameters=parameters)
    codes: set[int] = set()

    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data: Any) -> None:
        case = data.draw(cases)
        codes.add(case.call_and_validate(checks=CHECKS).status_code)

    run()

    assert codes <= ({401, 415} if is_forged else {200, 400, 413, 415})
    assert (401 if is_forged else 200) in codes or mode is GenerationMode.NEGATIVE
    assert WebhookEvent.objects.exists() is (200 in codes)


@pytest.mark.slow
def test_e17_it_is_registered_where_the_project_has_drf_spectacular_and_only_there() -> None:
    code = """
import sys
import django
from django.conf import settings
apps = ["django.contrib.auth", "django.contrib.contenttypes", "rest_framework", "django_redpin"]
settings.configure(INSTALLED_APPS=[*apps, *sys.argv[1:]], REDPIN={})
django.setup()
print("django_redpin.webhooks.schema" in sys.modules, "drf_spectacular" in sys.modules)
"""
    for arguments, expected in (([], "False False"), (["drf_spectacular"], "True True")):
        command = [sys.executable, "-W", "error", "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == expected
