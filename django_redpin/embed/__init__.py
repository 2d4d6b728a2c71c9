"""The hosted page inside a merchant's page: functions behind the template tags."""

from __future__ import annotations

from .frame import frame_source, payment_session_html

__all__ = ["frame_source", "payment_session_html"]
