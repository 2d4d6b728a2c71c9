"""Caches as projects have them, good and bad, and one that counts."""

from __future__ import annotations

import json
from typing import Any, Final

from django.core.cache.backends.locmem import LocMemCache

calls: Final[list[str]] = []


class Counting(LocMemCache):
    """Writes down each call."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        calls.append("get")
        return super().get(*args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> bool:
        calls.append("add")
        return super().add(*args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        calls.append("set")
        super().set(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        calls.append("delete")
        return super().delete(*args, **kwargs)


class Json(LocMemCache):
    """Keeps text alone, as a cache with a JSON serializer does."""

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        found = super().get(key, None, version)
        return default if found is None else json.loads(found)

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        return super().add(key, json.dumps(value), *args, **kwargs)

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        super().set(key, json.dumps(value), *args, **kwargs)


class Away(LocMemCache):
    """Raises, as a cache that is out of reach does."""

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        calls.append("failed")
        raise ConnectionError("canary-cache-address")

    get = get_many = add = set = delete = _fail


class Silent(LocMemCache):
    """Keeps nothing, takes no lock and says nothing: one that swallows its connection errors."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return None

    def add(self, *args: Any, **kwargs: Any) -> bool:
        return False

    def set(self, *args: Any, **kwargs: Any) -> None:
        pass
