"""From one release to the next: what migrations may do, and which version a release may have.

Old processes go on while new ones have begun, so a migration must not break their inserts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import (
    AddField,
    DeleteModel,
    RemoveField,
    RenameField,
    RenameModel,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.models import NOT_PROVIDED

from tests import releases
from tests.releases import Release

# What a process of the last release still reads. It is taken out of the models first, with the
# table left as it is (`state_operations`), and out of the table a release later.
_TAKES_AWAY = (DeleteModel, RemoveField, RenameField, RenameModel)


def breaking(operations: Iterable[Operation], *, is_apart: bool = False) -> Iterator[str]:
    """Yield what these operations do that a process of the last release can't live with.

    It names no column that it doesn't know, so the database has to: by NULL or by `db_default`.
    Django drops a plain `default` from the database once the column is there.
    """
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from breaking(operation.database_operations, is_apart=True)
        elif isinstance(operation, _TAKES_AWAY) and not is_apart:
            yield operation.describe()
        elif isinstance(operation, AddField):
            field = operation.field
            is_a_column = not isinstance(field, models.ManyToManyField)
            has_default = field.db_default is not NOT_PROVIDED
            if is_a_column and not field.null and not has_default:
                yield f"{operation.model_name}.{operation.name}"


def test_c15_old_processes_can_write_what_later_migrations_leave() -> None:
    loader = MigrationLoader(None)
    ours = {name: each for (app, name), each in loader.disk_migrations.items() if app == "redpin"}
    found = {name: list(breaking(each.operations)) for name, each in ours.items()}

    assert "0001_initial" in found
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


@pytest.mark.parametrize(
    "takes_away",
    [
        DeleteModel("WebhookEvent"),
        RemoveField("webhookevent", "verifier"),
        RenameField("webhookevent", "verifier", "verified_by"),
        RenameModel("WebhookEvent", "Event"),
    ],
    ids=lambda operation: type(operation).__name__,
)
def test_c15_the_guard_knows_what_takes_away_from_old_processes(takes_away: Operation) -> None:
    from_models_alone = SeparateDatabaseAndState(state_operations=[takes_away])
    a_release_later = SeparateDatabaseAndState(database_operations=[takes_away])

    assert [*breaking([takes_away])] == [takes_away.describe()]
    assert [*breaking([from_models_alone, a_release_later])] == []


def test_a_migration_that_was_released_is_never_changed() -> None:
    assert [*releases.altered(releases.recorded(), releases.tree())] == []


def test_a_release_with_a_migration_is_at_least_a_minor_one() -> None:
    known = releases.with_tree(releases.recorded(), releases.tree())

    assert [*releases.too_small(known)] == []


def test_each_release_of_the_changelog_is_on_record() -> None:
    headings = re.findall(r"^## \[?v?(\d[\w.]*)", _changelog(), re.MULTILINE)
    known = {each.version for each in releases.recorded()}

    missing = [version for version in headings if version not in known]
    assert not missing, f"python -m tests.releases writes down what {missing} holds"


def _changelog() -> str:
    return (releases.ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


FIRST = "django_redpin/migrations/0001_initial.py"
SECOND = "django_redpin/migrations/0002_more.py"
SANDBOX = "django_redpin/sandbox/migrations/0001_initial.py"


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({FIRST: "a"}, []),
        ({FIRST: "a", SECOND: "b"}, []),
        ({FIRST: "b"}, [f"{FIRST}, released in 1.0.0"]),
        ({SECOND: "b"}, [f"{FIRST}, released in 1.0.0"]),
    ],
    ids=["the same", "one more", "another", "gone"],
)
def test_the_guard_knows_a_released_migration_that_was_changed(
    now: dict[str, str], told: list[str]
) -> None:
    before = [Release("1.0.0", {FIRST: "a"})]

    assert [*releases.altered(before, Release("1.1.0", now))] == told


@pytest.mark.parametrize(
    ("version", "migrations", "told"),
    [
        ("1.0.1", {FIRST: "a"}, []),
        ("1.0.1", {FIRST: "a", SECOND: "b"}, ["1.0.1"]),
        ("1.0.1", {FIRST: "a", SANDBOX: "b"}, []),
        ("1.1.0", {FIRST: "a", SECOND: "b"}, []),
        ("2.0.0", {FIRST: "a", SECOND: "b"}, []),
    ],
)
def test_the_guard_knows_a_version_that_is_too_small(
    version: str, migrations: dict[str, str], told: list[str]
) -> None:
    known = [Release("1.0.0", {FIRST: "a"}), Release(version, migrations)]

    assert [*releases.too_small(known)] == told


def test_a_release_is_recorded_once_and_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "releases.json"
    path.write_text('[{"version": "0.0.1", "migrations": {}}]')

    releases.record(path)
    releases.record(path)

    first, second = releases.recorded(path)
    assert first == Release("0.0.1", {})
    assert second == releases.tree()
    assert FIRST in second.merchants
    assert SANDBOX in second.migrations
