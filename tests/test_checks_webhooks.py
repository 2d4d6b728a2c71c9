"""The system checks of webhooks: verifiers, trust, the cap of bodies, caches of one process."""

from __future__ import annotations

from secrets import token_hex
from typing import Any

import pytest
from django.core.checks import Tags, run_checks
from django.core.checks import Warning as WarningMessage
from pytest_django import Settings

from django_redpin.checks import check_deployment

from .test_checks import Check, check, ids
from .webhooks.verifying import KINDS, NEW, listed

__all__ = ["check"]  # The fixture.


@pytest.mark.parametrize("kind", [*KINDS, "NetworksVerifier"])
def test_a_verifier_that_can_be_used_is_fine(check: Check, kind: str) -> None:
    assert check(WEBHOOK_VERIFIERS=[listed(kind)]) == []


@pytest.mark.parametrize(
    "entry",
    [
        *({"BACKEND": name} for name in ("", "no.such", "os.path.join", "HMACVerifier")),
        listed("HMACVerifier", verify=False),
        listed("HMACVerifier", header="X_Y"),
        listed("HMACVerifier", tolerance="canary"),
        listed("NetworksVerifier", networks=["canary"]),
        listed("NetworksVerifier", networks=["0.0.0.0/0"]),
        {"BACKEND": "tests.webhooks.test_verifiers.Careless", "OPTIONS": {"secrets": [NEW]}},
    ],
    ids=lambda value: str(value)[-40:],
)
def test_c16_e011_a_verifier_that_can_not_be_made(check: Check, entry: dict[str, Any]) -> None:
    messages = check(WEBHOOK_VERIFIERS=[listed("HMACVerifier"), entry])

    assert ids(messages) == {"redpin.E011"}
    assert messages[0].msg.startswith("REDPIN['WEBHOOK_VERIFIERS'][1]: ")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secrets", [None, [], [""], [" " * 40], ["canary-short"], [b"x" * 40]])
def test_a3_c16_e012_a_verifier_with_a_missing_or_weak_secret(
    check: Check, kind: str, secrets: Any
) -> None:
    messages = check(WEBHOOK_VERIFIERS=[listed(kind, secrets=secrets)])

    assert ids(messages) == {"redpin.E012"}
    assert "print(secrets.token_hex(32))" in str(messages[0].hint)
    made = token_hex(32)
    cure = f"gateway:{made}" if kind == "BasicVerifier" else made
    assert check(WEBHOOK_VERIFIERS=[listed(kind, secrets=[cure])]) == []


def test_c16_a_mistake_in_another_account_names_the_account(check: Check) -> None:
    (message,) = check(ACCOUNTS={"gulf": {"WEBHOOK_VERIFIERS": [{"BACKEND": "canary.module"}]}})

    assert message.msg.startswith("REDPIN['ACCOUNTS']['gulf']['WEBHOOK_VERIFIERS'][0]: ")


@pytest.mark.parametrize(
    "kinds", [[], ["HeaderVerifier"], ["BasicVerifier"], ["NetworksVerifier", "HeaderVerifier"]]
)
def test_a2_c16_e013_trust_without_signatures(check: Check, kinds: list[str]) -> None:
    verifiers = [listed(kind) for kind in kinds]

    assert ids(check(WEBHOOK_VERIFIERS=verifiers, WEBHOOK_TRUST="verified")) == {"redpin.E013"}
    signed = [*verifiers, listed("StandardWebhooksVerifier")]
    assert check(WEBHOOK_VERIFIERS=signed, WEBHOOK_TRUST="verified") == []


def test_c16_w002_a_body_of_more_than_a_mebibyte(check: Check) -> None:
    (message,) = check(WEBHOOK_MAX_BODY_BYTES=1024 * 1024 + 1)

    assert message.id == "redpin.W002"
    assert isinstance(message, WarningMessage)
    assert check(WEBHOOK_MAX_BODY_BYTES=1024 * 1024) == []


@pytest.mark.parametrize(
    "value", [["0.0.0.0/0"], ["::/0"], "10.0.0.0/8", ["10.0.0.1/8"], ["canary"], [None], None]
)
def test_a16_c16_e003_proxies_that_are_no_networks(check: Check, value: Any) -> None:
    assert ids(check(WEBHOOK_TRUSTED_PROXIES=value)) == {"redpin.E003"}


@pytest.mark.parametrize("backend", ["locmem.LocMemCache", "dummy.DummyCache"])
def test_c16_e023_a_cache_that_processes_do_not_share(settings: Settings, backend: str) -> None:
    place = "django.core.cache.backends"
    shared = {"BACKEND": f"{place}.filebased.FileBasedCache", "LOCATION": "/nowhere"}
    settings.CACHES = {"default": {"BACKEND": f"{place}.{backend}"}, "shared": shared}

    messages = check_deployment()
    assert ids(messages) == {"redpin.E023"}
    assert "more than one process" in str(messages[0].hint)
    for right in ("shared", None):
        settings.REDPIN = {**settings.REDPIN, "TOKEN_CACHE": right}
        assert check_deployment() == []
    settings.REDPIN = {**settings.REDPIN, "ACCOUNTS": {"gulf": {"TOKEN_CACHE": "default"}}}
    assert ids(check_deployment()) == {"redpin.E023"}


def test_c16_e023_is_for_deployments_alone(settings: Settings) -> None:
    def found(*, deploy: bool) -> bool:
        messages = run_checks(tags=[Tags.security], include_deployment_checks=deploy)
        return "redpin.E023" in ids(messages)

    assert not found(deploy=False)
    assert found(deploy=True)


@pytest.mark.parametrize("value", [None, 7, [], ["x"], {}, "no such cache"])
def test_no_settings_crash_the_deployment_check(settings: Settings, value: Any) -> None:
    settings.REDPIN = {**settings.REDPIN, "TOKEN_CACHE": value}
    assert check_deployment() == []
    settings.REDPIN = value
    check_deployment()
