"""What a block may take for granted, as a reader does who has come so far.

Python blocks of a page run in one namespace, in order. It begins with

- what a settings file has: `INSTALLED_APPS`, `MIDDLEWARE`, `TEMPLATES`, `REDPIN` and so on;
- `urlpatterns`, as `urls.py` has it;
- what every Django file imports: `path`, `render`, `get_object_or_404`, `transaction`, ...;
- `escrow` and `agent`, two payees; `user`, who pays; `request`, theirs; `response`, an empty one;
- `Order`, the example's model, and `order`, one of them; `form`, a bound form;
- `payment`, the arguments of a right call of `create_payment_session`;
- `session`, which that call made, and whose page can be paid on.

What a page puts into `REDPIN` has to pass the checks, and holds for the rest of the page; but the
Redpin that is asked, and the credentials that it knows, stay those of the test.

`...` as the first argument of a call stands for the arguments of `payment` that the call does not
give: `create_payment_session(..., idempotency_key="order-7")`.

An environment variable that a block reads is there, with a value long enough for a secret.
"""

from __future__ import annotations

import ast
import base64
import copy
import logging
import os
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db import models, transaction
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.test import RequestFactory
from django.urls import include, path, reverse
from django.utils import timezone
from django.utils.timezone import now
from moneyed import Money

from django_redpin.forms import RecipientForm
from django_redpin.models import Recipient
from django_redpin.services import Item, Share, create_payment_session
from example_project.properties.models import Order, Unit

ELIDED: Final = "__payment_without"
_SETTINGS: Final = (
    "INSTALLED_APPS",
    "MIDDLEWARE",
    "TEMPLATES",
    "REDPIN",
    "CACHES",
    "STATIC_URL",
    "LOGGING",
)
_EVERY_FILE: Final[Mapping[str, Any]] = {
    "Money": Money,
    "Q": Q,
    "get_object_or_404": get_object_or_404,
    "include": include,
    "login_required": login_required,
    "models": models,
    "now": now,
    "os": os,
    "path": path,
    "redirect": redirect,
    "render": render,
    "reverse": reverse,
    "timezone": timezone,
    "transaction": transaction,
}


def namespace(page: str) -> dict[str, Any]:
    """Return what a page begins with. It writes rows, and makes a session at the test's Redpin."""
    payees = {"country_code": "ARE", "currency": "AED"}
    escrow = Recipient.objects.create(name="Escrow", recipient_id="501", **payees)
    agent = Recipient.objects.create(name="Agent", recipient_id="502", **payees)
    user = get_user_model().objects.create_user("payer", "payer@example.com")
    order = _order()
    payment = _payment(escrow, agent)
    request = RequestFactory().get("/orders/7/pay/")
    request.user = user
    session = create_payment_session(**payment, payer=user, idempotency_key="the-prelude")
    names: dict[str, Any] = {
        "__name__": f"pages.{page}",
        **{name: copy.deepcopy(getattr(settings, name)) for name in _SETTINGS},
        **_EVERY_FILE,
        "urlpatterns": [],
        "logger": logging.getLogger("shop"),
        "escrow": escrow,
        "agent": agent,
        "user": user,
        "request": request,
        "response": HttpResponse(),
        "Order": Order,
        "order": order,
        "form": RecipientForm({}),
        "payment": payment,
        "session": session,
        ELIDED: lambda given: {name: payment[name] for name in payment if name not in given},
    }
    names["settings"] = _Settings(names)
    return names


class _Settings:
    """`django.conf.settings`, with what the page has set."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return self._names[name] if name in self._names else getattr(settings, name)


def _order() -> Order:
    unit = Unit.objects.create(
        reference="UNIT-1204",
        name="Unit 1204",
        kind="Two",
        building="Quay",
        floor=12,
        area=Decimal("84.5"),
        bedrooms=2,
        price=Decimal("2500000.00"),
    )
    return Order.objects.create(
        unit=unit,
        holds=unit,
        buyer_name="A Payer",
        email="payer@example.com",
        client_customer_ref="CUST_001",
        deposit=unit.deposit,
        commission=unit.commission,
        due_date=timezone.now().date() + timedelta(days=14),
    )


def _payment(escrow: Recipient, agent: Recipient) -> dict[str, Any]:
    return {
        "client_customer_ref": "CUST_001",
        "amount": Money("250000.00", "AED"),
        "due_date": timezone.now().date() + timedelta(days=14),
        "purpose_of_transaction": "PROPERTY_PURCHASE",
        "recipients": [
            Share(escrow, Money("245000.00", "AED")),
            Share(agent, Money("5000.00", "AED")),
        ],
        "items": [Item("UNIT-1204", "Deposit, unit 1204", Money("250000.00", "AED"))],
    }


def environment_of(code: ast.AST) -> dict[str, str]:
    """Return a value for each environment variable that the code reads."""
    found = {}
    for node in ast.walk(code):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "os.environ":
            name = ast.literal_eval(node.slice)
            if name.endswith("BANK_DETAILS_KEY"):
                found[name] = Fernet.generate_key().decode()
            elif name.endswith("SIGNING_SECRET"):  # As Standard Webhooks has them.
                found[name] = f"whsec_{base64.b64encode(name.encode() * 2).decode()}"
            else:
                found[name] = f"the-{name}-of-the-docs-"
    return found


class Elisions(ast.NodeTransformer):
    """Put the arguments of `payment` where a call begins with an ellipsis."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace the first argument, if it is an ellipsis."""
        self.generic_visit(node)
        match node.args:
            case [ast.Constant(value=value), *rest] if value is Ellipsis:
                given = [ast.Constant(each.arg) for each in node.keywords if each.arg]
                names = ast.List(elts=[*given], ctx=ast.Load())
                rest_of = ast.Call(ast.Name(ELIDED, ast.Load()), [names], [])
                keywords = [*node.keywords, ast.keyword(None, rest_of)]
                return ast.fix_missing_locations(
                    ast.copy_location(ast.Call(node.func, rest, keywords), node)
                )
        return node


def names_of(code: ast.Module) -> frozenset[str]:
    """Return what the code binds at its top level, without running it."""
    stored = {
        node.id
        for node in ast.walk(code)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    defined = {node.name for node in code.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    imported = {
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(code)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return frozenset(stored | defined | imported)
