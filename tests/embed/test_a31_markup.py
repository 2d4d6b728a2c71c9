"""Nothing that the tag is given becomes markup: the page is that of harmless values, element by
element, as a browser's parser finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
import pytest
from django.template import Context, Template
from django.utils.safestring import SafeString
from hypothesis import example, given
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.embed import payment_session_html
from django_redpin.embed.options import MODES
from tests.rules.samples import examples

from .reading import URL, State, make_session, render
from .test_frame import ATTRIBUTES, HOSTILE, ORIGIN

Skeleton = list[tuple[str, tuple[str, ...]]]

MARKUP: Final = (
    *('"', "'", "<script>alert(1)</script>", "><img src=x onerror=1>", "&quot;", "{{ session }}"),
    *('"onload="alert(1)', "'onload='alert(1)", "</iframe><script>", "]]>", "<!--", "\x00", "`"),
    *('" srcdoc="<script>1</script>', "{% debug %}", "</section></body>", "&#x22;onload=1"),
)
CHANGED: Final = (
    "@evil.test/",
    ".evil.test/",
    "\\",
    "\t",
    "\r\n",
    "%00",
    "\uff0f",
    ":x",
    "//",
    "#",
    "?",
)
TEXT: Final = st.text(max_size=40)
HOSTILE_TEXT: Final = st.one_of(
    TEXT, st.sampled_from(MARKUP), st.builds("{}{}{}".format, TEXT, st.sampled_from(MARKUP), TEXT)
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """Return a right address with something put in, taken out, or doubled."""
    at = draw(st.integers(0, len(URL)))
    upto = draw(st.integers(at, min(at + 4, len(URL))))
    middle = draw(st.one_of(st.sampled_from(CHANGED + MARKUP), TEXT, st.just(URL)))
    return URL[:at] + middle + URL[upto:]


ADDRESSES: Final = st.one_of(
    TEXT,
    mutated(),
    st.builds("{}{}".format, st.sampled_from(HOSTILE), TEXT),
    st.builds("{}{}{}".format, st.sampled_from([ORIGIN, f"{ORIGIN}/"]), HOSTILE_TEXT, TEXT),
)


def elements_of(html: str) -> list[Element]:
    """Return what is in the page's body."""
    tree = html5lib.parse(
        f"<!doctype html><title>t</title><body>{html}", namespaceHTMLElements=False
    )
    body = tree.find("body")
    assert body is not None
    return list(body.iter())


def skeleton(elements: list[Element]) -> Skeleton:
    return [(each.tag, tuple(sorted(each.attrib))) for each in elements]


@cache
def harmless(mode: str, *, is_shown: bool, has_theme: bool = False) -> Skeleton:
    session = make_session(session_url=URL if is_shown else "/")
    theme = "dark" if has_theme else None
    page = render(session, mode=mode, title="Pay", height=720, theme=theme)
    return skeleton(elements_of(page.html))


def check_addresses(elements: list[Element], url: str) -> None:
    """See that no address leads elsewhere, by other code than the package's."""
    for element in elements:
        assert not any(name.startswith("on") or name == "style" for name in element.attrib)
        for name in ("src", "href", "action"):
            found = element.get(name)
            if found and element.tag in ("iframe", "a"):
                assert found == url
                parts = urlsplit(found)
                assert parts.scheme == "https"
                assert parts.netloc.lower().removesuffix(":443").rstrip(":") == "pay.redpin.test"


@pytest.mark.heavy
@examples(200)
@given(ADDRESSES, HOSTILE_TEXT, st.sampled_from(MODES))
@example(f'{ORIGIN}/"onload="alert(1)', '"><script>alert(1)</script>', "iframe")
@example(f"{ORIGIN}/'><script>alert(1)</script>", "'onload='alert(1)", "popup")
def test_a31_no_address_and_no_reference_becomes_markup(
    url: str, reference: str, mode: str
) -> None:
    session = make_session(session_url=url, client_reference_id=reference)

    page = render(session, mode=mode, title="Pay", height=720)

    elements = elements_of(page.html)
    assert page.kind in ("open", "attention")
    assert skeleton(elements) == harmless(mode, is_shown=page.kind == "open")
    assert len([each for each in elements if each.tag == "iframe"]) <= 1
    check_addresses(elements, url)


@pytest.mark.heavy
@examples(100)
@given(HOSTILE_TEXT, st.one_of(HOSTILE_TEXT, st.dictionaries(HOSTILE_TEXT, HOSTILE_TEXT)))
def test_a31_no_title_and_no_theme_becomes_markup(title: str, theme: Any) -> None:
    page = render(make_session(), mode="iframe", title=title, theme=theme, height=720)

    elements = elements_of(page.html)
    has_theme = isinstance(theme, dict) and bool(theme)
    assert skeleton(elements) == harmless("iframe", is_shown=True, has_theme=has_theme)
    check_addresses(elements, URL)


@examples(50)
@given(HOSTILE_TEXT, HOSTILE_TEXT)
def test_a31_no_height_and_no_mode_becomes_markup(height: str, mode: str) -> None:
    page = render(make_session(), mode=mode, title="Pay", height=height)

    elements = elements_of(page.html)
    expected = [
        (tag, tuple(name for name in names if name != "height"))
        for tag, names in harmless("iframe", is_shown=True)
    ]
    assert skeleton(elements) == expected
    check_addresses(elements, URL)


@pytest.mark.heavy
@examples(100)
@given(st.one_of(HOSTILE_TEXT, ADDRESSES))
def test_a31_no_address_to_start_again_becomes_markup_or_leads_away(url: str) -> None:
    session = make_session(state=State.EXPIRED)

    elements = elements_of(render(session, renew_url=url).html)

    found = [each for each in elements if each.tag == "form"]
    with_form = skeleton(elements_of(render(session, renew_url="/renew/").html))
    without = skeleton(elements_of(render(session).html))
    assert skeleton(elements) == (with_form if found else without)
    as_parsed = url.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "\ufffd")
    assert [each.get("action") for each in found] == [as_parsed] * len(found)
    assert not url.strip().lower().startswith(("https:", "http:", "//", "javascript:")) or not found


class Markup(str):
    """What Jinja2's filters and translations make of text: it says of itself that it is HTML."""

    __slots__ = ()

    def __html__(self) -> str:
        return str(self)


@pytest.mark.parametrize("made", [SafeString, Markup])
@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ('Pay "now" onload=alert(1)', 'Pay "now" onload=alert(1)'),
        ("Pay &amp; go &quot;now&quot;", 'Pay & go "now"'),
        ('"><script>alert(1)</script>', '"><script>alert(1)</script>'),
    ],
)
def test_a31_what_passes_for_html_already_is_text_in_an_attribute(
    made: Callable[[str], str], given: str, meant: str
) -> None:
    """As literals in templates do, which Django takes for safe, and what `asvar` holds."""
    open_page = elements_of(payment_session_html(make_session(), title=made(given), height=720))
    expired = elements_of(
        payment_session_html(make_session(state=State.EXPIRED), renew_url=made(f"/{given}"))
    )

    assert skeleton(open_page) == harmless("iframe", is_shown=True)
    assert [each.get("title") for each in open_page if each.tag == "iframe"] == [meant]
    assert [each.get("action") for each in expired if each.tag == "form"] == [f"/{meant}"]
    assert not any(name.startswith("on") for each in expired for name in each.attrib)


def test_a31_a_literal_of_the_template_may_have_quotes() -> None:
    source = "{% load redpin %}{% redpin_payment_session session title='Pay \"now\"' height=720 %}"

    elements = elements_of(Template(source).render(Context({"session": make_session()})))

    assert skeleton(elements) == harmless("iframe", is_shown=True)


def test_a31_a_translation_in_an_attribute_may_have_quotes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A literal's translation passes for HTML, too."""
    monkeypatch.setattr(
        "django.template.base.gettext_lazy", lambda text: SafeString(f'„{text}" onload=1')
    )

    elements = elements_of(payment_session_html(make_session()))

    assert skeleton([each for each in elements if each.tag == "iframe"]) == [
        ("iframe", tuple(sorted(ATTRIBUTES)))
    ]
    told = {name: value for each in elements for name, value in each.attrib.items()}
    for name in ("title", "aria-label", "data-redpin-time-left-text"):
        assert told[name].endswith('" onload=1'), name
    assert "onload" not in told


@pytest.mark.parametrize("mode", MODES)
def test_a31_a_project_that_escapes_nothing_by_itself_gets_the_same_page(
    settings: Settings, mode: str
) -> None:
    session = make_session(
        session_url=f'{ORIGIN}/"><script>alert(1)</script>',
        client_reference_id="<script>1</script>",
    )
    expected = payment_session_html(session, mode=mode)
    (engine,) = settings.TEMPLATES
    options = {**engine["OPTIONS"], "autoescape": False}
    settings.TEMPLATES = [{**engine, "OPTIONS": options}]

    assert payment_session_html(session, mode=mode) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "//evil.test/renew/", "https://evil.test/", "\\\\evil.test/"),
        *("https:evil.test", "///evil.test", "data:text/html,x", "/\\evil.test/"),
    ],
)
def test_e21_the_token_of_the_form_is_posted_to_no_other_site(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("ERROR", "django_redpin")

    page = render(make_session(state=State.EXPIRED), renew_url=url)

    assert page.all("form") == page.all("input") == []
    (record,) = caplog.records
    assert record.getMessage().startswith("renew_url= leads to another site")
    assert "evil" not in record.getMessage()


@pytest.mark.parametrize("url", ["/renew/", "renew/", "?again", "http://testserver/renew/"])
def test_an_address_of_this_site_is_one_to_start_again(url: str) -> None:
    page = render(make_session(state=State.EXPIRED), renew_url=url)

    assert page.one("form").attributes["action"] == url
