"""Each verifier by itself: what it lets in, what it refuses, and how secrets are replaced."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timezone
from typing import Any

import pytest
import standardwebhooks
from django.views.debug import SafeExceptionReporterFilter

from django_redpin.exceptions import ConfigurationError
from django_redpin.rules.signatures import fingerprint
from django_redpin.webhooks import verifiers
from django_redpin.webhooks.base import WeakSecret
from django_redpin.webhooks.verification import MAX_VERIFIERS, make_verifiers
from django_redpin.webhooks.verifiers import NotVerified, Post, Proof, Verifier

from .verifying import (
    KINDS,
    NEW,
    NOW,
    OLD,
    OPTIONS,
    PLACE,
    SECRETS,
    SIGNED,
    listed,
    made,
    posted,
)

BODY = b'{"event_id": "1", "amount": 250000.00}'
every_kind = pytest.mark.parametrize("kind", KINDS)
signed_kind = pytest.mark.parametrize("kind", SIGNED)


def is_let_in(verifier: Verifier, post: Post) -> bool:
    try:
        verifier.verify(post)
    except NotVerified:
        return False
    return True


def test_every_verifier_that_there_is_is_asked_here() -> None:
    there = {
        name
        for name, kind in vars(verifiers).items()
        if isinstance(kind, type) and issubclass(kind, Verifier) and not name.startswith("_")
    }

    assert set(OPTIONS) == there - {"Verifier"}
    assert set(SIGNED) == {name for name in OPTIONS if getattr(verifiers, name).is_signed}


class Mine(Verifier):
    """A merchant's own."""

    def __init__(self, *, word: str = "open sesame") -> None:
        self.word = word

    def verify(self, post: Post) -> Proof:
        if post.header("X-Word") != self.word.encode():
            raise NotVerified("wrong word")
        return Proof("my gateway")


class Careless(Verifier):
    def __init__(self, *, secrets: list[str]) -> None:
        raise KeyError(secrets[0])


@every_kind
def test_a2_what_sign_returns_is_what_verify_lets_in(kind: str) -> None:
    verifier = made(kind)

    proof = verifier.verify(posted(verifier.sign(BODY, now=NOW), BODY))

    assert proof.name.endswith(f" {fingerprint(SECRETS[kind][0])}")
    assert proof.is_first
    assert "canary" not in f"{proof} {verifier!r} {posted({'X': NEW})!r}"


@every_kind
def test_a2_without_its_header_nothing_is_let_in(kind: str) -> None:
    assert not is_let_in(made(kind), posted({}, BODY))
    for name in made(kind).sign(BODY, now=NOW):
        headers = made(kind).sign(BODY, now=NOW)
        assert not is_let_in(made(kind), posted({**headers, name: ""}, BODY))
        del headers[name]
        assert not is_let_in(made(kind), posted(headers, BODY))


@every_kind
def test_a8_two_secrets_count_at_once_and_which_matched_is_told(kind: str) -> None:
    new, old = SECRETS[kind]
    both, before, after = made(kind), made(kind, secrets=[old]), made(kind, secrets=[new])

    by_old = posted(before.sign(BODY, now=NOW), BODY)
    by_new = posted(after.sign(BODY, now=NOW), BODY)

    assert both.verify(by_old) == Proof(f"{before.verify(by_old).name}", is_first=False)
    assert both.verify(by_new).is_first
    assert not is_let_in(after, by_old)
    assert not is_let_in(before, by_new)


WEAK: list[Any] = [
    *(None, [], (), "canary-gateway-secret-new-0123456789", {"a": 1}, 7, [None], [b"x" * 40]),
    *(
        [""],
        ["short"],
        [" " * 40],
        ["\n\t" * 20],
        ["x" * 23],
        ["x" * 14 + " " * 30],
        ["\udc80" * 40],
    ),
]
WEAK_FOR: list[tuple[str, Any]] = [
    *(("BasicVerifier", [text]) for text in (":", "user:", "x" * 40, ":" + "x" * 40)),
    *(("BasicVerifier", [f"user:{end}"]) for end in ("x" * 23, " " * 40, "x" * 23 + " " * 9)),
    ("BasicVerifier", ["\udc80:" + "x" * 40]),
    *(("StandardWebhooksVerifier", [text]) for text in ("whsec_", "whsec_" + "A" * 31, "-_" * 30)),
    ("StandardWebhooksVerifier", [base64.b64encode(b" " * 40).decode()]),
]


@pytest.mark.parametrize(
    ("kind", "secrets"),
    [*((kind, weak) for kind in KINDS for weak in WEAK), *WEAK_FOR],
    ids=lambda value: ascii(value)[:30],
)
def test_a3_a_secret_that_can_be_guessed_makes_no_verifier(kind: str, secrets: Any) -> None:
    beside_a_strong_one = SECRETS[kind][:1] + secrets if isinstance(secrets, list) else secrets
    for given in (secrets, beside_a_strong_one if secrets else secrets):
        with pytest.raises(WeakSecret) as raised:
            make_verifiers([listed(kind, secrets=given)])
        assert "canary" not in str(raised.value)
        assert "REDPIN['WEBHOOK_VERIFIERS'][0]" in str(raised.value)


@pytest.mark.parametrize("secret", [f" {NEW}", f"{NEW}\n", "é" * 20, NEW + "\x7f"], ids=ascii)
def test_a_secret_that_would_not_arrive_in_a_header_as_it_is_is_refused(secret: str) -> None:
    with pytest.raises(WeakSecret, match="plain ASCII"):
        made("HeaderVerifier", secrets=[secret])


@signed_kind
def test_a5_one_byte_more_or_less_in_the_body_is_another_body(kind: str) -> None:
    verifier = made(kind)
    headers = verifier.sign(BODY, now=NOW)

    assert json.loads(BODY) == json.loads(BODY.replace(b": ", b":"))
    for other in (BODY.replace(b": ", b":"), BODY + b" ", BODY[:-1], b"", b"\xef\xbb\xbf" + BODY):
        assert not is_let_in(verifier, posted(headers, other))
    odd = b"\xff\x00 no json, no text"
    assert is_let_in(verifier, posted(verifier.sign(odd, now=NOW), odd))


@signed_kind
@pytest.mark.parametrize("direction", [-1, 1], ids=["too old", "from the future"])
def test_a7_the_tolerance_holds_both_ways(kind: str, direction: int) -> None:
    for tolerance in ({}, {"tolerance": 60}):
        edge = tolerance.get("tolerance", 300)
        verifier = made(kind, **tolerance)
        headers = verifier.sign(BODY, now=NOW)
        let_in = [
            is_let_in(verifier, posted(headers, BODY, now=NOW + direction * off))
            for off in (edge - 1, edge, edge + 1)
        ]
        assert let_in == [True, True, False]


@signed_kind
def test_a7_the_tolerance_can_be_switched_off_where_the_events_time_is_signed(kind: str) -> None:
    verifier = made(kind, tolerance=None)
    headers = verifier.sign(BODY, now=NOW)

    assert is_let_in(verifier, posted(headers, BODY, now=NOW + 10**9))
    assert is_let_in(verifier, posted(headers, BODY, now=0))


@signed_kind
@pytest.mark.parametrize("tolerance", [0, -1, "300", True, float("nan"), float("inf"), [], {}])
def test_a_tolerance_that_is_none_makes_no_verifier(kind: str, tolerance: Any) -> None:
    with pytest.raises(ConfigurationError, match="tolerance"):
        made(kind, tolerance=tolerance)


@signed_kind
@pytest.mark.parametrize(
    "text",
    [
        *("", "-1", "-{now}", "+{now}", "1e999", "{now}.0", "{now}.", "0x6955c300", "nan", " "),
        *("9" * 13, "9" * 4000, "9" * 10_000, "é", "\ud800", "\U0001d7d9", "{now},{now}", "{now} "),
    ],
    ids=lambda value: ascii(value)[:20],
)
@pytest.mark.parametrize("tolerance", [300, None])
def test_a6_a_timestamp_that_is_none_is_refused_though_it_is_signed(
    kind: str, text: str, tolerance: int | None
) -> None:
    timestamp = text.replace("{now}", str(NOW))
    given = timestamp.encode("utf-8", "surrogatepass")
    if kind == "HMACVerifier":
        digest = hmac.new(NEW.encode(), given + b"." + BODY, hashlib.sha256).hexdigest()
        headers = {"X-Gateway-Signature": f"t={timestamp},v1={digest}"}
        if timestamp == f"{NOW} ":
            return  # Spaces around are no part of it there.
    else:
        content = b".".join((b"msg_1", given, BODY))
        digest = base64.b64encode(hmac.new(NEW.encode(), content, hashlib.sha256).digest()).decode()
        headers = {
            "webhook-id": "msg_1",
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{digest}",
        }
    assert not is_let_in(made(kind, tolerance=tolerance), posted(headers, BODY))


@every_kind
def test_a6_a_doubled_header_proves_nothing(kind: str) -> None:
    verifier = made(kind)
    headers = verifier.sign(BODY, now=NOW)

    for joint in (",", ", "):  # As servers join what came twice.
        for name, value in headers.items():
            assert not is_let_in(verifier, posted({**headers, name: value + joint + value}, BODY))


@every_kind
def test_a6_a_header_longer_than_4_kb_is_refused_though_it_is_right(kind: str) -> None:
    verifier = made(kind)
    headers = verifier.sign(BODY, now=NOW)
    name, value = list(headers.items())[-1]
    filler = {"HMACVerifier": ",v0=", "StandardWebhooksVerifier": " v2,"}.get(kind)
    if filler is None:
        assert not is_let_in(verifier, posted({name: value + "x" * 4096}, BODY))
        return
    fits = value + filler + "x" * (4096 - len(value) - len(filler))

    assert is_let_in(verifier, posted({**headers, name: fits}, BODY))
    assert not is_let_in(verifier, posted({**headers, name: fits + "x"}, BODY))


@signed_kind
def test_a6_the_eighth_signature_is_looked_at_and_the_ninth_is_not(kind: str) -> None:
    verifier = made(kind)
    headers = verifier.sign(BODY, now=NOW)
    name, value = list(headers.items())[-1]
    for wrong, expected in [(7, True), (8, False)]:
        if kind == "HMACVerifier":
            timestamp, signature = value.split(",")
            many = ",".join([timestamp, *(f"v1={n:064}" for n in range(wrong)), signature])
        else:
            many = " ".join([*(f"v1,{n:043}=" for n in range(wrong)), value])
        assert is_let_in(verifier, posted({**headers, name: many}, BODY)) is expected


def test_a10_the_same_signature_with_another_id_is_refused() -> None:
    verifier = made("StandardWebhooksVerifier")
    headers = verifier.sign(BODY, now=NOW, message_id="msg_1")

    assert is_let_in(verifier, posted(headers, BODY))
    for other in ("msg_2", "MSG_1", "msg_1 ", "msg_", f"msg_1.{NOW}"):
        assert not is_let_in(verifier, posted({**headers, "webhook-id": other}, BODY))


def test_a10_no_byte_moves_from_the_body_into_the_id() -> None:
    verifier = made("StandardWebhooksVerifier")
    headers = verifier.sign(f"{NOW}.{{}}".encode(), now=1, message_id="msg")
    moved = {**headers, "webhook-id": "msg.1", "webhook-timestamp": str(NOW)}

    # The bytes that were signed are the same ones: `msg.1.NOW.{}`.
    assert not is_let_in(verifier, posted(moved, b"{}"))


def test_a2_the_reference_library_signs_and_we_verify() -> None:
    secret = SECRETS["StandardWebhooksVerifier"][0]
    for written in (secret, secret.removeprefix("whsec_"), secret.rstrip("=")):
        theirs = standardwebhooks.Webhook(written)
        signature = theirs.sign("msg_1", datetime.fromtimestamp(NOW, timezone.utc), BODY.decode())
        headers = {
            "Webhook-Id": "msg_1",
            "WEBHOOK-TIMESTAMP": str(NOW),
            "webhook-signature": f"v1a,bm90LW91cnM= {signature}",
        }
        for configured in (secret, secret.removeprefix("whsec_"), secret.rstrip("=")):
            verifier = made("StandardWebhooksVerifier", secrets=[configured])
            assert is_let_in(verifier, posted(headers, BODY))


def test_a2_we_sign_and_the_reference_library_verifies() -> None:
    secret = SECRETS["StandardWebhooksVerifier"][0]
    now = datetime.now(timezone.utc).timestamp()
    headers = made("StandardWebhooksVerifier").sign(BODY, now=now)

    told = standardwebhooks.Webhook(secret).verify(BODY, headers)

    assert told == json.loads(BODY)
    assert (
        headers["webhook-id"] != made("StandardWebhooksVerifier").sign(BODY, now=now)["webhook-id"]
    )


def test_basic_is_spelt_as_http_has_it() -> None:
    verifier = made("BasicVerifier")
    right = verifier.sign(BODY, now=NOW)["Authorization"]
    encoded = right.removeprefix("Basic ")

    assert is_let_in(verifier, posted({"Authorization": f"basic {encoded}"}))
    for other in (
        encoded,
        f"Bearer {encoded}",
        f"Basic  {encoded}",
        right.rstrip("="),
        "Basic",
        NEW,
    ):
        if other != right:
            assert not is_let_in(verifier, posted({"Authorization": other})), other


def test_a_basic_password_may_be_of_any_letters() -> None:
    verifier = made("BasicVerifier", secrets=["gäte:" + "pässword:" * 4])

    assert is_let_in(verifier, posted(verifier.sign(BODY, now=NOW)))


@pytest.mark.parametrize(
    ("source", "expected"),
    [("192.0.2.9", True), ("192.0.3.1", False), ("2001:db8::5", True), ("2001:db9::5", False)],
)
def test_a16_the_networks_let_in_their_own(source: str, expected: bool) -> None:
    assert is_let_in(made("NetworksVerifier"), posted({}, source=source)) is expected


def test_a16_what_has_no_known_source_is_in_no_network() -> None:
    assert not is_let_in(made("NetworksVerifier"), posted({}, source="unknown"))


def test_a16_nothing_that_is_sent_proves_from_where() -> None:
    assert made("NetworksVerifier").sign(BODY, now=NOW) == {}


@pytest.mark.parametrize(
    "networks", [None, [], "192.0.2.0/24", [1], ["no"], ["192.0.2.1/24"], ["0.0.0.0/0"], ["::/0"]]
)
def test_a16_networks_that_are_none_make_no_verifier(networks: Any) -> None:
    with pytest.raises(ConfigurationError, match="networks"):
        made("NetworksVerifier", networks=networks)


@pytest.mark.parametrize(
    "header", ["", "X_Secret", "X Secret", "X-Sécret", "X:", None, 7, "-", "X-"]
)
@pytest.mark.parametrize("kind", ["HeaderVerifier", "HMACVerifier"])
def test_a_header_that_has_no_right_name_makes_no_verifier(kind: str, header: Any) -> None:
    with pytest.raises(ConfigurationError, match="header"):
        made(kind, header=header)


@pytest.mark.parametrize("kind", sorted(OPTIONS))
def test_a2_an_option_that_nobody_knows_makes_no_verifier(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="unexpected keyword argument 'verify'"):
        made(kind, verify=False)
    for name in listed(kind)["OPTIONS"]:
        entry = listed(kind)
        del entry["OPTIONS"][name]
        with pytest.raises(ConfigurationError, match=f"'{name}'"):
            make_verifiers([entry])


@pytest.mark.parametrize(
    "backend",
    [
        *("", "HMACVerifier", "no.such.module", f"{PLACE}.NoVerifier", f"{PLACE}.Proof", "os.path"),
        *("tests.webhooks.test_verifiers.BODY", f"{PLACE}.", ".x", "a..b", "é.é", "os.path.join"),
    ],
)
def test_a2_a_backend_that_is_no_verifier_makes_none(backend: str) -> None:
    with pytest.raises(ConfigurationError, match=r"REDPIN\['WEBHOOK_VERIFIERS'\]\[0\]"):
        make_verifiers([{"BACKEND": backend}])


def test_a2_a_verifier_of_ones_own_is_named_by_its_path() -> None:
    path = f"{Mine.__module__}.{Mine.__qualname__}"
    for options, word in [({}, "open sesame"), ({"OPTIONS": {"word": "friend"}}, "friend")]:
        (verifier,) = make_verifiers([{"BACKEND": path, **options}])
        assert verifier.verify(posted({"X-Word": word})) == Proof("my gateway")
        assert not is_let_in(verifier, posted({"X-Word": "melon"}))


def test_a2_what_fails_in_anothers_code_is_told_without_its_text() -> None:
    path = f"{Careless.__module__}.{Careless.__qualname__}"
    with pytest.raises(ConfigurationError, match="KeyError") as raised:
        make_verifiers([{"BACKEND": path, "OPTIONS": {"secrets": [NEW]}}])
    assert "canary" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_a2_the_base_class_lets_nothing_in() -> None:
    with pytest.raises(NotImplementedError):
        Verifier().verify(posted({}))


def test_more_verifiers_than_a_row_can_name_are_refused() -> None:
    entries = [listed("NetworksVerifier")] * (MAX_VERIFIERS + 1)

    assert len(make_verifiers(entries[1:])) == MAX_VERIFIERS
    with pytest.raises(ConfigurationError, match="more than 8"):
        make_verifiers(entries)


def test_c16_djangos_error_reports_hide_every_secret() -> None:
    values = {
        "CLIENT_SECRET": "canary-client-secret",
        "WEBHOOK_SECRETS": [NEW, OLD],
        "WEBHOOK_VERIFIERS": [listed(kind) for kind in KINDS],
        "ACCOUNTS": {"gulf": {"WEBHOOK_VERIFIERS": tuple(listed(kind) for kind in KINDS)}},
    }
    shown = repr(SafeExceptionReporterFilter().cleanse_setting("REDPIN", values))

    assert "canary" not in shown
    assert base64.b64encode(b"canary").decode()[:7] not in shown
    assert "X-Gateway-Signature" in shown  # What is no secret is of use there.
