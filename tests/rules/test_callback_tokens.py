"""The token of a callback URL: it proves one session of one account, by one strong secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_redpin.rules.callback_tokens import is_strong, sign, verify

from .samples import examples

SECRET = "canary-secret-0123456789-abcdef"
OLDER = "canary-older-0123456789-abcdefg"
ACCOUNT = "default"
REFERENCE = "0b1f7a52-0d5b-4a39-9f8e-3e0a7f0b8c11"
TOKEN = sign(SECRET, ACCOUNT, REFERENCE)

names = st.text(max_size=20)
WEAK = ["", "short", "x" * 23, " " * 40, "x" * 23 + " " * 20, "\n" * 30, "é" * 11]


def _signed_by_hand(secret: str, account: str, reference: str) -> str:
    """Sign as the package does, without its refusal of weak secrets."""
    fields = [b"django_redpin.callback_token.v1", account.encode(), reference.encode()]
    message = b"".join(len(field).to_bytes(4, "big") + field for field in fields)
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_token_is_proof_of_its_own_session() -> None:
    assert verify(TOKEN, [SECRET], ACCOUNT, REFERENCE)


def test_a_token_stays_the_same_so_that_urls_given_to_redpin_stay_valid() -> None:
    assert _signed_by_hand(SECRET, ACCOUNT, REFERENCE) == TOKEN
    assert sign(SECRET, ACCOUNT, REFERENCE) == TOKEN


@given(names, names)
@examples(100)
def test_a_token_of_any_session_verifies_and_is_safe_in_a_path(account: str, ref: str) -> None:
    token = sign(SECRET, account, ref)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", token)
    assert verify(token, [SECRET], account, ref)


@given(st.tuples(names, names), st.tuples(names, names))
@examples(100)
def test_a_token_is_no_proof_of_another_session(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert bool(verify(sign(SECRET, *one), [SECRET], *other)) is (one == other)


@pytest.mark.parametrize(
    ("account", "reference"),
    [
        (ACCOUNT, "0b1f7a52-0d5b-4a39-9f8e-3e0a7f0b8c12"),
        (ACCOUNT, ""),
        (ACCOUNT, REFERENCE.upper()),
        (ACCOUNT, REFERENCE + "\n"),
        ("other", REFERENCE),
        ("", REFERENCE),
        (REFERENCE, ACCOUNT),
        (ACCOUNT + REFERENCE, ""),
        (ACCOUNT[:-1], ACCOUNT[-1] + REFERENCE),
    ],
)
def test_a_token_is_bound_to_account_and_reference(account: str, reference: str) -> None:
    assert not verify(TOKEN, [SECRET], account, reference)


@pytest.mark.parametrize("place", range(len(TOKEN)))
def test_a_token_with_one_letter_changed_is_no_proof(place: int) -> None:
    letter = "A" if TOKEN[place] != "A" else "B"
    assert not verify(TOKEN[:place] + letter + TOKEN[place + 1 :], [SECRET], ACCOUNT, REFERENCE)


@pytest.mark.parametrize(
    "token",
    [
        "",
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "=",
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.swapcase(),
        TOKEN * 2,
        "é" * 43,
        "\ud800" * 43,
        "\x00",
        "\U0001d538" + TOKEN[1:],
        "A" * 1_000_000,
    ],
    ids=lambda token: ascii(token)[:30],
)
def test_any_other_token_is_no_proof(token: str) -> None:
    assert not verify(token, [SECRET, OLDER], ACCOUNT, REFERENCE)


@given(st.text(st.characters(exclude_categories=()), max_size=60))
@examples(150)
def test_no_text_is_a_token_by_chance_and_none_makes_it_crash(token: str) -> None:
    assert bool(verify(token, [SECRET], ACCOUNT, REFERENCE)) is (token == TOKEN)


def test_tokens_of_an_older_secret_count_until_it_is_taken_out() -> None:
    older = sign(OLDER, ACCOUNT, REFERENCE)
    assert verify(older, [SECRET, OLDER], ACCOUNT, REFERENCE) == OLDER
    assert verify(TOKEN, [SECRET, OLDER], ACCOUNT, REFERENCE) == SECRET
    assert not verify(older, [SECRET], ACCOUNT, REFERENCE)


def test_without_secrets_nothing_verifies() -> None:
    assert not verify(TOKEN, [], ACCOUNT, REFERENCE)
    assert not verify("", [], ACCOUNT, REFERENCE)


def test_one_secret_in_place_of_the_list_is_not_taken_for_its_letters() -> None:
    assert not verify(_signed_by_hand("c", ACCOUNT, REFERENCE), SECRET, ACCOUNT, REFERENCE)


@pytest.mark.parametrize("secret", WEAK, ids=ascii)
def test_a_weak_secret_neither_signs_nor_verifies(secret: str) -> None:
    assert not is_strong(secret)
    with pytest.raises(ValueError, match="24 bytes"):
        sign(secret, ACCOUNT, REFERENCE)
    forged = _signed_by_hand(secret, ACCOUNT, REFERENCE)
    assert not verify(forged, [secret], ACCOUNT, REFERENCE)
    assert not verify(forged, [SECRET, secret], ACCOUNT, REFERENCE)


def test_a_weak_secret_takes_nothing_from_a_strong_one_beside_it() -> None:
    assert verify(TOKEN, ["", SECRET, "short"], ACCOUNT, REFERENCE)


@pytest.mark.parametrize("secret", ["x" * 24, "é" * 12, " " + "x" * 24, "🔑" * 6])
def test_twenty_four_bytes_are_enough(secret: str) -> None:
    assert is_strong(secret)
    token = sign(secret, ACCOUNT, REFERENCE)
    assert verify(token, [secret], ACCOUNT, REFERENCE)


@pytest.mark.parametrize("secret", [None, 7, 0.1, b"x" * 40, ["x" * 40], object()])
def test_what_is_no_text_is_no_secret(secret: Any) -> None:
    assert not is_strong(secret)
    assert not verify(TOKEN, [secret], ACCOUNT, REFERENCE)


def test_a_secret_that_utf_8_can_not_write_is_no_secret() -> None:
    broken = "\udcff" * 30  # What os.environ makes of bytes that are no UTF-8.
    assert not is_strong(broken)
    assert not verify(TOKEN, [broken], ACCOUNT, REFERENCE)
    with pytest.raises(ValueError, match="24 bytes"):
        sign(broken, ACCOUNT, REFERENCE)


@pytest.mark.parametrize(("account", "reference"), [("\ud800", REFERENCE), (ACCOUNT, "\ud800")])
def test_a_name_that_utf_8_can_not_write_is_no_session(account: str, reference: str) -> None:
    assert not verify(TOKEN, [SECRET], account, reference)


def test_a_refused_secret_is_not_in_the_error() -> None:
    with pytest.raises(ValueError, match="24 bytes") as raised:
        sign("hunter2", ACCOUNT, REFERENCE)
    assert "hunter2" not in str(raised.value)
