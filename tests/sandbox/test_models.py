"""The sandbox's rows: what each is called, and what becomes of those of an earlier release."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader

from django_redpin.sandbox.models import CallbackFault, Delivery, Session
from tests.test_migrating import fill

APP = "redpin_sandbox"
MODELS = list(apps.get_app_config(APP).get_models())


def test_rows_that_differ_are_called_differently_each_in_words_of_its_kind() -> None:
    named: list[str] = []
    for model in MODELS:
        for number in (7, 8):
            values = {
                field.attname: number
                for field in model._meta.concrete_fields
                if isinstance(field, models.CharField | models.IntegerField | models.UUIDField)
                or field.is_relation
            }
            named.append(str(model(**values | {"pk": number})))

    assert len(set(named)) == 2 * len(MODELS)
    assert all("object" not in name for name in named)


def migrate_to(name: str) -> None:
    call_command("migrate", APP, name, verbosity=0, interactive=False)


@pytest.fixture
def _ends_at_the_newest_state(transactional_db: None) -> Iterator[None]:
    yield
    call_command("migrate", APP, verbosity=0, interactive=False)


@pytest.mark.usefixtures("_ends_at_the_newest_state")
def test_a_delivery_that_knew_its_payment_alone_is_its_sessions_after_an_upgrade() -> None:
    before = "0002_calls_faults_versions"
    migrate_to(before)
    old = MigrationLoader(connection).project_state([(APP, before)]).apps
    rows = fill(old, APP)
    session = rows[old.get_model(APP, "Session")]

    call_command("migrate", APP, verbosity=0, interactive=False)

    assert Delivery.objects.get().session == Session.objects.get(pk=session.pk)
    assert not CallbackFault.objects.exists()
