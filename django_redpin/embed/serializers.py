"""What a payer may know of a session, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone
from typing import Any

from rest_framework import ISO_8601, serializers

from ..models import PaymentSession
from ..services.opening import in_place_of
from .view_names import VIEWS, is_final, view_of


@dataclass(frozen=True, slots=True)
class _Shown:
    session: PaymentSession
    view: str
    is_final: bool
    replaced: bool


class PaymentSessionSerializer(serializers.Serializer[Any]):
    """What may be told of a session to its payer: how the payment stands, and no more.

    It reads only. A session that was replaced by a renewal tells of the one in its place, and that
    it does, by `replaced`. `view` is what there is to show: the name of a template of the tag.
    `amount` is in major units, with the decimals of its currency, as text: numbers of JSON lose
    digits. Times are in UTC, whatever the project's formats.
    """

    reference: serializers.CharField = serializers.CharField(
        source="session.client_reference_id", read_only=True
    )
    view: serializers.ChoiceField = serializers.ChoiceField(VIEWS, read_only=True)
    state: serializers.ChoiceField = serializers.ChoiceField(
        PaymentSession.State.choices, source="session.state", read_only=True
    )
    payment_status: serializers.CharField = serializers.CharField(
        source="session.payment_status", read_only=True
    )
    is_final: serializers.BooleanField = serializers.BooleanField(read_only=True)
    amount: serializers.CharField = serializers.CharField(
        source="session.money.amount", read_only=True
    )
    currency: serializers.CharField = serializers.CharField(
        source="session.currency", read_only=True
    )
    due_date: serializers.DateField = serializers.DateField(
        source="session.due_date", format=ISO_8601, read_only=True
    )
    expires_at: serializers.DateTimeField = serializers.DateTimeField(
        source="session.expires_at",
        format=ISO_8601,
        default_timezone=timezone.utc,
        allow_null=True,
        read_only=True,
    )
    replaced: serializers.BooleanField = serializers.BooleanField(read_only=True)

    def to_representation(self, instance: PaymentSession) -> dict[str, Any]:
        """Return what is shown of the session, or of the one in its place."""
        current = in_place_of(instance)
        view = view_of(current)
        shown = _Shown(current, view, is_final(current, view), current.pk != instance.pk)
        return super().to_representation(shown)
