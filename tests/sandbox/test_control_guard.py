"""Who may control the sandbox, and what is said to a request that cannot be carried out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from django_redpin.sandbox.callback_faults import KINDS
from django_redpin.sandbox.controls import CONTROLS
from django_redpin.sandbox.logs import hide_keys
from django_redpin.sandbox.models import CallbackFault, Session

from .browser import Browser, forms_of
from .conftest import Program, body_of
from .doors import Api, Page, state, statuses

DOCS = Path(__file__).resolve().parent.parent.parent / "docs/sandbox.md"


@pytest.fixture
def session(program: Program) -> Session:
    return program.session(callbacks=["https://merchant.example/hook"])


def post(session: Session, control: str = "pause", **options: Any) -> Any:
    options = {"data": "{}", "content_type": "application/json"} | options
    return Client().post(f"/control/sessions/{session.session_id}/{control}", **options)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Origin": "https://evil.example"}, "another origin"),
        ({"Origin": "http://testserver:81"}, "another origin"),
        ({"Origin": "https://testserver"}, "another origin"),
        ({"Origin": "http://[broken"}, "another origin"),
        ({"Origin": "null"}, "another origin"),
        ({"Sec-Fetch-Site": "cross-site"}, "another site"),
        ({"Host": "evil.example"}, "127.0.0.1"),
    ],
)
def test_no_web_page_from_elsewhere_controls_anything(
    session: Session, headers: dict[str, str], words: str
) -> None:
    response = post(session, headers=headers)
    assert response.status_code == 403
    assert words in body_of(response)["error"]
    assert state(session)["paused"] is False
    page = Client().post(f"/sessions/{session.key}/control/", headers=headers)
    assert (page.status_code, words in page.content.decode()) == (403, True)
    assert Client().post("/control/callback-fault", headers=headers).status_code == 403
    assert Client().post("/callbacks/", headers=headers).status_code == 403


def test_dns_rebinding_reads_no_page_and_no_state(session: Session) -> None:
    for place in (
        f"/sessions/{session.key}/control/",
        "/callbacks/",
        "/control/state",
        f"/control/sessions/{session.session_id}",
    ):
        response = Client().get(place, headers={"Host": "rebound.example"})
        assert response.status_code == 403
        assert session.client_reference_id not in response.content.decode()


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8001", "localhost:8001", "[::1]:8001", "192.168.1.7", "redpin:8001"]
)
def test_the_sandbox_answers_to_addresses_and_names_without_a_domain(
    session: Session, host: str
) -> None:
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert post(session, headers=headers).status_code == 200


def test_a_host_that_the_project_allows_is_known(session: Session, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = [".merchant.example"]
    assert post(session, headers={"Host": "redpin.merchant.example"}).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_what_a_form_of_any_page_can_post_is_refused(session: Session, content_type: str) -> None:
    response = post(session, content_type=content_type)
    assert response.status_code == 415
    assert "application/json" in body_of(response)["error"]
    assert state(session)["paused"] is False


@pytest.mark.parametrize("body", [" ", "[]", "{", "\xff", '{"a": NaN}', '{"a": 1, "a": 2}'])
def test_a_body_that_is_no_object_is_refused(session: Session, body: str) -> None:
    response = post(session, data=body.encode("latin-1"))
    assert response.status_code == 400
    assert body_of(response)["error"]


@pytest.mark.parametrize(
    ("control", "given", "status", "words"),
    [
        ("next", {}, 409, "no payment yet"),
        ("finish", {}, 409, "no payment yet"),
        ("status", {"status": "PROCESSING"}, 409, "no payment yet"),
        ("status", {}, 400, "status is required"),
        ("status", {"status": "A" * 41}, 400, "at most 40"),
        ("status", {"status": ["CANCELLED"]}, 400, "text or a number"),
        ("status", {"status": True}, 400, "text or a number"),
        ("status", {"status": "A\u0000"}, 400, "control characters"),
        ("status", {"status": "PAYOUT_CREDITED", "recipient_id": "9"}, 400, "one of: 12345"),
        ("status", {"status": "REFUNDED", "refund_amount": "much"}, 400, "refund_amount"),
        ("status", {"status": "X", "why": "not"}, 400, "why is not taken here"),
        ("pause", {"for": "ever"}, 400, "for is not taken here"),
        ("pay", {"currency": "XXX"}, 400, "one of: AED, GBP"),
        ("extend", {"minutes": 0}, 400, "number of minutes"),
        ("extend", {"minutes": "1e9"}, 400, "number of minutes"),
        ("callback-fault", {"kind": "meteor"}, 400, "one of: duplicate"),
        ("callback-fault", {"kind": "drop", "events": "1.5"}, 400, "whole number"),
        ("callback-fault", {"kind": "drop", "events": 0}, 400, "whole number"),
        ("callback-fault", {"kind": "before_answer"}, 400, "all sessions"),
        ("post-again", {}, 409, "Nothing has happened"),
        ("post-again", {"event_id": "x"}, 400, "no event"),
        ("explode", {}, 404, "There are: pay, pause"),
    ],
)
def test_what_cannot_be_done_is_told_with_cause_and_cure(
    session: Session, control: str, given: dict[str, Any], status: int, words: str
) -> None:
    response = Api().ask(session, control, **given)
    assert (response.status_code, words in body_of(response)["error"]) == (status, True)
    assert statuses(session) == []


def test_what_comes_too_late_is_told_too(session: Session) -> None:
    Api().do(session, "expire")
    assert "Extend it first" in Api().ask(session, "pay").content.decode()
    Api().do(session, "extend")
    Api().do(session, "pay")
    assert Api().ask(session, "pay").status_code == 409
    Api().do(session, "status", status="CANCELLED")
    response = Api().ask(session, "next")
    assert response.status_code == 409
    assert "Choose a status instead" in body_of(response)["error"]


def test_an_event_needs_somebody_to_be_posted_to(program: Program) -> None:
    session = program.session()
    Api().do(session, "pay")
    for control in ("forge", "post-again"):
        response = Api().ask(session, control)
        assert response.status_code == 409
        assert "nobody to post to" in body_of(response)["error"]


def test_the_choice_of_a_payee_is_left_out_only_where_there_is_one(program: Program) -> None:
    one = program.session()
    Api().do(one, "pay")
    Api().do(one, "status", status="PAYOUT_INITIATED")
    assert state(one)["facts"][1]["recipient_id"] == "12345"


def test_addresses_and_methods_that_are_not_there_are_answered_in_json(session: Session) -> None:
    here = f"/control/sessions/{session.session_id}"
    nowhere = "/control/sessions/00000000-0000-0000-0000-000000000000"
    assert Client().get(f"{here}/pause").status_code == 405
    assert Client().post(here).status_code == 405
    assert Client().post("/control/state").status_code == 405
    assert Client().get("/control/callback-fault").status_code == 405
    for response in (
        Client().get(nowhere),
        Client().post(f"{nowhere}/pause", "{}", content_type="application/json"),
        Client().post("/control/pause", "{}", content_type="application/json"),
        Client().get("/control/sessions/not-an-id"),
    ):
        assert response.status_code == 404
        assert body_of(response)["error"].startswith("There is no such")


def test_the_state_of_all_lists_sessions_and_faults(session: Session) -> None:
    Api().do(session, "pay")
    Api().do(None, "callback-fault", kind="nested", events=7)
    assert body_of(Client().get("/control/state")) == {
        "sessions": [
            {
                "session_id": str(session.session_id),
                "client_reference_id": session.client_reference_id,
                "paused": False,
                "latest_status": "PROCESSING",
            }
        ],
        "callback_faults": [{"kind": "nested", "value": "", "events": 7}],
    }


def test_a_form_counts_only_with_the_token_of_its_own_page(
    program: Program, session: Session
) -> None:
    client = Client(enforce_csrf_checks=True)
    other = program.session(allowed_origins=["https://merchant.example"])
    address = f"/sessions/{session.key}/control/"
    tokens = [
        "",
        "forged",
        Browser(other).forms["review"].hidden["token"],
        forms_of(client.get(f"/sessions/{other.key}/control/").content.decode())["pause"].hidden[
            "token"
        ],
        forms_of(client.get("/callbacks/").content.decode())["callback-fault"].hidden["token"],
    ]
    for token in tokens:
        response = client.post(address, {"token": token, "control": "pause"})
        assert response.status_code == 403
    own = Browser(session).forms["send-code"].hidden["token"]
    assert client.post(address, {"token": own, "control": "pause"}).status_code == 403
    assert state(session)["paused"] is False
    assert (
        client.post("/callbacks/", {"token": tokens[3], "control": "callback-fault"}).status_code
        == 403
    )
    assert not CallbackFault.objects.exists()


@pytest.mark.heavy
def test_a_page_says_what_was_done_and_what_cannot_be(session: Session) -> None:
    address = f"/sessions/{session.key}/control/"
    done = Client().get(Page().ask(session, "pause")["Location"])
    assert str(CONTROLS["pause"].does) in done.content.decode()
    problem = Page().ask(session, "extend", minutes="soon")
    assert problem.status_code == 422
    assert 'role="alert"' in problem.content.decode()
    assert Client().get("/sessions/unknown/control/").status_code == 404
    assert 'role="status"' not in Client().get(f"{address}?done=nothing").content.decode()


def test_an_unknown_control_on_a_page_is_refused(session: Session) -> None:
    for address in (f"/sessions/{session.key}/control/", "/callbacks/"):
        client = Client()
        form = forms_of(client.get(address).content.decode())["callback-fault"]
        response = client.post(address, form.hidden | {"control": "explode"})
        assert response.status_code == 422


def test_no_other_page_frames_a_control_page_and_its_forms_say_where_they_come_from(
    session: Session,
) -> None:
    for address in (f"/sessions/{session.key}/control/", "/callbacks/", "/faults/"):
        response = Client().get(address)
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
        # With "no-referrer" a browser would post with "Origin: null".
        assert response["Referrer-Policy"] == "same-origin"
        assert "<script" not in response.content.decode()
        assert "style=" not in response.content.decode()


def test_a_refused_form_says_why(session: Session) -> None:
    for address in (f"/sessions/{session.key}/control/", "/callbacks/", "/faults/"):
        stranger = Client().post(address, headers={"Origin": "null"})
        assert (stranger.status_code, b"another origin" in stranger.content) == (403, True)
        forged = Client().post(address, {"token": "forged"})
        assert (forged.status_code, b"no longer counts" in forged.content) == (403, True)


def test_the_index_leads_to_the_control_pages(session: Session) -> None:
    html = Client().get("/").content.decode()
    assert f'href="/sessions/{session.key}/control/"' in html
    assert 'href="/callbacks/"' in html


@pytest.mark.parametrize(
    ("address", "name"), [("/faults/", "API faults"), ("/callbacks/", "Callback faults")]
)
def test_the_two_kinds_of_faults_are_told_apart(db: None, address: str, name: str) -> None:
    html = Client().get(address).content.decode()
    assert f'<a href="{address}" aria-current="page">{name}</a>' in html
    assert f"<h1>{name}</h1>" in html
    assert f"<title>{name} · " in html


def test_every_control_has_its_form_on_the_page(session: Session) -> None:
    address = f"/sessions/{session.key}/control/"
    found = set(forms_of(Client().get(address).content.decode()))
    Api().do(session, "pay")
    Api().do(session, "next")
    Api().do(session, "callback-fault", kind="drop")
    found |= set(forms_of(Client().get(address).content.decode()))
    assert set(CONTROLS) <= found


def test_the_log_shows_no_key_of_a_control_page(session: Session) -> None:
    assert session.key not in hide_keys(f"GET /sessions/{session.key}/control/?done=pause")


def rows(title: str) -> list[list[str]]:
    _before, _title, rest = DOCS.read_text().partition(f"\n### {title}\n")
    lines = [line for line in re.split(r"\n##", rest)[0].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_docs_list_the_controls_and_the_faults_that_there_are() -> None:
    controls = [
        [f"`{name}`", ", ".join(f"`{taken}`" for taken in control.takes), str(control.does)]
        for name, control in CONTROLS.items()
    ]
    kinds = [[f"`{name}`", str(kind.value or ""), str(kind.does)] for name, kind in KINDS.items()]
    assert rows("The controls") == controls
    assert rows("What can go wrong with a callback") == kinds
