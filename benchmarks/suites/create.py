"""Creating a session: the call alone beside requests' own, and what the service adds to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..options import Options
from ..rounds import Samples, Way, fair_race, ratio
from ..suite import Row, Suite

if TYPE_CHECKING:
    from django_redpin.models import Recipient
    from django_redpin.rules.requests import SessionRequest

OURS: Final = "ours"
REQUESTS: Final = "requests"
SERVICE: Final = "service"
INSERTS: Final = "two inserts"


def run(options: Options) -> Iterable[Row]:
    from ..shop import open_shop
    from ..stub import running

    with running() as url, open_shop(url) as payee:
        yield _call(options, url, payee)
        yield _service(options, payee)


def _call(options: Options, url: str, payee: Recipient) -> Row:
    """Race the client's create call with what sends the same bytes to the same server."""
    import requests
    import urllib3

    from django_redpin.client import RedpinClient
    from django_redpin.client.messages import create_body
    from django_redpin.conf import get_account
    from django_redpin.rules import exact_json

    account = get_account()
    address = url + account.sessions_path.format(customer_id=account.customer_id)
    request = _request(payee)
    # As one writes it by hand: what the client sends, as JSON's own types.
    body = json.loads(exact_json.dumps(create_body(request)))
    headers = {"Authorization": "Bearer bench-token"}
    with (
        requests.Session() as session,
        requests.Session() as deaf,
        urllib3.PoolManager() as pool,
    ):
        deaf.trust_env = False
        works: dict[str, Callable[[], object]] = {
            OURS: lambda: RedpinClient(get_account()).create_session(request),
            REQUESTS: lambda: session.post(address, json=body, headers=headers).json(),
            "requests, trust_env off": lambda: deaf.post(
                address, json=body, headers=headers
            ).json(),
            "urllib3": lambda: pool.request("POST", address, json=body, headers=headers).json(),
        }
        found = fair_race([Way(name, work) for name, work in works.items()], options.plan)
    to_requests = ratio(found.samples[OURS], found.samples[REQUESTS])
    return Row.of("create_call_vs_requests", to_requests, found.note, found.described())


def _service(options: Options, payee: Recipient) -> Row:
    """Race the service with its call alone, and with two rows inserted one by one."""
    from django_redpin.client import RedpinClient
    from django_redpin.conf import get_account
    from django_redpin.models import PaymentSession

    from ..databases import race_not_durable
    from ..shop import session_columns
    from ..statements import counted

    request, service = _request(payee), service_of(payee)

    def inserts() -> None:
        for _ in range(2):
            PaymentSession.objects.create(**session_columns())

    ways = [
        Way(SERVICE, service),
        Way("call", lambda: RedpinClient(get_account()).create_session(request)),
        Way(INSERTS, inserts),
    ]
    service()
    plan = replace(options.plan, calls=min(options.plan.calls, 50))
    durable = fair_race(ways, plan)
    details = durable.described() | {"statements": counted(service)}
    fast = race_not_durable(ways, plan)
    if fast is not None:
        added = ratio(_added(fast.samples), fast.samples[INSERTS]).value
        details["not_durable"] = fast.described() | {"value": round(added, 3)}
    found = ratio(_added(durable.samples), durable.samples[INSERTS])
    return Row.of("create_service_vs_two_inserts", found, durable.note, details)


def service_of(payee: Recipient) -> Callable[[], object]:
    """Return what creates a session each time, with its row, as a project does."""
    from django_redpin.services import Share, create_payment_session

    from ..shop import AMOUNT, PAYER, due_date

    return lambda: create_payment_session(
        client_customer_ref=PAYER,
        amount=AMOUNT,
        due_date=due_date().date(),
        purpose_of_transaction="PROPERTY_PURCHASE",
        recipients=[Share(payee, AMOUNT)],
    )


def _request(payee: Recipient) -> SessionRequest:
    from django_redpin.rules.requests import PayeeShare, SessionRequest
    from django_redpin.services.requests import payee as told

    from ..shop import AMOUNT, PAYER, due_date, new_reference

    return SessionRequest(
        client_customer_ref=PAYER,
        client_reference_id=new_reference(),
        amount=AMOUNT,
        due_date=due_date().date(),
        purpose_of_transaction="PROPERTY_PURCHASE",
        recipients=[PayeeShare(told(payee), AMOUNT)],
        callbacks=["https://merchant.example/redpin/webhooks/default/ORDER/token/"],
    )


def _added(samples: dict[str, Samples]) -> Samples:
    """Return what the service takes beyond its call, round by round."""
    pairs = zip(samples[SERVICE].medians, samples["call"].medians, strict=True)
    return Samples(rounds=[[whole - call] for whole, call in pairs])


SUITE: Final = Suite("create", ("create_call_vs_requests", "create_service_vs_two_inserts"), run)
