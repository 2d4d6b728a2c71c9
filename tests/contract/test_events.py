"""The events of a whole payment: the fake's and the sandbox's are of one form."""

from __future__ import annotations

import time
from typing import Any

from django_redpin.rules.statuses import RANKS
from django_redpin.sandbox.ledger import Status
from tests.sandbox.conftest import Receiver

from .players import OfTheFake, Player, amount, new_reference, session_of

SHARES = [
    {"recipient_id": "501", "amount": amount(200000)},
    {"recipient_id": "502", "amount": amount(50000)},
]
NAMED = {
    *("event_id", "event_timestamp", "payment_id", "status", "customer_id"),
    *("client_customer_ref", "client_reference_id", "session_id", "data"),
}


def flat(event: dict[str, Any]) -> dict[str, Any]:
    """Return what an event tells, without its envelope."""
    own = {"event_type", "version"}
    if "event_type" not in event:
        return event
    data = dict(event["data"])
    claims = {name: data.pop(name) for name in list(data) if name in NAMED}
    return {**{n: v for n, v in event.items() if n not in own}, **claims, "data": data}


def paid(player: Player, receiver: Receiver, reference: str) -> list[dict[str, Any]]:
    """Return the events of a payment from its beginning to its end."""
    if isinstance(player.play, OfTheFake):
        fake = player.play.fake
        return [flat(event) for event in fake.complete(session_of(reference))]
    player.play.pay(reference)
    player.play.finish(reference)
    deadline = time.monotonic() + 30
    while len(receiver.posted) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    return [body for _, body in receiver.posted]


def test_the_sandbox_has_each_status_that_the_package_knows_and_no_other() -> None:
    assert set(Status.values) == set(RANKS)


def test_a_payment_tells_of_each_step(player: Player, receiver: Receiver) -> None:
    reference = new_reference()
    answer = player.create(
        client_reference_id=reference,
        recipient_details=SHARES,
        callbacks=[f"{receiver.url}/hook"],
    )
    assert answer.status_code == 201, answer.text

    events = paid(player, receiver, reference)

    assert [(each["status"], each["data"].get("recipient_id")) for each in events] == [
        ("PROCESSING", None),
        ("PAYOUT_INITIATED", "501"),
        ("PAYOUT_INITIATED", "502"),
        ("PAYOUT_CREDITED", "501"),
        ("PAYOUT_CREDITED", "502"),
        ("PAYMENT_COMPLETED", None),
    ]
    assert all(set(each) == NAMED for each in events)
    assert len({each["event_id"] for each in events}) == 6
    assert {each["payment_id"] for each in events} == {player.found(reference)["payment_id"]}
    told = [each["data"]["amount"]["value"] for each in events if "amount" in each["data"]]
    assert told == [200000, 50000] * 2
    assert [set(each["data"]) for each in events] == [
        set(),
        *[{"recipient_id", "amount"}] * 4,
        set(),
    ]
