"""The page of one session tells its story, to whom may read it, at a bounded cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from html import unescape
from typing import Any, Final

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone as clock
from pytest_django import Settings

from django_redpin.admin import timeline
from django_redpin.admin.meaning import MEANINGS
from django_redpin.models import PaymentSession, Recipient, StatusTransition, WebhookEvent

from .world import (
    HOSTILE,
    NOW,
    SESSION_URL,
    action,
    client_of,
    make_event,
    make_session,
    make_transition,
    page,
    staff,
)

pytestmark = pytest.mark.django_db
Subject = StatusTransition.Subject
START: Final = datetime(2026, 11, 20, 8, tzinfo=timezone.utc)
EVERYTHING: Final = (
    *("view_paymentsession", "view_webhookevent", "view_statustransition", "view_recipient"),
    *("view_sessionrecipient", "view_sessionitem"),
)


@pytest.fixture
def session(escrow: Recipient) -> PaymentSession:
    return make_session(1, escrow)


def html_of(client: Client, session: PaymentSession) -> str:
    response = client.get(page(PaymentSession, "change", session.pk))
    assert response.status_code == 200
    return response.content.decode()


def text_of(html: str) -> str:
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", html).split()))


def noted(session: PaymentSession, text: str, at: datetime) -> None:
    """Leave an entry in the admin's history."""
    entry = LogEntry.objects.create(
        user=User.objects.get_or_create(username="amal")[0],
        content_type=ContentType.objects.get_for_model(PaymentSession),
        object_id=str(session.pk),
        object_repr=str(session),
        action_flag=CHANGE,
        change_message=text,
    )
    LogEntry.objects.filter(pk=entry.pk).update(action_time=at)


def test_the_timeline_tells_everything_in_its_order_newest_first(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow, unanswered_at=START + timedelta(seconds=1))
    session.transitions.all().delete()
    session.events.all().delete()
    PaymentSession.objects.update(created_at=START)
    event = make_event(
        7, session=session, status="PROCESSING", event_id="evt-7", outcome="applied", duplicates=3,
        attempts=2, processed_at=START + timedelta(minutes=6), verifier="token 3f2a",
    )  # fmt: skip
    WebhookEvent.objects.update(received_at=START + timedelta(minutes=5))
    told = make_transition(
        session, Subject.PAYMENT_STATUS, from_value="AWAITING_FUNDS", to_value="PROCESSING",
        event=event, outcome="told", attempts=2, dispatched_at=START + timedelta(minutes=8),
    )  # fmt: skip
    dead = make_transition(
        session, Subject.REVIEW, from_value="Odd.", to_value="", note="I have looked.",
        outcome="dead", attempts=80, last_error="book: OperationalError", is_documented=False,
    )  # fmt: skip
    times = {told.pk: 7, dead.pk: 9}
    for pk, minutes in times.items():
        StatusTransition.objects.filter(pk=pk).update(created_at=START + timedelta(minutes=minutes))
    noted(session, "Refresh from Redpin: it is still open.", START + timedelta(minutes=10))

    html = html_of(admin_client, session)

    story = text_of(html.partition('id="redpin-timeline"')[2].partition("</section>")[0])
    parts = [
        "08:10:00 UTC Staff Refresh from Redpin: it is still open. By amal",
        "08:09:00 UTC Transition Review: Odd. → - given up Note I have looked."
        " In Redpin's flow no such step Attempts 80 Last error book: OperationalError",
        "08:08:00 UTC Dispatch Receivers were told of “payment status: PROCESSING” told Attempts 2",
        "08:07:00 UTC Transition Payment status: AWAITING_FUNDS → PROCESSING told"
        " Because of PAYMENT STATUS PROCESSING evt-7",
        "08:05:00 UTC Event PAYMENT STATUS PROCESSING evt-7 applied Processed Nov. 20, 2026,"
        " 08:06:00 UTC Verified by token 3f2a Duplicates 3 Attempts 2",
        "08:00:01 UTC Call A request left for Redpin, and no answer that can be trusted came",
        "08:00:00 UTC Session Asked for intent",
    ]
    assert [part for part in parts if part not in story] == []
    assert sorted(parts, key=story.index) == parts
    assert '<time datetime="2026-11-20T08:10:00+00:00">' in html


def test_times_are_those_of_the_readers_zone(
    admin_client: Client, session: PaymentSession, settings: Settings
) -> None:
    settings.TIME_ZONE = "Asia/Dubai"
    PaymentSession.objects.update(created_at=START)

    html = html_of(admin_client, session)

    assert '<time datetime="2026-11-20T12:00:00+04:00">' in html
    assert "12:00:00 +04" in html


def test_each_outcome_is_a_badge(admin_client: Client, escrow: Recipient) -> None:
    session = make_session(1, escrow)
    for number, outcome in enumerate(WebhookEvent.Outcome):
        make_event(50 + number, session=session, outcome=outcome)
    for of_dispatch in StatusTransition.Outcome:
        make_transition(session, Subject.STATE, outcome=of_dispatch)

    html = html_of(admin_client, session)

    for choice in (*WebhookEvent.Outcome, *StatusTransition.Outcome):
        assert re.search(rf'<span class="redpin-badge[^>]*>{choice.label}</span>', html), choice


def test_of_a_long_history_the_newest_are_shown_with_a_way_to_the_rest(
    admin_client: Client, session: PaymentSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeline, "SHOWN", 5)
    for number in range(10, 20):
        make_event(number, session=session, event_id=f"evt-{number}.")
        make_transition(session, Subject.PAYOUT, to_value=f"value-{number}.")
        noted(session, f"note-{number}.", clock.now() + timedelta(seconds=number))

    html = html_of(admin_client, session)

    for name in ("evt", "value", "note"):
        shown = {int(number) for number in re.findall(rf"(?i){name}-(\d+)\.", html)}
        assert shown == set(range(15, 20)), name
    rest = re.findall(r'<a href="([^"]+)">all of them</a>', html)
    assert len(rest) == 3
    for address in rest:
        answer = admin_client.get(address.replace("&amp;", "&"))
        assert answer.status_code == 200
        assert "e=1" not in answer.request["QUERY_STRING"]


@pytest.mark.parametrize("count", [1, 100])
def test_the_page_costs_as_many_queries_for_a_hundred_events_as_for_one(
    admin_client: Client, escrow: Recipient, count: int
) -> None:
    session = make_session(1, escrow, state="expired")
    share = session.shares.get()
    for number in range(2, count + 1):
        event = make_event(number, session=session, body=b"x" * 1000)
        make_transition(session, Subject.PAYOUT, event=event, share=share, outcome="dead")
        noted(session, "Refreshed.", NOW)
    html_of(admin_client, session)  # Django looks content types up once.

    with CaptureQueriesContext(connection) as captured:
        html_of(admin_client, session)

    assert len(captured) == 14
    assert not any('"body"' in query["sql"] or "`body`" in query["sql"] for query in captured)


@pytest.mark.parametrize(("state", "status"), MEANINGS)
def test_the_page_says_what_every_state_and_status_mean(
    admin_client: Client, escrow: Recipient, state: str, status: str
) -> None:
    session = make_session(1, escrow, state=state, payment_status=status)

    text = text_of(html_of(admin_client, session))

    assert MEANINGS[state, status].what in text
    assert f"What to do: {MEANINGS[state, status].next}" in text


def test_a_session_in_review_asks_for_a_person_first(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(
        1, escrow, review_reason="Another amount.", payment_status="PAYMENT_COMPLETED"
    )

    html = html_of(admin_client, session)

    assert "A person has to look at it first:</strong> Another amount." in html
    assert "can be given out" not in html
    assert "redpin-story__part--good" not in html


def test_the_page_offers_what_can_be_done_now_and_says_why_the_rest_can_not(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow, state="expired")

    html = html_of(admin_client, session)

    assert f'action="{action(PaymentSession, "refresh")}"' in html
    assert f'href="{action(PaymentSession, "renew")}?rows={session.pk}"' in html
    assert f'href="{action(PaymentSession, "expire")}' not in html
    assert "It is expired already." in html
    assert f'href="{action(PaymentSession, "release")}' not in html
    assert "It needs no review." in html


RENEWALS: Final[list[tuple[dict[str, Any], str]]] = [
    ({"state": "expired"}, ""),
    ({"state": "closed", "payment_status": "CANCELLED"}, ""),
    ({"state": "closed", "payment_status": "REFUNDED"}, ""),
    ({"state": "open"}, ""),  # Its page has ended, which Redpin is asked about.
    ({"state": "open", "expires_at": None}, "Redpin has not told when its page ends."),
    ({"state": "open", "payment_status": "PROCESSING"}, "Its payment is PROCESSING."),
    ({"state": "expired", "payment_status": "PROCESSING"}, "Its payment is PROCESSING."),
    ({"state": "closed", "payment_status": "PAYMENT_COMPLETED"}, "Its payment has come to an end."),
    ({"state": "expired", "review_reason": "Odd."}, "A person has to look at it first"),
    ({"state": "rejected"}, "create another session"),
    ({"state": "creating"}, "refresh it first"),
    ({"state": "unknown"}, "refresh it first"),
    ({"state": "superseded"}, "Another session stands in its place."),
]


@pytest.mark.parametrize(("fields", "said"), RENEWALS)
def test_what_can_not_be_renewed_says_why(
    admin_client: Client, escrow: Recipient, fields: dict[str, Any], said: str
) -> None:
    past = clock.now() - timedelta(hours=1)
    session = make_session(1, escrow, **{"expires_at": past, **fields})

    html = html_of(admin_client, session).replace("&#x27;", "'")

    row = html.partition("Renew")[2].partition("</li>")[0]
    assert ("Not now:" in row) is bool(said)
    assert said in row


def test_what_was_renewed_says_by_what(admin_client: Client, escrow: Recipient) -> None:
    old = make_session(1, escrow, state="closed", payment_status="CANCELLED")
    make_session(2, escrow, renews=old)

    assert "The session order-2 stands in its place already." in html_of(admin_client, old)


def test_only_what_the_user_may_do_is_offered(session: PaymentSession) -> None:
    address = action(PaymentSession, "refresh")
    reader = client_of(staff("view_paymentsession"))
    doer = client_of(staff("view_paymentsession", "refresh_paymentsession", name="doer"))

    assert address not in html_of(reader, session)
    assert "What you can do now" not in html_of(reader, session)
    assert address in html_of(doer, session)
    assert action(PaymentSession, "renew") not in html_of(doer, session)


@pytest.mark.parametrize("missing", EVERYTHING[1:])
def test_what_a_user_may_not_see_is_not_told_on_a_sessions_page_either(
    escrow: Recipient, missing: str
) -> None:
    session = make_session(1, escrow)
    event = make_event(9, session=session, event_id="evt-9.")
    make_transition(session, Subject.STATE, to_value="value-9.", event=event)
    told: dict[str, Callable[[str], bool]] = {
        "view_webhookevent": lambda html: "evt-9." in html,
        "view_statustransition": lambda html: "value-9." in html,
        "view_recipient": lambda html: page(Recipient, "change", escrow.pk) in html,
        "view_sessionrecipient": lambda html: "redpin-recipients" in html,
        "view_sessionitem": lambda html: "redpin-items" in html,
    }

    html = html_of(client_of(staff(*(each for each in EVERYTHING if each != missing))), session)

    depends = {"view_recipient"} if missing == "view_sessionrecipient" else set()
    for name, is_told in told.items():
        assert is_told(html) is (name != missing and name not in depends), name


def test_the_hosted_pages_address_is_never_shown_but_whether_there_is_one(
    admin_client: Client, escrow: Recipient
) -> None:
    session = make_session(1, escrow)
    gone = make_session(2, escrow, session_url="", state="expired")
    endless = make_session(3, escrow, expires_at=None)

    html = html_of(admin_client, session)

    assert SESSION_URL not in html
    assert "canary" not in html
    assert "open until November 22, 2026" in html.replace("\N{NARROW NO-BREAK SPACE}", " ")
    assert "<dt>Hosted page</dt><dd>none</dd>" in html_of(admin_client, gone)
    assert "<dt>Hosted page</dt><dd>there is one</dd>" in html_of(admin_client, endless)


def test_what_redpin_repeated_of_a_request_is_shown_without_accounts(
    admin_client: Client, escrow: Recipient
) -> None:
    said = "The IBAN AE070331234567890123456 is wrong."
    session = make_session(1, escrow, last_error=said, last_error_code="INVALID_PARAMETER")

    html = html_of(admin_client, session)

    assert "AE0703" not in html
    assert "The IBAN [hidden] is wrong. (INVALID_PARAMETER)" in html


def test_a_page_has_no_inline_script_style_or_handler(admin_client: Client, world: Any) -> None:
    for address in (
        page(PaymentSession, "change", world.hostile.pk),
        f"{action(PaymentSession, 'release')}?rows={world.hostile.pk}",
        f"{action(PaymentSession, 'renew')}?rows={world.hostile.pk}",
    ):
        html = admin_client.get(address).content.decode()
        assert HOSTILE not in html
        assert not re.search(r"<[^>]+\s(?:style|on\w+)=", html), address
        assert "<style" not in html
        assert not re.search(r"<script(?![^>]*\ssrc=)[^>]*>\s*\S", html), address


def test_a_purged_body_says_so(admin_client: Client) -> None:
    event = make_event(1, body=b"")

    html = admin_client.get(page(WebhookEvent, "change", event.pk)).content.decode()

    assert "Purged: bodies are emptied after a time" in html


def test_the_timeline_says_when_the_payers_data_was_anonymised(
    admin_client: Client, escrow: Recipient
) -> None:
    text = "The payer&#x27;s data was anonymised"
    session = make_session(1, escrow)

    assert text not in html_of(admin_client, session)
    PaymentSession.objects.update(anonymised_at=clock.now())
    assert text in html_of(admin_client, session)
