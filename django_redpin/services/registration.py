"""One claimed recipient, brought as far as Redpin lets it: looked up, sent, stored, or left.

As with sessions, `unanswered_at` is the time of the last request that may have been carried out
though nobody knows, written before its first byte leaves. Redpin promises nowhere that it takes a
recipient's reference only once, so that the look-up is all that keeps a payee from being added
twice.

A confirmation is sent by the call that brings it, and by nothing else: where its answer is lost, it
is looked up, and then somebody has to decide again.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from ..client import Outcome, RedpinClient, outcome_of
from ..conf import Account, get_account
from ..exceptions import (
    APIError,
    ConfigurationError,
    NoAnswer,
    RecipientNotConfirmed,
    RecipientNotRegistered,
    RecipientRejected,
    RedpinError,
)
from ..models import Recipient
from ..rules import exact_json
from ..rules.recipients import RecipientCheck, RecipientRequest
from ..rules.references import new_reference
from .attempts import LIST_LAG
from .leases import LEASE, retry_at
from .requests import payee
from .transactions import retried

logger = logging.getLogger("django_redpin")

_NO_ERROR: Final = {"last_error": "", "last_error_code": "", "last_error_field": ""}
_NO_CHECK: Final = {"check_request_identifier": "", "check_event_id": ""}
_SETTLED: Final = {"unanswered_at": None, "next_attempt_at": None, "attempts": 0}

# After so many attempts, some hours, a list that is too long to be read isn't read any more.
MAX_ENDLESS_LOOK_UPS: Final = 12

_REFERENCE: Final = "client_reference_id"


@sensitive_variables()
def pursue(
    recipient: Recipient,
    confirmation: RecipientCheck | None = None,
    customer_action: str = "",
) -> Recipient:
    """Bring a claimed recipient as far as one request reaches; return it once it is registered.

    Raises `RecipientRejected`, `RecipientNotRegistered` and `RecipientNotConfirmed` as
    `register_recipient` does.
    """
    _advance(recipient, confirmation, customer_action)
    # By now the row says it all. What Redpin or the network raised may tell too much, and is gone.
    return told(recipient)


def told(recipient: Recipient) -> Recipient:
    """Return the recipient if it is registered, or raise what its row says of it."""
    if recipient.recipient_id:
        return recipient
    check = recipient.pending_check
    if recipient.unanswered_at is None and check is not None:
        raise RecipientNotConfirmed(recipient.last_error_code, recipient.last_error, check)
    if recipient.unanswered_at is None and recipient.next_attempt_at is None:
        raise RecipientRejected(recipient)
    raise RecipientNotRegistered(recipient)


@sensitive_variables()
def _advance(
    recipient: Recipient, confirmation: RecipientCheck | None, customer_action: str
) -> None:
    """Look up, send, and write what became of it."""
    if recipient.recipient_id:  # Known meanwhile.
        _write(recipient, **_SETTLED)
        return
    try:
        account = get_account(recipient.account)
    except ConfigurationError as error:
        _leave(recipient, error)
        return
    client = RedpinClient(account)
    _begin(recipient, account)
    was_unanswered = recipient.unanswered_at is not None
    cut_off = NoAnswer("An earlier attempt was cut off.")
    if was_unanswered and not _is_surely_absent(recipient, client, cut_off):
        return
    check = recipient.pending_check
    if check is not None and check != confirmation:  # Nobody has decided about this one.
        _write(recipient, **_SETTLED)
        return
    if not _note(recipient):
        recipient.refresh_from_db()  # Another worker took over, or may do so any moment.
        return
    try:
        recipient_id = client.add_recipient(
            _request(recipient), confirmation=check, customer_action=customer_action
        )
    except RecipientNotConfirmed as mismatch:
        _hold(recipient, mismatch)
    except RedpinError as error:
        _fail(recipient, client, error, was_unanswered=was_unanswered)
    else:
        _register(recipient, recipient_id)


def _begin(recipient: Recipient, account: Account) -> None:
    """Give the recipient its reference; another one only where it is another payee by now.

    Were a corrected account looked up by the reference of the wrong one, money would go to the
    wrong one. A decision about one name is none about another, too.
    """
    content = (account.customer_id, *_content(recipient))
    fingerprint = hashlib.sha256(exact_json.dumps(content)).hexdigest()
    if recipient.fingerprint != fingerprint:
        recipient.fingerprint = fingerprint
        recipient.client_reference_id = new_reference()
        recipient.unanswered_at = None
        recipient.check_request_identifier = recipient.check_event_id = ""
        recipient.last_error = recipient.last_error_code = recipient.last_error_field = ""


def _content(recipient: Recipient) -> tuple[object, ...]:
    """Return what Redpin is told of the recipient."""
    return (
        *(recipient.name, recipient.type, recipient.country_code, recipient.currency),
        *(recipient.bank_details, recipient.is_own_account),
        *(recipient.address, recipient.further_details),
    )


def _request(recipient: Recipient) -> RecipientRequest:
    return RecipientRequest(
        client_reference_id=str(recipient.client_reference_id),
        payee=payee(recipient),
        is_own_account=recipient.is_own_account,
        address=recipient.address,
        further_details=recipient.further_details,
    )


def _is_surely_absent(recipient: Recipient, client: RedpinClient, error: RedpinError) -> bool:
    """Tell whether the unanswered request surely added nothing; write what else is found out."""
    asked_at = timezone.now()  # A list that was long on its way is no newer than this.
    try:
        recipient_id = client.find_recipient(str(recipient.client_reference_id))
    except RedpinError as failure:
        is_lasting = isinstance(failure, NoAnswer) and failure.is_lasting
        if is_lasting and recipient.attempts >= MAX_ENDLESS_LOOK_UPS:
            _give_up(recipient, failure)
        else:
            _leave(recipient, failure)
        return False
    if recipient_id is not None:
        _register(recipient, recipient_id)
        return False
    if recipient.unanswered_at and asked_at < recipient.unanswered_at + LIST_LAG:
        _leave(recipient, error)
        return False
    recipient.unanswered_at = None
    return True


def _note(recipient: Recipient) -> bool:
    """Write that a request is about to leave, and under which reference; renew the lease.

    Returns False where the lease has ended: another worker may be about to send by now.
    """
    now = timezone.now()
    recipient.unanswered_at = now
    names = ("client_reference_id", "fingerprint", "unanswered_at", *_NO_CHECK, *_NO_ERROR)
    changes = {name: getattr(recipient, name) for name in names}
    if not _update(recipient, Q(leased_until__gt=now), leased_until=now + LEASE, **changes):
        return False
    recipient.leased_until = now + LEASE
    return True


def _fail(
    recipient: Recipient, client: RedpinClient, error: RedpinError, *, was_unanswered: bool
) -> None:
    outcome = outcome_of(error)
    # Only a request of ours can have taken a reference of ours, and then the list shows it soon.
    is_taken = outcome is Outcome.DUPLICATE
    is_in_vain = not was_unanswered or recipient.last_error_field == _REFERENCE
    if outcome is Outcome.NOT_EXECUTED:
        recipient.unanswered_at = None
        _leave(recipient, error)
    elif outcome is Outcome.REFUSED or (is_taken and is_in_vain):
        # Without its fingerprint it gets another reference, should it be sent again.
        fingerprint = "" if is_taken else recipient.fingerprint
        _write(recipient, **_SETTLED | _NO_CHECK | _described(error), fingerprint=fingerprint)
    else:
        recipient.unanswered_at = timezone.now()
        _is_surely_absent(recipient, client, error)


def _hold(recipient: Recipient, mismatch: RecipientNotConfirmed) -> None:
    """Leave it to a person: the sweep has nothing more to do with it."""
    _write(
        recipient,
        **_SETTLED,
        check_request_identifier=mismatch.check.request_identifier,
        check_event_id=mismatch.check.event_id,
        last_error=mismatch.description[:500],
        last_error_code=mismatch.code,
        last_error_field="",
    )


def _register(recipient: Recipient, recipient_id: str) -> None:
    done = _SETTLED | _NO_CHECK | _NO_ERROR
    try:
        is_as_sent = _store(recipient, done | {"recipient_id": recipient_id})
    except IntegrityError:
        said = f"Redpin has it as {recipient_id}, which is another recipient here. Use that one."
        _write(recipient, **done | {"last_error": said})
        return
    if is_as_sent:
        recipient.refresh_from_db()
        return
    said = f"Changed while Redpin registered it as {recipient_id}: the new one is registered anew."
    logger.warning("Recipient %s: %s", recipient.client_reference_id, said)
    anew = {"client_reference_id": None, "fingerprint": "", "next_attempt_at": timezone.now()}
    _write(recipient, **done | anew | {"last_error": said})


@retried
def _store(recipient: Recipient, changes: dict[str, Any]) -> bool:
    """Write that Redpin has it, and let it go. Returns False if the row is another payee by now.

    Its `recipient_id` would lead the money to the account that the row no longer shows.
    """
    with transaction.atomic():
        # A write comes first: from then on nobody else changes what is read and compared.
        if not _update(recipient, leased_until=recipient.leased_until):
            return True  # Another worker has it, and finds out.
        row = Recipient.objects.get(pk=recipient.pk)
        if (row.account, _content(row)) != (recipient.account, _content(recipient)):
            return False
        return _update(recipient, leased_until=None, **changes)


def _leave(recipient: Recipient, error: RedpinError) -> None:
    """Leave it for the sweep, which sends no decision: such a row keeps its mismatch."""
    reference = recipient.client_reference_id or recipient.pk
    logger.warning("Recipient %s: %s", reference, _without_description(error))
    due = retry_at(recipient.attempts)
    asked_to_wait = getattr(error, "retry_after", None)
    if asked_to_wait is not None:
        due = max(due, timezone.now() + timedelta(seconds=asked_to_wait))
    if recipient.unanswered_at is not None:
        due = max(due, recipient.unanswered_at + LIST_LAG)
    changes: dict[str, Any] = {"unanswered_at": recipient.unanswered_at, "next_attempt_at": due}
    if recipient.pending_check is None:
        changes |= _described(error)
    _write(recipient, **changes)


def _give_up(recipient: Recipient, error: RedpinError) -> None:
    """Leave it to a person: dozens of calls an hour would be made in vain for ever."""
    said = f"Given up after {recipient.attempts} attempts. {error} Ask Redpin for its recipient_id."
    logger.error("Recipient %s: %s", recipient.client_reference_id, said)
    told_of = {} if recipient.pending_check else _NO_ERROR | {"last_error": said}
    _write(recipient, unanswered_at=recipient.unanswered_at, next_attempt_at=None, **told_of)


def _described(error: RedpinError) -> dict[str, str]:
    """Return the columns that keep what Redpin, or the network, said."""
    if not isinstance(error, APIError):
        return _NO_ERROR | {"last_error": str(error)[:500]}
    is_taken = outcome_of(error) is Outcome.DUPLICATE
    return {
        "last_error": (error.description or str(error))[:500],
        "last_error_code": error.code or str(error.status_code),
        "last_error_field": _REFERENCE if is_taken else error.field,
    }


def _without_description(error: RedpinError) -> str:
    """Return what a log may have of the error: Redpin's description may repeat bank details."""
    if isinstance(error, APIError):
        return f"Redpin answered {error.status_code} ({error.code or 'no code'})."
    return str(error)


def _write(recipient: Recipient, **changes: Any) -> None:
    """Write the outcome, and let the recipient go."""
    _update(recipient, leased_until=None, **changes)
    recipient.refresh_from_db()


@retried
def _update(recipient: Recipient, *conditions: Q, **changes: Any) -> bool:
    """Write to the row, if it is still in our hands and the conditions hold."""
    with transaction.atomic():
        ours = Recipient.objects.filter(pk=recipient.pk, leased_until=recipient.leased_until)
        return bool(ours.filter(*conditions).update(**changes))
