"""`manage.py redpin_anonymise`: take a payer, or a payee, out of what is kept."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser

from ...models import PaymentSession, Recipient
from ...services import Anonymised, anonymise_payer, anonymise_recipient
from ...services.anonymise import LIMIT, SECONDS
from ..running import NEEDS_SOMEBODY, USAGE, RedpinCommand, add_bounds, watched


class Command(RedpinCommand):
    help = (
        "Take a payer out of their sessions that are over, and out of the events about them; or a"
        " payee out of its row. Amounts, statuses and the journal stay. Exits with 1 where a row"
        " has to stay as it is for now, and lists it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who it is, and the bounds."""
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--payer", metavar="PK", help="a user, by primary key")
        who.add_argument(
            "--customer-ref", type=_reference, metavar="REF", help="a payer's client_customer_ref"
        )
        who.add_argument("--session", metavar="REF", help="one session's client_reference_id")
        who.add_argument("--recipient", type=int, metavar="PK", help="a payee, by primary key")
        parser.add_argument(
            "--account",
            dest="owner",  # Not looked up: its rows outlive its settings.
            metavar="ALIAS",
            help="only what belongs to this account, which the settings need not know any more",
        )
        parser.add_argument(
            "--keep-metadata",
            nargs="+",
            default=[],
            metavar="NAME",
            help="what of a session's metadata tells of no person, and stays",
        )
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be done")
        add_bounds(parser, limit=LIMIT, seconds=SECONDS)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, tell how much it was, and list what had to stay."""
        with watched() as watcher:
            done = _anonymise(options)
        verb = "Would anonymise" if options["dry_run"] else "Anonymised"
        counts = f"sessions {done.sessions}, events {done.events}, recipients {done.recipients}"
        self.tell(f"{verb}: {counts}.", options)
        watcher.raise_if_stopped()
        for each in done.refused:
            self.stdout.write(f"Left: {each.reference}: {each.reason}.")
        # A person who asked to be forgotten is not, until nothing is left.
        said = [f"{len(done.refused)} left as they are."] * bool(done.refused)
        said += ["More is left than the bounds allow: run it again."] * done.is_cut_off
        if said:
            raise CommandError(" ".join(said), returncode=NEEDS_SOMEBODY)


def _anonymise(options: dict[str, Any]) -> Anonymised:
    account, dry_run = options["owner"], options["dry_run"]
    if options["recipient"] is not None:
        payees = Recipient.objects.filter(pk=options["recipient"])
        payee = (payees if account is None else payees.filter(account=account)).first()
        if payee is None:
            raise CommandError("There is no such recipient.", returncode=USAGE)
        return anonymise_recipient(payee, dry_run=dry_run)
    return anonymise_payer(
        payer=_payer(options["payer"]),
        session=_session(options["session"], account),
        client_customer_ref=options["customer_ref"] or "",
        account=account,
        keep_metadata=options["keep_metadata"],
        dry_run=dry_run,
        limit=options["limit"],
        seconds=options["seconds"],
    )


def _payer(pk: str | None) -> Any:
    if pk is None:
        return None
    try:
        user = get_user_model()._default_manager.filter(pk=pk).first()
    except (ValueError, ValidationError):
        user = None
    if user is None:
        raise CommandError(
            "There is no such user; a payer can be named by --customer-ref, too.", returncode=USAGE
        )
    return user


def _session(reference: str | None, account: str | None) -> PaymentSession | None:
    if reference is None:
        return None
    rows = PaymentSession.objects.filter(client_reference_id=reference)
    found = list(rows if account is None else rows.filter(account=account))
    if not found:
        raise CommandError("There is no such session.", returncode=USAGE)
    if len(found) > 1:
        accounts = ", ".join(sorted(session.account for session in found))
        raise CommandError(
            f"Several accounts have it: add --account. They are {accounts}.", returncode=USAGE
        )
    return found[0]


def _reference(text: str) -> str:
    if not text:
        raise ValueError(text)
    return text


# argparse tells by it what the argument should have been.
_reference.__name__ = "reference"
