"""Posts to this project's own webhook, as Redpin would: to see what answers there.

The bounds are those of calls to Redpin: time, size, no redirect, nothing of the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from ..exceptions import NoAnswer
from ..rules import exact_json
from .adapter import BoundedAdapter, bind

_TEXT_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What was answered: `detail` is that of a JSON object, `location` where a redirect leads."""

    status: int
    content_type: str
    detail: str = ""
    location: str = field(default="", repr=False)


class NothingAnswers(Exception):
    """No answer came. The text is the kind of failure alone: others may quote the URL."""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float, verify: bool | str = True
) -> Seen:
    """Post, and return what was answered within so many seconds. Raises `NothingAnswers`."""
    sent = {"Content-Type": "application/json", "User-Agent": "django-redpin", **headers}
    with bind(requests.Session()) as session:
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Telling())
        try:
            answer = session.post(
                url,
                data=body,
                headers=sent,
                timeout=(seconds, seconds, seconds),  # type: ignore[arg-type]  # Our adapter's.
                verify=verify,
                allow_redirects=False,
            )
        except NoAnswer as error:
            kind = type(error.__context__ or error).__name__
            raise NothingAnswers(kind) from None
    return Seen(
        answer.status_code,
        answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()[:_TEXT_LIMIT],
        _detail(answer.content),
        getattr(answer, "redpin_location", ""),
    )


class _Telling(BoundedAdapter):
    """Keeps where a redirect leads, which else is taken out so that nobody follows it."""

    def carry(self, request: requests.PreparedRequest, **how: Any) -> requests.Response:
        """Send it to this site, which is not Redpin: no fake of that one may answer for it."""
        return HTTPAdapter.send(self, request, **how)

    def build_response(self, req: Any, resp: Any) -> requests.Response:
        response = super().build_response(req, resp)
        vars(response)["redpin_location"] = str(resp.headers.get("Location", ""))
        return response


def _detail(content: bytes) -> str:
    try:
        found = exact_json.loads(content)
    except ValueError:
        return ""
    detail = found.get("detail") if isinstance(found, dict) else None
    if not isinstance(detail, str):
        return ""
    return "".join(each if each.isprintable() else "?" for each in detail)[:_TEXT_LIMIT]
