"""What Redpin owns is read in the admin, and never added, changed or deleted there."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory

from django_redpin.admin.confirming import ConfirmingAdmin
from django_redpin.admin.session_verbs import SESSION_VERBS
from django_redpin.models import PaymentSession, Recipient

from .world import REDPINS, Row, client_of, make_session, page, staff

FORM = {"state": "closed", "payment_status": "PAYMENT_COMPLETED", "amount": "1", "outcome": "dead"}
INLINES = {
    f"{prefix}-{name}": value
    for prefix in ("shares", "items", "transitions", "events")
    for name, value in (("TOTAL_FORMS", "1"), ("INITIAL_FORMS", "0"), ("0-amount", "5"))
}


@pytest.fixture
def session(escrow: Recipient) -> PaymentSession:
    return make_session(1, escrow)


def values(model: type[Row]) -> list[dict[str, Any]]:
    return [dict(row) for row in model._default_manager.order_by("pk").values()]


@pytest.mark.parametrize("model", REDPINS)
@pytest.mark.parametrize("name", ["add", "change", "delete"])
def test_redpins_facts_can_not_be_written(
    admin_client: Client, session: PaymentSession, model: type[Row], name: str
) -> None:
    row = model._default_manager.order_by("pk")[0]
    address = page(model, name, None if name == "add" else row.pk)
    before = values(model)

    statuses = [
        admin_client.post(address, FORM | INLINES).status_code,
        admin_client.post(address, {"post": "yes"}).status_code,
        admin_client.get(address).status_code,
    ]

    assert statuses == [403, 403, 200 if name == "change" else 403]
    assert values(model) == before


@pytest.mark.parametrize("model", REDPINS)
def test_no_action_deletes_redpins_facts(
    admin_client: Client, session: PaymentSession, model: type[Row]
) -> None:
    before = values(model)
    chosen = [row["id"] for row in before]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}

    admin_client.post(page(model), form)

    assert values(model) == before
    assert "delete_selected" not in admin_client.get(page(model)).content.decode()


@pytest.mark.parametrize("model", REDPINS)
def test_a_page_offers_nothing_to_fill_in_or_save(
    admin_client: Client, session: PaymentSession, model: type[Row]
) -> None:
    row = model._default_manager.order_by("pk")[0]

    html = admin_client.get(page(model, "change", row.pk)).content.decode()

    for offer in ('name="_save"', "deletelink", "<textarea", 'type="checkbox"'):
        assert offer not in html


def test_a_recipient_of_a_session_can_not_be_deleted(
    admin_client: Client, session: PaymentSession, escrow: Recipient
) -> None:
    chosen = {"action": "delete_selected", "_selected_action": [escrow.pk], "post": "yes"}

    admin_client.post(page(Recipient, "delete", escrow.pk), {"post": "yes"})
    admin_client.post(page(Recipient), chosen)

    assert session.shares.get().recipient == escrow


def test_e24_a_history_tells_no_stranger_which_rows_there_are(session: PaymentSession) -> None:
    client = client_of(staff())

    answers = [client.get(page(PaymentSession, "history", pk)) for pk in (session.pk, 999_999)]

    assert [answer.status_code for answer in answers] == [403, 403]
    assert answers[0].content == answers[1].content


def test_e27_an_action_that_a_user_may_not_take_shows_no_rows_to_confirm(
    session: PaymentSession, rf: RequestFactory
) -> None:
    """The list does not offer it; should something call it all the same, it asks once more."""
    ours = site.get_model_admin(PaymentSession)
    assert isinstance(ours, ConfirmingAdmin)
    request = rf.post("/")
    rows = PaymentSession.objects.all()
    verb = next(each for each in SESSION_VERBS if each.name == "release")

    request.user = staff("view_paymentsession")
    with pytest.raises(PermissionDenied):
        ours.confirm(request, verb, rows)
    request.user = staff("view_paymentsession", "release_paymentsession", name="chief")
    assert ours.confirm(request, verb, rows).status_code == 200
