"""Rows that belong together, written by one statement: in PostgreSQL a WITH may hold writes.

A statement is a transaction of its own: all of it happens, or nothing. Written by the ORM the same
takes four or five, BEGIN and COMMIT among them, and each goes to the database and back. Other
databases have it by the ORM, and so have projects that listen to what is saved: `is_able` tells.
"""

# What the statements are put together from are names of models, and placeholders.
# ruff: noqa: S608

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final, Generic, TypeVar

from django.db import connection, transaction
from django.db.models import Field, Model, QuerySet
from django.db.models.signals import post_save, pre_save
from django.db.models.sql import Query, UpdateQuery

_Row = TypeVar("_Row", bound=Model)

_NOTHING: Final = ("SELECT 0 WHERE FALSE", ())


@dataclass(frozen=True, slots=True)
class Others(Generic[_Row]):
    """Rows of another table, by their primary keys, and the columns that are read of them."""

    model: type[_Row]
    names: tuple[str, ...]
    keys: Sequence[Any]


def is_able(model: type[Model]) -> bool:
    """Tell whether rows of this model may be written so: whoever listens would hear nothing."""
    return connection.vendor == "postgresql" and not (
        pre_save.has_listeners(model) or post_save.has_listeners(model)
    )


def insert_with_parts(
    row: Model, parts: Collection[Model], link: str, others: Others[_Row]
) -> list[_Row]:
    """Insert a row with its parts, whose foreign key `link` leads to it; return `others`, read.

    At least one of these has to be there. The row has its primary key then, as after `save()`; the
    parts have none.
    """
    told = {f"whole_{field.attname}": field for field in _columns(type(row)) if _is_given(field)}
    returning = ", ".join(f"{_quoted(field.column)} AS {name}" for name, field in told.items())
    sql, arguments = _insert([row])
    clauses = [f"whole AS ({sql} RETURNING {returning})"]
    for place, (_, rows) in enumerate(groupby(parts, type)):
        sql, more = _insert([*rows], link, "(SELECT whole_id FROM whole)")
        clauses.append(f"parts_{place} AS ({sql})")
        arguments += more
    statement = f"WITH {', '.join(clauses)} {_select(others.model, others.names)}"
    found = _written(others.model, statement, [*arguments, [*others.keys]])
    for name, field in told.items():
        setattr(row, field.attname, vars(found[0])[name])
    _settle(row)
    return found


def update_with_line(
    rows: QuerySet[_Row],
    changes: Mapping[str, Any],
    line: Model,
    link: str,
    beside: QuerySet[Any, Any] | None,
) -> tuple[_Row, list[Any]] | None:
    """Update the one row that is left of `rows`, and insert a line, whose `link` leads to it.

    Returns the row as it is by then, and what the one column of `beside` had; the line has its
    primary key. Returns None, and has written nothing, where there is no such row.
    """
    query = rows.query.chain(UpdateQuery)
    query.add_update_values(changes)  # type: ignore[attr-defined]  # It is an UpdateQuery by now.
    update, arguments = _compiled(query)
    fields = [field for field in _columns(type(line)) if not _is_given(field)]
    values = ", ".join("moved.id" if field.name == link else "%s" for field in fields)
    insert = f"{_into(type(line))} SELECT {values} FROM moved RETURNING id AS line_id"
    look, more = _NOTHING if beside is None else _compiled(beside.query)
    found = _written(
        rows.model,
        f"WITH moved AS ({update} RETURNING *), line AS ({insert})"
        f" SELECT *, ARRAY({look}) AS beside FROM moved, line",
        [*arguments, *_values(line, link), *more],
    )
    if not found:
        return None
    line.pk = vars(found[0])["line_id"]
    _settle(line)
    return found[0], vars(found[0])["beside"]


def _compiled(query: Query) -> tuple[str, Sequence[Any]]:
    sql, arguments = query.get_compiler(connection.alias).as_sql()
    return sql, arguments


def _written(model: type[_Row], sql: str, arguments: Sequence[Any]) -> list[_Row]:
    """Execute the statement, and return the rows of the model that it reads."""
    # Inside a transaction an error must not spoil what the caller did before.
    is_alone = not connection.in_atomic_block and connection.get_autocommit()
    whole: AbstractContextManager[object] = nullcontext() if is_alone else transaction.atomic()
    with whole:
        return list(model._default_manager.raw(sql, arguments).using(connection.alias))


def _insert(rows: Sequence[Model], link: str = "", target: str = "") -> tuple[str, list[Any]]:
    fields = [field for field in _columns(type(rows[0])) if not _is_given(field)]
    values = ", ".join(target if field.name == link else "%s" for field in fields)
    arguments = [value for row in rows for value in _values(row, link)]
    return f"{_into(type(rows[0]))} VALUES {', '.join([f'({values})'] * len(rows))}", arguments


def _values(row: Model, link: str) -> list[Any]:
    return [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in _columns(type(row))
        if field.name != link and not _is_given(field)
    ]


def _settle(row: Model) -> None:
    row._state.adding, row._state.db = False, connection.alias


def _is_given(field: Field[Any, Any]) -> bool:
    """Tell whether the column has its value from the database."""
    return field.primary_key or field.generated


def _columns(model: type[Model]) -> Sequence[Field[Any, Any]]:
    return model._meta.concrete_fields


@cache
def _into(model: type[Model]) -> str:
    columns = [_quoted(field.column) for field in _columns(model) if not _is_given(field)]
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({', '.join(columns)})"


@cache
def _select(model: type[Model], names: tuple[str, ...]) -> str:
    """Return the end of a statement: `whole` with the rows whose keys are the last argument."""
    columns = [_quoted(field.column) for field in _columns(model) if field.name in ("id", *names)]
    table = _quoted(model._meta.db_table)
    return f"SELECT {', '.join(columns)}, whole.* FROM {table}, whole WHERE id = ANY(%s)"


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(name or "")
