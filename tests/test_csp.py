"""The sources for a content security policy, in the settings and in the real middleware of both."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Final

import django
import pytest
from csp.constants import NONCE as DJANGO_CSP_NONCE
from csp.decorators import csp as django_csp_override
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.test import Client
from django.urls import path
from pytest_django import Settings

from django_redpin.csp import add_redpin_csp, redpin_csp
from django_redpin.rules.content_security import parsed
from tests.embed.reading import TAG, Page, State, make_session

PAY: Final = "https://pay.redpin.test"
GULF: Final = "https://gulf.redpin.test"
REDPIN: Final = {
    "HOSTED_PAGE_ORIGINS": [PAY],
    "ACCOUNTS": {"gulf": {"HOSTED_PAGE_ORIGINS": [GULF, PAY]}, "other": {}},
}
NEEDED: Final = {
    "frame-src": [PAY, GULF],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'", PAY, GULF],
    "frame-ancestors": ["'self'"],
}
SENTINEL: Final = "<CSP_NONCE_SENTINEL>"  # Django's, which 5.2 does not have.
needs_django_6: Final = pytest.mark.skipif(
    django.VERSION < (6, 0), reason="Django 5.2 has no policy of its own."
)


def show(request: HttpRequest) -> HttpResponse:
    context = {"session": make_session(state=State.OPEN), "renew_url": ""}
    return HttpResponse(Template(TAG).render(RequestContext(request, context)))


def override(request: HttpRequest) -> HttpResponse:
    from django.views.decorators.csp import csp_override  # Which Django 5.2 has not.

    policy = add_redpin_csp({"default-src": ["'none'"]})
    response: HttpResponse = csp_override(policy)(show)(request)
    return response


@django_csp_override(add_redpin_csp({"default-src": ["'none'"]}, REDPIN))
def django_csp_view(request: HttpRequest) -> HttpResponse:
    return show(request)


urlpatterns = [
    path("pay/", show),
    path("override/", override),
    path("django-csp/", django_csp_view),
]


@pytest.fixture(autouse=True)
def _urls(settings: Settings) -> None:
    settings.ROOT_URLCONF = __name__


def test_a33_the_sources_are_those_of_all_accounts() -> None:
    assert redpin_csp(REDPIN) == NEEDED


def test_a33_without_an_argument_the_settings_are_read(settings: Settings) -> None:
    settings.REDPIN = REDPIN
    settings.STATIC_URL = "https://cdn.test/static/"

    assert redpin_csp() == {
        **NEEDED,
        "script-src": ["'self'", "https://cdn.test"],
        "style-src": ["'self'", "https://cdn.test"],
    }


@pytest.mark.parametrize(
    ("static_url", "sources"),
    [
        ("/static/", ["'self'"]),
        ("static/", ["'self'"]),
        (None, ["'self'"]),
        ("//cdn.test/x/", ["'self'", "https://cdn.test"]),
        ("https://cdn.test:8443/", ["'self'", "https://cdn.test:8443"]),
    ],
)
def test_static_files_may_come_from_elsewhere(static_url: str | None, sources: list[str]) -> None:
    assert redpin_csp(REDPIN, static_url=static_url)["script-src"] == sources


@pytest.mark.parametrize(
    "redpin",
    [
        *({}, {"HOSTED_PAGE_ORIGINS": None}, {"HOSTED_PAGE_ORIGINS": PAY}, {"ACCOUNTS": [1]}),
        *({"HOSTED_PAGE_ORIGINS": [None, 7, f"{PAY}/", f"{PAY}; script-src *", "*", "'self'"]},),
        *({"ACCOUNTS": {"a": None, "b": {"HOSTED_PAGE_ORIGINS": 7}}},),
        *({"HOSTED_PAGE_ORIGINS": ["https://*", "javascript://x", f"{PAY} *", "data:"]},),
    ],
    ids=str,
)
def test_what_is_no_origin_gets_into_no_policy(redpin: dict[str, Any]) -> None:
    assert redpin_csp(redpin)["frame-src"] == ["'none'"]
    assert redpin_csp(redpin)["form-action"] == ["'self'"]


@pytest.mark.parametrize(
    ("policy", "changed"),
    [
        ({}, {}),
        (
            {"default-src": ["'self'", "https://cdn.test"]},
            {
                "frame-src": ["'self'", "https://cdn.test", PAY, GULF],
                "script-src": ["'self'", "https://cdn.test"],
                "style-src": ["'self'", "https://cdn.test"],
                "connect-src": ["'self'", "https://cdn.test"],
            },
        ),
        (
            {"default-src": ("'none'",), "form-action": "'none'", "child-src": {"blob:"}},
            {
                "frame-src": ["blob:", PAY, GULF],
                "script-src": ["'self'"],
                "style-src": ["'self'"],
                "connect-src": ["'self'"],
                "form-action": ["'self'", PAY, GULF],
            },
        ),
        ({"frame-src": "'none'"}, {"frame-src": [PAY, GULF]}),
        ({"frame-src": "'self' data:"}, {"frame-src": ["'self'", "data:", PAY, GULF]}),
        ({"frame-src": True}, {"frame-src": [PAY, GULF]}),
        (
            {"script-src": [SENTINEL], "script-src-elem": [SENTINEL, "'strict-dynamic'"]},
            {"script-src-elem": [SENTINEL, "'strict-dynamic'", "'self'"]},
        ),
        ({"style-src": [DJANGO_CSP_NONCE]}, {"style-src": [DJANGO_CSP_NONCE, "'self'"]}),
        ({"default-src": None, "frame-src": False}, {}),
        ({"frame-ancestors": ["'none'"]}, {"frame-ancestors": ["'none'"]}),
    ],
    ids=str,
)
def test_a33_a_policy_is_loosened_by_what_is_needed_and_never_made_stricter(
    policy: dict[str, Any], changed: dict[str, Any]
) -> None:
    before = dict(policy)

    merged = add_redpin_csp(policy, REDPIN)

    assert merged == {"frame-ancestors": ["'self'"], **policy, **changed}
    assert policy == before
    assert add_redpin_csp(merged, REDPIN) == merged


def test_a33_a_settings_module_can_call_it(tmp_path: Path) -> None:
    (tmp_path / "shop_settings.py").write_text(
        textwrap.dedent(
            """
            from django_redpin.csp import add_redpin_csp, redpin_csp

            REDPIN = {"HOSTED_PAGE_ORIGINS": ["https://pay.redpin.test"]}
            STATIC_URL = "https://cdn.test/"
            SECURE_CSP = add_redpin_csp({"default-src": ["'self'"]}, REDPIN, static_url=STATIC_URL)
            """
        )
    )
    script = (
        "import sys; from django.conf import settings; settings.SECURE_CSP;"
        "print(settings.SECURE_CSP['frame-src'], settings.SECURE_CSP['script-src']);"
        "print(sorted(n for n in sys.modules if n.startswith('django_redpin.models')))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "shop_settings",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.splitlines() == [
        "[\"'self'\", 'https://pay.redpin.test'] [\"'self'\", 'https://cdn.test']",
        "[]",
    ], done.stderr


def nonces(html: str) -> list[str]:
    page = Page(html)
    return [page.one(tag).attributes["nonce"] for tag in ("script", "link")]


def test_a33_without_a_policy_no_element_has_a_nonce() -> None:
    page = Page(Client().get("/pay/").content.decode())

    assert not any("nonce" in each.attributes for each in page.elements)


@needs_django_6
@pytest.mark.parametrize("has_processor", [True, False])
def test_a33_with_djangos_middleware_our_elements_bear_its_nonce(
    settings: Settings, has_processor: bool
) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        *settings.MIDDLEWARE,
    ]
    if has_processor:
        (engine,) = settings.TEMPLATES
        options = engine["OPTIONS"]
        processors = [*options["context_processors"], "django.template.context_processors.csp"]
        settings.TEMPLATES = [{**engine, "OPTIONS": {**options, "context_processors": processors}}]
    settings.SECURE_CSP = add_redpin_csp(
        {"default-src": ["'none'"], "script-src": [SENTINEL, "'strict-dynamic'"]}, REDPIN
    )

    response = Client().get("/pay/")

    policy = parsed(response["Content-Security-Policy"])
    one, other = nonces(response.content.decode())
    assert one == other
    assert policy["script-src"] == [f"'nonce-{one}'", "'strict-dynamic'", "'self'"]
    assert policy["frame-src"] == [PAY, GULF]
    assert policy["frame-ancestors"] == ["'self'"]


@needs_django_6
def test_a33_a_view_may_have_a_policy_of_its_own(settings: Settings) -> None:
    settings.MIDDLEWARE = [
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        *settings.MIDDLEWARE,
    ]
    settings.SECURE_CSP = {"default-src": ["'none'"]}

    pay, override = Client().get("/pay/"), Client().get("/override/")

    assert parsed(pay["Content-Security-Policy"]) == {"default-src": ["'none'"]}
    assert parsed(override["Content-Security-Policy"])["frame-src"] == [PAY]


def test_a33_with_django_csp_our_elements_bear_its_nonce(settings: Settings) -> None:
    settings.MIDDLEWARE = ["csp.middleware.CSPMiddleware", *settings.MIDDLEWARE]
    directives = {"default-src": ["'self'"], "script-src": [DJANGO_CSP_NONCE]}
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": add_redpin_csp(directives, REDPIN)}

    response = Client().get("/pay/")

    policy = parsed(response["Content-Security-Policy"])
    one, other = nonces(response.content.decode())
    assert one == other
    assert policy["script-src"] == [f"'nonce-{one}'", "'self'"]
    assert policy["frame-src"] == ["'self'", PAY, GULF]


def test_a33_a_view_may_have_a_policy_of_its_own_by_django_csp(settings: Settings) -> None:
    settings.MIDDLEWARE = ["csp.middleware.CSPMiddleware", *settings.MIDDLEWARE]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": ["'none'"]}}

    pay, own = Client().get("/pay/"), Client().get("/django-csp/")

    assert parsed(pay["Content-Security-Policy"]) == {"default-src": ["'none'"]}
    assert parsed(own["Content-Security-Policy"])["frame-src"] == [PAY, GULF]
