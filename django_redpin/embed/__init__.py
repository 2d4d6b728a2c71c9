"""The hosted page inside a merchant's page: functions behind the template tags."""

from __future__ import annotations

from .frame import payment_session_html
from .source import frame_source
from .tokens import status_url

__all__ = ["frame_source", "payment_session_html", "status_url"]
