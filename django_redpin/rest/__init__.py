"""For single-page and mobile apps: REST framework's views that create and renew a session."""

from __future__ import annotations

from ..embed.serializers import PaymentSessionSerializer
from .views import PaymentSessionCreateView, PaymentSessionRenewView

__all__ = ["PaymentSessionCreateView", "PaymentSessionRenewView", "PaymentSessionSerializer"]
