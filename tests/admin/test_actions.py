"""What staff can do about sessions, events and transitions; that it is told, and kept."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any, Final

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from django.utils import timezone

from django_redpin.admin import confirming, session_verbs, transitions
from django_redpin.admin.session_verbs import SESSION_VERBS
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.services import create_payment_session, redrive_events, redrive_transitions
from django_redpin.services.journal import hold_for_review
from tests.redpin_server import FakeRedpin, Handler

from .world import (
    Row,
    action,
    client_of,
    make_event,
    make_session,
    make_transition,
    page,
    said,
    staff,
)

pytestmark = pytest.mark.django_db
State = PaymentSession.State
REASON: Final = "Compared with Redpin's statement: it is paid in full."


@pytest.fixture
def session(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    return create_payment_session(**arguments)


@pytest.fixture
def ended(redpin: FakeRedpin, arguments: dict[str, Any]) -> PaymentSession:
    """A session whose page has ended."""
    redpin.lifetime = -timedelta(minutes=10)
    session = create_payment_session(**arguments)
    redpin.lifetime = timedelta(minutes=30)
    return session


def do(
    client: Client, verb: str, *rows: Row, model: type[Row] = PaymentSession, **fields: str
) -> Any:
    """Open the page that confirms the action, send its form, and return the page that follows."""
    keys = ",".join(str(row.pk) for row in rows)
    html = client.get(action(model, verb), {"rows": keys}).content.decode()
    marks = re.findall(r'name="rows" value="([^"]*)"', html)
    assert marks, html
    return client.post(action(model, verb), {"rows": marks[0], **fields}, follow=True)


def history(row: Row) -> list[str]:
    """Return what the admin's history says of the row."""
    name = row._meta.model_name
    rows = LogEntry.objects.filter(object_id=str(row.pk), content_type__model=name)
    return [entry.get_change_message() for entry in rows.order_by("pk")]


# Each does what it says, tells it, and keeps it


def test_refresh_asks_redpin_and_applies_what_it_says(
    admin_client: Client, redpin: FakeRedpin, session: PaymentSession
) -> None:
    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")

    response = admin_client.post(
        action(PaymentSession, "refresh"), {"rows": session.pk}, follow=True
    )

    session.refresh_from_db()
    assert session.payment_status == "PAYMENT_COMPLETED"
    assert response.redirect_chain == [(page(PaymentSession, "change", session.pk), 302)]
    (text,) = said(response)
    assert text.startswith("Refresh from Redpin: 1 done, 0 not done.")
    assert "It was open; it is closed PAYMENT_COMPLETED." in text
    assert history(session) == ["Refresh from Redpin: It was open; it is closed PAYMENT_COMPLETED."]
    entry = LogEntry.objects.get()
    assert entry.user == User.objects.get(username="admin")


def test_refresh_says_that_there_is_no_news(admin_client: Client, session: PaymentSession) -> None:
    (text,) = said(do(admin_client, "refresh", session))

    assert "Redpin was asked: it is still open." in text


def test_refresh_of_an_intent_that_redpin_lost_tells_what_stands_in_its_place(
    admin_client: Client, redpin: FakeRedpin, arguments: dict[str, Any], session: PaymentSession
) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    PaymentSession.objects.update(
        state="unknown",
        session_id=None,
        session_url="",
        unanswered_at=long_ago,
        next_attempt_at=timezone.now(),
    )

    (text,) = said(do(admin_client, "refresh", session))

    renewal = PaymentSession.objects.get(renews=session)
    assert f"{renewal} stands in its place: open." in text


def test_renew_puts_a_new_session_in_its_place(
    admin_client: Client, redpin: FakeRedpin, ended: PaymentSession
) -> None:
    due = timezone.now().date() + timedelta(days=20)

    (text,) = said(do(admin_client, "renew", ended, due_date=due.isoformat()))

    renewal = PaymentSession.objects.get(renews=ended)
    assert renewal.due_date == due
    assert f"{renewal} stands in its place, and is open." in text
    assert history(ended) == [f"Renew: {renewal} stands in its place, and is open."]


def test_renew_says_what_is_wrong_with_a_due_date(
    admin_client: Client, redpin: FakeRedpin, ended: PaymentSession
) -> None:
    soon = timezone.now().date() + timedelta(days=1)

    texts = said(do(admin_client, "renew", ended, due_date=soon.isoformat()))
    answer = do(admin_client, "renew", ended, due_date="soon")

    assert texts[0].startswith("Renew: 0 done, 1 not done.")
    assert "due_date" in texts[1]
    assert "Enter a valid date." in answer.content.decode()
    assert not PaymentSession.objects.filter(renews=ended).exists()


def test_expire_asks_redpin_and_marks_it(admin_client: Client, ended: PaymentSession) -> None:
    (text,) = said(do(admin_client, "expire", ended))

    ended.refresh_from_db()
    assert ended.state == State.EXPIRED
    assert "1 done, 0 not done" in text


def test_expire_leaves_what_redpin_does_not_call_ended(
    admin_client: Client, redpin: FakeRedpin, ended: PaymentSession
) -> None:
    redpin.pay(ended.client_reference_id, "AWAITING_FUNDS")

    texts = said(do(admin_client, "expire", ended))

    ended.refresh_from_db()
    assert ended.state == State.OPEN
    assert texts[0] == "Mark as expired: 0 done, 1 not done."
    assert "is not expired: its payment is AWAITING_FUNDS." in texts[1]
    assert "not done. The session" in history(ended)[0]


def test_dispatch_has_receivers_told_of_what_they_were_not(
    admin_client: Client, session: PaymentSession, settle: Any
) -> None:
    session.transitions.update(outcome="dead", next_attempt_at=None, attempts=80)

    (text,) = said(do(admin_client, "dispatch", session))
    settle()

    assert session.transitions.get().outcome == "told"
    assert "1 due to be told." in text


def test_dispatch_says_why_what_is_held_back_is_not_told(
    admin_client: Client, session: PaymentSession
) -> None:
    session.transitions.update(outcome="held", next_attempt_at=None)

    html = admin_client.get(action(PaymentSession, "dispatch"), {"rows": session.pk})

    assert "held back until it is released from review" in html.content.decode()


@pytest.mark.parametrize("model", [PaymentSession, StatusTransition])
def test_what_somebody_else_had_told_in_this_very_moment_is_not_counted_as_done(
    admin_client: Client,
    session: PaymentSession,
    monkeypatch: pytest.MonkeyPatch,
    model: type[Row],
) -> None:
    session.transitions.update(outcome="dead", next_attempt_at=None, attempts=80)
    is_session = model is PaymentSession
    name = "redispatch_transitions" if is_session else "redrive_transitions"
    module: Any = session_verbs if is_session else transitions
    real = getattr(module, name)

    def be_overtaken(rows: Any, **given: Any) -> Any:
        if not given.get("dry_run"):
            session.transitions.update(outcome="told")
        return real(rows, **given)

    monkeypatch.setattr(module, name, be_overtaken)
    row: Row = session if is_session else session.transitions.get()

    texts = said(do(admin_client, "dispatch" if is_session else "redrive", row, model=model))

    assert "0 done, 1 not done." in texts[0]
    assert "Somebody else had it told" in texts[1]
    assert "not done" in history(row)[0]


def test_release_keeps_the_reason_in_the_journal_and_in_the_history(
    admin_client: Client, session: PaymentSession
) -> None:
    hold_for_review(session, "Another amount.")

    (text,) = said(do(admin_client, "release", session, reason=f"  {REASON} "))

    session.refresh_from_db()
    assert session.review_reason == ""
    released = session.transitions.get(subject="review", to_value="")
    assert released.note == REASON
    assert history(session) == [f"Release from review: Released, because: {REASON}"]
    assert REASON in text


def test_what_cannot_be_written_into_the_history_is_not_done(
    monkeypatch: pytest.MonkeyPatch, admin_client: Client, session: PaymentSession
) -> None:
    hold_for_review(session, "Another amount.")

    save = LogEntry.save

    def die(entry: LogEntry, **kwargs: Any) -> None:
        if "update_fields" in kwargs:  # By then it is done, but for the commit.
            raise RuntimeError("killed")
        save(entry, **kwargs)

    monkeypatch.setattr(LogEntry, "save", die)
    with pytest.raises(RuntimeError, match="killed"):
        do(admin_client, "release", session, reason=REASON)

    session.refresh_from_db()
    assert session.review_reason == "Another amount."
    assert history(session) == []


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("", "This field is required."),
        ("   ", "This field is required."),
        ("x" * 501, "at most 500 characters"),
        ("Paid to AE07 0331 2345 6789 0123 456.", "Leave the account number out"),
        ("a\x00b", "Null characters are not allowed."),
    ],
)
def test_nothing_is_released_without_a_reason_that_can_be_kept(
    admin_client: Client, session: PaymentSession, reason: str, error: str
) -> None:
    hold_for_review(session, "Another amount.")

    response = do(admin_client, "release", session, reason=reason)

    session.refresh_from_db()
    assert session.review_reason == "Another amount."
    assert response.status_code == 200
    assert error in response.content.decode()
    assert not LogEntry.objects.exists()


def test_a_reason_of_500_characters_is_kept_whole(
    admin_client: Client, session: PaymentSession
) -> None:
    hold_for_review(session, "Another amount.")

    do(admin_client, "release", session, reason="ü" * 500)

    assert session.transitions.get(subject="review", to_value="").note == "ü" * 500


def test_what_came_up_since_a_person_looked_is_not_released(
    admin_client: Client, session: PaymentSession
) -> None:
    hold_for_review(session, "Another amount.")
    address = action(PaymentSession, "release")
    html = admin_client.get(address, {"rows": session.pk}).content.decode()
    (mark,) = re.findall(r'name="rows" value="([^"]*)"', html)
    assert "Another amount." in html
    hold_for_review(session, "Another payee.")

    texts = said(admin_client.post(address, {"rows": mark, "reason": REASON}, follow=True))

    session.refresh_from_db()
    assert session.review_reason == "Another amount. Another payee."
    assert "It has changed since you looked at it." in texts[1]


def test_nothing_is_released_that_the_page_did_not_show(admin_client: Client, escrow: Any) -> None:
    sessions = [make_session(n, escrow, review_reason=f"Odd-{n}.") for n in range(30)]

    keys = ",".join(str(session.pk) for session in sessions)
    html = admin_client.get(action(PaymentSession, "release"), {"rows": keys}).content.decode()

    (marks,) = re.findall(r'name="rows" value="([^"]*)"', html)
    shown = set(re.findall(r"Odd-\d+", html))
    assert len(shown) == len(marks.split(",")) == 20
    assert "Only the first 20" in html


@pytest.mark.parametrize("rows", ["{pk}", "{pk}-0123456789abcdef"])
def test_nothing_is_released_unseen(
    admin_client: Client, session: PaymentSession, rows: str
) -> None:
    hold_for_review(session, "Another amount.")

    form = {"rows": rows.format(pk=session.pk), "reason": REASON}
    admin_client.post(action(PaymentSession, "release"), form)

    session.refresh_from_db()
    assert session.review_reason == "Another amount."


# From the list


def test_an_action_of_the_list_says_what_would_be_done_and_what_not(
    admin_client: Client, redpin: FakeRedpin, session: PaymentSession, ended: PaymentSession
) -> None:
    calls = len(redpin.calls)
    chosen = {"action": "expire", "_selected_action": [session.pk, ended.pk]}

    response = admin_client.post(f"{page(PaymentSession)}?state__exact=open", chosen)

    html = response.content.decode()
    assert "To be done: 1" in html
    assert re.search(r"1: Its page can be paid on until .* UTC\.", html)
    assert (len(redpin.calls), LogEntry.objects.count()) == (calls, 0)
    fields = dict(re.findall(r'type="hidden" name="(rows|filters)" value="([^"]*)"', html))
    done = admin_client.post(action(PaymentSession, "expire"), fields, follow=True)
    assert done.redirect_chain == [(f"{page(PaymentSession)}?state__exact=open", 302)]
    assert said(done)[0].startswith("Mark as expired: 1 done, 1 not done.")
    assert said(done)[1].startswith(f"{session}: Its page can be paid on until")
    assert [len(history(session)), len(history(ended))] == [1, 1]


@pytest.mark.parametrize("verb", [verb.name for verb in SESSION_VERBS])
def test_each_action_of_the_list_leads_to_a_page_that_confirms_it(
    admin_client: Client, session: PaymentSession, verb: str
) -> None:
    chosen = {"action": verb, "_selected_action": session.pk}

    response = admin_client.post(page(PaymentSession), chosen)

    assert response.status_code == 200
    assert response.templates[0].name == "admin/redpin/confirm_action.html"


def test_of_many_rows_the_first_are_taken_and_the_page_says_so(
    admin_client: Client, escrow: Any
) -> None:
    ticked = [make_session(number, escrow).pk for number in range(60)]
    chosen = {"action": "refresh", "_selected_action": ticked}

    html = admin_client.post(page(PaymentSession), chosen).content.decode()

    assert "To be done: 50" in html
    assert "Only the first 50" in html
    (marks,) = re.findall(r'name="rows" value="([^"]*)"', html)
    assert len(marks.split(",")) == 50


def test_more_rows_than_are_taken_at_once_are_left_and_counted(
    admin_client: Client, escrow: Any
) -> None:
    sessions = [make_session(number, escrow, review_reason="Odd.") for number in range(3)]
    keys = ",".join(str(session.pk) for session in sessions)
    many = f"{keys},{','.join(map(str, range(10_000, 10_200)))}"

    texts = said(admin_client.post(action(PaymentSession, "dispatch"), {"rows": many}, follow=True))

    assert "3 done, 197 not done." in texts[0]
    assert "3 were not tried" in texts[0]
    assert "There is no such row." in texts[1]


def test_no_further_row_is_begun_once_the_time_is_up(
    admin_client: Client,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions = [create_payment_session(**arguments) for _ in range(4)]
    monkeypatch.setattr(confirming, "SECONDS", -1.0)

    texts = said(do(admin_client, "refresh", *sessions))

    assert redpin.count("GET", "/sessions") == 1
    assert texts[0].startswith("Refresh from Redpin: 1 done, 0 not done.")
    assert "3 were not tried, as that takes time: choose them again." in texts[0]
    assert LogEntry.objects.count() == 1


def test_causes_are_told_together_and_in_bounds(admin_client: Client, escrow: Any) -> None:
    sessions = [make_session(number, escrow, state="rejected") for number in range(30)]
    others = [make_session(100 + n, escrow, state="open", expires_at=None) for n in range(2)]

    texts = said(
        admin_client.post(
            action(PaymentSession, "expire"),
            {"rows": ",".join(str(row.pk) for row in (*sessions, *others))},
            follow=True,
        )
    )

    assert len(texts) == 3
    assert texts[0] == "Mark as expired: 0 done, 32 not done."
    assert texts[1].endswith(", …: Redpin refused it, so it never had a page.")
    assert texts[1].count("order-") == 20
    assert texts[2].endswith("Redpin has not told when its page ends.")


# What goes wrong is told


@pytest.mark.parametrize("verb", ["refresh", "renew", "expire"])
def test_a_redpin_that_does_not_answer_is_a_message(
    admin_client: Client, redpin: FakeRedpin, ended: PaymentSession, verb: str, no_retries: None
) -> None:
    redpin.list_script.extend([Handler.hang_up] * 5)

    texts = said(do(admin_client, verb, ended))

    ended.refresh_from_db()
    assert ended.state == State.OPEN
    assert "0 done, 1 not done." in texts[0]
    assert "Ask again later; until then leave the order as it is." in texts[1]
    assert ": not done. " in history(ended)[0]


def test_redpins_error_is_a_message_with_its_words(
    admin_client: Client, redpin: FakeRedpin, session: PaymentSession
) -> None:
    def refuse(handler: Handler) -> None:
        handler.error(403, "FORBIDDEN", "No IBAN AE070331234567890123456 for you.")

    redpin.list_script.append(refuse)

    texts = said(do(admin_client, "refresh", session))

    assert "FORBIDDEN" in texts[1]
    assert "AE0703" not in texts[1]
    assert "AE0703" not in history(session)[0]


def test_an_account_that_left_the_settings_is_a_message(
    admin_client: Client, session: PaymentSession
) -> None:
    PaymentSession.objects.update(account="gone")

    texts = said(do(admin_client, "refresh", session))

    assert "gone" in texts[1]
    assert "0 done, 1 not done." in texts[0]


def test_one_rows_failure_stops_no_other(
    admin_client: Client, redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    first, second = (create_payment_session(**arguments) for _ in range(2))
    PaymentSession.objects.filter(pk=first.pk).update(account="gone")

    texts = said(do(admin_client, "refresh", first, second))

    assert texts[0].startswith("Refresh from Redpin: 1 done, 1 not done.")


@pytest.mark.parametrize("rows", ["one", "1,x", "1;2", "-1", "1-xyz", "9" * 19, "1 or 1=1", "٣"])
def test_rows_that_are_no_keys_are_a_bad_request(admin_client: Client, rows: str) -> None:
    address = action(PaymentSession, "refresh")

    assert admin_client.post(address, {"rows": rows}).status_code == 400
    assert admin_client.get(address, {"rows": rows}).status_code == 400


@pytest.mark.parametrize("data", [{}, {"rows": ""}, {"rows": "0"}, {"rows": "9" * 18}])
def test_no_rows_are_nothing_to_do(admin_client: Client, data: dict[str, str]) -> None:
    address = action(PaymentSession, "refresh")

    shown = admin_client.get(address, data)
    sent = admin_client.post(address, data, follow=True)

    assert "There is nothing that it could be done to." in shown.content.decode()
    assert sent.status_code == 200
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("filters", ["//evil.test", "state=open\r\nSet-Cookie: a=b", "x" * 3000])
def test_the_way_back_leads_nowhere_else(
    admin_client: Client, session: PaymentSession, filters: str
) -> None:
    form = {"rows": session.pk, "filters": filters}

    response = admin_client.post(action(PaymentSession, "refresh"), form)

    assert response["Location"].startswith(f"{page(PaymentSession)}?")
    assert "Set-Cookie" not in response.headers.get("Set-Cookie", "").partition(";")[0]


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_other_methods_are_not_allowed(
    admin_client: Client, session: PaymentSession, method: str
) -> None:
    response = getattr(admin_client, method)(action(PaymentSession, "refresh"))

    assert response.status_code == 405


# Safely


@pytest.mark.heavy
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["refresh", "renew", "expire", "dispatch", "release"])
def test_actions_work_though_every_request_is_a_transaction(
    admin_client: Client,
    redpin: FakeRedpin,
    ended: PaymentSession,
    verb: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connections.settings["default"], "ATOMIC_REQUESTS", True)
    if verb == "release":
        hold_for_review(ended, "Another amount.")
    chosen = {"action": verb, "_selected_action": ended.pk}
    html = admin_client.post(page(PaymentSession), chosen).content.decode()
    (mark,) = re.findall(r'name="rows" value="([^"]*)"', html)

    form = {"rows": mark, "reason": REASON}
    texts = said(admin_client.post(action(PaymentSession, verb), form, follow=True))

    assert "1 done, 0 not done." in texts[0]


@pytest.mark.parametrize("verb", [verb.name for verb in SESSION_VERBS])
def test_a_post_without_csrf_token_is_refused(ended: PaymentSession, verb: str) -> None:
    person = User.objects.create_superuser("root")
    client = client_of(person, enforce_csrf_checks=True)

    response = client.post(action(PaymentSession, verb), {"rows": ended.pk, "reason": REASON})

    assert response.status_code == 403
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("verb", [verb.name for verb in SESSION_VERBS])
def test_e27_an_action_needs_its_own_permission_and_that_its_rows_may_be_seen(
    ended: PaymentSession, verb: str
) -> None:
    own, view = f"{verb}_paymentsession", "view_paymentsession"
    others = [f"{each.name}_paymentsession" for each in SESSION_VERBS if each.name != verb]
    held = {(): 403, (own,): 403, (view, *others): 403, (view, own): 200}
    calls = {"rows": ended.pk}

    for codenames, status in held.items():
        client = client_of(staff(*codenames))
        assert client.get(action(PaymentSession, verb), calls).status_code == status, codenames
        if status == 403:
            sent = client.post(action(PaymentSession, verb), {**calls, "reason": REASON})
            assert sent.status_code == 403, codenames
    assert not LogEntry.objects.exists()


# Redriving


@pytest.mark.parametrize("model", [WebhookEvent, StatusTransition])
def test_a27_a_redrive_is_tried_dry_first_and_then_done(
    admin_client: Client, escrow: Any, model: type[Row]
) -> None:
    session = make_session(1, escrow)
    rows: list[Row] = []
    for number, outcome in enumerate(model.Outcome):  # type: ignore[union-attr]
        if model is WebhookEvent:
            rows.append(make_event(100 + number, outcome=outcome))
        else:
            rows.append(make_transition(session, "state", outcome=outcome))  # type: ignore[arg-type]
    if model is WebhookEvent:
        rows.append(make_event(200, outcome="dead", body=b""))
        rows.append(make_event(201, outcome="dead", next_attempt_at=timezone.now()))
    redrive: Any = redrive_events if model is WebhookEvent else redrive_transitions
    manager: Any = model._default_manager
    of_these = manager.filter(pk__in=[row.pk for row in rows])
    dry = redrive(of_these, dry_run=True)
    chosen = {"action": "redrive", "_selected_action": [row.pk for row in rows]}

    html = admin_client.post(page(model), chosen).content.decode()

    assert f"To be done: {dry.due}" in html
    assert "It was not given up" in html
    assert of_these.filter(outcome="dead").exists()
    (mark,) = re.findall(r'name="rows" value="([^"]*)"', html)
    answer = admin_client.post(action(model, "redrive"), {"rows": mark}, follow=True)
    assert f"{dry.due} done, {dry.left} not done." in said(answer)[0]
    assert redrive(of_these, dry_run=True).due == 0
    assert len(history(rows[0])) == 1


def test_an_events_page_offers_to_process_it_again(admin_client: Client, db: None) -> None:
    event = make_event(1, outcome="dead")
    link = f"{action(WebhookEvent, 'redrive')}?rows={event.pk}"

    assert link in admin_client.get(page(WebhookEvent, "change", event.pk)).content.decode()
    WebhookEvent.objects.update(outcome="applied")
    html = admin_client.get(page(WebhookEvent, "change", event.pk)).content.decode()
    assert link not in html
    assert "Not now:" in html
