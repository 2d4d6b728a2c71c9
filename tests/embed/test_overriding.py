"""A merchant's own templates, in the place of the package's or around them."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from pytest_django import Settings

from .reading import URL, make_session, render


@pytest.fixture
def own(settings: Settings, tmp_path: Path) -> Path:
    """A folder for a project's templates of sessions."""
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["DIRS"] = [tmp_path]
    folder = tmp_path / "redpin" / "session"
    folder.mkdir(parents=True)
    return folder


def test_a32_each_attribute_of_the_frame_can_be_overridden(own: Path) -> None:
    (own / "open.html").write_text(
        '{% extends "redpin/session/open.html" %}'
        "{% block sandbox %}{{ block.super }} allow-downloads{% endblock %}"
        "{% block allow %}payment {{ origin }}; clipboard-write {{ origin }}{% endblock %}"
        "{% block referrerpolicy %}no-referrer{% endblock %}"
        "{% block note %}<p>Questions? Call us.</p>{{ block.super }}{% endblock %}"
    )

    page = render(make_session())

    frame = page.one("iframe").attributes
    assert frame["sandbox"].split()[-1] == "allow-downloads"
    assert "allow-scripts" in frame["sandbox"].split()
    assert frame["allow"].startswith("payment https://pay.redpin.test; clipboard-write")
    assert frame["referrerpolicy"] == "no-referrer"
    assert frame["src"] == URL
    assert page.all("p")[0].text == "Questions? Call us."
    assert page.one("time").text


def test_one_view_can_be_replaced_and_the_others_stay(own: Path) -> None:
    (own / "paid.html").write_text("<section>Paid: {{ amount }} by {{ view }}</section>")

    paid = render(make_session(payment_status="PAYMENT_COMPLETED", session_url=""))

    assert paid.text == "Paid: AED\N{NO-BREAK SPACE}250,000.00 by paid".replace("\xa0", " ")
    assert render(make_session()).kind == "open"


def test_style_sheet_and_script_can_be_left_to_the_merchants_page(own: Path) -> None:
    (own / "base.html").write_text(
        '{% extends "redpin/session/base.html" %}{% block assets %}{% endblock %}'
    )

    page = render(make_session())

    assert page.all("link") == page.all("script") == []
    assert page.kind == "open"
