"""Two tenants on one platform: each has its own account, address and admin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from django_redpin.conf import get_account
from django_redpin.exceptions import ConfigurationError, UnknownAccount
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent
from django_redpin.services import Share, create_payment_session
from example_project.tenants.accounts import redpin_account
from example_project.tenants.middleware import TenantMiddleware
from example_project.tenants.models import Tenant
from tests.redpin_server import FakeRedpin


@pytest.fixture
def tenants(settings: Settings, db: None, tmp_path: Path) -> tuple[Tenant, Tenant]:
    settings.REDPIN = {
        **settings.REDPIN,
        "ACCOUNT_RESOLVER": "example_project.tenants.accounts.redpin_account",
    }
    settings.TENANT_SECRETS = tmp_path
    settings.ROOT_URLCONF = "tests.example.tenant_urls"
    acme, globex = (
        Tenant.objects.create(
            slug=slug,
            name=slug.title(),
            host=f"{slug}.test",
            client_id=f"client-{slug}",
            customer_id=f"customer-{slug}",
        )
        for slug in ("acme", "globex")
    )
    for slug in ("acme", "globex"):
        (tmp_path / f"{slug}.secret").write_text(f"secret-of-{slug}\n")
    return acme, globex


@pytest.fixture
def staff(tenants: tuple[Tenant, Tenant]) -> Client:
    """Somebody of the first tenant's, who has every permission of the app."""
    user = User.objects.create_user("ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="redpin"))
    tenants[0].staff.add(user)
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def sessions(
    redpin: FakeRedpin,
    tenants: tuple[Tenant, Tenant],
    arguments: dict[str, Any],
    settings: Settings,
) -> tuple[PaymentSession, PaymentSession]:
    """A session of each, with an event and a line in the journal."""
    made = []
    # The Redpin of the tests knows one client.
    Tenant.objects.update(client_id=settings.REDPIN["CLIENT_ID"])
    for tenant in tenants:
        secret = Path(settings.TENANT_SECRETS, f"{tenant.slug}.secret")
        secret.write_text(settings.REDPIN["CLIENT_SECRET"])
        payee = Recipient.objects.create(
            account=tenant.slug,
            name=f"Payee of {tenant.name}",
            country_code="ARE",
            currency="AED",
            recipient_id=f"of-{tenant.slug}",
        )
        session = create_payment_session(
            **{**arguments, "recipients": [Share(payee, arguments["amount"])]},
            account=tenant.slug,
            client_reference_id=f"ORDER-{tenant.slug}",
        )
        WebhookEvent.objects.create(
            account=tenant.slug,
            session=session,
            client_reference_id=session.client_reference_id,
            key=tenant.slug,
            body=b"{}",
            verifier="session token",
        )
        made.append(session)
    return made[0], made[1]


def test_a_tenants_account_is_what_its_row_and_the_secret_store_say(
    tenants: tuple[Tenant, Tenant],
) -> None:
    account = get_account("acme")

    assert (account.client_id, account.customer_id) == ("client-acme", "customer-acme")
    assert account.client_secret == "secret-of-acme"
    assert account.webhook_base_url == "https://acme.test"


def test_a_new_secret_holds_at_once(tenants: tuple[Tenant, Tenant], tmp_path: Path) -> None:
    assert get_account("acme").client_secret == "secret-of-acme"
    (tmp_path / "acme.secret").write_text("another")
    assert get_account("acme").client_secret == "another"


def test_who_is_no_tenant_has_no_account(tenants: tuple[Tenant, Tenant]) -> None:
    assert redpin_account("ACME") is None
    with pytest.raises(UnknownAccount):
        get_account("initech")


def test_without_its_secret_a_tenant_is_half_configured(
    tenants: tuple[Tenant, Tenant], tmp_path: Path
) -> None:
    (tmp_path / "acme.secret").unlink()
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        get_account("acme")


@pytest.mark.parametrize("slug", ["Acme", "-acme", "a cme", "acme\n"])
def test_an_alias_is_in_lower_case(tenants: tuple[Tenant, Tenant], slug: str) -> None:
    tenants[0].slug = slug
    with pytest.raises(ValidationError, match="slug"):
        tenants[0].full_clean()


def test_who_left_is_still_asked_about(tenants: tuple[Tenant, Tenant]) -> None:
    Tenant.objects.filter(slug="acme").update(takes_payments=False)
    assert get_account("acme").client_id == "client-acme"


@pytest.mark.parametrize("host", ["globex.test", "globex.test:8000"])
def test_the_host_says_whose_site_it_is(tenants: tuple[Tenant, Tenant], host: str) -> None:
    seen: list[object] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(vars(request)["tenant"])
        return HttpResponse()

    TenantMiddleware(view)(RequestFactory().get("/", headers={"host": host}))
    TenantMiddleware(view)(RequestFactory().get("/", headers={"host": "initech.test"}))

    assert seen == [tenants[1], None]


def test_redpin_posts_to_the_tenants_own_address(
    redpin: FakeRedpin, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    posted = {call.path: call.body.decode() for call in redpin.calls if call.method == "POST"}

    assert "https://acme.test/redpin/webhooks/acme/ORDER-acme/" in "".join(
        body for path, body in posted.items() if "customer-acme" in path
    )


@pytest.mark.parametrize("page", ["paymentsession", "webhookevent", "recipient"])
def test_staff_see_what_is_their_tenants(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession], page: str
) -> None:
    text = staff.get(f"/admin/redpin/{page}/").content.decode()

    assert "acme" in text.lower()
    assert "globex" not in text.lower()


def test_staff_see_their_tenants_journal(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    text = staff.get("/admin/redpin/statustransition/").content.decode()

    assert "ORDER-acme" in text
    assert "globex" not in text


def test_staff_open_no_page_of_another_tenant(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    for model in (PaymentSession, WebhookEvent, StatusTransition, Recipient):
        lookup = "session__account" if model is StatusTransition else "account"
        for alias, code in (("acme", 200), ("globex", 302)):
            row = model._default_manager.filter(**{lookup: alias}).first()
            assert row is not None
            name = model._meta.model_name
            assert staff.get(f"/admin/redpin/{name}/{row.pk}/change/").status_code == code
            assert staff.get(f"/admin/redpin/{name}/{row.pk}/history/").status_code == code


def test_staff_take_no_rows_of_another_tenant_away(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    answer: Any = staff.post(
        "/admin/redpin/paymentsession/export/", {"columns": ["client_reference_id"]}
    )
    text = b"".join(answer.streaming_content).decode()

    assert "ORDER-acme" in text
    assert "globex" not in text


def test_staff_have_the_overview_of_their_tenant_alone(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    def code(query: str) -> int:
        return staff.get(f"/admin/redpin/paymentsession/overview/{query}").status_code

    assert [code(query) for query in ("?account=acme", "?account=globex", "")] == [200, 403, 403]


def test_staff_act_on_no_session_of_another_tenant(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession], redpin: FakeRedpin
) -> None:
    def calls_of(session: PaymentSession) -> int:
        before = len(redpin.calls)
        staff.post(reverse("admin:redpin_paymentsession_refresh"), {"rows": session.pk})
        return len(redpin.calls) - before

    assert [calls_of(session) for session in sessions] == [1, 0]


def test_staff_add_payees_of_their_tenant_alone(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    def add(account: str) -> bool:
        known: dict[str, Any] = {
            "name": "New",
            "type": "Individual",
            "country_code": "ARE",
            "currency": "AED",
        }
        staff.post(
            "/admin/redpin/recipient/add/",
            {**known, "account": account, "recipient_id": f"new-{account}"},
        )
        return Recipient.objects.filter(recipient_id=f"new-{account}").exists()

    assert add("acme")
    assert not add("globex")


def test_staff_ask_for_no_status_by_reference(
    staff: Client, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    assert staff.get("/redpin/sessions/globex/ORDER-globex/").status_code == 404


def test_a_superuser_sees_all_tenants(
    admin_client: Client, sessions: tuple[PaymentSession, PaymentSession]
) -> None:
    text = admin_client.get("/admin/redpin/paymentsession/").content.decode()
    answer = admin_client.get("/admin/redpin/paymentsession/overview/")

    assert "ORDER-acme" in text
    assert "ORDER-globex" in text
    assert answer.status_code == 200
