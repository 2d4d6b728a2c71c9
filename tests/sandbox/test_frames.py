"""Who may frame a hosted page, and the theme that the page around it may send."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from pytest_django import Settings

from .browser import Browser
from .conftest import OPTIONS, Program

WEB = "https://merchant.example"
APPS = ["com.example.app", "com.example.ios-app"]


def policy(session_page: Any) -> dict[str, str]:
    """Return the directives of a page's policy."""
    parts = session_page["Content-Security-Policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


@pytest.mark.parametrize(
    ("allowed", "ancestors", "parents"),
    [
        ([], None, "*"),
        ([WEB], WEB, WEB),
        ([WEB, *APPS, f"{WEB}:8443"], f"{WEB} {WEB}:8443", f"{WEB} {WEB}:8443"),
        (APPS, "'none'", ""),
    ],
)
def test_web_origins_may_frame_the_page_and_app_identifiers_say_nothing(
    program: Program, allowed: list[str], ancestors: str | None, parents: str
) -> None:
    browser = Browser(program.session(allowed_origins=allowed))
    assert policy(browser.response).get("frame-ancestors") == ancestors
    assert f'data-parents="{parents}"' in browser.html


@pytest.mark.parametrize(
    ("site", "names"),
    [
        (
            "http://localhost:8000",
            "http://localhost:8000 http://127.0.0.1:8000",
        ),
        ("https://shop.test", "https://shop.test"),
    ],
)
def test_the_site_on_this_machine_may_frame_it_beside_them(
    program: Program, settings: Settings, site: str, names: str
) -> None:
    settings.REDPIN_SANDBOX = OPTIONS | {"SITE": site}
    browser = Browser(program.session(allowed_origins=[WEB]))
    assert policy(browser.response)["frame-ancestors"] == f"{WEB} {names}"
    assert "frame-ancestors" not in policy(Browser(program.session()).response)


def test_only_hosted_pages_run_the_one_script_and_nothing_inline(program: Program) -> None:
    browser = Browser(program.session())
    assert policy(browser.response)["script-src"] == "'self'"
    assert browser.html.count("<script") == 1
    assert '<script type="module" src="/static/redpin_sandbox/theme.js"></script>' in browser.html
    for path in ("/", "/outbox/", "/faults/", "/log/", "/pay/nobodys/"):
        response = Client().get(path)
        assert "script-src" not in policy(response)
        assert b"<script" not in response.content


# theme.js, run by Node in a page that is made up.

PAGE = """
const listeners = [];
const kept = new Map(Object.entries(GIVEN.kept));
const style = {};
const root = {dataset: {parents: GIVEN.parents}, style: {setProperty(n, v) { style[n] = v; }}};
const parent = {};
globalThis.window = globalThis;
globalThis.parent = GIVEN.framed ? parent : globalThis;
globalThis.document = {documentElement: root};
globalThis.location = {pathname: "/pay/key/"};
globalThis.sessionStorage = {
  getItem(name) { if (GIVEN.locked) throw new Error("locked"); return kept.get(name) ?? null; },
  setItem(name, value) { if (GIVEN.locked) throw new Error("locked"); kept.set(name, value); },
};
globalThis.addEventListener = (name, listener) => listeners.push(listener);
await import(GIVEN.script);
for (const [source, origin, data] of GIVEN.messages)
  listeners[0]({source: source === "parent" ? parent : {}, origin, data});
const {parents, ...dataset} = root.dataset;
console.log(JSON.stringify({dataset, style, kept: Object.fromEntries(kept)}));
"""
KEPT = "redpin-theme:/pay/key/"


def run(
    *messages: Any,
    parents: str = WEB,
    kept: dict[str, str] | None = None,
    framed: bool = True,
    locked: bool = False,
) -> Any:
    """Return what the script made of messages, each (source, origin, data), with what is kept."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed.")
    script = finders.find("redpin_sandbox/theme.js")
    assert isinstance(script, str)
    given = {
        "script": f"data:text/javascript,{quote(Path(script).read_text())}",
        "messages": messages,
        "parents": parents,
        "kept": kept or {},
        "framed": framed,
        "locked": locked,
    }
    done = subprocess.run(
        [node, "--input-type=module"],
        input=f"const GIVEN = {json.dumps(given)};\n{PAGE}",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def themed(theme: object, **changes: Any) -> Any:
    return run(["parent", WEB, {"type": "redpin:theme", "theme": theme}], **changes)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_theme_of_the_page_around_it_is_applied_and_kept(theme: str) -> None:
    done = themed(theme)
    assert done["dataset"] == {"theme": theme}
    assert json.loads(done["kept"][KEPT]) == {"scheme": theme}
    assert run(kept=done["kept"])["dataset"] == {"theme": theme}


def test_auto_gives_the_choice_back_to_the_browser() -> None:
    kept = {KEPT: '{"scheme": "dark"}'}
    assert themed("auto", kept=kept)["dataset"] == {}


@pytest.mark.parametrize(
    ("accent", "ink"), [("#1D3F8F", "#ffffff"), ("#ffe39a", "#000000"), ("#777777", "#000000")]
)
def test_an_accent_is_applied_with_an_ink_that_is_read_on_it(accent: str, ink: str) -> None:
    done = themed({"scheme": "dark", "accent": accent})
    assert done["dataset"] == {"theme": "dark"}
    assert done["style"]["--accent"] == accent.lower()
    assert done["style"]["--accent-ink"] == ink


def test_a_theme_without_an_accent_leaves_the_one_before() -> None:
    kept = {KEPT: '{"scheme": "dark", "accent": "#112233"}'}
    done = themed("light", kept=kept)
    assert json.loads(done["kept"][KEPT]) == {"scheme": "light", "accent": "#112233"}


@pytest.mark.parametrize(
    "theme",
    [
        None,
        1,
        "blue",
        [],
        {},
        {"scheme": "blue"},
        {"accent": "red"},
        {"accent": "#12345"},
        {"accent": "#123456;background:url(//evil.example)"},
        {"accent": ["#123456"]},
    ],
)
def test_what_is_no_theme_changes_nothing(theme: object) -> None:
    assert themed(theme) == {"dataset": {}, "style": {}, "kept": {}}


@pytest.mark.parametrize(
    "message",
    [
        ["other", WEB, {"type": "redpin:theme", "theme": "dark"}],
        ["parent", "https://evil.example", {"type": "redpin:theme", "theme": "dark"}],
        ["parent", "null", {"type": "redpin:theme", "theme": "dark"}],
        ["parent", WEB, {"type": "theme", "theme": "dark"}],
        ["parent", WEB, "dark"],
        ["parent", WEB, None],
    ],
)
def test_a_stranger_changes_nothing(message: list[Any]) -> None:
    assert run(message) == {"dataset": {}, "style": {}, "kept": {}}


def test_without_allowed_origins_any_page_around_it_may() -> None:
    message = ["parent", "https://any.example", {"type": "redpin:theme", "theme": "dark"}]
    assert run(message, parents="*")["dataset"] == {"theme": "dark"}
    assert run(message, parents="")["dataset"] == {}


def test_a_page_that_is_not_framed_keeps_its_own_looks() -> None:
    kept = {KEPT: '{"scheme": "dark"}'}
    assert run(kept=kept, framed=False)["dataset"] == {}


@pytest.mark.parametrize("text", ["nonsense", "null", '{"scheme": "blue"}'])
def test_what_is_kept_is_checked_again(text: str) -> None:
    assert run(kept={KEPT: text})["dataset"] == {}


def test_without_storage_a_theme_still_holds_for_the_step() -> None:
    assert themed("dark", locked=True)["dataset"] == {"theme": "dark"}
