"""Old processes go on while new ones have begun: a migration must not break their inserts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED


def breaking(operations: Iterable[Operation]) -> Iterator[str]:
    """Yield the columns of these operations that a process of the last release can't write.

    It names no column that it doesn't know, so the database has to: by NULL or by `db_default`.
    Django drops a plain `default` from the database once the column is there.
    """
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from breaking(operation.database_operations)
        elif isinstance(operation, AddField):
            field = operation.field
            is_a_column = not isinstance(field, models.ManyToManyField)
            has_default = field.db_default is not NOT_PROVIDED
            if is_a_column and not field.null and not has_default:
                yield f"{operation.model_name}.{operation.name}"


def test_c15_old_processes_can_write_what_later_migrations_leave() -> None:
    loader = MigrationLoader(None)
    found = {
        name: list(breaking(migration.operations))
        for (app, name), migration in loader.disk_migrations.items()
        if app == "django_redpin" and name != "0001_initial"
    }

    assert not any(found.values()), found


@pytest.mark.parametrize(
    ("field", "is_breaking"),
    [
        (models.CharField(max_length=9), True),
        (models.CharField(max_length=9, default=""), True),
        (models.BooleanField(default=False), True),
        (models.CharField(max_length=9, default="", db_default=""), False),
        (models.BooleanField(db_default=False), False),
        (models.DateTimeField(null=True), False),
        (models.ManyToManyField("django_redpin.Recipient"), False),
    ],
)
def test_c15_the_guard_knows_a_bad_migration(field: models.Field, is_breaking: bool) -> None:  # type: ignore[type-arg]
    add = AddField("webhookevent", "colour", field)

    expected = ["webhookevent.colour"] if is_breaking else []
    assert list(breaking([add])) == expected
    assert list(breaking([SeparateDatabaseAndState(database_operations=[add])])) == expected
