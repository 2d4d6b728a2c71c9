"""The two doors to the sandbox's controls: its JSON API, and its page as a person uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import simplejson
from django.test import Client

from django_redpin.sandbox.models import Session

from .browser import forms_of
from .conftest import body_of

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response


class Door:
    """Something to control sessions by. ``session=None`` means all of them."""

    def ask(self, session: Session | None, control: str, **given: Any) -> Response:
        raise NotImplementedError

    def do(self, session: Session | None, control: str, **given: Any) -> None:
        """Do what has to be accepted."""
        response = self.ask(session, control, **given)
        assert response.status_code in (200, 303), response.content.decode()


class Api(Door):
    def ask(self, session: Session | None, control: str, **given: Any) -> Response:
        place = f"sessions/{session.session_id}/{control}" if session else control
        body = simplejson.dumps(given, use_decimal=True)
        client = Client(enforce_csrf_checks=True)
        return client.post(f"/control/{place}", body, content_type="application/json")


class Page(Door):
    def ask(self, session: Session | None, control: str, **given: Any) -> Response:
        address = f"/sessions/{session.key}/control/" if session else "/callbacks/"
        client = Client(enforce_csrf_checks=True)
        form = forms_of(client.get(address).content.decode())[control]
        fields = {name: str(value) for name, value in given.items()}
        assert fields.keys() <= form.fields, "The form has no such field."
        return client.post(form.action, form.hidden | fields)


def state(session: Session) -> Any:
    response = Client().get(f"/control/sessions/{session.session_id}")
    assert response.status_code == 200, response.content
    return body_of(response)


def happened(session: Session) -> list[tuple[str, str | None]]:
    """Return what has happened, as the control API tells it: statuses, and whose they are."""
    facts = state(session)["facts"]
    return [(fact["status"], fact["recipient_id"]) for fact in facts if fact["has_happened"]]


def statuses(session: Session) -> list[str]:
    return [status for status, _recipient in happened(session)]
