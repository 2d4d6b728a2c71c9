"""Who is told how a session stands, and that nobody else can tell whether there is one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from django.contrib.auth.models import Permission, User
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, get_resolver, resolve, reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from django_redpin.embed import status_url, tokens
from django_redpin.models import PaymentSession

from .reading import make_session

pytestmark = pytest.mark.django_db

MISSING: Final = {"detail": "Not found."}
HEADERS: Final = ("Content-Type", "Cache-Control", "X-Robots-Tag", "Allow", "Vary")
ODD: Final = [
    *("x", ".", "..", "...", "-", "~", "0", "null", "%00", "%0a", "%ff", "%2e%2e", "é", "\u0660"),
    *("a.b.c", "WzEsImRlZmF1bHQiXQ", "WzEsImRlZmF1bHQiXQ.1uX.", ".1uX.sig", "a:b:c", "[]", "{}"),
    *("x" * 100_000, "." * 5_000, "a." * 3_000, "'; DROP TABLE x; --", "<script>", "{{7*7}}"),
]


def detail(account: str = "default", reference: str = "order-7") -> str:
    return reverse("redpin:session-detail", args=(account, reference))


@pytest.fixture
def payer() -> User:
    return User.objects.create_user("payer")


@pytest.fixture
def session(payer: User) -> PaymentSession:
    session = make_session(payer=payer)
    session.save()
    return session


def staff(name: str, *codenames: str, **more: Any) -> User:
    user = User.objects.create_user(name, is_staff=True, **more)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def with_permission_alone() -> User:
    user = User.objects.create_user("user")
    user.user_permissions.add(Permission.objects.get(codename="view_paymentsession"))
    return user


OTHERS: Final[dict[str, Callable[[], User | None]]] = {
    "anonymous": lambda: None,
    "another user": lambda: User.objects.create_user("other"),
    "staff without permissions": lambda: staff("staff"),
    "staff with other permissions": lambda: staff(
        "staff", "change_paymentsession", "view_recipient", "view_webhookevent"
    ),
    "the permission without being staff": with_permission_alone,
}


def login(client: Client, user: User | None) -> Client:
    if user is not None:
        client.force_login(user)
    return client


def test_e24_the_payer_is_told(session: PaymentSession, payer: User, client: Client) -> None:
    client.force_login(payer)

    with CaptureQueriesContext(connection) as captured:
        response = client.get(detail())

    assert len(captured) == 3  # The login's two, and the session.
    assert (response.status_code, response.json()["reference"]) == (200, "order-7")
    assert response.json() == client.get(status_url(session)).json()


@pytest.mark.parametrize("is_superuser", [False, True])
def test_e24_staff_who_may_view_sessions_are_told(
    session: PaymentSession, client: Client, is_superuser: bool
) -> None:
    permissions = () if is_superuser else ("view_paymentsession",)
    client.force_login(staff("staff", *permissions, is_superuser=is_superuser))

    assert client.get(detail()).status_code == 200
    assert client.get(detail(reference="none")).status_code == 404


@pytest.mark.parametrize("who", OTHERS)
def test_e24_nobody_else_can_tell_whether_there_is_one(
    session: PaymentSession, client: Client, who: str
) -> None:
    login(client, OTHERS[who]())
    seen: set[tuple[Any, ...]] = set()
    for url in (
        detail(),
        detail(reference="none"),
        detail(account="gulf"),
        detail(account="none", reference="x" * 3000),
    ):
        with CaptureQueriesContext(connection) as captured:
            response = client.get(url)
        told = [response.get(name) for name in HEADERS]
        seen.add((response.status_code, response.content, str(told), len(captured)))
        assert (response.status_code, response.json()) == (404, MISSING)

    assert len(seen) == 1, seen


def test_e24_the_reference_of_another_accounts_session_is_no_way_in(
    session: PaymentSession, payer: User, client: Client
) -> None:
    """The same reference in two accounts: each payer is told of the one of the account alone."""
    other = make_session(account="gulf", payer=User.objects.create_user("other"))
    other.save()
    client.force_login(payer)

    assert client.get(detail("default")).status_code == 200
    assert client.get(detail("gulf")).json() == MISSING


def test_e24_a_session_without_a_payer_is_nobodys(client: Client) -> None:
    make_session().save()

    for who in OTHERS.values():
        assert login(Client(), who()).get(detail()).status_code == 404
        User.objects.all().delete()


def test_e24_a_payer_who_was_locked_out_is_told_nothing(
    session: PaymentSession, payer: User, client: Client
) -> None:
    client.force_login(payer)
    User.objects.update(is_active=False)

    assert client.get(detail()).json() == MISSING


def test_e24_every_address_of_a_session_is_in_these_tests() -> None:
    """A new URL has to be asked by the same people."""
    names = {
        getattr(pattern, "name", None)
        for pattern in get_resolver("django_redpin.urls").url_patterns
        if "session" in str(pattern.pattern)
    }

    assert names == {"session-status", "session-detail", None}


@pytest.mark.parametrize("who", [*OTHERS, "the payer"])
def test_e24_the_token_is_the_only_way_in_by_its_address(
    session: PaymentSession, payer: User, client: Client, who: str
) -> None:
    login(client, payer if who == "the payer" else OTHERS[who]())
    right = status_url(session)
    token = right.split("/")[-2]
    value, stamp, signature = token.split(".")
    other = signing.TimestampSigner(salt=tokens.SALT, sep=".").sign_object([session.pk, "gulf"])
    signed_elsewhere = signing.TimestampSigner(sep=".").sign_object([session.pk, "default"])
    old = signing.TimestampSigner(salt=tokens.SALT, sep=".", key="old")

    assert client.get(right).status_code == 200
    for forged in (
        f"{value}.{stamp}.{signature[:-1]}",
        f"{value}.{stamp}.{signature[::-1]}",
        f"{value}x.{stamp}.{signature}",
        f"{value}.zzzzzz.{signature}",
        token.upper(),
        other,
        signed_elsewhere,
        old.sign_object([session.pk, "default"]),
        str(session.pk),
        session.client_reference_id,
    ):
        response = client.get(reverse("redpin:session-status", args=(forged,)))
        assert (response.status_code, response.json()) == (404, MISSING), forged


def test_e24_expired_deleted_and_forged_tokens_get_the_same_answer(
    session: PaymentSession, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = status_url(session)
    forged = client.get(url[:-2] + "x/")
    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("django.core.signing.time.time", lambda: now + 86_402)
        expired = client.get(url)
    session.delete()
    deleted = client.get(url)

    for response in (expired, deleted):
        assert (response.status_code, response.content) == (forged.status_code, forged.content)
        assert [response.get(n) for n in HEADERS] == [forged.get(n) for n in HEADERS]
    assert forged.json() == MISSING


@pytest.mark.parametrize("token", ODD, ids=lambda token: repr(token[:20]))
def test_e24_no_token_is_too_odd_to_be_answered(client: Client, token: str) -> None:
    for slash in ("/", ""):
        response = client.get(f"/redpin/sessions/{token}{slash}", follow=False)
        assert response.status_code == 404


@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(token=st.text(min_size=1))
def test_e24_nor_is_any_other(client: Client, token: str) -> None:
    assert tokens.read_token(token) is None


@pytest.mark.parametrize("path", ["a/order-7//", "a/order-7\x00/", "a/order-7 /", "/order-7/"])
def test_e24_an_account_and_a_reference_are_plain_names(path: str) -> None:
    with pytest.raises(Resolver404):
        resolve(f"/redpin/sessions/{path}")


@dataclass
class Device:
    """What logs in with a project's own scheme, and is no row of the users."""

    pk: int
    is_authenticated: bool = True
    is_staff: bool = True

    def has_perm(self, permission: str) -> bool:
        return True


class ByHeader(BaseAuthentication):
    """A project's own scheme, such as a token or a JWT."""

    def authenticate(self, request: Any) -> tuple[Any, None] | None:
        kind, _, name = request.headers.get("Authorization", "").partition(" ")
        if kind == "Device":
            return Device(int(name)), None
        if kind != "Token":
            return None
        user = User.objects.filter(username=name).first()
        if user is None:
            raise AuthenticationFailed
        return user, None

    def authenticate_header(self, request: Any) -> str:
        return "Token"


@pytest.fixture
def _an_api(settings: Settings) -> None:
    settings.REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": [f"{__name__}.ByHeader"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    }


@pytest.mark.usefixtures("_an_api")
def test_a_project_with_tokens_of_its_own_has_them_taken(
    session: PaymentSession, payer: User, client: Client
) -> None:
    User.objects.create_user("other")

    def ask(credentials: str) -> int:
        return client.get(detail(), headers={"Authorization": credentials}).status_code

    assert (ask("Token payer"), ask("Token other"), ask("")) == (200, 404, 404)
    refused = client.get(detail(), headers={"Authorization": "Token nobody"})
    # The app's token has run out: it has to learn that, and learns nothing of the session.
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Token")
    unknown = client.get(detail(reference="none"), headers={"Authorization": "Token nobody"})
    assert unknown.content == refused.content
    client.force_login(payer)
    assert ask("") == 200


@pytest.mark.usefixtures("_an_api")
def test_e24_what_is_no_user_is_not_the_payer_by_having_the_same_key(
    session: PaymentSession, payer: User, client: Client
) -> None:
    response = client.get(detail(), headers={"Authorization": f"Device {payer.pk}"})

    assert response.json() == MISSING


def test_the_answer_by_login_is_kept_apart_for_each_user(
    session: PaymentSession, payer: User, client: Client
) -> None:
    client.force_login(payer)
    for response in (client.get(detail()), client.get(detail(reference="none"))):
        assert {"Cookie", "Authorization"} <= set(response["Vary"].split(", "))
        assert response["Cache-Control"] == "private, no-cache"
    etag = client.get(detail())["ETag"]
    assert client.get(detail(), headers={"If-None-Match": etag}).status_code == 304
    known = Client().get(detail(), headers={"If-None-Match": etag})
    assert (known.status_code, known.json()) == (404, MISSING)
    assert Client().get(detail(), headers={"If-None-Match": "*"}).status_code == 404


def test_without_a_login_page_in_between(
    session: PaymentSession, payer: User, client: Client, settings: Settings
) -> None:
    login_required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, login_required]

    assert client.get(detail()).json() == MISSING
    client.force_login(payer)
    assert client.get(detail()).status_code == 200
    assert client.post(detail()).status_code == 405


def test_a_project_whose_visitors_are_nobody_at_all(
    session: PaymentSession, client: Client, settings: Settings
) -> None:
    settings.REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}
    settings.MIDDLEWARE = []

    assert client.get(detail()).json() == MISSING
