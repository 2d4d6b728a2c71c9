"""What the fake keeps of each call: enough to look at, and nothing secret in its repr."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..rules import exact_json


@dataclass(frozen=True, slots=True)
class Call:
    """One request that reached the fake, or would have.

    `call` is `token`, `create`, `list`, `recipients` or "" for any other; `status` is what was
    answered, 0 where nothing was; `fault` the name of the one that was played. No header is kept,
    and no body of a token request: they hold the secrets.
    """

    call: str
    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    status: int
    fault: str = ""

    @property
    def json(self) -> Any:
        """The body, its amounts as `Decimal`. It may hold bank details, and callback URLs."""
        return exact_json.loads(self.body)
