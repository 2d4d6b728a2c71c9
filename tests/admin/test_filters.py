"""Filters: several values at once, a bounded look for what to offer, and junk that does no harm."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_redpin.admin import by_index
from django_redpin.admin.sessions import PaymentSessionAdmin
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent

from .world import HOSTILE, MODELS, World, make_event, make_session, make_transition, page


@pytest.fixture
def sessions(escrow: Recipient) -> None:
    """Store some sessions whose references say what they are."""
    for number, (state, status, currency) in enumerate(
        [
            ("open", "", "AED"),
            ("open", "AWAITING_FUNDS", "EUR"),
            ("expired", "", "AED"),
            ("closed", "PAYMENT_COMPLETED", "KWD"),
            ("closed", "ON_HOLD", "AED"),
            ("closed", "AAA", "AED"),
            ("closed", "ZZZ", "AED"),
        ]
    ):
        make_session(
            number,
            escrow,
            client_reference_id=f"{state} {status or '-'} {currency}",
            state=state,
            payment_status=status,
            currency=currency,
            account="north" if currency == "EUR" else "default",
            review_reason="Odd." if status == "ON_HOLD" else "",
        )


ALL: Final = 7
QUERIES: Final = [
    ("state__in=open", ["open - AED", "open AWAITING_FUNDS EUR"]),
    ("state=open&state=expired", ["expired - AED", "open - AED", "open AWAITING_FUNDS EUR"]),
    ("state__in=open,expired&currency__in=EUR", ["open AWAITING_FUNDS EUR"]),
    ("currency=KWD&currency=EUR", ["closed PAYMENT_COMPLETED KWD", "open AWAITING_FUNDS EUR"]),
    ("payment_status__in=none", ["expired - AED", "open - AED"]),
    ("payment_status__in=other", ["closed AAA AED", "closed ON_HOLD AED", "closed ZZZ AED"]),
    (
        "payment_status__in=other,PAYMENT_COMPLETED",
        [
            "closed AAA AED",
            "closed ON_HOLD AED",
            "closed PAYMENT_COMPLETED KWD",
            "closed ZZZ AED",
        ],
    ),
    ("needs_review=1", ["closed ON_HOLD AED"]),
    ("account__in=north", ["open AWAITING_FUNDS EUR"]),
    ("account__in=nobody", []),
    ("needs_review=1&state__in=open", []),
]


def found(client: Client, query: str) -> list[str]:
    response = client.get(f"{page(PaymentSession)}?{query}")
    assert response.status_code == 200
    return sorted(row.client_reference_id for row in response.context["cl"].result_list)


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_sessions_are_filtered_by_several_values_at_once(
    admin_client: Client, query: str, expected: list[str]
) -> None:
    assert found(admin_client, query) == expected


@pytest.mark.usefixtures("sessions")
def test_a_link_adds_a_value_and_takes_it_back(admin_client: Client) -> None:
    def leads(query: str, label: str) -> str:
        html = admin_client.get(f"{page(PaymentSession)}?{query}").content.decode()
        (address,) = re.findall(rf'<a href="\?([^"]*)">(?:✓ )?{label}</a>', html)
        return unescape(address)

    both = leads("state__in=open", "expired")
    assert sorted(both.split("=")[1].split("%2C")) == ["expired", "open"]
    assert found(admin_client, both) == [
        "expired - AED",
        "open - AED",
        "open AWAITING_FUNDS EUR",
    ]
    assert leads(both, "open") == "state__in=expired"
    assert leads("state__in=open", "open") == ""
    assert "✓ open</a>" in admin_client.get(f"{page(PaymentSession)}?{both}").content.decode()


@pytest.mark.usefixtures("sessions")
def test_a_filter_tells_django_which_parameter_is_its_own(admin_client: Client) -> None:
    response: Any = admin_client.get(page(PaymentSession))
    filters = response.context["cl"].filter_specs

    names = [each.expected_parameters() for each in filters]

    assert ["state__in"] in names
    assert names == [[each.parameter] for each in filters]


@pytest.mark.usefixtures("sessions")
def test_several_values_outlast_a_search(admin_client: Client) -> None:
    html = admin_client.get(f"{page(PaymentSession)}?state=open&state=expired").content.decode()

    assert '<input type="hidden" name="state__in" value="open,expired">' in html
    assert 'type="hidden" name="state"' not in html


def test_the_times_of_a_filter_reach_from_their_beginning_until_now(
    admin_client: Client, escrow: Recipient
) -> None:
    for days in (800, 40, 20, 3, 0):
        session = make_session(days, escrow)
        PaymentSession.objects.filter(pk=session.pk).update(created_at=now() - timedelta(days=days))

    for span, least in (("today", 1), ("7days", 2), ("30days", 3), ("year", 1), ("month", 1)):
        response = admin_client.get(f"{page(PaymentSession)}?created={span}")
        ages = [row.created_at for row in response.context["cl"].result_list]
        assert len(ages) >= least
        assert len(ages) < 5
        assert min(ages) >= by_index.start_of(span)
    assert by_index.start_of("today") <= datetime.now(timezone.utc)


def test_a_row_that_is_a_little_out_of_order_is_still_found_by_its_time(
    admin_client: Client, escrow: Recipient
) -> None:
    first, second = make_session(1, escrow), make_session(2, escrow)
    midnight = by_index.start_of("today")
    rows = PaymentSession.objects
    rows.filter(pk=first.pk).update(created_at=midnight + timedelta(seconds=1))
    rows.filter(pk=second.pk).update(created_at=midnight - timedelta(seconds=1))

    assert found(admin_client, "created=today") == ["order-1"]


def test_events_and_transitions_are_filtered_by_what_became_of_them(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(0, escrow)
    dead = make_event(50, outcome="dead")
    make_event(51, outcome="orphan")
    odd = make_transition(session, StatusTransition.Subject.PAYOUT, is_documented=False)

    def keys(model: type[WebhookEvent | StatusTransition], query: str) -> list[int]:
        response = admin_client.get(f"{page(model)}?{query}")
        return [row.pk for row in response.context["cl"].result_list]

    assert keys(WebhookEvent, "outcome__in=dead") == [dead.pk]
    assert len(keys(WebhookEvent, "outcome=dead&outcome=orphan")) == 2
    assert keys(StatusTransition, "is_documented=0") == [odd.pk]
    assert len(keys(StatusTransition, "subject__in=payout,state")) == 3
    assert len(keys(StatusTransition, "outcome__in=told")) == 0
    assert len(keys(WebhookEvent, "received=today")) == 3


def test_what_is_in_use_is_read_off_an_index_one_step_for_each_value(
    admin_client: Client, sessions: None
) -> None:
    rows = PaymentSession.objects.all()

    assert by_index.used_values(rows, "currency", 50) == ["AED", "EUR", "KWD"]
    assert by_index.used_values(rows, "currency", 2) == ["AED", "EUR"]
    assert by_index.used_values(rows.filter(pk=0), "account", 9) == ["default", "north"]
    with CaptureQueriesContext(connection) as captured:
        admin_client.get(page(PaymentSession))
    assert not any("DISTINCT" in query["sql"] for query in captured)


@pytest.mark.django_db
def test_nothing_is_in_use_in_an_empty_table() -> None:
    assert by_index.used_values(PaymentSession.objects.all(), "currency", 50) == []


# Each would tell, letter by letter, what no list shows.
ORACLES: Final = [
    (PaymentSession, "session_url__startswith=https://pay.redpin.test/s/c"),
    (PaymentSession, "session_url__regex=canary"),
    (PaymentSession, "fingerprint__gt=0"),
    (PaymentSession, "payer__password__startswith=a"),
    (PaymentSession, "metadata__a=1"),
    (Recipient, "bank_details__iban__startswith=AE07C"),
    (StatusTransition, "session__session_url__startswith=https"),
    (WebhookEvent, "key__startswith=k"),
]


@pytest.mark.parametrize(("model", "query"), ORACLES)
def test_e24_a_list_answers_no_question_that_no_filter_asks(
    admin_client: Client, world: World, model: type[PaymentSession], query: str
) -> None:
    name = query.partition("=")[0]
    usual = admin_client.get(page(model)).context["cl"].result_list

    with CaptureQueriesContext(connection) as captured:
        response = admin_client.get(f"{page(model)}?{query}")

    assert response.status_code == 200
    assert response.context["cl"].result_list == usual
    assert f"There is no such filter: {name}." in response.content.decode()
    assert not any("WHERE" in q["sql"] and "LIKE" in q["sql"] for q in captured)


def test_a_filter_that_may_read_the_whole_table_is_refused_with_the_cure(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PaymentSessionAdmin, "list_filter", ("due_date",))

    with pytest.raises(ImproperlyConfigured, match=r"'due_date' in list_filter .*BoundedFilter"):
        admin_client.get(page(PaymentSession))


NAMES: Final = [
    *("state", "state__in", "payment_status__in", "currency__in", "account", "needs_review"),
    *("created", "received", "outcome__in", "subject__in", "is_documented", "type__in", "o", "p"),
    *("q", "e", "all", "_facets", "_popup", "a", "pk", "id__in", "state__in__in", "due_date__gte"),
]
JUNK: Final = [
    *(
        "",
        ",",
        "open,",
        ",,open",
        HOSTILE,
        "\x00",
        "ü" * 300,
        "9" * 30,
        "-1",
        "after.",
        "before.-1",
    ),
    *(
        "after." + "9" * 30,
        "after.٣",
        "2026-13-45",
        "None",
        "'; DROP TABLE",
        "0.-1.99",
        "today,year",
    ),
]


@pytest.mark.heavy
@pytest.mark.parametrize("model", MODELS)
def test_junk_in_the_query_string_does_no_harm(
    admin_client: Client, world: World, model: type[PaymentSession]
) -> None:
    queries = [urlencode(dict.fromkeys(NAMES, value)) for value in JUNK]
    queries += [urlencode({name: HOSTILE}) for name in NAMES]
    for query in queries:
        response = admin_client.get(f"{page(model)}?{query}", follow=True)
        assert response.status_code == 200, query
        assert "<script>alert" not in response.content.decode(), query


@pytest.mark.heavy
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(JUNK) | st.text()), max_size=4))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_query_string_is_too_much(admin_client: Client, pairs: list[tuple[str, str]]) -> None:
    query = urlencode(pairs, errors="replace")

    assert admin_client.get(f"{page(PaymentSession)}?{query}", follow=True).status_code == 200
