"""Rows that belong together, written by one statement: in PostgreSQL a WITH may hold writes.

A statement is a transaction of its own: all of it happens, or nothing. Written by the ORM the same
takes four or five, BEGIN and COMMIT among them, and each goes to the database and back. Other
databases have it by the ORM, and so have projects that listen to what is saved: `is_able` tells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

from django.db import connection, transaction
from django.db.models import Field, Model, QuerySet
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import UpdateQuery

_Row = TypeVar("_Row", bound=Model)


def is_able(model: type[Model]) -> bool:
    """Tell whether rows of this model may be written so: whoever listens would hear nothing."""
    return connection.vendor == "postgresql" and not (
        pre_save.has_listeners(model) or post_save.has_listeners(model)
    )


def insert_with_parts(row: Model, parts: Collection[Model], link: str) -> None:
    """Insert a row with its parts, whose foreign key `link` leads to it.

    The row has its primary key then, as after `save()`; the parts have none, as after a
    `bulk_create` on some databases.
    """
    returned = [field for field in row._meta.concrete_fields if _is_computed(field)]
    names = ", ".join(_quoted(field.column) for field in returned)
    sql, arguments = _insert([row])
    clauses = [f"whole AS ({sql} RETURNING {names})"]
    for place, (_, rows) in enumerate(groupby(parts, type)):
        sql, more = _insert([*rows], link, f"(SELECT {_quoted(row._meta.pk.column)} FROM whole)")
        clauses.append(f"parts_{place} AS ({sql})")
        arguments += more
    with _whole(), connection.cursor() as cursor:
        cursor.execute(f"WITH {', '.join(clauses)} SELECT {names} FROM whole", arguments)  # noqa: S608  Names of ours.
        for field, value in zip(returned, cursor.fetchone(), strict=True):
            setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, connection.alias


def update_with_line(
    rows: QuerySet[_Row], changes: Mapping[str, Any], line: Model, link: str
) -> _Row | None:
    """Update the one row that is left of `rows`, and insert a line, whose `link` leads to it.

    Returns the row as it is by then, and gives the line its primary key. Returns None, and writes
    nothing, where there is no such row.
    """
    query = rows.query.chain(UpdateQuery)
    query.add_update_values(changes)
    update, arguments = query.get_compiler(connection.alias).as_sql()
    fields = _written(type(line))
    values = ["moved.id" if field.name == link else "%s" for field in fields]
    insert = f"{_into(type(line))} SELECT {', '.join(values)} FROM moved RETURNING id AS line_id"
    sql = f"WITH moved AS ({update} RETURNING *), line AS ({insert}) SELECT * FROM moved, line"  # noqa: S608  Names of ours.
    with _whole():
        found = rows.model._default_manager.raw(
            sql, [*arguments, *_values(line, [each for each in fields if each.name != link])]
        )
        row: _Row | None = next(iter(found.using(connection.alias)), None)
    if row is not None:
        line.pk = vars(row)["line_id"]
        line._state.adding, line._state.db = False, connection.alias
    return row


def _whole() -> AbstractContextManager[object]:
    """Return what keeps an error from spoiling the caller's transaction; alone there is none."""
    is_alone = not connection.in_atomic_block and connection.get_autocommit()
    return nullcontext() if is_alone else transaction.atomic()


def _insert(rows: Sequence[Model], link: str = "", target: str = "") -> tuple[str, list[Any]]:
    fields = _written(type(rows[0]))
    values = ", ".join(target if field.name == link else "%s" for field in fields)
    given = [field for field in fields if field.name != link]
    arguments = [value for row in rows for value in _values(row, given)]
    return f"{_into(type(rows[0]))} VALUES {', '.join([f'({values})'] * len(rows))}", arguments


def _values(row: Model, fields: Sequence[Field[Any, Any]]) -> list[Any]:
    return [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)  # type: ignore[arg-type]
        for field in fields
    ]


@cache
def _written(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    return tuple(field for field in model._meta.concrete_fields if not _is_computed(field))


def _is_computed(field: Field[Any, Any]) -> bool:
    """Tell whether the database gives the column its value."""
    return field.primary_key or field.generated


@cache
def _into(model: type[Model]) -> str:
    columns = ", ".join(_quoted(field.column) for field in _written(model))
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({columns})"


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
