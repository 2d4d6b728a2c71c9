"""The table of every line that this package logs: stable names, on which alerts can be built."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import Enum

_INFO, _WARNING, _ERROR = logging.INFO, logging.WARNING, logging.ERROR


@dataclass(frozen=True)
class Line:
    """One kind of line: its stable `name`, its level, the `facts` it may have, its `meaning`."""

    name: str
    level: int
    facts: str
    meaning: str


class LogEvent(Enum):
    """The table. Names stay as they are for good."""

    # Calls of Redpin's API.
    CALL = Line(
        "client.call",
        _INFO,
        "account method path status_code failure outcome duration_ms attempt client_request_id"
        " request_id",
        "a call of Redpin's API has ended, one way or another",
    )
    TOKEN_NOT_RENEWED = Line(
        "token.not_renewed",
        _WARNING,
        "account failure seconds",
        "the access token was not renewed early; it lasts for so many seconds",
    )
    TOKEN_CACHE_AWAY = Line(
        "token.cache_away",
        _WARNING,
        "cache failure seconds",
        "the cache that shares access tokens is out of reach",
    )
    LIST_UNREADABLE = Line(
        "list.unreadable",
        _WARNING,
        "page count",
        "a page of Redpin's list has entries that can't be read",
    )
    CIRCUIT_OPENED = Line(
        "circuit.opened", _WARNING, "circuit", "a host failed so often that it is left alone"
    )
    CIRCUIT_PROBED = Line(
        "circuit.half_open", _INFO, "circuit", "one call tries whether the host is back"
    )
    CIRCUIT_CLOSED = Line("circuit.closed", _INFO, "circuit", "the host is back")

    # Payment sessions.
    SESSION_LEFT = Line(
        "session.left",
        _WARNING,
        "account session reference state failure attempt",
        "a session could not be created yet; the sweep goes on",
    )
    SESSION_NOT_COMPLETE = Line(
        "session.not_complete", _WARNING, "session failure", "the sweep could not finish a session"
    )
    SESSION_UNDOCUMENTED_STEP = Line(
        "session.undocumented_step",
        _WARNING,
        "account session reference status",
        "a payment went a step that Redpin does not document; a person has to look",
    )
    SESSION_UNKNOWN_STATUS = Line(
        "session.unknown_status",
        _WARNING,
        "account session reference",
        "Redpin lists a status that it does not document",
    )
    SESSION_NOT_RECONCILED = Line(
        "session.not_reconciled",
        _ERROR,
        "account session reference failure",
        "what Redpin lists of a session could not be applied",
    )
    LIST_FAILED = Line(
        "reconcile.call_failed",
        _WARNING,
        "account session failure",
        "a call of the reconciliation failed",
    )
    ACCOUNT_LEFT = Line(
        "reconcile.account_left",
        _WARNING,
        "account count failure",
        "the reconciliation leaves an account alone for now, with so many sessions to ask about",
    )

    SESSION_ANONYMISED = Line(
        "session.anonymised",
        _INFO,
        "account session reference",
        "a payer was taken out of a session that is over",
    )

    # What was posted.
    WEBHOOK_REFUSED = Line(
        "webhook.refused", _WARNING, "account reason", "a post to the webhook was not verified"
    )
    WEBHOOK_MISCONFIGURED = Line(
        "webhook.misconfigured",
        _ERROR,
        "account",
        "the settings let no post be verified: events are answered 503",
    )
    WEBHOOK_OPEN_TRANSACTION = Line(
        "webhook.open_transaction",
        _ERROR,
        "account",
        "something opened a transaction around the webhook: events are answered 503",
    )
    WEBHOOK_FAILED = Line(
        "webhook.failed", _ERROR, "failure", "a post could not be stored; its sender tries again"
    )
    WEBHOOK_OLDER_SECRET = Line(
        "webhook.older_secret", _INFO, "account verifier", "a post came by an older secret"
    )
    WEBHOOK_WITHHELD = Line(
        "webhook.withheld", _WARNING, "count", "so many refusals before this were not logged"
    )
    EVENT_FAILED = Line(
        "event.failed",
        _ERROR,
        "account webhook_event attempt failure",
        "processing an event broke something here; it is tried again",
    )
    EVENT_UNKNOWN_TYPE = Line(
        "event.unknown_type",
        _WARNING,
        "account webhook_event",
        "an event is of no documented type, or incomplete; it is kept",
    )
    EVENT_UNKNOWN_STATUS = Line(
        "event.unknown_status",
        _WARNING,
        "account webhook_event",
        "an event has a status that is not documented; it is kept",
    )
    EVENT_CONTRADICTED = Line(
        "event.contradicted",
        _WARNING,
        "account webhook_event session reference attempt",
        "Redpin, or what was created here, says otherwise than an event",
    )
    EVENT_RECEIVERS_FAILED = Line(
        "event.receivers_failed",
        _ERROR,
        "account webhook_event attempt",
        "receivers of third_party_status_changed failed; they are told again",
    )
    EVENT_GIVEN_UP = Line(
        "event.given_up",
        _ERROR,
        "account webhook_event outcome attempt",
        "an event is tried no more: redpin_redrive, once the cause is mended",
    )
    EVENT_DEAD_UNTOLD = Line(
        "event.dead_receiver_failed",
        _ERROR,
        "account webhook_event",
        "a receiver of webhook_event_dead failed; it is not told again",
    )

    # What is told.
    TRANSITION_FAILED = Line(
        "transition.receivers_failed",
        _ERROR,
        "account transition session attempt",
        "receivers failed for a transition; they are told again",
    )
    TRANSITION_GIVEN_UP = Line(
        "transition.given_up",
        _ERROR,
        "account transition session attempt",
        "receivers failed for three days: redpin_redrive, once they are mended",
    )
    TRANSITION_HELD = Line(
        "transition.held",
        _WARNING,
        "account transition session",
        "that a payment is complete is held back until its session was looked at",
    )

    # Recipients.
    RECIPIENT_CHANGED = Line(
        "recipient.changed",
        _WARNING,
        "account recipient reference",
        "a recipient was changed while Redpin registered it; it is registered anew",
    )
    RECIPIENT_ANONYMISED = Line(
        "recipient.anonymised", _INFO, "recipient", "a payee was taken out of its row"
    )
    RECIPIENT_LEFT = Line(
        "recipient.left",
        _WARNING,
        "account recipient reference attempt failure",
        "a recipient could not be registered yet; the sweep goes on",
    )
    RECIPIENT_GIVEN_UP = Line(
        "recipient.given_up",
        _ERROR,
        "account recipient reference attempt failure",
        "a recipient is looked up no more: ask Redpin for its recipient_id",
    )
    RECIPIENT_NOT_REGISTERED = Line(
        "recipient.not_registered",
        _WARNING,
        "recipient failure",
        "the sweep could not register a recipient",
    )

    # Who does the work.
    ROW_NOT_SWEPT = Line(
        "sweep.row_failed", _ERROR, "table row failure", "the work on a row broke; it is due again"
    )
    TASK_LEFT = Line(
        "queue.refused", _WARNING, "task row failure", "no queue took a task; the sweep does it"
    )
    BROKER_REFUSES = Line(
        "queue.broker_away", _WARNING, "task", "the broker takes no messages; the sweep does it all"
    )
    BROKER_BACK = Line("queue.broker_back", _INFO, "", "the broker takes messages again")
    TASK_FAILED = Line(
        "inline.failed",
        _ERROR,
        "task row failure",
        "work in the web process broke; the sweep does it",
    )

    # What payers are shown, and apps are answered.
    NOTHING_TO_SHOW = Line(
        "embed.no_session", _WARNING, "", "a template has no payment session to show"
    )
    ORIGIN_UNLISTED = Line(
        "embed.unlisted_origin",
        _WARNING,
        "account session reference",
        "a hosted page is at an origin that HOSTED_PAGE_ORIGINS lacks; it is not framed",
    )
    ORIGIN_OURS = Line(
        "embed.own_origin",
        _ERROR,
        "account session reference",
        "a hosted page is said to be at this site's own origin; it is not shown",
    )
    RENEWAL_ELSEWHERE = Line(
        "embed.foreign_renew_url", _ERROR, "session", "renew_url= leads to another site"
    )
    OPTION_LEFT_OUT = Line(
        "embed.bad_option", _ERROR, "option", "the tag has an option that can't be used"
    )
    STATUS_FAILED = Line(
        "embed.status_failed", _ERROR, "failure", "a session's status could not be told"
    )
    REST_REFUSED = Line(
        "rest.refused", _WARNING, "failure status_code", "an app's request was refused"
    )
    REST_FAILED = Line(
        "rest.failed", _ERROR, "failure status_code", "an app's request failed by a mistake here"
    )
    REST_WAITING = Line(
        "rest.waiting",
        _WARNING,
        "account session reference state",
        "an app was answered 202: its session has no page yet",
    )
