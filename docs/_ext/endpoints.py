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
    # What is in the JSON of the answer, where all is well.
    fields: tuple[tuple[str, str, str], ...]


def endpoints() -> Iterator[Endpoint]:
    """Yield what the schema says of each address in `urls.py`."""
    generator: Any = SchemaGenerator(urlconf="docs._ext.urls")  # type: ignore[no-untyped-call]
    schema = generator.get_schema(public=True)
    for path, operations in schema["paths"].items():
        for method in _METHODS:
            if method in operations:
                yield _endpoint(path, method, operations[method], schema["components"]["schemas"])


def _endpoint(
    path: str, method: str, operation: dict[str, Any], components: dict[str, Any]
) -> Endpoint:
    parameters = [
        (f"`{each['name']}` ({each['in']})", each.get("description", ""))
        for each in operation.get("parameters", ())
    ]
    answers = [
        (f"{status}", f"{each.get('description', '')}{_media(each)}")
        for status, each in sorted(operation["responses"].items())
    ]
    return Endpoint(
        method.upper(),
        path,
        operation.get("summary", ""),
        operation.get("description", ""),
        tuple(parameters),
        tuple(answers),
        tuple(_fields(_json(operation["responses"]["200"]), components)),
    )


def _json(answer: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = answer["content"]["application/json"]["schema"]
    return found


def _fields(schema: dict[str, Any], components: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the name, the type and the meaning of each field, of all that the schema is made of."""
    for part in schema.get("allOf", ()):
        yield from _fields(part, components)
    if "$ref" in schema:
        yield from _fields(_resolved(schema, components), components)
    for name, each in schema.get("properties", {}).items():
        shape = _resolved(each["allOf"][0], components) if "allOf" in each else each
        kind = " ".join(filter(None, [shape["type"], shape.get("format")]))
        choices = ", ".join(f"`{value}`" for value in shape.get("enum", ()))
        nullable = " or null" if each.get("nullable") else ""
        yield f"`{name}`", f"{kind}{nullable}", each.get("description") or choices


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = components[schema["$ref"].rpartition("/")[2]]
    return found


def _media(answer: dict[str, Any]) -> str:
    kinds = [kind for kind in answer.get("content", ()) if kind != "application/json"]
    return f" As `{kinds[0]}`." if kinds else ""
