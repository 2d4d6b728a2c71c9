"""What receivers can listen to. Sent after the commit, at least once, never inside a transaction.

Every receiver gets `session` (PaymentSession) and `transition` (StatusTransition, whose primary
key is the same each time that the signal is sent again), `event` (WebhookEvent or None) and
`share` (SessionRecipient or None); the sender is `PaymentSession`. What signals of another kind
get, stands beside them.
"""

from __future__ import annotations

from django.dispatch import Signal

payment_session_created: Signal = Signal()
"""The session is open at Redpin, and its page can be shown."""

payment_session_rejected: Signal = Signal()
"""Redpin refused the session: `session.last_error`, `.last_error_code`, `.last_error_field`."""

payment_session_expired: Signal = Signal()
"""The session expired unpaid."""

payment_status_changed: Signal = Signal()
"""The payment's status changed; `transition.from_value` and `.to_value` are Redpin's strings."""

payment_completed: Signal = Signal()
"""All recipients have their money (`PAYMENT_COMPLETED`), and nothing about the session calls for a
person.
"""

payment_failed: Signal = Signal()
"""The payment was cancelled, bounced back or refunded."""

payout_status_changed: Signal = Signal()
"""The money for one recipient, `share`, moved."""

session_needs_review: Signal = Signal()
"""What Redpin says does not fit what was created; a person has to look: `session.review_reason`.
Until `release_from_review`, no `payment_completed` is told of it.
"""

third_party_status_changed: Signal = Signal()
"""Redpin approved or rejected a payer (`THIRD PARTY CUSTOMER STATUS`). A webhook's claim: no call
that confirms it is known.

Receivers get `event` alone: `event.client_customer_ref` is the payer's reference, `event.status`
is `APPROVED` or `REJECTED`, and `event.pk` is the same each time.
"""

webhook_event_dead: Signal = Signal()
"""A webhook event was given up. Told once, by the worker that gives it up; the admin lists it, and
`redpin_redrive` tries it again.

Receivers get `event` alone: `event.outcome` and `event.last_error` say why, `event.session` is its
session, or `None`.
"""

webhook_rejected: Signal = Signal()
"""A post to the webhook was refused; not told for each where one source fails often.

Receivers get `account` (str), `reason` (str) and `request`: nothing was stored, so there is no
session and no transition. The sender is the view's class.
"""
