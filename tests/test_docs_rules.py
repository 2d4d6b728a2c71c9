"""The page of the rules says what the rules are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from django_redpin.rules import (
    addresses,
    bank_details,
    callback_tokens,
    money,
    references,
    requests,
    signatures,
    statuses,
)

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
PAGE: Final = (DOCS / "rules.md").read_text()


def rows(title: str) -> list[list[str]]:
    """Return the cells of the table in a section, row by row."""
    body = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cell: str) -> set[str]:
    """Return the names in code marks in a cell."""
    return set(re.findall(r"`(\w+)`", cell))


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    most = "at most {} characters".format

    assert [(rule.strip("`"), limit) for rule, limit, _ in rows("Limits")] == [
        ("due_date", f"at least {requests.MIN_DAYS_AHEAD} days ahead"),
        ("client_reference_id", most(references.REFERENCE_MAX_LENGTH)),
        ("client_customer_ref", most(references.CUSTOMER_REF_MAX_LENGTH)),
        ("purpose_of_transaction", most(references.PURPOSE_MAX_LENGTH)),
        ("amount", f"at most {money.MAX_DIGITS} digits"),
        ("items[].item_ref", most(requests.ITEM_REF_MAX_LENGTH)),
        ("items[].description", most(requests.ITEM_DESCRIPTION_MAX_LENGTH)),
        ("recipient_bank_details", most(bank_details.BANK_DETAIL_MAX_LENGTH)),
        ("callbacks[]", most(addresses.URL_MAX_LENGTH)),
        ("WEBHOOK_SECRETS", f"at least {callback_tokens.SECRET_MIN_BYTES} bytes"),
        ("WEBHOOK_VERIFIERS", f"at most {signatures.MAX_SIGNATURES} signatures"),
        ("WEBHOOK_VERIFIERS", f"at most {signatures.HEADER_MAX_BYTES} bytes of a header"),
    ]


def test_the_statuses_of_the_page_stand_in_the_order_of_the_code() -> None:
    shown = [status.strip("`") for status, *_ in rows("Statuses")]

    assert shown == sorted(statuses.RANKS, key=statuses.RANKS.__getitem__)


def test_the_page_shows_what_follows_a_status_and_what_it_proves() -> None:
    for cell, following, proved, _ in rows("Statuses"):
        status = cell.strip("`")
        others = statuses.RANKS.keys() - {status}
        assert names(following) == statuses._EDGES[status], status
        assert names(proved) == {one for one in others if statuses.proves(status, one)}, status


def test_the_page_says_which_statuses_are_final_or_failed_or_of_one_recipient() -> None:
    for word, group in (
        ("final", statuses.FINAL),
        ("failed", statuses.FAILED),
        ("of one recipient", statuses.PAYOUT),
    ):
        assert {row[0].strip("`") for row in rows("Statuses") if word in row[3]} == group


def test_other_pages_repeat_the_rules_as_they_are() -> None:
    secret = f"at least {callback_tokens.SECRET_MIN_BYTES} bytes"
    for page, sentence in (
        ("design.md", f"An amount has at most {money.MAX_DIGITS} digits in all"),
        ("../django_redpin/conf.py", secret),  # The reference shows its docstrings.
        ("securing-webhooks.md", secret),
        ("redpin.md", f"references of 1 to {references.REFERENCE_MAX_LENGTH} characters"),
    ):
        assert sentence in (DOCS / page).read_text(), page
