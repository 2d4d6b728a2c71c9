"""What is answered at our addresses, read from the schema that drf-spectacular makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from drf_spectacular.generators import SchemaGenerator

_METHODS: Final = ("get", "post")


@dataclass(frozen=True)
class Endpoint:
    """One method of one address; the rows are what is asked for, and the answers by status."""

    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[tuple[str, str], ...]
    answers: tuple[tuple[str, str], ...]


def endpoints() -> Iterator[Endpoint]:
    """Yield what the schema says of each address in `urls.py`."""
    generator: Any = SchemaGenerator(urlconf="docs._ext.urls")  # type: ignore[no-untyped-call]
    for path, operations in generator.get_schema(public=True)["paths"].items():
        for method in _METHODS:
            if method in operations:
                yield _endpoint(path, method, operations[method])


def _endpoint(path: str, method: str, operation: dict[str, Any]) -> Endpoint:
    parameters = [
        (f"`{each['name']}` ({each['in']})", each.get("description", ""))
        for each in operation.get("parameters", ())
    ]
    answers = [
        (f"{status}", f"{each.get('description', '')}{_media(each)}")
        for status, each in operation["responses"].items()
    ]
    return Endpoint(
        method.upper(),
        path,
        operation.get("summary", ""),
        operation.get("description", ""),
        tuple(parameters),
        tuple(answers),
    )


def _media(answer: dict[str, Any]) -> str:
    kinds = [kind for kind in answer.get("content", ()) if kind != "application/json"]
    return f" As `{kinds[0]}`." if kinds else ""
