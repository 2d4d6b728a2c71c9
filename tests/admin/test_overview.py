"""The overview in the admin: who may see it, and that its tables tell what its pictures show."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from django_redpin.admin import overview as module
from django_redpin.admin.pictures import MOST_PICTURES, duration
from django_redpin.models import PaymentSession, Recipient

from .test_pages import Links, html_of
from .world import World, make_session, may, page

ADDRESS: Final = "/admin/redpin/paymentsession/overview/"
TABLE: Final = re.compile(r"<table>.*?</table>", re.DOTALL)
CELL: Final = re.compile(r"<(?:th|td)[^>]*>(.*?)</(?:th|td)>", re.DOTALL)


def pictures_in(html: str) -> list[dict[str, Any]]:
    found = re.search(r'<script id="redpin-pictures"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found is not None
    return list(json.loads(found[1]))


def tables_in(html: str) -> list[list[list[str]]]:
    """Return the cells of each row of each table of the overview."""
    _, _, own = html.partition('class="redpin-overview"')
    return [
        [CELL.findall(row) for row in table.split("</tr>") if CELL.search(row)]
        for table in TABLE.findall(own)
    ]


def test_e24_whoever_may_view_sessions_may_see_it_and_nobody_else(
    client: Client, world: World
) -> None:
    assert client.get(ADDRESS).status_code == 302
    person = User.objects.create_user("clerk", password="x", is_staff=True)
    client.force_login(person)
    assert client.get(ADDRESS).status_code == 403

    person.user_permissions.add(may("view_webhookevent"), may("view_recipient"))
    assert client.get(ADDRESS).status_code == 403
    person.user_permissions.add(may("view_paymentsession"))
    assert client.get(ADDRESS).status_code == 200

    person.is_staff = False
    person.save()
    assert client.get(ADDRESS).status_code == 302


def test_the_list_and_the_apps_index_lead_to_it_whom_it_lets_in(
    client: Client, world: World
) -> None:
    person = User.objects.create_user("clerk", password="x", is_staff=True)
    person.user_permissions.add(may("view_recipient"))
    client.force_login(person)
    index = reverse("admin:app_list", args=("redpin",))
    assert ADDRESS not in html_of(client, index)

    person.user_permissions.add(may("view_paymentsession"))
    for address in (index, page(PaymentSession)):
        assert html_of(client, address).count(f'href="{ADDRESS}"') == 1


def test_it_shows_neither_a_secret_nor_foreign_markup(admin_client: Client, world: World) -> None:
    html = html_of(admin_client, ADDRESS)

    assert "canary-session-url" not in html
    assert "<img src=x" not in html
    assert "<script>alert" not in html
    assert Links(html).handlers == []
    assert "&lt;script&gt;" in html  # The hostile status, as text.


def test_nothing_is_inline_but_data(admin_client: Client, world: World) -> None:
    html = html_of(admin_client, ADDRESS)

    assert (
        re.findall(r'<script(?! id="redpin-pictures" type="application/json")[^>]*>[^<]', html)
        == []
    )
    assert "<style" not in html
    assert "style=" not in html


def test_the_tables_tell_what_the_pictures_show(admin_client: Client, world: World) -> None:
    for number in range(200, 203):
        make_session(number, world.recipient, currency="JPY", amount="1500")
    html = html_of(admin_client, ADDRESS)
    tables = tables_in(html)

    pictures = pictures_in(html)

    assert [each["key"] for each in pictures] == [
        *("sessions", "amounts-AED", "amounts-JPY"),
        *("conversion", "times"),
    ]
    for picture in pictures:
        for series in picture["series"]:
            columns = {
                tuple(row[table[0].index(series["name"])] for row in table[1:-1])
                for table in tables
                if series["name"] in table[0]
            }
            assert tuple(series["texts"]) in columns
            assert len(series["texts"]) == len(series["values"]) == len(picture["labels"]) == 30
    total = PaymentSession.objects.count()
    assert sum(sum(series["values"]) for series in pictures[0]["series"]) == total
    assert f"<td>{total}</td></tr></tfoot>" in html
    assert "¥4,500" in html


def test_amounts_of_more_currencies_than_there_are_pictures_have_tables(
    admin_client: Client, escrow: Recipient
) -> None:
    codes = ["AED", "EUR", "GBP", "JPY", "KWD", "USD"]
    for number, code in enumerate(codes):
        make_session(number, escrow, currency=code)

    html = html_of(admin_client, ADDRESS)

    drawn = [each["key"] for each in pictures_in(html) if each["key"].startswith("amounts")]
    assert len(drawn) == MOST_PICTURES
    for code in codes:
        assert f"Amounts in {code}" in html


@pytest.mark.parametrize("days", ["7", "30", "90", "365"])
@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_every_choice_answers(
    admin_client: Client, escrow: Recipient, days: str, step: str
) -> None:
    make_session(1, escrow)

    assert pictures_in(html_of(admin_client, f"{ADDRESS}?days={days}&step={step}"))


@pytest.mark.parametrize("query", ["days=8", "days=999999", "step=hour", "days=", "account=a%00"])
def test_what_is_no_choice_is_told_and_the_usual_is_shown(
    admin_client: Client, escrow: Recipient, query: str
) -> None:
    make_session(1, escrow)

    html = html_of(admin_client, f"{ADDRESS}?{query}")

    assert len(pictures_in(html)[0]["labels"]) == 30
    assert 'role="alert"' in html


def test_accounts_can_be_chosen_where_there_are_several(
    admin_client: Client, escrow: Recipient, settings: Settings
) -> None:
    make_session(1, escrow, account="dubai")
    assert 'name="account"' not in html_of(admin_client, ADDRESS)

    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"dubai": {}}}
    html = html_of(admin_client, f"{ADDRESS}?account=dubai")

    assert '<option value="dubai" selected>' in html
    assert pictures_in(html)[0]["series"][0]["texts"][-1] == "1"
    assert pictures_in(html_of(admin_client, f"{ADDRESS}?account=default")) == []


def test_without_sessions_it_says_so(admin_client: Client) -> None:
    assert "No session was created in this period." in html_of(admin_client, ADDRESS)


def test_what_waits_leads_to_a_list_of_it(admin_client: Client, world: World) -> None:
    links = Links(html_of(admin_client, ADDRESS)).found
    waiting = [address for address, _ in links if "outcome" in address]

    assert len(waiting) == 6
    for address in waiting:
        assert admin_client.get(address).status_code == 200, address
    listed = admin_client.get(f"{page(PaymentSession)}?needs_review=1")
    assert f"{page(PaymentSession)}?needs_review=1" in [address for address, _ in links]
    found = {row.pk for row in listed.context["cl"].result_list}
    assert found == {world.hostile.pk}


def test_the_chart_library_is_shipped_with_its_licence_and_without_a_map() -> None:
    found = finders.find(module.CHART)
    assert isinstance(found, str)
    script = Path(found)

    assert "sourceMappingURL" not in script.read_text()
    assert "MIT" in (script.parent / "LICENSE").read_text()
    assert script.parent.name in (script.parents[1] / "README.md").read_text()


@pytest.mark.parametrize(
    ("lasted", "text"),
    [
        (timedelta(days=2, hours=4, minutes=9), "2 d 4 h"),
        (timedelta(days=3, minutes=9), "3 d"),
        (timedelta(hours=5, minutes=30), "5 h 30 min"),
        (timedelta(seconds=59.9), "59 s"),
        (timedelta(0), "0 s"),
        (None, "\N{EN DASH}"),
    ],
)
def test_times_are_told_in_their_two_largest_units(lasted: timedelta | None, text: str) -> None:
    assert duration(lasted) == text
