"""Export: what is listed, exact, harmless in a spreadsheet, and noted."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, Final

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth.models import User
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.admin import export
from django_redpin.admin.export_columns import ON_DEMAND, SessionResource, harmless
from django_redpin.admin.sessions import PaymentSessionAdmin
from django_redpin.models import PaymentSession, Recipient

from .world import HOSTILE, SESSION_URL, World, make_session, may, page

COLUMNS: Final = [name for name in SessionResource().get_export_headers() if name not in ON_DEMAND]


def send(client: Client, query: str = "", columns: list[str] | None = None) -> Any:
    """Export by POST; return the response, of which nothing is read yet."""
    form = {"columns": COLUMNS if columns is None else columns}
    response: Any = client.post(page(PaymentSession, "export") + query, form)
    assert response.status_code == 200
    assert response.streaming
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    return response


def rows_of(
    client: Client, query: str = "", columns: list[str] | None = None
) -> list[dict[str, str]]:
    """Export by POST; return the rows of the file."""
    text = send(client, query, columns).getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def clerk(client: Client, *codenames: str) -> User:
    person = User.objects.create_user("clerk", is_staff=True)
    person.user_permissions.add(*(may(codename) for codename in codenames))
    client.force_login(person)
    return person


def test_e27_amounts_are_exact_and_times_are_in_utc_whatever_the_reader_speaks(
    admin_client: Client, escrow: Recipient, settings: Settings
) -> None:
    settings.LANGUAGE_CODE, settings.TIME_ZONE = "de", "Asia/Dubai"
    make_session(1, escrow, amount="1234567890.10", currency="AED")
    make_session(2, escrow, amount="1500.0000", currency="JPY")
    make_session(3, escrow, amount="0.125", currency="KWD")

    rows = rows_of(admin_client)

    assert [(row["amount"], row["currency"]) for row in rows] == [
        ("0.125", "KWD"),
        ("1500", "JPY"),
        ("1234567890.10", "AED"),
    ]
    assert rows[0]["expires_at"] == "2026-11-22T14:00:00+00:00"
    assert rows[0]["due_date"] == "2026-12-24"


def test_e27_formulas_are_escaped_in_every_cell(admin_client: Client, escrow: Recipient) -> None:
    for number, begin in enumerate(
        ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1")
    ):
        payer = User.objects.create_user(f"{number}", first_name=begin)
        make_session(number, escrow, client_customer_ref=begin, last_error=begin, payer=payer)

    for row in rows_of(admin_client):
        for name in ("client_customer_ref", "last_error"):
            assert row[name].startswith("'"), row
        assert row["payer"].startswith("'")


@given(st.text())
def test_e27_no_cell_begins_like_a_formula(text: str) -> None:
    cell = harmless(text)

    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not cell.startswith(("\t", "\r", "\n"))
    assert cell in (text, f"'{text}")


def test_e26_no_secret_and_no_more_than_was_asked_for_is_exported(
    admin_client: Client, world: World
) -> None:
    text = send(admin_client).getvalue().decode()

    assert "canary-session-url" not in text
    assert "CANARY" not in text
    hidden = {"session_url", "fingerprint", "metadata", "callbacks", "idempotency_key"}
    assert hidden.isdisjoint(text.splitlines()[0].lstrip("\ufeff").split(","))
    asked = rows_of(admin_client, columns=["client_reference_id", "metadata"])
    assert list(asked[0]) == ["client_reference_id", "metadata"]
    assert any(HOSTILE[:8] in row["metadata"] for row in asked)


def test_e26_what_redpin_repeated_of_a_request_is_not_exported(
    admin_client: Client, escrow: Recipient
) -> None:
    said = f"AE070331234567890123456 is wrong, see {SESSION_URL}"
    make_session(1, escrow, last_error=said)

    (row,) = rows_of(admin_client)

    assert row["last_error"] == "[hidden] is wrong, see [hidden]"


def test_what_is_listed_is_exported(admin_client: Client, world: World) -> None:
    everything = rows_of(admin_client)
    assert len(everything) == PaymentSession.objects.count()

    opened = rows_of(admin_client, "?state=open&state=expired")
    assert {row["state"] for row in opened} == {"open", "expired"}
    assert [row["client_reference_id"] for row in rows_of(admin_client, "?q=order-3")] == [
        "order-3"
    ]
    assert len(rows_of(admin_client, "?p=after.3")) == len(everything)
    assert len(rows_of(admin_client, "?session_url__startswith=https")) == len(everything)


def test_memory_and_queries_are_bounded_by_chunks(
    admin_client: Client, escrow: Recipient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHUNK", 10)
    for number in range(25):
        payer = User.objects.create_user(f"payer-{number}")
        make_session(number, escrow, payer=payer)
    response = send(admin_client)
    lines: Iterator[Any] = iter(response)

    def queries(count: int) -> list[str]:
        with CaptureQueriesContext(connection) as captured:
            for _ in range(count):
                next(lines)
        return [query["sql"] for query in captured]

    assert len(queries(11)) == 1  # The heading, and the first chunk.
    assert len(queries(10)) == 1
    last = queries(5)
    assert len(last) == 1
    assert not any("COUNT(" in sql or "session_url" in sql for sql in last)
    response.close()


def test_who_exported_what_is_noted_in_the_admins_log(
    admin_client: Client, escrow: Recipient
) -> None:
    for number in range(3):
        make_session(number, escrow, state="open")

    rows_of(admin_client, "?state__in=open&q=order-1")

    entry = LogEntry.objects.get()
    assert entry.user == User.objects.get(username="admin")
    assert entry.object_repr == "export of payment sessions"
    assert entry.get_change_message() == "1 rows. Filters: state__in=open"
    assert "export of payment sessions" in admin_client.get("/admin/").content.decode()


@pytest.mark.django_db(transaction=True)  # The end of a response closes the connection.
def test_an_export_that_breaks_off_is_noted_as_such(
    admin_client: Client, escrow: Recipient
) -> None:
    for number in range(3):
        make_session(number, escrow)
    response = send(admin_client)
    assert LogEntry.objects.get().get_change_message() == "Export began."

    lines: Iterator[Any] = iter(response)
    next(lines), next(lines)
    response.close()

    expected = "Broken off after 1 rows. Filters: -"
    assert LogEntry.objects.get().get_change_message() == expected


@pytest.mark.django_db(transaction=True)
def test_on_asgi_an_export_that_breaks_off_is_noted_as_such(
    async_client: AsyncClient, admin_user: User, escrow: Recipient
) -> None:
    for number in range(3):
        make_session(number, escrow)

    async def broken_off() -> None:
        await async_client.aforce_login(admin_user)
        response: Any = await async_client.post(
            page(PaymentSession, "export"), {"columns": COLUMNS}
        )
        parts = aiter(response)
        await anext(parts), await anext(parts)
        await sync_to_async(response.close)()  # So does Django's handler when a reader is gone.

    async_to_sync(broken_off)()

    assert LogEntry.objects.get().get_change_message() == "Broken off after 1 rows. Filters: -"


def test_e27_an_export_needs_its_own_permission_and_a_post_with_a_token(
    client: Client, escrow: Recipient
) -> None:
    make_session(1, escrow)
    address = page(PaymentSession, "export")
    assert client.post(address, {"columns": COLUMNS}).status_code == 302
    person = clerk(client, "view_paymentsession")

    assert client.get(address).status_code == 403
    assert client.post(address, {"columns": COLUMNS}).status_code == 403
    assert "export/" not in client.get(page(PaymentSession)).content.decode()
    person.user_permissions.set([may("export_paymentsession")])
    assert client.post(address, {"columns": COLUMNS}).status_code == 403
    person.user_permissions.add(may("view_paymentsession"))
    assert len(rows_of(client)) == 1
    assert "export/?" in client.get(page(PaymentSession)).content.decode()
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person)
    assert strict.post(address, {"columns": COLUMNS}).status_code == 403


def test_a_get_asks_which_columns_and_sends_nothing(admin_client: Client, world: World) -> None:
    response = admin_client.get(f"{page(PaymentSession, 'export')}?state__in=open&q={HOSTILE}")
    html = response.content.decode()

    assert html.count('type="checkbox"') == len(COLUMNS) + len(ON_DEMAND)
    assert html.count("checked") == len(COLUMNS)
    assert "csrfmiddlewaretoken" in html
    assert "<script>alert" not in html
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("columns", [[], ["session_url"], ["amount", "fingerprint"]])
def test_e25_a_column_that_is_not_offered_can_not_be_asked_for(
    admin_client: Client, escrow: Recipient, columns: list[str]
) -> None:
    response = admin_client.post(page(PaymentSession, "export"), {"columns": columns})

    assert response.status_code == 200
    assert not response.streaming
    assert "errorlist" in response.content.decode()
    assert not LogEntry.objects.exists()


def test_without_django_import_export_there_is_no_export(
    admin_client: Client, settings: Settings, escrow: Recipient
) -> None:
    from django.contrib import admin

    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "import_export"]

    urls = PaymentSessionAdmin(PaymentSession, admin.site).get_urls()
    assert not any(getattr(url, "name", "") == "redpin_paymentsession_export" for url in urls)
    assert "export/" not in admin_client.get(page(PaymentSession)).content.decode()


def test_on_asgi_the_rows_are_sent_as_they_are_read(
    async_client: AsyncClient, admin_user: User, escrow: Recipient
) -> None:
    make_session(1, escrow)

    async def exported() -> str:
        await async_client.aforce_login(admin_user)
        form = {"columns": ["amount", "currency"]}
        response: Any = await async_client.post(page(PaymentSession, "export"), form)
        assert response.is_async
        return b"".join([part async for part in response]).decode("utf-8-sig")

    assert async_to_sync(exported)() == "amount,currency\r\n250000.00,AED\r\n"


def test_what_a_session_does_not_have_yet_is_an_empty_cell(
    admin_client: Client, escrow: Recipient
) -> None:
    make_session(1, escrow, session_id=None, expires_at=None, payment_id=None)

    (row,) = rows_of(admin_client)

    assert [row[name] for name in ("session_id", "expires_at", "payment_id")] == ["", "", ""]


def test_a_list_that_can_not_be_made_of_the_query_string_is_asked_for_anew(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Django's own list does, where a filter that a project adds can't be applied."""

    def refuse(*args: object) -> None:
        raise IncorrectLookupParameters

    monkeypatch.setattr(PaymentSessionAdmin, "get_changelist_instance", refuse)
    address = page(PaymentSession, "export")

    response = admin_client.get(f"{address}?due_date__gte=soon")

    assert (response.status_code, response["Location"]) == (302, address)
