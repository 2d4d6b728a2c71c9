"""A template without a session shows words instead of breaking, and the log says why."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject
from pytest_django import Settings

from django_redpin.embed import payment_session_html

from .reading import TAG, URL, Page, make_session

NONE = "NoneType"


@pytest.mark.parametrize(
    ("context", "told"),
    [
        ({}, "str"),
        ({"session": None}, NONE),
        ({"session": ""}, "str"),
        ({"session": URL}, "str"),
        ({"session": 7}, "int"),
        ({"session": {"state": "open", "session_url": URL}}, "dict"),
        ({"session": SimpleLazyObject(lambda: None)}, "SimpleLazyObject"),
    ],
    ids=["missing", "none", "empty", "url", "number", "dict", "lazy"],  # Alike in each worker.
)
def test_what_is_no_session_is_told_to_the_payer_and_to_the_log(
    context: dict[str, Any], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", "django_redpin")
    html = Template(TAG).render(Context({**context, "renew_url": "/orders/7/renew/"}))

    page = Page(html)
    assert page.kind == "nothing"
    assert page.one("h2").text == "There is no payment to show here"
    assert page.all("iframe") == page.all("form") == page.all("a") == []
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"No payment session was given to be shown: {told}.")
    ]


def test_a_project_that_marks_missing_variables_sees_the_same(settings: Settings) -> None:
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = "MISSING %s"

    assert Page(Template(TAG).render(Context())).kind == "nothing"


def test_the_function_behind_the_tag_takes_none_too() -> None:
    html = payment_session_html(None, request=RequestFactory().get("/"))

    assert Page(html).kind == "nothing"


def test_a_session_that_is_loaded_lazily_is_one(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("WARNING", "django_redpin")
    html = Template(TAG).render(Context({"session": SimpleLazyObject(make_session)}))

    assert Page(html).kind == "open"
    assert caplog.records == []
