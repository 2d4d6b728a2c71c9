"""Fixtures for both sites: the sandbox, and settings that lead to it.

Each site has settings of its own, so that the other tests' settings leave these out; so does an
environment that lacks django-oscar or Wagtail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.db.models.signals import post_migrate
from pytest_django.live_server_helper import LiveServer

from django_redpin.csp import add_redpin_csp
from tests.browser.conftest import (  # noqa: F401  Fixtures.
    browser,
    context,
    new_context,
    page,
    pictures,
    watches,
)

from .sandbox import Sandbox, running_sandbox

_SITES: Final = ("oscar_shop", "wagtail_site")
_SETTINGS: Final = {f"tests.integration.{site}.settings": site for site in _SITES}
_site = _SETTINGS.get(os.environ.get("DJANGO_SETTINGS_MODULE", ""))
collect_ignore = [site for site in _SITES if site != _site]
if _site:
    # Playwright's loop runs in the tests' thread, where Django then refuses to ask the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Make no permissions anew after each test; for some sixty apps that takes longer than most."""
    maker = "django.contrib.auth.management.create_permissions"
    assert post_migrate.disconnect(dispatch_uid=maker)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, live_server: LiveServer, settings: Any) -> Sandbox:
    """A Redpin that the site's settings lead to, and that posts its events to the live server."""
    settings.DEBUG = True  # Plain HTTP to this machine.
    settings.REDPIN = {
        **settings.REDPIN,
        "BASE_URL": running.url,
        "WEBHOOK_BASE_URL": live_server.url,
        "HOSTED_PAGE_ORIGINS": [running.url],
    }
    settings.SECURE_CSP = add_redpin_csp(settings.CONTENT_POLICY)
    return running
