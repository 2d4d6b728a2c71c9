"""Fixtures: a college's site with one page, on which tuition is paid."""

from __future__ import annotations

from decimal import Decimal

import pytest
from pytest_django.live_server_helper import LiveServer
from wagtail.models import Locale, Page, Site

from django_redpin.models import Recipient
from tests.integration.sandbox import Sandbox

from .tuition.models import TuitionPage


@pytest.fixture
def course(sandbox: Sandbox, live_server: LiveServer, transactional_db: None) -> TuitionPage:
    """A page as an editor publishes it; the money goes to the college's account in dirhams."""
    Recipient.objects.create(
        name="Harbour College",
        country_code="ARE",
        currency="AED",
        is_own_account=True,
        bank_details={"iban": "AE070331234567890123456"},
    )
    Locale.objects.get_or_create(language_code="en")
    root = Page.add_root(title="Root", slug="root")
    home = root.add_child(instance=Page(title="Harbour College", slug="home"))
    Site.objects.create(hostname="localhost", root_page=home, is_default_site=True)
    page = TuitionPage(
        title="Marine engineering, spring term",
        slug="marine-engineering",
        intro="<p>Fees are due before the term begins.</p>",
        amount=Decimal("18500.00"),
        currency="AED",
    )
    home.add_child(instance=page)
    return page
