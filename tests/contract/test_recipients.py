"""Recipients, by whoever plays Redpin: added, listed, refused, and not of the name."""

from __future__ import annotations

from typing import Any

import pytest

from .players import Player, json, new_reference

RIGHT = {
    "name": "Escrow",
    "type": "Corporate",
    "country_code": "ARE",
    "customer_own_account": "no",
    "address": {"address_line": "1 Street", "city": "Dubai"},
    "recipient_bank_details": {"currency": "AED", "iban": "AE070331234567890123456"},
}


def test_a_recipient_is_added_and_listed(anybody: Player) -> None:
    reference = new_reference()

    answer = anybody.post("recipients", {**RIGHT, "client_reference_id": reference})

    added = json(answer)
    assert answer.status_code == 201
    assert set(added) == {"recipient_id", "client_reference_id"}
    assert added["recipient_id"].isdecimal()
    listed = json(anybody.list("recipients", page=1, limit=50))
    assert added in listed["recipients"]
    assert listed["meta_data"]["page"] == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"type": "Robot"}, "type"),
        ({"country_code": "AE"}, "country_code"),
        ({"customer_own_account": "perhaps"}, "customer_own_account"),
        ({"address": None}, "address"),
        ({"recipient_bank_details": None}, "recipient_bank_details"),
        ({"recipient_bank_details": {"currency": "AED"}}, "recipient_bank_details"),
        (
            {"recipient_bank_details": {"currency": "AED", "account_number": "1"}},
            "recipient_bank_details",
        ),
    ],
    ids=str,
)
def test_a_broken_rule_is_refused_by_its_field(
    player: Player, changes: dict[str, Any], field: str
) -> None:
    reference = new_reference()

    answer = player.post("recipients", {**RIGHT, "client_reference_id": reference, **changes})

    refused = json(answer)
    assert (answer.status_code, refused["code"]) == (400, "INVALID_PARAMETER")
    assert refused["field"].partition(".")[0] == field


def test_a_name_that_is_not_the_accounts_waits_for_a_decision(player: Player) -> None:
    reference = new_reference()
    document = {**RIGHT, "client_reference_id": reference, "name": "MISMATCH"}

    answer = player.post("recipients", document)

    told = json(answer)
    assert (answer.status_code, told["code"]) == (400, "ANNM")
    check = told["recipient_check"]
    assert set(check) == {"request_identifier", "event_id"}
    other = {**check, "event_id": "AG-other", "customer_action": "CONFIRM"}
    assert player.post("recipients", {**document, "recipient_check": other}).status_code == 400
    decided = {**check, "customer_action": "CONFIRM"}
    assert player.post("recipients", {**document, "recipient_check": decided}).status_code == 201


def test_the_list_comes_in_pages(player: Player) -> None:
    for _ in range(3):
        player.post("recipients", {**RIGHT, "client_reference_id": new_reference()})

    first = json(player.list("recipients", page=1, limit=2))

    assert len(first["recipients"]) == 2
    assert first["meta_data"]["total_pages"] >= 2
    assert player.list("recipients", page=0).status_code == 400
