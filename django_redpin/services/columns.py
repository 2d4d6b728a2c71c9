"""A model's columns, as statements of our own name them, and as they are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, cast

from django.db import connection
from django.db.models import Field, Model
from django.db.models.signals import post_save, pre_save


def is_heard(model: type[Model]) -> bool:
    """Tell whether somebody waits for a row to be saved, and would hear of no statement."""
    return pre_save.has_listeners(model) or post_save.has_listeners(model)


def quoted(name: str | None) -> str:
    """Return a name as this database quotes it."""
    return connection.ops.quote_name(name or "")


@cache
def taken_columns(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    """Return the columns that the database takes."""
    return tuple(field for field in columns_of(model) if not is_given(field))


def is_given(field: Field[Any, Any]) -> bool:
    """Tell whether the column has its value from the database."""
    return field.primary_key or field.generated


def field_of(model: type[Model], name: str) -> Field[Any, Any]:
    """Return the field with this name, or with this attribute."""
    return cast("Field[Any, Any]", model._meta.get_field(name))


def columns_of(model: type[Model]) -> Sequence[Field[Any, Any]]:
    """Return the fields that are columns, in the order of the model."""
    return model._meta.concrete_fields


@cache
def readers(model: type[Model]) -> tuple[tuple[str, str, Callable[..., Any] | None], ...]:
    """Return of each column its attribute, its name, and what reads a value of it, if anything."""
    return tuple(
        (field.attname, field.column or "", getattr(field, "from_db_value", None))
        for field in columns_of(model)
    )
