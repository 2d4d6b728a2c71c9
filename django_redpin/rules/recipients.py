"""A payee as Redpin is asked to register it, and a check of its name that did not pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .requests import Payee


@dataclass(frozen=True, slots=True)
class RecipientCheck:
    """One mismatch of name and account, by Redpin's two ids of it.

    Redpin: Confirmation of Payee for UK recipients, Verification of Payee for SEPA ones.
    """

    request_identifier: str
    event_id: str


@dataclass(frozen=True, slots=True)
class RecipientRequest:
    """All that Redpin is told when a recipient is added.

    `further_details` are the call's optional fields under Redpin's own names.
    """

    client_reference_id: str
    payee: Payee
    is_own_account: bool
    address: Mapping[str, Any] = field(repr=False)
    further_details: Mapping[str, Any] = field(repr=False)
