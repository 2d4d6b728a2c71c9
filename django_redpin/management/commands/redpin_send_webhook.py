"""`manage.py redpin_send_webhook`: post a signed sample event to this project."""

from __future__ import annotations

import argparse
import secrets
import time
from datetime import datetime
from datetime import timezone as zones
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ...accounts import DEFAULT_ACCOUNT
from ...conf import Account, get_account
from ...models import PaymentSession, WebhookEvent
from ...rules.addresses import is_loopback, own_callback_faults
from ...rules.statuses import is_known
from ...webhooks.samples import ENVELOPES, NothingAnswers, Sample, make_sample
from ..running import NEEDS_SOMEBODY, USAGE, RedpinCommand, duration

_PENDING: Final = WebhookEvent.Outcome.PENDING
_PAUSE: Final = 0.1  # Seconds, between two looks at the row.
_HINT: Final = (
    "It is a hint and no more: what it claims is applied as far as Redpin's own API confirms it."
)
_BELIEVED: Final = (
    "It is believed: WEBHOOK_TRUST is 'verified', and a signature of yours covers what it claims."
)
# By status: what to do about an answer other than 200.
_CURES: Final = {
    400: "Is its host in ALLOWED_HOSTS?",
    401: "The log django_redpin.security says why; what is posted to may have other secrets.",
    404: "Does that site include django_redpin.urls?",
    503: "Its log says what it lacks.",
}


class Command(RedpinCommand):
    help = (
        "Post a signed sample event to this project's webhook, as Redpin would, and tell what"
        " becomes of it. What it claims is no fact: Redpin is asked before it is believed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what the event claims, how it is wrapped, and where it goes."""
        self.add_account(parser)
        parser.add_argument(
            "--session", metavar="REF", help="client_reference_id of the session it is about"
        )
        parser.add_argument(
            "--account-wide",
            action="store_true",
            help="post to the account's URL, as a subscription does; so it is without --session",
        )
        parser.add_argument("--status", default="PROCESSING", help="default: %(default)s")
        parser.add_argument(
            "--envelope",
            choices=tuple(ENVELOPES),
            default="flat",
            help="as Redpin's older or newer API has it; default: %(default)s",
        )
        parser.add_argument("--payment-id", metavar="ID", help="default: the session's, or made up")
        parser.add_argument("--event-id", metavar="ID", help="default: made up")
        parser.add_argument(
            "--at",
            type=_time,
            metavar="TIME",
            help="when it was, in ISO 8601; with the same --event-id and claims it is a repetition;"
            " default: now",
        )
        parser.add_argument(
            "--url",
            type=_site,
            help="a site such as http://127.0.0.1:8000, in place of WEBHOOK_BASE_URL",
        )
        parser.add_argument(
            "--wait",
            type=duration,
            default=5.0,
            metavar="SECONDS",
            help="how long to look what becomes of it; default: %(default)s",
        )
        parser.add_argument("--dry-run", action="store_true", help="show it, and post nothing")
        parser.add_argument(
            "--yes",
            action="store_true",
            help="do it without DEBUG, to another machine by --url, or where it is believed",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, post it, and look what becomes of it."""
        session = _session(options)
        alias = session.account if session else options["account"] or DEFAULT_ACCOUNT
        account = get_account(alias)
        event_id = options["event_id"] or f"sample-{secrets.token_hex(8)}"
        sample = make_sample(
            account,
            _claims(account, session, options),
            event_id=event_id,
            at=options["at"] or timezone.now(),
            envelope=options["envelope"],
            is_account_wide=options["account_wide"] or session is None,
            base_url=options["url"] or "",
        )
        self._describe(sample, options)
        is_believed = sample.is_signed and account.webhook_trust == "verified"
        self.tell(_BELIEVED if is_believed else _HINT, options)
        if options["dry_run"]:
            self.stdout.write(f"{sample.body.decode()}\nNothing was posted (--dry-run).")
            return
        _require_consent(options, is_believed=is_believed)
        self._send(sample, options)
        self._tell_outcome(alias, event_id, options)

    def _describe(self, sample: Sample, options: dict[str, Any]) -> None:
        if not is_known(options["status"]):
            self.tell(f"{options['status']} is no status that Redpin documents.", options)
        headers = f", with {', '.join(sorted(sample.headers))}" if sample.headers else ""
        self.tell(f"POST {sample.shown_url}{headers}", options)

    def _send(self, sample: Sample, options: dict[str, Any]) -> None:
        try:
            seen = sample.send()
        except NothingAnswers as error:
            raise CommandError(
                f"No answer came ({error}). Is the site up? --url posts to another address of it.",
                returncode=NEEDS_SOMEBODY,
            ) from None
        answer = f"{seen.status} {seen.detail}".strip(" .")
        if seen.status != 200:
            cure = _CURES.get(seen.status, "`manage.py redpin_check` tells what answers there.")
            raise CommandError(f"It was answered {answer}. {cure}", returncode=NEEDS_SOMEBODY)
        self.tell(f"It was answered {answer}.", options)

    def _tell_outcome(self, alias: str, event_id: str, options: dict[str, Any]) -> None:
        """Tell what became of the row, which another process works on."""
        give_up_at = time.monotonic() + options["wait"]
        rows = WebhookEvent.objects.filter(account=alias, event_id=event_id).order_by("-pk")
        while (event := rows.first()) is None or event.outcome == _PENDING:
            if time.monotonic() >= give_up_at:
                break
            time.sleep(_PAUSE)
        if event is None:
            text = "This database has no such event: what answered keeps it in another one."
            raise CommandError(text, returncode=NEEDS_SOMEBODY)
        why = f" {event.last_error}" if event.last_error else ""
        self.tell(f"Event {event.pk}: {event.get_outcome_display()}.{why}", options)


def _session(options: dict[str, Any]) -> PaymentSession | None:
    reference, account = options["session"], options["account"]
    if reference is None:
        return None
    rows = PaymentSession.objects.filter(client_reference_id=reference)
    found = list(rows if account is None else rows.filter(account=account))
    if len(found) == 1:
        return found[0]
    if found:
        owners = ", ".join(sorted(session.account for session in found))
        text = f"More than one account has a session {reference!r}: add --account, of {owners}."
    else:
        text = f"There is no session {reference!r}. Leave --session out for an event of none."
    raise CommandError(text, returncode=USAGE)


def _claims(
    account: Account, session: PaymentSession | None, options: dict[str, Any]
) -> dict[str, str]:
    """Return the fields of the payment, as Redpin names them, without those that are empty."""
    made_up = f"sample-{secrets.token_hex(6)}"
    known = {
        "customer_id": session.customer_id if session else account.customer_id,
        "client_customer_ref": session.client_customer_ref if session else made_up,
        "client_reference_id": session.client_reference_id if session else made_up,
        "session_id": session.session_id if session else "",
        "payment_id": options["payment_id"] or (session and session.payment_id) or made_up,
        "status": options["status"],
    }
    return {name: value for name, value in known.items() if value}


def _require_consent(options: dict[str, Any], *, is_believed: bool) -> None:
    """Refuse, without --yes, what could be done to the wrong site by mistake."""
    if options["yes"]:
        return
    url = options["url"] or ""
    reasons = {
        "DEBUG is off, so this may be production": not settings.DEBUG,
        f"{url} is another machine, which would learn the URL's token and your verifiers' proofs": (
            bool(url) and not is_loopback(urlsplit(url).hostname or "")
        ),
        "its claim would be believed, as WEBHOOK_TRUST is 'verified'": is_believed,
    }
    for reason, applies in reasons.items():
        if applies:
            text = f"Nothing was posted: {reason}. Add --yes if that is what you want."
            raise CommandError(text, returncode=USAGE)


def _time(text: str) -> datetime:
    """Return the time in UTC; one that names no zone is in the project's own."""
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-12-24T09:30:00Z.")
    try:
        return (at if at.tzinfo else timezone.make_aware(at)).astimezone(zones.utc)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is out of range.") from None


def _site(text: str) -> str:
    for fault in own_callback_faults(text, "url", allow_loopback=True):
        raise argparse.ArgumentTypeError(f"{text!r} is no address of a site: {fault.message}")
    return text.rstrip("/")
