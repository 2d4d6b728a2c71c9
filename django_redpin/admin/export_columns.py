"""The columns of exported sessions. Imported only where django-import-export is installed."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from typing import Any, Final

from django.utils.timezone import is_aware
from import_export.fields import Field
from import_export.resources import ModelResource

from ..models import PaymentSession
from ..rules.quoting import quoted
from .payers import payer_name

# What a spreadsheet takes for the beginning of a formula, the wide forms of East Asia included.
_FORMULA: Final = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
_CONTROL: Final = ("\t", "\r", "\n")

# May hold anything that the project knows of a person: only for whoever asks for it.
ON_DEMAND: Final = frozenset({"metadata"})
_ERROR_LENGTH: Final = 500


class SessionResource(ModelResource):  # type: ignore[misc]
    """What is told of a session, and nothing by which one could pay or act in its name."""

    payer = Field(column_name="payer")

    class Meta:
        model = PaymentSession
        fields = (
            "client_reference_id",
            "state",
            "payment_status",
            "review_reason",
            "amount",
            "currency",
            "due_date",
            "purpose_of_transaction",
            "payer",
            "client_customer_ref",
            "account",
            "customer_id",
            "session_id",
            "payment_id",
            "last_error",
            "created_at",
            "updated_at",
            "expires_at",
            "metadata",
        )
        export_order = fields

    def dehydrate_amount(self, session: PaymentSession) -> str:
        """Return the exact amount with the decimals of its currency, and a point before them."""
        return format(session.money.amount, "f")

    def dehydrate_last_error(self, session: PaymentSession) -> str:
        """Return it without what Redpin may have repeated of the request: accounts, addresses."""
        return quoted(session.last_error, _ERROR_LENGTH)

    def dehydrate_payer(self, session: PaymentSession) -> str:
        """Return the payer's name, where the project said who pays."""
        return payer_name(session)

    def export_field(self, field: Field, instance: PaymentSession, **kwargs: Any) -> str:
        """Return a cell that no locale changes and no spreadsheet computes."""
        name = self.get_field_name(field)
        dehydrate = getattr(self, f"dehydrate_{name}", None)
        return harmless(_text(dehydrate(instance) if dehydrate else getattr(instance, name)))


def harmless(text: str) -> str:
    """Return the text, with an apostrophe before it where a spreadsheet would compute it.

    django-import-export's own setting takes away an equals sign, and knows no other beginning.
    """
    is_formula = text.lstrip().startswith(_FORMULA) or text.startswith(_CONTROL)
    return f"'{text}" if is_formula else text


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return (value.astimezone(timezone.utc) if is_aware(value) else value).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
