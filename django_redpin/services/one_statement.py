"""Rows that belong together, written by one statement: in PostgreSQL a WITH may hold writes.

A statement is a transaction of its own: all of it happens, or nothing. Written by the ORM the same
takes four or five, BEGIN and COMMIT among them, and each goes to the database and back. Other
databases have it by the ORM, and so have projects that listen to what is saved: `is_able` tells.
"""

# What the statements are put together from are names of models, and placeholders.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Generic, TypeVar

from django.db import connection, connections, router, transaction
from django.db.models import Model, QuerySet
from django.db.models.sql import UpdateQuery

from .columns import columns_of, field_of, is_given, is_heard, quoted, readers, taken_columns

_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Others(Generic[_Row]):
    """Rows of another table, by their primary keys, and the columns that are read of them."""

    model: type[_Row]
    names: tuple[str, ...]
    keys: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Alike(Generic[_Row]):
    """The rows of a table whose columns, by the names of their fields, have these values."""

    model: type[_Row]
    values: Mapping[str, Any]

    def rows(self) -> QuerySet[_Row]:
        """Return them as the ORM finds them."""
        return self.model._default_manager.filter(**self.values)


@dataclass(frozen=True, slots=True)
class Join:
    """The row of another table whose columns (first) are those of the row at hand (second)."""

    model: type[Model]
    columns: tuple[tuple[str, str], ...]


def is_able(model: type[Model]) -> bool:
    """Tell whether rows of this model may be written so: whoever listens would hear nothing.

    Nor would it reach another database, where a project keeps them in one.
    """
    return (
        connection.vendor == "postgresql"
        and not is_heard(model)
        and router.db_for_write(model) == connection.alias
    )


def insert_with_parts(
    row: Model, parts: Collection[Model], link: str, others: Others[_Row]
) -> list[_Row]:
    """Insert a row with its parts, whose foreign key `link` leads to it; return `others`, read.

    The row has its primary key then, as after `save()`; the parts have none.
    """
    told = {f"whole_{field.attname}": field for field in columns_of(type(row)) if is_given(field)}
    returning = ", ".join(f"{quoted(field.column)} AS {name}" for name, field in told.items())
    sql, arguments = _insert([row])
    clauses = [f"whole AS ({sql} RETURNING {returning})"]
    for place, (_, rows) in enumerate(groupby(parts, type)):
        sql, more = _insert([*rows], link, "(SELECT whole_id FROM whole)")
        clauses.append(f"parts_{place} AS ({sql})")
        arguments += more
    statement = f"WITH {', '.join(clauses)} {_select(others.model, others.names)}"
    found = _written(statement, [*arguments, [*others.keys]])
    for name, field in told.items():
        setattr(row, field.attname, found[0][name])
    _settle(row)
    read = [_values_of(others.model, each) for each in found if each["id"] is not None]
    return [others.model.from_db(connection.alias, [*each], [*each.values()]) for each in read]


def update_with_line(
    rows: Alike[_Row],
    changes: Mapping[str, Any],
    line: Model,
    link: str,
    beside: Alike[Any] | None,
) -> tuple[dict[str, Any], list[Any]] | None:
    """Update the one row that there is of `rows`, and insert a line, whose `link` leads to it.

    The `changes` are values, by the names of their fields. Returns the values of the row as it is
    by then, and the primary keys that `beside` had; the line has its own. Returns None, and has
    written nothing, where there is no such row.
    """
    update, arguments = _update(rows, changes)
    insert = f"{_insert_for_moved(line, link)} RETURNING id AS line_id"
    keys, more = ("ARRAY[]::integer[]", []) if beside is None else _keys(beside)
    found = _written(
        f"WITH moved AS ({update} RETURNING *),"
        f" line AS ({insert}) SELECT *, {keys} AS beside FROM moved, line",
        [*arguments, *_values(line, link), *more],
    )
    if not found:
        return None
    line.pk = found[0]["line_id"]
    _settle(line)
    return _values_of(rows.model, found[0]), found[0]["beside"]


def update_both_with_line(
    first: tuple[Alike[Any], Mapping[str, Any]],
    second: tuple[Alike[Any], Mapping[str, Any]],
    line: Model,
    link: str,
) -> tuple[Any, Any, Any] | None:
    """Update a row of each of two tables, and insert a line, whose `link` leads to the first one.

    Returns these three, as they are by then: the first, the second, the line. Call it in a
    transaction, and roll that back where it returns None: one row may have been there, and the
    other one not.
    """
    update, arguments = _update(*first)
    update_second, more = _update(*second)
    kind, models = type(line), (first[0].model, second[0].model)
    listed = [*_listed("moved", models[0]), *_listed("second", models[1]), *_listed("line", kind)]
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH moved AS ({update} RETURNING *), second AS ({update_second} RETURNING *),"
            f" line AS ({_insert_for_moved(line, link)} RETURNING *)"
            f" SELECT {', '.join(listed)} FROM moved, second, line",
            [*arguments, *more, *_values(line, link)],
        )
        values_read = cursor.fetchone()
    if values_read is None:
        return None
    found = iter(values_read)
    return _row(models[0], found), _row(models[1], found), _row(kind, found)


def worded_update(rows: QuerySet[Any], changes: dict[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """Return the UPDATE that the ORM makes of these, and its arguments."""
    query: UpdateQuery = rows.query.chain(UpdateQuery)  # type: ignore[assignment]
    query.add_update_values(changes)
    sql, arguments = query.get_compiler(connection.alias).as_sql()
    return sql, tuple(arguments)


def update_and_join(
    model: type[Model], update: str, arguments: Sequence[Any], joins: tuple[Join, ...]
) -> tuple[Any, ...] | None:
    """Update one row of the model; return it as it is by then, and the row of each join.

    For a join that finds none there is None; and None for all where there was nothing to update.
    """
    return _read(model, joins, f"{update} RETURNING *", arguments)


def read_and_join(model: type[Model], pk: int, joins: tuple[Join, ...]) -> tuple[Any, ...] | None:
    """Return the row with this primary key, and the row of each join, as `update_and_join` does."""
    table = quoted(model._meta.db_table)
    return _read(model, joins, f"SELECT * FROM {table} WHERE id = %s", [pk])


def _read(
    model: type[Model], joins: tuple[Join, ...], taken: str, arguments: Sequence[Any]
) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(f"WITH taken AS ({taken}) {_joined(model, joins)}", arguments)
        values = cursor.fetchone()
    found = iter(values or ())
    models = (model, *(join.model for join in joins))
    return tuple(_row(each, found) for each in models) if values else None


@cache
def _joined(model: type[Model], joins: tuple[Join, ...]) -> str:
    columns, tables = _listed("taken", model), []
    for place, join in enumerate(joins):
        name = f"joined_{place}"
        same = " AND ".join(f"{name}.{theirs} = taken.{ours}" for theirs, ours in join.columns)
        columns += _listed(name, join.model)
        tables.append(f" LEFT JOIN {quoted(join.model._meta.db_table)} AS {name} ON {same}")
    return f"SELECT {', '.join(columns)} FROM taken{''.join(tables)}"


def _listed(table: str, model: type[Model]) -> list[str]:
    return [f"{table}.{quoted(field.column)}" for field in columns_of(model)]


def _row(model: type[Model], found: Iterator[Any]) -> Model | None:
    """Return the row whose columns come next, as the ORM reads it; None where there is none."""
    names, values = [], []
    for name, _, read in readers(model):
        value = next(found)
        names.append(name)
        values.append(value if read is None else read(value, None, connection))
    row = model.from_db(connection.alias, names, values)
    return None if row.pk is None else row


def _update(rows: Alike[Any], changes: Mapping[str, Any]) -> tuple[str, list[Any]]:
    table, where, condition = _where(rows)
    database = connections[connection.alias]
    fields = {name: field_of(rows.model, name) for name in changes}
    setting = ", ".join(f"{quoted(field.column)} = %s" for field in fields.values())
    values = [field.get_db_prep_save(changes[name], database) for name, field in fields.items()]
    return f"UPDATE {table} SET {setting} WHERE {where}", [*values, *condition]


def _keys(rows: Alike[Any]) -> tuple[str, list[Any]]:
    table, where, arguments = _where(rows)
    return f"ARRAY(SELECT id FROM {table} WHERE {where})", arguments


def _where(rows: Alike[Any]) -> tuple[str, str, list[Any]]:
    """Return the table of the rows, what is said of them, and its arguments."""
    parts, arguments = [], []
    for name, value in rows.values.items():
        field = field_of(rows.model, name)
        parts.append(f"{quoted(field.column)} {'IS NULL' if value is None else '= %s'}")
        if value is not None:
            arguments.append(field.get_db_prep_value(value, connection))
    return quoted(rows.model._meta.db_table), " AND ".join(parts), arguments


def _written(sql: str, arguments: Sequence[Any]) -> list[dict[str, Any]]:
    """Execute the statement, and return what it reads, by the names of its columns."""
    # Inside a transaction an error must not spoil what the caller did before.
    is_alone = not connection.in_atomic_block and connection.get_autocommit()
    whole: AbstractContextManager[object] = nullcontext() if is_alone else transaction.atomic()
    with whole, connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, record, strict=True)) for record in cursor.fetchall()]


def _values_of(model: type[Model], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the record has of a row of the model, by the names of its attributes."""
    return {
        name: record[column] if read is None else read(record[column], None, connection)
        for name, column, read in readers(model)
        if column in record
    }


def _insert_for_moved(line: Model, link: str) -> str:
    fields = taken_columns(type(line))
    values = ", ".join("moved.id" if field.name == link else "%s" for field in fields)
    return f"{_into(type(line))} SELECT {values} FROM moved"


def _insert(rows: Sequence[Model], link: str = "", target: str = "") -> tuple[str, list[Any]]:
    fields = taken_columns(type(rows[0]))
    values = ", ".join(target if field.name == link else "%s" for field in fields)
    arguments = [value for row in rows for value in _values(row, link)]
    return f"{_into(type(rows[0]))} VALUES {', '.join([f'({values})'] * len(rows))}", arguments


def _values(row: Model, link: str) -> list[Any]:
    database = connections[connection.alias]  # The proxy would look it up for each.
    return [
        field.get_db_prep_save(field.pre_save(row, add=True), database)
        for field in taken_columns(type(row))
        if field.name != link
    ]


def _settle(row: Model) -> None:
    row._state.adding, row._state.db = False, connection.alias


@cache
def _into(model: type[Model]) -> str:
    columns = [quoted(field.column) for field in taken_columns(model)]
    return f"INSERT INTO {quoted(model._meta.db_table)} ({', '.join(columns)})"


@cache
def _select(model: type[Model], names: tuple[str, ...]) -> str:
    """Return the end of a statement: `whole` with the rows whose keys are the last argument."""
    columns = [quoted(field.column) for field in columns_of(model) if field.name in ("id", *names)]
    table = quoted(model._meta.db_table)
    return f"SELECT {', '.join(columns)}, whole.* FROM whole LEFT JOIN {table} ON id = ANY(%s)"
