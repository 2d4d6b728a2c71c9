"""A page within its own origin's could take its frame's sandbox off, and so is not shown."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from django_redpin.embed.options import MODES

from .reading import make_session, render


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("shop.test", "https://shop.test/admin/"),
        ("SHOP.test", "https://shop.TEST/admin/"),
        ("shop.test:443", "https://shop.test/admin/"),
        ("shop.test:8443", "https://shop.test:8443/admin/"),
    ],
)
@pytest.mark.parametrize("is_secure", [True, False], ids=["https", "behind a proxy"])
def test_a32_a_page_of_this_sites_own_origin_is_not_shown(
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    mode: str,
    host: str,
    url: str,
    is_secure: bool,
) -> None:
    origins = ["https://shop.test", "https://shop.test:8443"]
    settings.REDPIN = {**settings.REDPIN, "HOSTED_PAGE_ORIGINS": origins}
    caplog.set_level("ERROR", "django_redpin")
    request = RequestFactory().get("/pay/", secure=is_secure, HTTP_HOST=host)

    page = render(make_session(session_url=url), request=request, mode=mode)

    assert page.kind == "attention"
    assert page.all("iframe") == page.all("a") == []
    # What the status tells would change nothing of it.
    assert "data-redpin-status-url" not in page.one("section").attributes
    (record,) = caplog.records
    assert "Take that origin out of the HOSTED_PAGE_ORIGINS" in record.getMessage()
    assert "/admin/" not in record.getMessage()


@pytest.mark.parametrize(
    "extra",
    [
        {"HTTP_HOST": "shop.test", "secure": True},
        {"HTTP_HOST": "pay.redpin.test:8443", "secure": True},
        {"HTTP_HOST": "redpin.test", "secure": True},
    ],
)
def test_a32_another_origin_is_shown(extra: dict[str, Any]) -> None:
    request = RequestFactory().get("/pay/", **extra)

    assert render(make_session(), request=request).kind == "open"
