"""Who may do what: every address and every action, for every kind of user.

The addresses come from the URL conf, the actions from the admin, the users from the permissions
that there are. What is expected stands below, by name: an address or an action that is missing
there fails, so that nobody adds one without saying who may use it.

Not every set of permissions is tried, but those at the edge: the smallest that are enough, and the
largest that are not. Whoever has less than one of the latter may no more than it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver, reverse

from django_redpin.models import PaymentSession, Recipient
from django_redpin.webhooks import failures

from .world import MODELS, REDPINS, Row, client_of, make_session, page, staff

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

# Any of these sets of permissions is enough for a member of staff; a superuser has them all.
Rule = tuple[frozenset[str], ...]
NOBODY: Final[Rule] = ()
ALL_STAFF: Final[Rule] = (frozenset(),)
MISSING: Final = 999_999_999


def any_of(*codenames: str) -> Rule:
    return tuple(frozenset({codename}) for codename in codenames)


def may_see(model: str) -> Rule:
    """Django takes whoever may change a row for one who may see it."""
    return any_of(f"view_{model}", f"change_{model}")


def may_act(verb: str, model: str) -> Rule:
    """An action needs its own permission, and that its rows may be seen."""
    return tuple(who | {f"{verb}_{model}"} for who in may_see(model))


def read_only(model: str) -> dict[str, tuple[Rule, Rule]]:
    """Who may GET and POST the pages of a table that is Redpin's to change."""
    return {
        f"redpin_{model}_changelist": (may_see(model), may_see(model)),
        f"redpin_{model}_change": (may_see(model), NOBODY),
        f"redpin_{model}_history": (may_see(model), may_see(model)),
        f"redpin_{model}_add": (NOBODY, NOBODY),
        f"redpin_{model}_delete": (NOBODY, NOBODY),
        f"admin/redpin/{model}/<path:object_id>/": (ALL_STAFF, ALL_STAFF),  # To the change page.
    }


SESSION_ACTIONS: Final = ("refresh", "renew", "expire", "dispatch", "release")
PAGES: Final[dict[str, tuple[Rule, Rule]]] = {
    **read_only("paymentsession"),
    **{
        f"redpin_paymentsession_{verb}": (may_act(verb, "paymentsession"),) * 2
        for verb in SESSION_ACTIONS
    },
    "redpin_overview": (may_see("paymentsession"),) * 2,
    "redpin_paymentsession_export": (may_act("export", "paymentsession"),) * 2,
    **read_only("webhookevent"),
    "redpin_webhookevent_redrive": (may_act("redrive", "webhookevent"),) * 2,
    **read_only("statustransition"),
    "redpin_statustransition_redrive": (may_act("redrive", "statustransition"),) * 2,
    **read_only("recipient"),
    # Payees are the merchant's own.
    "redpin_recipient_change": (may_see("recipient"), any_of("change_recipient")),
    "redpin_recipient_add": (any_of("add_recipient"), any_of("add_recipient")),
    "redpin_recipient_delete": (any_of("delete_recipient"), any_of("delete_recipient")),
}
ACTIONS: Final[dict[str, dict[str, Rule]]] = {
    "paymentsession": {verb: may_act(verb, "paymentsession") for verb in SESSION_ACTIONS},
    "webhookevent": {"redrive": may_act("redrive", "webhookevent")},
    "statustransition": {"redrive": may_act("redrive", "statustransition")},
    "recipient": {"delete_selected": any_of("delete_recipient")},
}
# The addresses for Redpin and for payers: what a GET and a POST with a made-up token are answered,
# whoever sends it. A session by its reference is for its payer, and for staff who may see it.
PUBLIC: Final[dict[str, tuple[int, int]]] = {
    "webhooks/<slug:account>/<slug:client_reference_id>/<slug:token>/": (405, 401),
    "webhooks/<slug:account>/<slug:client_reference_id>/<slug:token>": (405, 401),
    "webhooks/<slug:account>/<slug:token>": (405, 401),
    "webhooks/<slug:account>/<slug:token>/": (405, 401),
    "sessions/<str:token>/": (404, 405),
    "sessions/<str:token>": (404, 405),
}
DETAIL: Final = "sessions/<slug:account>/<slug:client_reference_id>/"


@dataclass(frozen=True)
class Address:
    """One pattern of the URL conf; `route` is the whole of it."""

    namespace: str
    name: str
    route: str

    def at(self, pk: int) -> str:
        """Return the address of the row."""
        return "/" + self.route.replace("<path:object_id>", str(pk))


@dataclass(frozen=True)
class Visitor:
    """Somebody in a browser of their own."""

    name: str
    client: Client
    person: User | None
    codenames: frozenset[str]

    def is_in(self, rule: Rule) -> bool:
        if self.person is not None and self.person.is_superuser:
            return rule != NOBODY
        return any(enough <= self.codenames for enough in rule)


def walk(patterns: list[Any], namespace: str = "", before: str = "") -> Iterator[Address]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield Address(namespace, pattern.name or route, route)
        else:
            yield from walk(pattern.url_patterns, pattern.namespace or namespace, route)


def addresses(namespace: str) -> list[Address]:
    """Return this app's addresses in the admin, or those of `django_redpin.urls`."""
    found = [each for each in walk(get_resolver().url_patterns) if each.namespace == namespace]
    if namespace == "admin":
        found = [each for each in found if each.route.startswith("admin/redpin/")]
    return found


def permissions() -> list[str]:
    rows = Permission.objects.filter(content_type__app_label="redpin").order_by("codename")
    return list(rows.values_list("codename", flat=True))


@pytest.fixture
def session(escrow: Recipient) -> PaymentSession:
    """One session with all its parts, in review, so that nothing would be idle for an action."""
    session = make_session(1, escrow, state="expired", review_reason="Odd.")
    session.transitions.update(outcome="dead")
    session.events.update(outcome="dead")
    return session


class Crowd:
    """Visitors, each made once for a test."""

    def __init__(self) -> None:
        self.all = frozenset(permissions())
        payer = User.objects.create_user("payer")
        insider = User.objects.create_user("insider")
        insider.user_permissions.set(Permission.objects.filter(content_type__app_label="redpin"))
        root = User.objects.create_superuser("root")
        self.others = [
            Visitor("anonymous", client_of(), None, frozenset()),
            Visitor("not staff", client_of(payer), payer, frozenset()),
            Visitor("all, but not staff", client_of(insider), insider, frozenset()),
            Visitor("superuser", client_of(root), root, self.all),
        ]
        self.staff: dict[frozenset[str], Visitor] = {}

    def at(self, *rules: Rule) -> list[Visitor]:
        """Return who tries the rules: staff at the edge of each, with nothing, and the others."""
        sets = dict.fromkeys((frozenset[str](), *(each for rule in rules for each in rule)))
        sets |= dict.fromkeys(each for rule in rules for each in self.short_of(rule))
        return [*self.others, *map(self.with_permissions, sets)]

    def short_of(self, rule: Rule) -> list[frozenset[str]]:
        """Return the largest sets that are not enough: all but one of each set that is."""
        withheld = {frozenset(chosen) for chosen in product(*rule)}
        smallest = [each for each in withheld if not any(other < each for other in withheld)]
        return sorted((self.all - each for each in smallest), key=sorted)

    def with_permissions(self, codenames: frozenset[str]) -> Visitor:
        if codenames not in self.staff:
            without = sorted(self.all - codenames)
            few = " and ".join(sorted(codenames)) or "no permission"
            name = f"all but {', '.join(without)}" if len(codenames) > len(without) else few
            person = staff(*codenames, name=name)
            self.staff[codenames] = Visitor(name, client_of(person), person, codenames)
        return self.staff[codenames]


@pytest.fixture
def crowd(session: PaymentSession) -> Crowd:
    return Crowd()


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of this app and the admin's history."""
    models: list[type[Model]] = [*apps.get_app_config("redpin").get_models(), LogEntry]
    return {
        model.__name__: list(model._default_manager.order_by("pk").values_list())
        for model in models
    }


def pk_for(address: Address, session: PaymentSession) -> int:
    rows: dict[str, Any] = {
        "paymentsession": session,
        "webhookevent": session.events.get(),
        "statustransition": session.transitions.all()[0],
        "recipient": session.shares.get().recipient,
    }
    return int(rows[address.route.split("/")[2]].pk)


def answer(client: Client, address: Address, pk: int, method: str) -> tuple[int, str, bytes]:
    """Send the visitor there, the row named in the address and in the form."""
    data = {"rows": str(pk), "reason": "I have looked.", "state": "closed", "post": "yes"}
    if method == "get":
        data = {"rows": str(pk)} if "/actions/" in address.route else {}
    response = getattr(client, method)(address.at(pk), data)
    return response.status_code, response.headers.get("Location", ""), response.content


def test_e24_every_address_and_every_action_says_who_may_use_it() -> None:
    assert {address.name for address in addresses("admin")} == set(PAGES)
    routes = {address.route.removeprefix("redpin/") for address in addresses("redpin")}
    assert routes == {*PUBLIC, DETAIL}
    request = RequestFactory().get("/")
    request.user = User.objects.create_superuser("root")
    offered = {
        model._meta.model_name: set(page.get_actions(request))
        for model, page in admin.site._registry.items()
        if model._meta.app_label == "redpin"
    }
    assert offered == {model: set(rules) for model, rules in ACTIONS.items()}


def test_every_table_of_this_app_is_in_the_admin_or_part_of_one_that_is() -> None:
    parts = {"sessionrecipient", "sessionitem"}
    names = {model._meta.model_name for model in apps.get_app_config("redpin").get_models()}
    assert names == {model._meta.model_name for model in MODELS} | parts


@pytest.mark.parametrize("name", PAGES)
def test_e24_each_page_of_the_admin_answers_those_who_may_and_nobody_else(
    session: PaymentSession, crowd: Crowd, name: str
) -> None:
    (address,) = (each for each in addresses("admin") if each.name == name)
    pk, visitors, before = pk_for(address, session), crowd.at(*PAGES[name]), everything()
    # Pages of no row answer one way.
    has_row = "<path:object_id>" in address.route or "/actions/" in address.route

    for visitor, (method, rule) in product(
        visitors, zip(("get", "post"), PAGES[name], strict=True)
    ):
        missing = answer(visitor.client, address, MISSING, method)
        if visitor.person is None or not visitor.person.is_staff:
            found = answer(visitor.client, address, pk, method) if has_row else missing
            for status, location, _ in (missing, found):
                assert (status, location.partition("?")[0]) == (302, reverse("admin:login"))
        elif visitor.is_in(rule):
            status, location, _ = missing
            assert status in (200, 302), visitor.name
            assert not location.startswith(reverse("admin:login")), visitor.name
            if method == "get":
                expected = 302 if rule is ALL_STAFF else 200
                found = answer(visitor.client, address, pk, method) if has_row else missing
                assert found[0] == expected, visitor.name
        else:
            found = answer(visitor.client, address, pk, method) if has_row else missing
            assert found[0] == 403, visitor.name
            if not visitor.is_in(may_see(address.route.split("/")[2])):
                # The same to the last byte, whether there is such a row or not.
                assert missing == found, visitor.name

    # Whoever may, what there is was only looked at; and whoever may not, did nothing.
    assert everything() == before


@pytest.mark.parametrize("model", MODELS)
def test_e24_each_action_of_a_list_is_for_those_who_may_and_nobody_else(
    session: PaymentSession, crowd: Crowd, model: type[Row]
) -> None:
    name, pk = str(model._meta.model_name), model._default_manager.all()[0].pk
    before = everything()

    for action, rule in ACTIONS[name].items():
        both = tuple(enough | seen for enough in rule for seen in may_see(name))
        for visitor in crowd.at(both):
            chosen = {"action": action, "_selected_action": pk}
            response = visitor.client.post(page(model), chosen)
            is_confirmed = any("confirm" in str(each.name) for each in response.templates)
            is_staff = visitor.person is not None and visitor.person.is_staff
            assert is_confirmed is (is_staff and visitor.is_in(both)), (visitor.name, action)

    assert everything() == before


def test_e24_what_redpin_and_payers_use_tells_nobody_more_for_being_staff(
    session: PaymentSession, crowd: Crowd
) -> None:
    rule = any_of("view_paymentsession")
    visitors, before = crowd.at(rule), everything()
    values = {
        "<slug:account>": session.account,
        "<slug:client_reference_id>": session.client_reference_id,
        "<slug:token>": "made-up",
        "<str:token>": "made-up",
    }

    for visitor in visitors:
        failures.reset()  # Whoever guesses so often is turned away.
        for address in addresses("redpin"):
            path = f"/{address.route}"
            for part, value in values.items():
                path = path.replace(part, value)
            got = visitor.client.get(path).status_code
            sent = visitor.client.post(path, "{}", content_type="application/json").status_code
            route = address.route.removeprefix("redpin/")
            if route == DETAIL:
                is_staff = visitor.person is not None and visitor.person.is_staff
                may = is_staff and visitor.is_in(rule)
                assert got == (200 if may else 404), visitor.name
                assert sent == 405 if may else sent in (404, 405), visitor.name
            else:
                assert (got, sent) == PUBLIC[route], (visitor.name, route)

    assert everything() == before


@pytest.mark.parametrize("model", REDPINS)
def test_e27_what_redpin_owns_has_no_field_that_can_be_filled_in(
    session: PaymentSession, admin_client: Client, model: type[Row]
) -> None:
    row = model._default_manager.all()[0]
    response = admin_client.get(page(model, "change", row.pk))

    assert response.context["adminform"].form.fields == {}
    assert response.context["inline_admin_formsets"] == []
