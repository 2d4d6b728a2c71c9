"""The verifiers behind the view: all have to pass, beside the token, and nothing else counts."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

import django_redpin
from django_redpin.models import WebhookEvent
from django_redpin.rules.callback_tokens import sign
from django_redpin.rules.signatures import fingerprint
from django_redpin.services import record
from django_redpin.webhooks.verifiers import NotVerified, Post, Proof, Verifier

from .posting import BODY, SECRET, path, post
from .verifying import KINDS, NEW, OLD, SECRETS, SIGNED, STRANGERS, listed, made, spelt

pytestmark = pytest.mark.django_db
every_kind = pytest.mark.parametrize("kind", KINDS)
Use = Callable[..., None]
HERE = Path(django_redpin.__file__).parent


@pytest.fixture
def use(settings: Settings) -> Use:
    """Change some of the settings of the default account."""

    def run(*verifiers: dict[str, Any], **changes: Any) -> None:
        settings.REDPIN = {**settings.REDPIN, "WEBHOOK_VERIFIERS": list(verifiers), **changes}

    return run


def headers(kind: str, body: str = BODY, **options: Any) -> dict[str, str]:
    return made(kind, **options).sign(body.encode(), now=time.time())


class Verdict(Verifier):
    """One that returns or raises what it is told to."""

    def __init__(self, *, what: Any) -> None:
        self.what = what

    def verify(self, post: Post) -> Proof:
        if isinstance(self.what, Exception):
            raise self.what
        return self.what  # type: ignore[no-any-return]


def verdict(what: Any) -> dict[str, Any]:
    return {"BACKEND": f"{__name__}.Verdict", "OPTIONS": {"what": what}}


@every_kind
def test_a2_what_passed_stands_in_the_row(use: Use, kind: str) -> None:
    use(listed(kind))

    assert post(path(), headers=headers(kind)).status_code == 200
    event = WebhookEvent.objects.get()
    token, passed = event.verifier.split(", ")
    assert token == f"session token {fingerprint(SECRET)}"
    assert passed.endswith(fingerprint(SECRETS[kind][0]))
    assert event.is_signed is (kind in SIGNED)


@every_kind
def test_a2_no_verifier_takes_the_tokens_place(use: Use, kind: str) -> None:
    use(listed(kind))
    wrong = [
        path()[:-2] + "/",
        "/redpin/webhooks/default/ORDER-1/x/",
        path().replace("/default/", "/other/"),
        path(secret=NEW),
    ]

    assert [post(url, headers=headers(kind)).status_code for url in wrong] == [401] * 4
    use(listed(kind), WEBHOOK_SECRETS=[])
    assert post(path(), headers=headers(kind)).status_code == 503
    assert not WebhookEvent.objects.exists()


def test_a2_all_verifiers_have_to_pass(use: Use) -> None:
    use(*(listed(kind) for kind in KINDS), listed("NetworksVerifier", networks=["127.0.0.1"]))
    right = {name: value for kind in KINDS for name, value in headers(kind).items()}

    for name in right:
        others = {other: value for other, value in right.items() if other != name}
        assert post(path(), headers=others).status_code == 401
        assert post(path(), headers={**right, name: "wrong"}).status_code == 401
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    assert post(path(), headers=right, **elsewhere).status_code == 401
    assert not WebhookEvent.objects.exists()
    assert post(path(), headers=right).status_code == 200
    # The token in the URL, each with secrets, and the networks.
    assert len(WebhookEvent.objects.get().verifier.split(", ")) == len(KINDS) + 2


def test_a2_as_many_verifiers_as_may_be_fit_into_the_row(use: Use) -> None:
    use(*[verdict(Proof("x\x00\n" * 300))] * 8)
    token = sign(SECRET, "default", "")

    assert post(f"/redpin/webhooks/default/{token}/").status_code == 200
    name = WebhookEvent.objects.get().verifier
    assert len(name) <= 255
    assert name.count(", ") == 8
    assert name.isprintable()


@pytest.mark.parametrize(
    "entry",
    [
        *({"BACKEND": name} for name in ("", "no.such", "os.path.join", "django.http.HttpRequest")),
        listed("HMACVerifier", verify=False),
        listed("HMACVerifier", secrets=[]),
        *(listed("HMACVerifier", secrets=[secret]) for secret in ("", " " * 40, "x" * 23)),
        *(listed("HMACVerifier", secrets=[NEW, weak]) for weak in ("", "short")),
        listed("StandardWebhooksVerifier", secrets=["whsec_" + "A" * 28]),
        listed("NetworksVerifier", networks=["0.0.0.0/0"]),
        {"BACKEND": 7},
        {},
        {**listed("HMACVerifier"), "ENABLED": False},
        "HMACVerifier",
        *map(verdict, (None, True, "passed", {}, Proof(name=7))),  # type: ignore[arg-type]
        *map(verdict, (ValueError("canary"), KeyError("canary"), NotImplementedError())),
    ],
    ids=lambda value: ascii(value)[-60:],
)
def test_a2_a3_what_can_not_be_trusted_to_verify_lets_nothing_in(
    use: Use, entry: Any, caplog: pytest.LogCaptureFixture
) -> None:
    use(entry)

    response = post(path(), headers=headers("HMACVerifier"))

    assert response.status_code == 503
    assert response.json() == {"detail": "The webhook is not configured."}
    assert not WebhookEvent.objects.exists()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "canary" not in caplog.text


@pytest.mark.parametrize("verifiers", [[], [listed("HeaderVerifier")], [listed("BasicVerifier")]])
def test_a2_trust_in_what_is_verified_needs_a_signature(
    use: Use, verifiers: list[dict[str, Any]]
) -> None:
    right = {**headers("HeaderVerifier"), **headers("BasicVerifier"), **headers("HMACVerifier")}
    use(*verifiers, WEBHOOK_TRUST="verified")

    assert post(path(), headers=right).status_code == 503
    use(*verifiers, listed("HMACVerifier"), WEBHOOK_TRUST="verified")
    assert post(path(), headers=right).status_code == 200
    assert WebhookEvent.objects.get().is_signed


def _header_names_of_the_code() -> set[str]:
    """Return every word in the rooms of webhooks that could be the name of a header."""
    rooms = [*(HERE / "webhooks").glob("*.py"), HERE / "shapes.py", HERE / "conf.py"]
    words = {
        word
        for room in rooms
        for word in re.findall(r"[\"'`]([A-Za-z][A-Za-z0-9_-]{2,40})[\"'`]", room.read_text())
    }
    return {word.removeprefix("HTTP_").replace("_", "-").lower() for word in words}


@pytest.mark.heavy
def test_a4_no_header_chooses_a_secret_or_switches_verification_off(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    names = _header_names_of_the_code() - {"content-type", "content-length", "host"}
    assert {"authorization", "webhook-signature", "x-forwarded-for", "webhook-verifiers"} <= names
    names |= {"x-redpin-secret", "x-webhook-secret", "x-verify", "x-http-method-override", "cookie"}
    values = ["", "1", "true", "none", "off", NEW, SECRET, "canary", "HMACVerifier", "v1,", "{}"]
    right = settings.REDPIN
    answers = set()
    for kind in (*KINDS, "NetworksVerifier"):
        # A header that holds the secret as it is lets in whoever has that.
        own = {name.lower() for name, value in headers(kind).items() if value in values}
        settings.REDPIN = {**right, "WEBHOOK_VERIFIERS": [listed(kind)]}
        for value in values:
            for some in (sorted(names), *([name] for name in names if value == NEW)):
                answer = post(path(), headers=dict.fromkeys(set(some) - own, value))
                answers.add(answer.status_code)
    assert answers == {401, 429}
    assert not WebhookEvent.objects.exists()


def test_a4_a_post_can_not_sign_with_a_secret_that_it_brings(use: Use) -> None:
    use(listed("HMACVerifier"))
    forged = headers("HMACVerifier", secrets=[STRANGERS])

    for extra in ("X-Secret", "X-Gateway-Secret", "Webhook-Secret", "Authorization"):
        assert post(path(), headers={**forged, extra: STRANGERS}).status_code == 401
    body = BODY.replace("{}", json.dumps({"secret": STRANGERS, "secrets": [STRANGERS]}))
    assert (
        post(f"{path()}?secret={STRANGERS}&secrets={STRANGERS}", headers=forged).status_code == 401
    )
    forged = headers("HMACVerifier", body, secrets=[STRANGERS])
    assert post(path(), body, headers=forged).status_code == 401


@pytest.mark.parametrize("kind", SIGNED)
def test_a5_the_bytes_that_came_are_what_is_verified(use: Use, kind: str) -> None:
    use(listed(kind))
    spaced = BODY.replace(", ", " ,\n")

    assert post(path(), spaced, headers=headers(kind)).status_code == 401
    assert post(path(), spaced, headers=headers(kind, spaced)).status_code == 200
    # What is signed and yet no JSON is told so; what is not signed is never parsed.
    assert post(path(), "[" * 60_000, headers=headers(kind, "[" * 60_000)).status_code == 400
    assert post(path(), "[" * 60_000, headers=headers(kind)).status_code == 401


@every_kind
@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "é", "\xff\xfe", "\udcff", "日本", "\U0001d538", "\x00", "x" * 5000, "," * 4000),
        *("v1," * 1000, " ".join(["v1,AAAA"] * 400), ",".join(["v1=00"] * 400), "t=1,t=1,v1=00"),
        *(
            "t=-1,v1=00",
            "t=1e999,v1=00",
            "t=" + "9" * 4000 + ",v1=00",
            "t=,v1=",
            "=",
            "1e999",
            "-1",
        ),
        *("Basic", "Basic ", "Basic =", "Basic \xff", "Basic " + "A" * 4000, "9" * 4000, "nan"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_a6_no_header_content_is_more_than_a_401(use: Use, kind: str, value: str) -> None:
    use(listed(kind))
    right = headers(kind)
    for name in right:
        assert post(path(), headers={**right, name: value}).status_code == 401
    assert post(path(), headers=dict.fromkeys(right, value)).status_code == 401
    assert not WebhookEvent.objects.exists()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged at INFO, and by whom it should be: the broker's client warns, too."""
    name = "django_redpin.security"
    return [r.getMessage() for r in caplog.records if (r.name, r.levelno) == (name, logging.INFO)]


@every_kind
def test_a8_the_log_tells_while_an_older_secret_is_in_use(
    use: Use, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_redpin.security")
    old = SECRETS[kind][1]
    use(listed(kind))

    post(path(), headers=headers(kind))
    assert told(caplog) == []
    post(path(), headers=headers(kind, secrets=[old]))

    (line,) = told(caplog)
    assert fingerprint(old) in line
    assert OLD not in line


def test_a8_the_log_tells_while_an_older_secret_of_the_tokens_is_in_use(
    use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "django_redpin.security")
    use(WEBHOOK_SECRETS=[NEW, SECRET])

    assert post(path(secret=NEW)).status_code == 200
    assert told(caplog) == []
    assert post(path()).status_code == 200
    (line,) = told(caplog)
    assert f"session token {fingerprint(SECRET)}" in line


@every_kind
def test_a9_a_wrong_proof_costs_no_sql_and_no_message(
    use: Use, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued: list[object] = []
    monkeypatch.setattr(record, "enqueue", lambda *args: enqueued.append(args))
    use(listed(kind))
    wrong = headers(kind, secrets=[spelt(kind, STRANGERS)])

    with CaptureQueriesContext(connection) as queries:
        assert post(path(), headers=wrong).status_code == 401
        assert post(path()).status_code == 401
    assert len(queries) == 0
    assert enqueued == []


def test_a9_the_answer_does_not_tell_what_was_wrong(use: Use) -> None:
    use(*(listed(kind) for kind in KINDS))
    right = {name: value for kind in KINDS for name, value in headers(kind).items()}
    answers = [
        post("/redpin/webhooks/default/ORDER-1/x/", headers=right),
        post(path().replace("/default/", "/nobody/"), headers=right),
        post(path("ORDER-9").replace("ORDER-9", "ORDER-1"), headers=right),
        *(post(path(), headers={**right, name: "wrong"}) for name in right),
    ]

    told = {(answer.status_code, answer.content, str(sorted(answer.items()))) for answer in answers}
    assert len(told) == 1
    assert answers[0].status_code == 401


def test_a10_what_is_sent_again_is_200_and_has_no_second_effect(use: Use) -> None:
    use(listed("StandardWebhooksVerifier"))
    same = headers("StandardWebhooksVerifier")

    answers = [post(path(), headers=same) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert WebhookEvent.objects.get().duplicates == 4
    assert post(path(), headers={**same, "webhook-id": "msg_other"}).status_code == 401


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.1", "192.0.2.5", 200),
        ("10.0.0.1", "6.6.6.6, 192.0.2.5", 200),
        ("10.0.0.1", "192.0.2.5, 6.6.6.6", 401),  # The first hop is what a stranger wrote.
        ("6.6.6.6", "192.0.2.5", 401),
        ("6.6.6.6", "192.0.2.5, 10.0.0.1", 401),
        ("10.0.0.1", "", 401),
        ("192.0.2.5", "", 200),
        ("192.0.2.5", "6.6.6.6", 200),
    ],
)
def test_a16_the_first_hop_is_never_believed(
    use: Use, peer: str, forwarded: str, expected: int
) -> None:
    use(listed("NetworksVerifier"), WEBHOOK_TRUSTED_PROXIES=["10.0.0.0/8"])
    extra = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}

    answer = post(path(), REMOTE_ADDR=peer, **extra)

    assert answer.status_code == expected
    if expected == 200:
        assert WebhookEvent.objects.get().verifier.endswith(", network 192.0.2.0/24")


def test_a16_without_trusted_proxies_no_hop_is_believed(use: Use) -> None:
    use(listed("NetworksVerifier"))

    answer = post(path(), REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR="192.0.2.5")
    assert answer.status_code == 401


def test_what_a_verifier_of_ones_own_says_is_logged_and_not_answered(
    use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    use(verdict(NotVerified("wrong word")))

    answer = post(path())

    assert answer.status_code == 401
    assert "Verdict: wrong word" in caplog.text
    assert "word" not in str(answer.json())
