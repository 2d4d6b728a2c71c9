"""Forms: the faults of a payment shown on the form that asked for it, and a form for payees."""

from __future__ import annotations

from .faults import add_faults
from .recipients import RecipientForm

__all__ = ["RecipientForm", "add_faults"]
