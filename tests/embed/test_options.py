"""The options of the tag: ways to the hosted page, the frame's theme, height and title."""

from __future__ import annotations

import json
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import pytest
from django.template import Context, Template, TemplateSyntaxError
from django.utils.translation import gettext_lazy
from pytest_django import Settings

from django_redpin.embed import payment_session_html
from django_redpin.embed.options import MODES
from django_redpin.embed.theme import THEMES

from .reading import URL, Page, make_session, render

WRONG: Final[list[tuple[str, Any]]] = [
    *(("mode", value) for value in ("ifram", "IFRAME", 7, ["iframe"], URL)),
    *(
        ("height", value)
        for value in ("720px", "80%", 199, 4001, -720, 720.5, True, "٧٢٠", "9" * 9)
    ),
    *(("height", value) for value in (Decimal(720), " 720", "7_20", "+720")),
    ("height", []),
    ("theme", "blue"),
    ("theme", 7),
    ("theme", True),
    ("theme", ["light"]),
    ("theme", {1: "a"}),
    ("theme", {"a": object()}),
    ("theme", {"a": float("nan")}),
    ("theme", {"a": Decimal(1)}),
]


def html(**options: Any) -> Page:
    return Page(payment_session_html(make_session(), **options))


@pytest.mark.parametrize("mode", ["", None, "iframe"])
def test_a_frame_is_the_way_unless_another_is_named(mode: str | None) -> None:
    page = render(make_session(), mode=mode)

    assert page.one("iframe").attributes["src"] == URL
    assert [link.attributes["href"] for link in page.all("a")] == [URL, ""]


def test_a35_redirect_is_a_link_in_the_same_window() -> None:
    page = render(make_session(), mode="redirect")

    link, reload = page.all("a")[::-1]
    assert link.attributes == {
        "class": "redpin-session__button",
        "href": URL,
        "rel": "noopener",
        "referrerpolicy": "strict-origin",
    }
    assert reload.attributes == {"href": "", "data-redpin-reload": ""}
    assert page.all("iframe") == []
    assert "250,000.00" in page.one("h2").text


def test_a35_popup_is_a_new_tab_even_without_the_script() -> None:
    page = render(make_session(), mode="popup")

    (link,) = (each for each in page.all("a") if each.attributes["href"])
    assert link.attributes == {
        "class": "redpin-session__button",
        "href": URL,
        "target": "_blank",
        "rel": "noopener",
        "referrerpolicy": "strict-origin",
        "data-redpin-popup": "",
    }
    assert page.all("iframe") == []


@pytest.mark.parametrize("mode", ["redirect", "popup"])
def test_a_payment_under_way_is_not_asked_for_again(mode: str) -> None:
    page = render(make_session(payment_status="AWAITING_FUNDS"), mode=mode)

    assert page.kind == "open"
    assert page.one("h2").text == "Your payment is under way"


@pytest.mark.parametrize("mode", MODES)
def test_every_way_works_without_a_script(mode: str) -> None:
    page = render(make_session(), mode=mode)

    addresses = [each.attributes["href"] for each in page.all("a")]
    assert URL in addresses
    assert "" in addresses


@pytest.mark.parametrize("theme", THEMES)
def test_a_theme_is_a_message_for_the_script(theme: str) -> None:
    frame = render(make_session(), theme=theme).one("iframe").attributes

    assert json.loads(frame["data-redpin-theme"]) == {"type": "redpin:theme", "theme": theme}
    assert frame["data-redpin-origin"] == "https://pay.redpin.test"


@pytest.mark.parametrize(
    "theme",
    [
        {"colour": "#123456", "radius": 4, "dark": None, "fonts": ["a", {"b": True}]},
        {"name": '"><script>alert(1)</script>', "\u2028": "\udc80 \x00 '"},
    ],
)
def test_a_theme_of_ones_own_travels_as_it_is(theme: dict[str, Any]) -> None:
    for given in (theme, MappingProxyType(theme)):
        page = render(make_session(), theme=given)

        sent = json.loads(page.one("iframe").attributes["data-redpin-theme"])
        assert sent == {"type": "redpin:theme", "theme": theme}
        assert len(page.all("script")) == 1


@pytest.mark.parametrize("theme", ["", None, {}])
def test_without_a_theme_nothing_is_sent(theme: object) -> None:
    assert "data-redpin-theme" not in render(make_session(), theme=theme).one("iframe").attributes


@pytest.mark.parametrize("height", [200, "200", 720, "0720", 4000])
def test_a_height_is_the_frames_attribute(settings: Settings, height: object) -> None:
    settings.USE_THOUSAND_SEPARATOR = True  # Which would make 4,000 of it.

    frame = render(make_session(), height=height).one("iframe").attributes

    assert frame["height"] == str(int(str(height)))
    assert "style" not in frame


@pytest.mark.parametrize("height", ["", None])
def test_without_a_height_the_style_sheet_decides(height: object) -> None:
    assert "height" not in render(make_session(), height=height).one("iframe").attributes


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Pay for unit 1204", "Pay for unit 1204"),
        (gettext_lazy("Yes"), "Yes"),
        ('"><script>', '"><script>'),
        ("", "Secure payment page by Redpin"),
        (None, "Secure payment page by Redpin"),
    ],
)
def test_the_frame_has_a_name_for_those_who_can_not_see_it(title: object, named: str) -> None:
    assert render(make_session(), title=title).one("iframe").attributes["title"] == named


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_option_is_told_to_the_developer(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"^{name}= has to be ") as raised:
        html(**{name: value})

    assert URL not in str(raised.value)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_option_from_the_context_hides_no_page_from_the_payer(
    name: str, value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR", "django_redpin")

    page = render(make_session(), **{name: value})

    assert set(page.one("iframe").attributes) == set(
        render(make_session()).one("iframe").attributes
    )
    (record,) = caplog.records
    assert f"{name}= has to be " in record.getMessage()
    assert URL not in record.getMessage()


@pytest.mark.parametrize(
    "option",
    ['mode="ifram"', "mode=7", 'height="720px"', "height=72", "height=7.5", 'theme="blue"'],
)
def test_a_wrong_literal_stops_the_template_from_loading(option: str) -> None:
    source = "{% load redpin %}{% redpin_payment_session session " + option + " %}"

    with pytest.raises(TemplateSyntaxError, match=option.partition("=")[0] + "= has to be"):
        Template(source)


@pytest.mark.parametrize(
    "option",
    ['mode="popup"', "height=720", 'theme="dark"', "height=h|default:720", 'mode="X"|cut:"X"'],
)
def test_a_right_literal_and_what_a_filter_decides_are_loaded(option: str) -> None:
    source = "{% load redpin %}{% redpin_payment_session session " + option + " %}"

    page = Page(Template(source).render(Context({"session": make_session()})))

    assert page.kind == "open"


@pytest.mark.parametrize("option", ["heigth=720", "7", 'mode="popup" mode="popup"'])
def test_an_option_that_there_is_not_is_a_mistake(option: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        Template("{% load redpin %}{% redpin_payment_session session " + option + " %}")
