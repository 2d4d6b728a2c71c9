"""The webhook within projects of all kinds: what is right is let in, what is forged is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import django
import pytest
from django.conf.urls.i18n import i18n_patterns
from django.contrib import admin
from django.db import connections
from django.http import HttpResponse
from django.urls import include, path, set_script_prefix
from pytest_django import Settings
from rest_framework.authentication import (
    BasicAuthentication,
    RemoteUserAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.exceptions import NotAcceptable, PermissionDenied
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import DjangoModelPermissions, IsAdminUser, IsAuthenticated
from rest_framework.renderers import BrowsableAPIRenderer, TemplateHTMLRenderer
from rest_framework.schemas.openapi import AutoSchema
from rest_framework.throttling import AnonRateThrottle, ScopedRateThrottle
from rest_framework.versioning import (
    AcceptHeaderVersioning,
    HostNameVersioning,
    NamespaceVersioning,
    QueryParameterVersioning,
    URLPathVersioning,
)
from rest_framework.views import APIView

from django_redpin.conf import get_account
from django_redpin.models import WebhookEvent
from django_redpin.services.callbacks import callback_url

from . import posting
from .posting import REFERENCE, post

pytestmark = pytest.mark.django_db

# A project that has the app below other paths, and its own pages by language.
urlpatterns = [
    path("api/v7/pay/", include("django_redpin.urls")),
    *i18n_patterns(path("admin/", admin.site.urls), path("<path:any>", lambda *_: HttpResponse())),
]

DJANGO = "django.middleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware"
WITH_USERS = [SESSIONS, f"{DJANGO}.common.CommonMiddleware", f"{DJANGO}.csrf.CsrfViewMiddleware"]
WITH_USERS += [f"{AUTH}.AuthenticationMiddleware"]


def middleware(*names: str) -> dict[str, Any]:
    return {"MIDDLEWARE": list(names)}


@dataclass(frozen=True)
class Project:
    """Its settings, its defaults for REST framework's views, and what its proxy sends on."""

    settings: dict[str, Any] = field(default_factory=dict)
    views: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=dict)


class NothingWillDo(BaseContentNegotiation):
    """A project's negotiation that no request satisfies."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        raise NotAcceptable

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        raise NotAcceptable


class OncePerDay(AnonRateThrottle):
    rate = "1/day"

    def allow_request(self, request: Any, view: Any) -> bool:
        return False


class Never(IsAuthenticated):
    def has_permission(self, request: Any, view: Any) -> bool:
        raise PermissionDenied


class OurV2Only(AcceptHeaderVersioning):
    allowed_versions = ("v2",)
    default_version = "v1"


SSL = {"SECURE_SSL_REDIRECT": True, "SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}
PROJECTS = {
    "nothing at all": Project(middleware()),
    "CsrfViewMiddleware": Project(middleware(*WITH_USERS)),
    "CSRF in the session": Project(middleware(*WITH_USERS) | {"CSRF_USE_SESSIONS": True}),
    "LoginRequiredMiddleware": Project(middleware(*WITH_USERS, f"{AUTH}.LoginRequiredMiddleware")),
    "RemoteUserMiddleware": Project(
        middleware(*WITH_USERS, f"{AUTH}.RemoteUserMiddleware"), headers={"REMOTE_USER": ""}
    ),
    "IsAuthenticated": Project(views={"permission_classes": [IsAuthenticated]}),
    "IsAdminUser": Project(views={"permission_classes": [IsAdminUser, DjangoModelPermissions]}),
    "permissions that raise": Project(views={"permission_classes": [Never]}),
    "SessionAuthentication": Project(views={"authentication_classes": [SessionAuthentication]}),
    "BasicAuthentication": Project(
        views={"authentication_classes": [BasicAuthentication]},
        headers={"HTTP_AUTHORIZATION": "Basic bm9ib2R5Om5vdGhpbmc="},
    ),
    "TokenAuthentication": Project(
        views={"authentication_classes": [TokenAuthentication]},
        headers={"HTTP_AUTHORIZATION": "Token none"},
    ),
    "RemoteUserAuthentication": Project(
        views={"authentication_classes": [RemoteUserAuthentication]}
    ),
    "all of REST framework's locks": Project(
        middleware(*WITH_USERS),
        {
            "authentication_classes": [SessionAuthentication, BasicAuthentication],
            "permission_classes": [IsAuthenticated],
            "throttle_classes": [OncePerDay],
            "renderer_classes": [BrowsableAPIRenderer],
        },
        {"HTTP_ACCEPT": "text/html"},
    ),
    "AnonRateThrottle": Project(views={"throttle_classes": [OncePerDay]}),
    "ScopedRateThrottle": Project(views={"throttle_classes": [ScopedRateThrottle]}),
    "BrowsableAPIRenderer": Project(
        views={"renderer_classes": [BrowsableAPIRenderer]}, headers={"HTTP_ACCEPT": "text/html"}
    ),
    "TemplateHTMLRenderer": Project(views={"renderer_classes": [TemplateHTMLRenderer]}),
    "parsers of forms alone": Project(views={"parser_classes": [MultiPartParser]}),
    "a negotiation of its own": Project(views={"content_negotiation_class": NothingWillDo}),
    "an Accept that nobody can meet": Project(headers={"HTTP_ACCEPT": "image/webp;q=1"}),
    "AcceptHeaderVersioning": Project(views={"versioning_class": OurV2Only}),
    "URLPathVersioning": Project(views={"versioning_class": URLPathVersioning}),
    "NamespaceVersioning": Project(views={"versioning_class": NamespaceVersioning}),
    "HostNameVersioning": Project(views={"versioning_class": HostNameVersioning}),
    "QueryParameterVersioning": Project(views={"versioning_class": QueryParameterVersioning}),
    "a schema of its own": Project(views={"schema": AutoSchema()}),
    "no users in REST framework": Project(
        {"REST_FRAMEWORK": {"UNAUTHENTICATED_USER": None, "UNAUTHENTICATED_TOKEN": None}}
    ),
    "an exception handler that fails": Project(
        {"REST_FRAMEWORK": {"EXCEPTION_HANDLER": "tests.nowhere"}}
    ),
    "SECURE_SSL_REDIRECT": Project(SSL, headers={"secure": True}),
    "SECURE_SSL_REDIRECT behind a proxy": Project(SSL, headers={"HTTP_X_FORWARDED_PROTO": "https"}),
    "PREPEND_WWW": Project({"PREPEND_WWW": True}, headers={"HTTP_HOST": "www.merchant.test"}),
    "a proxy that takes Authorization away": Project(
        views={"authentication_classes": [BasicAuthentication]}
    ),
    "a proxy that adds its own": Project(
        {"USE_X_FORWARDED_HOST": True, "USE_X_FORWARDED_PORT": True},
        headers={"HTTP_X_FORWARDED_HOST": "a.test", "HTTP_X_FORWARDED_FOR": "x, 10.0.0.1"},
    ),
    "GZipMiddleware": Project(
        middleware(f"{DJANGO}.gzip.GZipMiddleware"), headers={"HTTP_ACCEPT_ENCODING": "gzip"}
    ),
    "ConditionalGetMiddleware": Project(
        middleware(f"{DJANGO}.http.ConditionalGetMiddleware"),
        headers={"HTTP_IF_NONE_MATCH": "*", "HTTP_IF_MODIFIED_SINCE": "never"},
    ),
    "the cache of whole pages": Project(
        middleware(f"{DJANGO}.cache.UpdateCacheMiddleware", *WITH_USERS)
        | {"CACHE_MIDDLEWARE_SECONDS": 600}
    ),
    "FetchFromCacheMiddleware": Project(middleware(f"{DJANGO}.cache.FetchFromCacheMiddleware")),
    "BrokenLinkEmailsMiddleware": Project(
        middleware(f"{DJANGO}.common.BrokenLinkEmailsMiddleware"),
        headers={"HTTP_REFERER": "http://a.test/"},
    ),
    "LocaleMiddleware": Project(
        middleware(SESSIONS, f"{DJANGO}.locale.LocaleMiddleware"),
        headers={"HTTP_ACCEPT_LANGUAGE": "de"},
    ),
    "FORCE_SCRIPT_NAME": Project({"FORCE_SCRIPT_NAME": "/shop"}),
    "DEBUG": Project({"DEBUG": True}),
    "USE_TZ off": Project({"USE_TZ": False}),
    "another time zone": Project({"TIME_ZONE": "Asia/Dubai", "LANGUAGE_CODE": "ar"}),
}
if django.VERSION >= (6, 0):
    PROJECTS["a content security policy"] = Project(
        middleware(f"{DJANGO}.csp.ContentSecurityPolicyMiddleware")
    )


@pytest.mark.parametrize("slash", ["/", ""], ids=["with slash", "without slash"])
@pytest.mark.parametrize("append_slash", [True, False])
@pytest.mark.parametrize("name", PROJECTS)
def test_a14_what_is_right_is_stored_and_what_is_forged_is_not(
    name: str,
    append_slash: bool,
    slash: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = PROJECTS[name]
    for key, value in {**project.settings, "APPEND_SLASH": append_slash}.items():
        setattr(settings, key, value)
    for key, value in project.views.items():
        # As REST framework does with a project's defaults, which it reads when it is imported.
        monkeypatch.setattr(APIView, key, value)
    url = posting.path().rstrip("/") + slash

    forged = post(url.replace(REFERENCE, "ORDER-2"), **project.headers)
    assert (forged.status_code, WebhookEvent.objects.count()) == (401, 0)
    right = post(url, **project.headers)
    assert (right.status_code, right.content) == (200, b'{"detail":"stored"}')
    assert WebhookEvent.objects.count() == 1


def test_a14_below_another_path_it_answers_by_the_url_that_redpin_is_told(
    settings: Settings,
) -> None:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [SESSIONS, f"{DJANGO}.locale.LocaleMiddleware", *WITH_USERS[1:]]
    url = posting.path().replace("/redpin/", "/api/v7/pay/")

    assert callback_url(get_account(), REFERENCE) == f"https://merchant.test{url}"
    for form in (url, url.rstrip("/")):
        assert post(form.replace(REFERENCE, "ORDER-2")).status_code == 401
        assert post(form).status_code == 200
    assert WebhookEvent.objects.get().duplicates == 1


def test_a14_the_url_that_redpin_is_told_begins_with_the_script_name(settings: Settings) -> None:
    set_script_prefix("/shop/")
    try:
        url = callback_url(get_account(), REFERENCE)
    finally:
        set_script_prefix("/")

    assert url == f"https://merchant.test/shop{posting.path()}"
    settings.FORCE_SCRIPT_NAME = "/shop"
    assert post(posting.path()).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_a14_under_atomic_requests_what_is_forged_opens_no_transaction_and_what_is_right_is_kept(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)

    with django_assert_num_queries(0):
        assert post(posting.path().replace(REFERENCE, "ORDER-2")).status_code == 401
    with django_assert_num_queries(1):
        assert post(posting.path()).status_code == 200
    assert WebhookEvent.objects.count() == 1


def test_a14_with_prepend_www_the_address_without_it_is_a_redirect_that_django_makes(
    settings: Settings,
) -> None:
    settings.PREPEND_WWW = True

    assert post(posting.path(), HTTP_HOST="merchant.test").status_code == 301
    assert post(posting.path(), HTTP_HOST="www.merchant.test").status_code == 200
