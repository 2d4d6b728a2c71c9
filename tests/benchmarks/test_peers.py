"""The others do the same work as our view: else a race between them would say nothing."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from unittest import mock

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from pytest_django import Settings

from benchmarks import urls
from benchmarks.goals import GOALS
from benchmarks.handing_on import left_out
from benchmarks.peers import events, posting, views
from benchmarks.statements import counted
from benchmarks.wsgi_calls import Caller, UnexpectedAnswer
from django_redpin.models import WebhookEvent
from django_redpin.services import record
from django_redpin.webhooks import failures

HAND_WRITTEN = ("bare", "raw", "rest")
# What each makes by itself, or says of itself.
OWN = ("id", "key", "verifier", "is_signed", "next_attempt_at", "received_at", "body", "event_id")

pytestmark = pytest.mark.django_db(transaction=True)


@csrf_exempt
def broken(request: HttpRequest) -> HttpResponse:
    raise LookupError("Of the view's own.")


urlpatterns = [*urls.urlpatterns, path("broken/", broken)]


@pytest.fixture
def posts(settings: Settings) -> Iterator[posting.Posts]:
    settings.ROOT_URLCONF = __name__
    posting.settings_with_signed()
    with left_out():
        yield posting.Posts(Caller())


def stored() -> dict[str, Any]:
    """Return the one row that is there, without what each makes by itself."""
    row = WebhookEvent.objects.values().get()
    return {name: value for name, value in row.items() if name not in OWN}


@pytest.mark.parametrize("view", HAND_WRITTEN)
def test_a_hand_written_view_stores_what_ours_stores(posts: posting.Posts, view: str) -> None:
    posts.ours()
    ours = stored()
    WebhookEvent.objects.all().delete()

    getattr(posts, view)()

    assert stored() == ours
    event = WebhookEvent.objects.get()
    assert json.loads(bytes(event.body))["event_id"] == event.event_id
    assert len(event.body) == 900
    assert event.next_attempt_at is not None


@pytest.mark.parametrize("view", HAND_WRITTEN)
def test_a_hand_written_view_refuses_what_is_not_signed(posts: posting.Posts, view: str) -> None:
    headers = posting.wsgi_headers({views.HEADER: "0" * 64})
    Caller().post(
        f"/{view}/{events.REFERENCE}/", events.body("forged"), headers, HTTPStatus.UNAUTHORIZED
    )

    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("way", ["ours", "ours_signed", *HAND_WRITTEN])
def test_a_new_event_takes_no_more_statements_than_it_may(posts: posting.Posts, way: str) -> None:
    statements = counted(getattr(posts, way))

    assert GOALS["webhook_statements"].holds(len(statements))
    assert any(statement.startswith("INSERT") for statement in statements)


def test_our_view_checks_the_signature_where_it_is_told_to(posts: posting.Posts) -> None:
    posts.ours_signed()

    assert WebhookEvent.objects.get().is_signed


@pytest.mark.parametrize("way", ["forged", "forged_from_anywhere", "forged_bare"])
def test_what_is_forged_is_refused_and_takes_no_statement(posts: posting.Posts, way: str) -> None:
    assert counted(getattr(posts, way)) == []


def test_a_flood_is_told_so_from_its_thirty_first_on(posts: posting.Posts) -> None:
    for _ in range(failures.FAILURES):
        posts.forged()

    posts.forged_flood()


def test_a_copy_is_one_of_an_event_that_is_done(posts: posting.Posts) -> None:
    copies = posting.Copies(Caller(), count=2)

    for _ in range(4):
        copies.ours()

    rows = WebhookEvent.objects.values_list("duplicates", "outcome", "next_attempt_at")
    assert list(rows) == [(2, "applied", None)] * 2


def test_nothing_is_handed_on_while_it_is_left_out_and_then_again(
    posts: posting.Posts,
) -> None:
    handed_on: list[tuple[object, ...]] = []

    # Undone in here: what a fixture puts back later would be what `posts` has left out.
    with mock.patch.object(record, "enqueue", lambda *args: handed_on.append(args)):
        with left_out():
            posts.ours()
        assert handed_on == []
        posts.ours()
    assert len(handed_on) == 1


def test_an_answer_that_is_not_the_expected_one_is_raised_with_its_cause(
    posts: posting.Posts,
) -> None:
    with pytest.raises(UnexpectedAnswer, match="500 Internal Server Error") as raised:
        Caller().post("/broken/", b"{}", {})

    assert isinstance(raised.value.__cause__, LookupError)


@pytest.mark.parametrize("size", [500, 900, 5000])
def test_bodies_are_of_their_size_and_no_two_the_same(size: int) -> None:
    made = list(itertools.islice(events.bodies("new", size), 3))

    assert [len(body) for body in made] == [size] * 3
    assert len({json.loads(body)["event_id"] for body in made}) == 3


def test_addresses_are_no_neighbours() -> None:
    made = list(itertools.islice(posting.addresses(), 1000))

    assert len(set(made)) == 1000
