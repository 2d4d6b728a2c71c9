"""The watch over each test sees what goes wrong."""

from __future__ import annotations

import pytest

from .site import SHOP, Answer, Answers, Site
from .watching import Watch


def script(source: str) -> Answers:
    return lambda request: Answer(source, headers={"Content-Type": "text/javascript"})


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<script>1</script>", "policy: script-src-elem inline"),
        ('<p style="color: red">', "policy: style-src-attr inline"),
        ("<iframe src='https://other.test/'></iframe>", "policy: frame-src https://other.test"),
        ("<img src=x onerror=1>", "policy: img-src"),
        ('<script src="/throws.js"></script>', "uncaught: thrown"),
        ('<script src="/says.js"></script>', "console: said"),
    ],
)
def test_what_goes_wrong_is_seen(site: Site, watch: Watch, html: str, words: str) -> None:
    site.answers[f"{SHOP}/throws.js"] = script("throw new Error('thrown')")
    site.answers[f"{SHOP}/says.js"] = script("console.error('said')")
    site.sections = [html]
    site.open()
    seen = watch.complaints
    watch.expect("")  # Every one, now.

    assert any(words in said for said in seen), seen
