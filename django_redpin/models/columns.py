"""What the columns take and give, for type checkers that have no plugin for Django.

They are text, so that nothing of it is looked up when the models are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from typing import Any

    from django.db import models
    from django.db.models.expressions import Combinable
    from django.utils.functional import _StrPromise

# Of a Meta.
Words: TypeAlias = "str | _StrPromise"
Permissions: TypeAlias = "list[tuple[str, Words]]"

Text: TypeAlias = "models.CharField[str | int | Combinable, str]"
LongText: TypeAlias = "models.TextField[str | Combinable, str]"
OptionalText: TypeAlias = "models.CharField[str | int | Combinable | None, str | None]"
Flag: TypeAlias = "models.BooleanField[bool | Combinable, bool]"
Computed: TypeAlias = "models.Field[Any, bool]"
Count: TypeAlias = "models.PositiveIntegerField[float | int | str | Combinable, int]"
SmallCount: TypeAlias = "models.PositiveSmallIntegerField[float | int | str | Combinable, int]"
Amount: TypeAlias = "models.DecimalField[str | float | Decimal | Combinable, Decimal]"
Day: TypeAlias = "models.DateField[str | date | Combinable, date]"
Time: TypeAlias = "models.DateTimeField[str | datetime | date | Combinable, datetime]"
OptionalTime: TypeAlias = (
    "models.DateTimeField[str | datetime | date | Combinable | None, datetime | None]"
)
Bytes: TypeAlias = "models.BinaryField[Any, bytes | memoryview]"
JSON: TypeAlias = "models.JSONField[Any, Any]"
