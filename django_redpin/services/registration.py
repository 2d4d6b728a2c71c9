"""One claimed recipient, brought as far as Redpin lets it: looked up, sent, stored, or left.

As with sessions, `unanswered_at` is the time of the last request that may have been carried out
though nobody knows, written before its first byte leaves. Redpin promises nowhere that it takes a
recipient's reference only once, so that the look-up is all that keeps a payee from being added
twice.

A confirmation is sent by the call that brings it, and by nothing else: where its answer is lost, it
is looked up, and then somebody has to decide again.
"""

from __future__ import annotations

import logging
from typing import Final

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.views.decorators.debug import sensitive_variables

from ..client import Outcome, RedpinClient, outcome_of
from ..conf import Account, get_account
from ..exceptions import (
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
from .endings import LIST_LAG, REFERENCE, described
from .leases import LEASE
from .registered import (
    NO_CHECK,
    NO_ERROR,
    SETTLED,
    content,
    give_up,
    hold,
    leave,
    store_id,
    update_held,
    write,
)
from .requests import payee

logger: logging.Logger = logging.getLogger("django_redpin")

# Keyed: whoever reads the table alone could else try all account numbers against a digest.
_FINGERPRINT: Final = "django_redpin.recipient"

# After so many attempts, some hours, a list that is too long to be read isn't read any more.
MAX_ENDLESS_LOOK_UPS: Final = 12


@sensitive_variables()
def register(
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
        write(recipient, **SETTLED)
        return
    try:
        account = get_account(recipient.account)
        _begin(recipient, account)
    except ConfigurationError as error:
        leave(recipient, error)
        return
    client = RedpinClient(account)
    was_unanswered = recipient.unanswered_at is not None
    cut_off = NoAnswer("An earlier attempt was cut off.")
    if was_unanswered and not _is_surely_absent(recipient, client, cut_off):
        return
    check = recipient.pending_check
    if check is not None and check != confirmation:  # Nobody has decided about this one.
        write(recipient, **SETTLED)
        return
    if not _note(recipient):
        recipient.refresh_from_db()  # Another worker took over, or may do so any moment.
        return
    try:
        recipient_id = client.add_recipient(
            _request(recipient), confirmation=check, customer_action=customer_action
        )
    except RecipientNotConfirmed as mismatch:
        hold(recipient, mismatch)
    except RedpinError as error:
        _fail(recipient, client, error, was_unanswered=was_unanswered)
    else:
        store_id(recipient, recipient_id)


def _begin(recipient: Recipient, account: Account) -> None:
    """Give the recipient its reference; another one only where it is another payee by now.

    Were a corrected account looked up by the reference of the wrong one, money would go to the
    wrong one. A decision about one name is none about another, too.
    """
    said = exact_json.dumps((account.customer_id, *content(recipient)))
    fingerprint, *former = (
        salted_hmac(_FINGERPRINT, said, secret=key, algorithm="sha256").hexdigest()
        for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    )
    if recipient.fingerprint not in (fingerprint, *former):
        recipient.fingerprint = fingerprint
        recipient.client_reference_id = new_reference()
        recipient.unanswered_at = None
        recipient.check_request_identifier = recipient.check_event_id = ""
        recipient.last_error = recipient.last_error_code = recipient.last_error_field = ""


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
            give_up(recipient, failure)
        else:
            leave(recipient, failure)
        return False
    if recipient_id is not None:
        store_id(recipient, recipient_id)
        return False
    if recipient.unanswered_at and asked_at < recipient.unanswered_at + LIST_LAG:
        leave(recipient, error)
        return False
    recipient.unanswered_at = None
    return True


def _note(recipient: Recipient) -> bool:
    """Write that a request is about to leave, and under which reference; renew the lease.

    Returns False where the lease has ended: another worker may be about to send by now.
    """
    now = timezone.now()
    recipient.unanswered_at = now
    names = ("client_reference_id", "fingerprint", "unanswered_at", *NO_CHECK, *NO_ERROR)
    changes = {name: getattr(recipient, name) for name in names}
    if not update_held(recipient, Q(leased_until__gt=now), leased_until=now + LEASE, **changes):
        return False
    recipient.leased_until = now + LEASE
    return True


def _fail(
    recipient: Recipient, client: RedpinClient, error: RedpinError, *, was_unanswered: bool
) -> None:
    outcome = outcome_of(error)
    # Only a request of ours can have taken a reference of ours, and then the list shows it soon.
    is_taken = outcome is Outcome.DUPLICATE
    is_in_vain = not was_unanswered or recipient.last_error_field == REFERENCE
    if outcome is Outcome.NOT_EXECUTED:
        recipient.unanswered_at = None
        leave(recipient, error)
    elif outcome is Outcome.REFUSED or (is_taken and is_in_vain):
        # Without its fingerprint it gets another reference, should it be sent again.
        fingerprint = "" if is_taken else recipient.fingerprint
        write(recipient, **SETTLED | NO_CHECK | described(error), fingerprint=fingerprint)
    else:
        recipient.unanswered_at = timezone.now()
        _is_surely_absent(recipient, client, error)
