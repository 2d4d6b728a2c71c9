"""One page of Redpin's list of sessions, as odd as it may come."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import pytest

from django_redpin.client import RedpinClient, SessionPage
from django_redpin.conf import get_account
from django_redpin.exceptions import NoAnswer
from tests.redpin_server import FakeRedpin, Handler

CUSTOMER: Final = "0201001008132685"


def listed(page: int = 1, limit: int = 100) -> SessionPage:
    return RedpinClient(get_account()).list_sessions(page, limit)


def references(page: SessionPage) -> list[str]:
    return [record.client_reference_id for record in page.records]


def store(redpin: FakeRedpin, *names: str, customer_id: str = CUSTOMER) -> None:
    for name in names:
        body = {"client_reference_id": name, "client_customer_ref": "CUST_001"}
        redpin.store(body, customer_id)


def answering(body: Any) -> Callable[[Handler], None]:
    return lambda handler: handler.json(200, body)


def test_a_page_holds_what_redpin_lists_and_tells_how_many_pages_there_are(
    redpin: FakeRedpin,
) -> None:
    store(redpin, "A", "B", "C")

    first, second = listed(1, 2), listed(2, 2)

    assert (references(first), references(second)) == (["C", "B"], ["A"])
    assert (first.total_pages, second.total_pages) == (2, 2)
    assert redpin.calls[-1].query == {"page": "2", "limit": "2"}
    assert redpin.calls[-1].path == f"/v1/customers/{CUSTOMER}/sessions"


def test_a_page_is_of_the_time_that_redpins_clock_shows(redpin: FakeRedpin) -> None:
    redpin.clock = timedelta(hours=3)
    store(redpin, "A")

    page = listed()

    ahead = page.as_of - datetime.now(timezone.utc)
    assert timedelta(hours=2, minutes=59) < ahead < timedelta(hours=3, minutes=1)
    assert page.records[0].as_of == page.as_of


def test_without_limit_a_page_is_as_long_as_redpin_allows(redpin: FakeRedpin) -> None:
    RedpinClient(get_account()).list_sessions(1)

    assert redpin.calls[-1].query == {"page": "1", "limit": "100"}


def test_an_empty_list_has_no_pages(redpin: FakeRedpin) -> None:
    assert listed().records == ()
    assert listed().total_pages == 0


def test_sessions_of_another_customer_are_dropped(redpin: FakeRedpin) -> None:
    store(redpin, "A")
    store(redpin, "B", customer_id="another")

    assert references(listed()) == ["A"]


def test_an_entry_that_cannot_be_read_hides_no_other_and_is_told_without_its_content(
    redpin: FakeRedpin, caplog: pytest.LogCaptureFixture
) -> None:
    good = {"session_id": "S1", "client_reference_id": "A", "customer_id": CUSTOMER}
    bad = [{"client_reference_id": "canary"}, "canary", None, {"session_id": 7, "x": "canary"}]
    redpin.list_script.append(answering({"sessions": [bad[0], good, *bad[1:]], "meta": {}}))

    with caplog.at_level(logging.WARNING, logger="django_redpin"):
        page = listed()

    assert references(page) == ["A"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "4 unreadable entries" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("meta", [None, {}, {"total_pages": None}, {"page": 1}])
def test_without_a_count_of_pages_a_full_page_has_another_after_it(
    redpin: FakeRedpin, meta: Any
) -> None:
    body: dict[str, Any] = {"sessions": [{"session_id": "S1", "client_reference_id": "A"}]}
    if meta is not None:
        body["meta"] = meta
    redpin.list_script += [answering(body), answering(body)]

    assert listed(3, limit=1).total_pages == 4
    assert listed(3, limit=2).total_pages == 3


@pytest.mark.parametrize("total", [12, "12"])
def test_a_count_of_pages_may_be_a_number_or_its_digits(redpin: FakeRedpin, total: Any) -> None:
    redpin.list_script.append(answering({"sessions": [], "meta": {"total_pages": total}}))

    assert listed().total_pages == 12


@pytest.mark.parametrize("total", [-1, 1.5, True, "many", "", "١٢", [], {}, 10**40])
def test_a_count_of_pages_that_is_none_is_no_answer(redpin: FakeRedpin, total: Any) -> None:
    redpin.list_script.append(answering({"sessions": [], "meta": {"total_pages": total}}))

    with pytest.raises(NoAnswer, match="total_pages"):
        listed()


@pytest.mark.parametrize("meta", [[], "meta", 7])
def test_a_meta_that_is_no_object_is_no_answer(redpin: FakeRedpin, meta: Any) -> None:
    redpin.list_script.append(answering({"sessions": [], "meta": meta}))

    with pytest.raises(NoAnswer, match="meta"):
        listed()


@pytest.mark.parametrize("sessions", [None, {}, "none", 3])
def test_a_page_without_a_list_is_no_answer(redpin: FakeRedpin, sessions: Any) -> None:
    redpin.list_script.append(answering({"sessions": sessions, "meta": {"total_pages": 1}}))

    with pytest.raises(NoAnswer, match="no list"):
        listed()
