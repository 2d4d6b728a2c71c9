"""What the columns mean, for the docs, where their names for people don't say enough.

A column with neither a name for people nor a line here is internal.
"""

from __future__ import annotations

from typing import Final

# Markdown, by model and column.
MEANINGS: Final[dict[str, dict[str, str]]] = {
    "PaymentSession": {
        "account": "The alias of the account at Redpin that it belongs to.",
        "customer_id": "The account's customer id at Redpin, as it was then.",
        "client_customer_ref": "Your reference of the payer.",
        "client_reference_id": "The reference by which Redpin knows it; unique within the account.",
        "idempotency_key": (
            "Yours, by which the call that made it can be repeated; unique within the account."
        ),
        "amount": "The total, in major units.",
        "currency": "ISO 4217; that of all parts.",
        "due_date": "By which the money has to be credited.",
        "session_url": (
            "The address of the hosted page, while somebody can pay there. It is a key: "
            "whoever has it can pay. Let `frame_source` and the tag show it."
        ),
        "expires_at": "When the page ends, by Redpin's word.",
        "state": "The life of the session, by our word.",
        "payment_status": "Redpin's word, as Redpin writes it; empty until the first fact.",
        "review_reason": (
            "Why a person has to look at it, or empty. `release_from_review` empties it."
        ),
        "needs_review": "Whether there is a `review_reason`.",
        "payer": "The user who pays, if any.",
        "metadata": "Yours; never sent to Redpin.",
        "renews": "The session that this one takes the place of.",
        "last_error": "What Redpin said, or what went wrong, when it was last tried.",
        "attempts": "How often its creation was tried.",
        "next_attempt_at": "When it is due, or `None`.",
    },
    "SessionRecipient": {
        "amount": "Their part of the total, in major units of the session's currency.",
        "payout_status": "Redpin's word about the money for this recipient; empty until the first.",
    },
    "SessionItem": {
        "item_ref": "Your reference of it.",
        "amount": "In major units of the session's currency.",
    },
    "Recipient": {
        "account": "The alias of the account at Redpin that it belongs to.",
        "recipient_id": "Redpin's id of it, once it is registered; unique within the account.",
    },
    "WebhookEvent": {
        "session": "The session that it is about, once that is known.",
        "client_reference_id": "The session's reference, as the event claims it.",
        "body": "What was posted, byte by byte; empty once it is purged.",
        "verifier": "Which of the verifiers it passed.",
        "outcome": "What became of it.",
        "duplicates": "How often it was posted again.",
        "attempts": "How often it was processed.",
        "next_attempt_at": "When it is due, or `None`.",
        "received_at": "When it was stored.",
        "processed_at": "When it was done with.",
    },
    "StatusTransition": {
        "subject": "What moved.",
        "share": "Whose payout moved, if it is about one.",
        "event": "The event that brought the news, or `None` where Redpin was asked.",
        "occurred_at": "When it happened, by Redpin's word.",
        "created_at": "When it was written here.",
        "outcome": "Whether receivers were told.",
        "next_attempt_at": "When receivers are due to be told, or `None`.",
    },
}
