"""E22: whatever texts come from outside, no page of ours takes them for markup."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.sync_api import Page

from .payloads import PAYLOADS, TEXTS
from .shop import Shop, free_number
from .watching import Watch

COUNT = """() => ({
  scripts: document.querySelectorAll('script:not([src])').length,
  handlers: [...document.querySelectorAll('*')].filter((element) =>
    [...element.attributes].some(({ name, value }) => name.startsWith('on') ||
      ['href', 'src', 'action', 'formaction', 'data'].includes(name) &&
      /^\\s*(javascript|data:text|vbscript)/i.test(value))).length,
  ran: window.__xss === undefined ? 0 : 1,
})"""
NOTHING = {"scripts": 0, "handlers": 0, "ran": 0}


@pytest.fixture
def visitor(page: Page, watch: Watch) -> Page:
    watch.expect("Failed to load resource")  # Addresses of hosted pages that there are not.
    page.on("dialog", lambda dialog: dialog.dismiss())
    return page


def test_e22_no_text_becomes_markup_in_the_tag(shop: Shop, visitor: Page) -> None:
    shown = [
        shop.add_session(client_reference_id=f"{text} {free_number()}", **fields)
        for text in PAYLOADS
        for fields in (
            {"session_url": text, "last_error": text},
            {"session_url": f"{shop.at.sandbox}/pay/{text}"},
            {"state": "rejected"},
            {"payment_status": text[:64], "review_reason": text},
        )
    ]
    numbers = ",".join(map(str, shown))
    answer = visitor.goto(f"{shop.url}/stage/sessions/{numbers}/?title={quote(TEXTS[0][:4000])}")
    assert answer is not None
    assert answer.ok

    assert visitor.evaluate(COUNT) == NOTHING
    assert visitor.locator("[data-redpin-session]").count() == len(shown)
    assert visitor.locator("main > *").evaluate_all("all => all.map(({ tagName }) => tagName)") == [
        "H1",
        *["LINK", "SCRIPT", "SECTION"] * len(shown),
    ]
    for frame in visitor.locator("iframe").all():
        assert str(frame.get_attribute("src")).startswith(f"{shop.at.sandbox}/pay/")


@pytest.fixture(scope="module")
def hostile(shop: Shop) -> dict[str, list[int]]:
    """Rows that are full of payloads: their primary keys, by the name of the admin's page."""
    rows: dict[str, list[int]] = {
        name: [] for name in ("paymentsession", "recipient", "webhookevent", "statustransition")
    }
    for payload in TEXTS:
        number = free_number()
        recipient = shop.add(
            "redpin.Recipient",
            name=payload,
            country_code="ARE",
            currency="AED",
            bank_details={"iban": payload},
            address={"city": payload},
            last_error=payload,
        )
        session = shop.add_session(
            client_reference_id=f"{payload} {number}",
            client_customer_ref=payload,
            payment_status=payload,
            purpose_of_transaction=payload,
            review_reason=payload,
            last_error=payload,
            session_url=payload,
            metadata={payload[:99]: payload},
            callbacks=[payload],
        )
        shop.add(
            "redpin.SessionRecipient",
            session_id=session,
            recipient_id=recipient,
            amount="250000.00",
            payout_status=payload,
        )
        shop.add(
            "redpin.SessionItem",
            session_id=session,
            item_ref=payload,
            description=payload,
            amount="250000.00",
        )
        event = shop.add_event(session, f"{number}", payload)
        transition = shop.add(
            "redpin.StatusTransition",
            session_id=session,
            subject="payment_status",
            from_value=payload,
            to_value=payload,
            last_error=payload,
            outcome="held",
        )
        for name, pk in zip(rows, (session, recipient, event, transition), strict=True):
            rows[name].append(pk)
    return rows


@pytest.mark.parametrize(
    "name", ["paymentsession", "recipient", "webhookevent", "statustransition"]
)
def test_e22_no_text_becomes_markup_in_the_admin(
    shop: Shop, visitor: Page, hostile: dict[str, list[int]], name: str
) -> None:
    shop.log_in(visitor)
    address = f"{shop.url}/admin/redpin/{name}/"
    searched = [f"?q={quote(payload)}" for payload in PAYLOADS[:3]]
    changed = [f"{pk}/change/" for pk in hostile[name]]
    pages = ["", *searched, *changed, f"{hostile[name][0]}/history/"]
    for page in pages:
        visitor.goto(address + page)

        assert visitor.evaluate(COUNT) == NOTHING, page


def test_e22_no_text_becomes_markup_in_the_admins_messages(
    shop: Shop, visitor: Page, hostile: dict[str, list[int]]
) -> None:
    """Actions tell in a message what became of each row, and name it."""
    shop.log_in(visitor)
    tried = 0
    for name in ("paymentsession", "webhookevent", "statustransition"):
        visitor.goto(f"{shop.url}/admin/redpin/{name}/")
        actions = visitor.locator("select[name=action] option").evaluate_all(
            "options => options.map((option) => option.value).filter(Boolean)"
        )
        for action in actions:
            visitor.goto(f"{shop.url}/admin/redpin/{name}/")
            visitor.locator("select[name=action]").select_option(action)
            for box in visitor.locator("input[name=_selected_action]").all()[:5]:
                box.check()
            visitor.get_by_role("button", name="Run").or_(
                visitor.get_by_role("button", name="Go")
            ).first.click()
            visitor.wait_for_load_state()
            tried += 1

            assert visitor.evaluate(COUNT) == NOTHING, action
    assert tried >= 2


@pytest.mark.parametrize("payload", TEXTS, ids=range(len(TEXTS)))
def test_e22_no_text_becomes_markup_in_the_example(shop: Shop, visitor: Page, payload: str) -> None:
    words = dict.fromkeys(("name", "kind", "building", "description", "outlook"), payload)
    unit = shop.add_unit(**words)
    session = shop.add_session(
        payment_status=payload,
        client_customer_ref=payload,
        client_reference_id=f"{payload} {free_number()}",
    )
    shop.add(
        "redpin.StatusTransition",
        session_id=session,
        subject="payment_status",
        to_value=payload,
        outcome="told",
    )
    order = shop.add_order(
        unit_id=unit, session_id=session, buyer_name=payload, client_customer_ref=payload
    )
    for path in ("/", f"/orders/{order}/", f"/orders/{order}/pay/"):
        visitor.goto(shop.url + path)

        assert visitor.evaluate(COUNT) == NOTHING, path


@pytest.mark.parametrize("payload", TEXTS[:4], ids=range(4))
def test_e22_no_text_becomes_markup_in_the_form_that_refuses_it(
    shop: Shop, visitor: Page, payload: str
) -> None:
    reference = f"X-{free_number()}"
    shop.add_unit(reference=reference)
    visitor.goto(f"{shop.url}/units/{reference}/reserve/")
    for label in ("Full name", "E-mail", "Buyer's reference"):
        visitor.get_by_label(label).fill(payload)
    visitor.get_by_role("button", name="Continue to the deposit").click()

    assert visitor.evaluate(COUNT) == NOTHING
    assert visitor.get_by_role("alert").is_visible()
