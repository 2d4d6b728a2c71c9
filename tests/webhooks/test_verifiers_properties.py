"""Whatever is changed in a right post, nothing is let in, and nothing but a refusal is raised."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from django.test import RequestFactory
from hypothesis import assume, given
from hypothesis import strategies as st
from pytest_django import Settings

from django_redpin.conf import get_account
from django_redpin.webhooks.base import WeakSecret
from django_redpin.webhooks.verification import NotVerified, NoVerifier, verify_post
from django_redpin.webhooks.verifiers import Verifier
from tests.rules.samples import examples

from .verifying import KINDS, NEW, NOW, SECRETS, SIGNED, listed, made, posted

BODY = b'{"event_id": "1", "status": "PAYMENT_COMPLETED"}'
VERIFIERS = {kind: made(kind) for kind in KINDS}
kinds = st.sampled_from(KINDS)
signed = st.sampled_from(SIGNED)
any_text = st.text(st.characters(exclude_categories=()), max_size=80)
latin = st.text(st.characters(max_codepoint=255), max_size=80)


def is_let_in(verifier: Verifier, headers: dict[str, str], body: bytes = BODY) -> bool:
    try:
        verifier.verify(posted(headers, body))
    except NotVerified:
        return False
    return True


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def changed(text: str, bit: int) -> str:
    return flipped(text.encode("latin-1"), bit).decode("latin-1")


def is_the_same(kind: str, name: str, before: str, after: str) -> bool:
    """Tell whether HTTP or the scheme says that both are one: the case of `Basic`, spaces around.

    What is passed over (other versions, other schemes) is read away from `after` by hand here.
    """
    if kind == "BasicVerifier":
        scheme, _, rest = after.partition(" ")
        return scheme.lower() == "basic" and rest == before.removeprefix("Basic ")
    if kind == "HMACVerifier":
        return {item.strip() for item in after.split(",")} == set(before.split(","))
    if name == "webhook-signature":
        return after.split() == before.split()
    return after == before


@given(signed, st.integers(0, 10**6))
@examples(300)
def test_a5_no_bit_of_the_body_can_be_flipped(kind: str, bit: int) -> None:
    headers = VERIFIERS[kind].sign(BODY, now=NOW)

    assert is_let_in(VERIFIERS[kind], headers)
    assert not is_let_in(VERIFIERS[kind], headers, flipped(BODY, bit))


@pytest.mark.heavy
@given(kinds, st.integers(0, 10**6), st.data())
@examples(600)
def test_a6_no_bit_of_a_header_can_be_flipped(kind: str, bit: int, data: st.DataObject) -> None:
    headers = VERIFIERS[kind].sign(BODY, now=NOW, message_id="msg_1")
    name = data.draw(st.sampled_from(sorted(headers)))
    after = changed(headers[name], bit)

    assume(not is_the_same(kind, name, headers[name], after))
    assert not is_let_in(VERIFIERS[kind], {**headers, name: after})


@given(kinds, st.integers(0, 10**6))
@examples(200)
def test_a6_no_bit_of_a_secret_can_be_flipped(kind: str, bit: int) -> None:
    secret = SECRETS[kind][0]
    try:
        other = made(kind, secrets=[changed(secret, bit)])
    except WeakSecret:  # Such as one with a colon that is none any more.
        return
    headers = other.sign(BODY, now=NOW)
    # The last letter of unpadded base64 has bits that stand for nothing.
    is_another = bool(vars(other)["_keys"] != vars(made(kind, secrets=[secret]))["_keys"])
    assume(is_another)
    assert not is_let_in(VERIFIERS[kind], headers)


@given(kinds, st.data())
@examples(300)
def test_a6_nothing_shorter_or_longer_or_in_another_case_will_do(
    kind: str, data: st.DataObject
) -> None:
    headers = VERIFIERS[kind].sign(BODY, now=NOW, message_id="msg_1")
    name = data.draw(st.sampled_from(sorted(headers)))
    right = headers[name]
    cut = data.draw(st.integers(0, len(right) - 1))
    spoilt = [
        *(right[:cut], right[cut + 1 :], right + "=", right + "A", right.rstrip("=") + "AA"),
        *(right.swapcase(), right.upper(), right.replace("=", "%3D"), right + "\x00", right * 2),
        right[::-1],
        f'"{right}"',
        right.rstrip("="),
    ]
    for after in spoilt:
        if not is_the_same(kind, name, right, after):
            assert not is_let_in(VERIFIERS[kind], {**headers, name: after}), after


ALGORITHMS = ["none", "", "v0", "v2", "v1a", "V1", "v1 ", "v01", "hs256", "sha256", "md5", "plain"]


@given(st.sampled_from(ALGORITHMS), signed)
@examples(100)
def test_a4_no_name_of_an_algorithm_changes_how_it_is_verified(name: str, kind: str) -> None:
    for version in (name, name.upper()):
        headers = VERIFIERS[kind].sign(BODY, now=NOW)
        last, right = list(headers.items())[-1]
        joint = "=" if kind == "HMACVerifier" else ","
        assume(f"{version.strip()}{joint}" != f"v1{joint}" or version != version.strip())
        after = right.replace(f"v1{joint}", f"{version}{joint}")
        assert not is_let_in(VERIFIERS[kind], {**headers, last: after})


@pytest.mark.parametrize("kind", SIGNED)
def test_a4_no_other_digest_by_the_right_secret_will_do(kind: str) -> None:
    for algorithm in ("md5", "sha1", "sha224", "sha384", "sha512", "sha3_256"):
        if kind == "HMACVerifier":
            digest = hmac.new(NEW.encode(), f"{NOW}.".encode() + BODY, algorithm).hexdigest()
            headers = {"X-Gateway-Signature": f"t={NOW},v1={digest}"}
        else:
            content = f"msg_1.{NOW}.".encode() + BODY
            raw = hmac.new(NEW.encode(), content, algorithm).digest()
            headers = {
                "webhook-id": "msg_1",
                "webhook-timestamp": str(NOW),
                "webhook-signature": f"v1,{base64.b64encode(raw).decode()}",
            }
        assert not is_let_in(VERIFIERS[kind], headers)
    # An HMAC, not a digest of secret and body: that could be made longer without the secret.
    plain = hashlib.sha256(NEW.encode() + f"{NOW}.".encode() + BODY).hexdigest()
    assert not is_let_in(VERIFIERS["HMACVerifier"], {"X-Gateway-Signature": f"t={NOW},v1={plain}"})


@pytest.mark.heavy
@given(kinds, st.lists(st.one_of(any_text, latin), min_size=3, max_size=3), st.binary(max_size=80))
@examples(500)
def test_a6_no_headers_are_let_in_by_chance_and_none_raise_more_than_a_refusal(
    kind: str, values: list[str], body: bytes
) -> None:
    names = VERIFIERS[kind].sign(BODY, now=NOW)

    assert not is_let_in(VERIFIERS[kind], dict(zip(names, values, strict=False)), body)


odd = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), any_text, st.binary()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(any_text, inner, max_size=3)
    ),
    max_leaves=5,
)
options = st.dictionaries(
    st.one_of(st.sampled_from(["secrets", "header", "tolerance", "networks"]), any_text),
    odd,
    max_size=4,
)


@pytest.mark.heavy
@given(kind=st.sampled_from([*KINDS, "NetworksVerifier"]), some=options)
@examples(300)
def test_a2_no_options_raise_more_than_a_refusal(kind: str, some: Any) -> None:
    account = get_account()
    entry = {**listed(kind), "OPTIONS": some}
    object.__setattr__(account, "webhook_verifiers", (entry,))
    request = RequestFactory().post("/", BODY, content_type="application/json")

    with pytest.raises((NoVerifier, NotVerified)):
        verify_post(account, request, BODY)


def test_a2_what_is_not_changed_is_let_in(settings: Settings) -> None:
    """So that the refusals above are no refusals of everything."""
    for kind in KINDS:
        assert is_let_in(VERIFIERS[kind], VERIFIERS[kind].sign(BODY, now=NOW))
