"""The page on securing webhooks lists the verifiers that there are, as they are."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from django_redpin.rules.signatures import MAX_SIGNATURES
from django_redpin.webhooks import verifiers
from django_redpin.webhooks.failures import FAILURES, TOLD
from django_redpin.webhooks.verification import MAX_VERIFIERS
from django_redpin.webhooks.verifiers import DEFAULT_TOLERANCE, Post, Proof, Verifier

PAGE = (Path(__file__).resolve().parents[2] / "docs/securing-webhooks.md").read_text()


def test_a2_the_table_shows_the_verifiers_of_the_code() -> None:
    _, _, rest = PAGE.partition("\n| class |")
    rows = [line for line in rest.partition("\n\n")[0].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    shown = {row[0].strip("`"): (row[3], re.findall(r"`(\w+)`", row[4])) for row in cells}

    classes = {
        name: kind
        for name, kind in vars(verifiers).items()
        if inspect.isclass(kind) and issubclass(kind, Verifier) and not name.startswith("_")
    }
    del classes["Verifier"]
    assert shown == {
        name: ("yes" if kind.is_signed else "no", [*inspect.signature(kind).parameters])
        for name, kind in classes.items()
    }


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    words = " ".join(PAGE.split())

    assert (MAX_VERIFIERS, MAX_SIGNATURES) == (8, 8)
    assert f"{DEFAULT_TOLERANCE} by default" in words
    assert f"first {FAILURES} within a minute" in words
    assert f"at most {TOLD} lines a minute" in words


def test_the_verifier_of_the_page_works() -> None:
    code = PAGE.partition("# shop/gateway.py\n")[2].partition("```")[0]
    names: dict[str, type[Verifier]] = {}
    exec(code, names)  # noqa: S102  The page is ours.

    verifier = names["CertificateVerifier"](subject="CN=redpin")  # type: ignore[call-arg]
    right, wrong = (
        Post({"X-Client-Subject": subject}, b"{}", None, 0) for subject in ("CN=redpin", "CN=other")
    )
    assert verifier.verify(right) == Proof("certificate")
    with pytest.raises(verifiers.NotVerified):
        verifier.verify(wrong)
