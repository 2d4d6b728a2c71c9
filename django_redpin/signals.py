"""What receivers can listen to. Sent after the commit, at least once, never inside a transaction.

Every receiver gets `session` (PaymentSession) and `transition` (StatusTransition, whose primary
key is the same each time that the signal is sent again), `event` (WebhookEvent or None) and
`share` (SessionRecipient or None); the sender is `PaymentSession`. What signals of another kind
get, stands beside them.
"""

from __future__ import annotations

from django.dispatch import Signal

# The session was created at Redpin, and its page can be shown.
payment_session_created: Signal = Signal()

# Redpin refused the session (`session.last_error`, `.last_error_code`, `.last_error_field`).
payment_session_rejected: Signal = Signal()

# The session expired unpaid.
payment_session_expired: Signal = Signal()

# The payment's status changed; `transition.from_value` and `.to_value` are Redpin's strings.
payment_status_changed: Signal = Signal()

# All recipients have their money (PAYMENT_COMPLETED).
payment_completed: Signal = Signal()

# The payment was cancelled, bounced back or refunded.
payment_failed: Signal = Signal()

# The money for one recipient, `share`, moved.
payout_status_changed: Signal = Signal()

# What Redpin says does not fit what was created; a person has to look (`session.review_reason`).
session_needs_review: Signal = Signal()

# Redpin approved or rejected a payer (THIRD PARTY CUSTOMER STATUS). Gets the `event` alone:
# `event.client_customer_ref` is the payer's reference, `event.status` APPROVED or REJECTED, and
# `event.pk` the same each time. A webhook's claim: no path of a call that confirms it is known.
third_party_status_changed: Signal = Signal()

# A webhook event was given up. Gets the `event` alone: `event.outcome` and `event.last_error` say
# why, `event.session` is its session, or None. Told once, by the worker that gives it up; the admin
# lists it, and `redpin_redrive` tries it again.
webhook_event_dead: Signal = Signal()

# A post to the webhook was refused. Gets `account` (str), `reason` (str) and the `request`; nothing
# was stored, so there is no session and no transition. The sender is the view's class.
webhook_rejected: Signal = Signal()
