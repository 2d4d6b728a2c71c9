"""A database of an earlier release becomes one of today, with all its rows, and goes back again.

Each state that migrations lead to is filled with rows by its own models of that time, every column
of them, and migrated to the newest. Of two releases nothing else has to be written here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, Final

import pytest
from django.apps.registry import Apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.loader import MigrationLoader

from django_redpin.models import PaymentSession
from django_redpin.services import create_payment_session, refresh_payment_session
from django_redpin.signals import payment_completed
from tests.redpin_server import FakeRedpin

APP: Final = "redpin"
STATES: Final = sorted(name for app, name in MigrationLoader(None).disk_migrations if app == APP)
pytestmark = pytest.mark.django_db(transaction=True)

_NOW: Final = datetime(2026, 11, 26, 12, 0, 0, 123456, tzinfo=timezone.utc)
_VALUES: Final[dict[type[models.Field[Any, Any]], Any]] = {
    models.BinaryField: b'{"status": "PROCESSING"}',
    models.BooleanField: True,
    models.DateField: date(2026, 12, 24),
    models.DateTimeField: _NOW,
    models.DecimalField: Decimal("250000.0000"),
    models.FloatField: 0.5,
    models.JSONField: {"key": ["value"]},
    models.UUIDField: uuid.UUID(int=7),
}


@pytest.fixture(autouse=True)
def _ends_at_the_newest_state(db: None, transactional_db: None) -> Iterator[None]:
    """Leave the tables to the next test as it expects them."""
    yield
    migrate_to(STATES[-1])


def migrate_to(name: str) -> None:
    call_command("migrate", APP, name, verbosity=0, interactive=False)


def apps_at(name: str) -> Apps:
    """Return the models as they were in that state."""
    state = MigrationLoader(connection).project_state([(APP, name)])
    return state.apps


def fill(apps: Apps, app: str = APP) -> dict[type[models.Model], models.Model]:
    """Store one row of each model, with a value in each column."""
    rows: dict[type[models.Model], models.Model] = {}
    if app == APP:
        user = apps.get_model(settings.AUTH_USER_MODEL)
        rows[user] = user._default_manager.create(username="ada")
    left = list(apps.get_app_config(app).get_models())
    while left:
        model = next(each for each in left if not _awaited(each) & set(left) - {each})
        rows[model] = model._default_manager.create(
            **{field.name: value for field in _columns(model) for value in _values(field, rows)}
        )
        left.remove(model)
    return rows


def _awaited(model: type[models.Model]) -> set[Any]:
    return {field.related_model for field in _columns(model) if field.is_relation}


def _columns(model: type[models.Model]) -> list[Any]:
    return [
        field
        for field in model._meta.concrete_fields
        if not field.primary_key and not isinstance(field, models.GeneratedField)
    ]


def _values(field: Any, rows: dict[type[models.Model], models.Model]) -> Iterator[Any]:
    """Yield a value for the column; none where the row would have to point at itself."""
    if field.is_relation:
        if field.related_model in rows:
            yield rows[field.related_model]
    elif field.choices:
        yield field.choices[0][0]
    elif isinstance(field, models.IntegerField):
        yield 3
    elif isinstance(field, models.CharField | models.TextField):
        yield f"{field.name}-é"[: field.max_length or None]
    else:
        yield next(value for kind, value in _VALUES.items() if type(field) is kind)


def seen(model: type[models.Model]) -> list[dict[str, Any]]:
    """Return the rows as they are stored, column by column."""
    rows = [*model._default_manager.order_by("pk").values()]
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def same_columns(
    before: list[dict[str, Any]], after: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return both without what only one of them has."""
    names = set(before[0]) & set(after[0]) if before and after else set()
    return (
        [{name: row[name] for name in names} for row in before],
        [{name: row[name] for name in names} for row in after],
    )


@pytest.fixture
def told() -> Iterator[list[int]]:
    """The sessions whose completion was told, each as often as it was."""
    heard: list[int] = []

    def hear(session: PaymentSession, **kwargs: object) -> None:
        heard.append(session.pk)

    payment_completed.connect(hear)
    yield heard
    payment_completed.disconnect(hear)


@pytest.mark.heavy
@pytest.mark.parametrize("state", STATES)
def test_each_row_of_each_earlier_state_is_there_in_the_newest_and_on_the_way_back(
    state: str,
) -> None:
    migrate_to(state)
    old = apps_at(state)
    fill(old)
    before = {model._meta.model_name: seen(model) for model in old.get_app_config(APP).get_models()}
    assert all(len(rows) == 1 for rows in before.values())

    migrate_to(STATES[-1])

    new = apps_at(STATES[-1])
    for name, rows in before.items():
        then, now = same_columns(rows, seen(new.get_model(APP, str(name))))
        assert now == then, name

    migrate_to(state)

    assert {
        model._meta.model_name: seen(model) for model in old.get_app_config(APP).get_models()
    } == before


@pytest.mark.heavy
@pytest.mark.parametrize("state", STATES)
def test_a_payment_under_way_survives_the_upgrade_and_is_completed_and_told_once(
    state: str,
    redpin: FakeRedpin,
    arguments: dict[str, Any],
    settle: Callable[[], None],
    told: list[int],
) -> None:
    session = create_payment_session(**arguments)
    redpin.pay(session.client_reference_id, "PROCESSING")
    refresh_payment_session(session)
    migrate_to(state)  # What an older release knows of it is left.
    migrate_to(STATES[-1])

    redpin.pay(session.client_reference_id, "PAYMENT_COMPLETED")
    session = PaymentSession.objects.get(pk=session.pk)
    refresh_payment_session(session)
    settle()
    settle()

    assert PaymentSession.objects.get(pk=session.pk).payment_status == "PAYMENT_COMPLETED"
    assert told == [session.pk]
    assert len(redpin.creates) == 1
