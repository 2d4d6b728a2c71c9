"""`redpin.W006`: a content security policy that would block what the tag shows."""

from __future__ import annotations

from typing import Any, Final

import django
import pytest
from csp.constants import NONCE as DJANGO_CSP_NONCE
from csp.middleware import CSPMiddleware
from django.core.checks import WARNING, run_checks
from pytest_django import Settings

from django_redpin.checks import check_content_security_policy
from django_redpin.csp import add_redpin_csp

PAY: Final = "https://pay.redpin.test"
GULF: Final = "https://gulf.redpin.test"
SENTINEL: Final = "<CSP_NONCE_SENTINEL>"  # Django's, which 5.2 does not have.
DJANGO: Final = "django.middleware.csp.ContentSecurityPolicyMiddleware"
DJANGO_CSP: Final = "csp.middleware.CSPMiddleware"
SELF: Final = ["'self'"]
EMPTY: Final = object()  # No source at all, for which each middleware has its own way.

PAGE: Final = "the hosted page"
SCRIPT: Final = "redpin/session.js"
SHEET: Final = "redpin/session.css"
STATUS: Final = "the look at a payment's status"
FORM: Final = "the form to start a payment again"

# What is blocked, by which directive, for want of which sources.
CASES: Final[list[tuple[dict[str, Any], dict[str, tuple[str, str]]]]] = [
    ({"default-src": SELF}, {PAGE: ("default-src", f"{PAY} {GULF}")}),
    ({"default-src": "'self' " + PAY}, {PAGE: ("default-src", GULF)}),
    ({"default-src": {"'self'", PAY, GULF}}, {}),
    ({"default-src": ("'self'", "*")}, {}),
    ({"default-src": ["'self'", "https:"]}, {}),
    ({"default-src": ["'self'", "https://*.redpin.test"]}, {}),
    ({"default-src": SELF, "child-src": [PAY, GULF]}, {}),
    ({"default-src": SELF, "child-src": [PAY]}, {PAGE: ("child-src", GULF)}),
    ({"default-src": SELF, "child-src": [PAY], "frame-src": [PAY, GULF]}, {}),
    ({"default-src": SELF, "frame-src": ["'none'"]}, {PAGE: ("frame-src", f"{PAY} {GULF}")}),
    ({"default-src": SELF, "frame-src": EMPTY}, {PAGE: ("frame-src", f"{PAY} {GULF}")}),
    ({"default-src": [PAY, GULF, "'self'"], "frame-src": None}, {}),
    (
        {"default-src": [PAY, GULF]},
        dict.fromkeys((SCRIPT, SHEET, STATUS), ("default-src", "'self'")),
    ),
    ({"default-src": [PAY, GULF, "https://merchant.test"]}, {}),  # This site, by its address.
    ({"default-src": ["*"], "script-src": ["'none'"]}, {SCRIPT: ("script-src", "'self'")}),
    ({"default-src": ["*"], "script-src-elem": ["x:"]}, {SCRIPT: ("script-src-elem", "'self'")}),
    ({"default-src": ["*"], "style-src": ["'unsafe-inline'"]}, {SHEET: ("style-src", "'self'")}),
    ({"default-src": ["*"], "connect-src": ["'none'"]}, {STATUS: ("connect-src", "'self'")}),
    ({"default-src": ["*"], "form-action": ["'none'"]}, {FORM: ("form-action", "'self'")}),
    (
        {"default-src": ["*"], "script-src": ["'self'", "'strict-dynamic'"]},
        {SCRIPT: ("script-src", "'self'")},
    ),
]


@pytest.fixture(autouse=True)
def _accounts(settings: Settings) -> None:
    accounts = {"gulf": {"HOSTED_PAGE_ORIGINS": [GULF]}}
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": accounts}


@pytest.fixture(
    params=[
        pytest.param(
            DJANGO,
            marks=pytest.mark.skipif(django.VERSION < (6, 0), reason="Django 5.2 has none."),
        ),
        DJANGO_CSP,
    ]
)
def middleware(request: pytest.FixtureRequest, settings: Settings) -> str:
    settings.MIDDLEWARE = [request.param, *settings.MIDDLEWARE]
    return str(request.param)


def enforce(settings: Settings, middleware: str, policy: dict[str, Any]) -> str:
    """Set the policy that the middleware reads; return the setting's name."""
    if isinstance(policy, dict) and policy.get("frame-src") is EMPTY:
        policy = {**policy, "frame-src": True if middleware == DJANGO else []}
    if middleware == DJANGO:
        settings.SECURE_CSP = policy
        return "SECURE_CSP"
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": policy}
    return "CONTENT_SECURITY_POLICY"


@pytest.mark.parametrize(("policy", "blocked"), CASES)
def test_a33_a_policy_that_blocks_the_page_is_told_with_what_to_write(
    settings: Settings,
    middleware: str,
    policy: dict[str, Any],
    blocked: dict[str, tuple[str, str]],
) -> None:
    setting = enforce(settings, middleware, policy)

    found = check_content_security_policy()

    assert [(each.id, each.level, each.msg) for each in found] == [
        (
            "redpin.W006",
            WARNING,
            f"{setting} would block {what}: its {decides!r} does not allow {sources}.",
        )
        for what, (decides, sources) in blocked.items()
    ]
    for each, (_, sources) in zip(found, blocked.values(), strict=True):
        assert f"Add {sources} to its " in str(each.hint)
        assert "add_redpin_csp" in str(each.hint)


def test_a33_what_add_redpin_csp_makes_is_never_warned_of(
    settings: Settings, middleware: str
) -> None:
    for policy, _ in CASES:
        # Under 'strict-dynamic' nothing but a nonce lets a script in.
        if "strict-dynamic" not in str(policy) and EMPTY not in policy.values():
            enforce(settings, middleware, add_redpin_csp(policy))

            assert check_content_security_policy() == [], policy


def test_a33_a_nonce_lets_our_files_in(settings: Settings, middleware: str) -> None:
    nonce = [SENTINEL if middleware == DJANGO else DJANGO_CSP_NONCE]
    policy = {
        "default-src": ["*"],
        "script-src": [*nonce, "'strict-dynamic'"],
        "style-src": nonce,
    }
    enforce(settings, middleware, policy)

    assert check_content_security_policy() == []


def test_a33_our_files_from_another_host_are_looked_for_there(
    settings: Settings, middleware: str
) -> None:
    settings.STATIC_URL = "https://cdn.test/static/"
    enforce(settings, middleware, {"default-src": ["'self'", PAY, GULF]})
    assert {each.msg.rpartition("allow ")[2] for each in check_content_security_policy()} == {
        "https://cdn.test."
    }

    enforce(settings, middleware, {"default-src": ["'self'", PAY, GULF, "https://cdn.test"]})
    assert check_content_security_policy() == []


@pytest.mark.parametrize("policy", [{}, None])
def test_a33_where_no_policy_is_enforced_none_is_looked_at(
    settings: Settings, middleware: str, policy: dict[str, Any] | None
) -> None:
    settings.SECURE_CSP = settings.CONTENT_SECURITY_POLICY = policy
    settings.SECURE_CSP_REPORT_ONLY = {"default-src": ["'none'"]}

    assert check_content_security_policy() == []


class OwnPolicy(CSPMiddleware):
    """A project's own, or one of django-csp's, such as `RateLimitedCSPMiddleware`."""


@pytest.mark.parametrize(
    "name",
    ["csp.contrib.rate_limiting.RateLimitedCSPMiddleware", f"{__name__}.OwnPolicy"],
)
def test_a33_a_middleware_made_of_one_of_them_is_looked_at_once(
    settings: Settings, name: str
) -> None:
    settings.MIDDLEWARE = [name, DJANGO_CSP, "tests.nowhere.Middleware", *settings.MIDDLEWARE]
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": SELF}}

    (found,) = check_content_security_policy()

    assert found.id == "redpin.W006"
    settings.MIDDLEWARE.remove(DJANGO_CSP)
    assert check_content_security_policy() == [found]


def test_a33_without_its_middleware_a_policy_is_never_sent(settings: Settings) -> None:
    settings.SECURE_CSP = {"default-src": ["'none'"]}
    settings.CONTENT_SECURITY_POLICY = {"DIRECTIVES": {"default-src": ["'none'"]}}

    assert check_content_security_policy() == []


@pytest.mark.parametrize("policy", [{"default-src": [7]}, 7, ["default-src"], {7: ["'self'"]}])
def test_a_policy_that_can_not_be_read_breaks_no_check(
    settings: Settings, middleware: str, policy: Any
) -> None:
    enforce(settings, middleware, policy)

    check_content_security_policy()


@pytest.mark.parametrize("redpin", [{}, None, 7, {"ACCOUNTS": 7}, {"HOSTED_PAGE_ORIGINS": 7}])
def test_settings_that_can_not_be_read_break_no_check(
    settings: Settings, middleware: str, redpin: Any
) -> None:
    enforce(settings, middleware, {"default-src": ["'self'"]})
    settings.REDPIN = redpin

    assert check_content_security_policy() == []


def test_the_check_is_run_with_the_others(settings: Settings, middleware: str) -> None:
    enforce(settings, middleware, {"default-src": ["'self'"]})

    assert "redpin.W006" in [each.id for each in run_checks(tags=["security"])]
