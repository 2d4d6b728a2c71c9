"""The errors: what each tells, whom it may be told to, and that it tells nothing else."""

from __future__ import annotations

import copy
import logging
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from celery.utils.serialization import get_pickleable_exception
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.functional import Promise
from hypothesis import given
from hypothesis import strategies as st

from django_redpin import exceptions
from django_redpin.exceptions import (
    APIError,
    CircuitOpen,
    ConfigurationError,
    IdempotencyConflict,
    InvalidPaymentSession,
    InvalidRequestError,
    NoAnswer,
    NotCreatedYet,
    NotExpired,
    NotSent,
    OpenTransactionError,
    OutcomeUnknown,
    PaymentUnderWay,
    RateLimitedError,
    RecipientNotConfirmed,
    RecipientNotRegistered,
    RecipientRejected,
    RedpinError,
    SessionRejected,
)
from django_redpin.models import PaymentSession, Recipient
from django_redpin.rules.faults import Fault
from django_redpin.rules.quoting import HIDDEN, bounded, quoted
from django_redpin.rules.recipients import RecipientCheck
from django_redpin.services import create_payment_session
from docs._ext import inventory
from tests.redpin_server import FakeRedpin, Handler

ROOT: Final = Path(__file__).resolve().parent.parent
URL: Final = "https://pay.redpin.test/canary-session-url/"
FAULTS: Final = (Fault("amount", "not_positive", "too little"), Fault("items", "required", "none"))


def below(kind: type[RedpinError]) -> Iterator[type[RedpinError]]:
    """Yield every error of the package below this one."""
    for found in kind.__subclasses__():
        if found.__module__.startswith("django_redpin."):
            yield found
        yield from below(found)


KINDS: Final = sorted(set(below(RedpinError)), key=lambda kind: kind.__name__)
each_kind: Final = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


@pytest.fixture
def session(db: None) -> PaymentSession:
    return PaymentSession.objects.create(
        customer_id="7",
        client_customer_ref="CUST_001",
        client_reference_id="ORDER-1",
        amount=10,
        currency="AED",
        due_date="2030-01-01",
        purpose_of_transaction="RENT",
        session_url=URL,
        last_error="The IBAN AE070331234567890123456 is wrong.",
        last_error_code="INVALID_PARAMETER",
        last_error_field="recipient_details[0].recipient_bank_details.iban",
    )


def refusal(kind: type[APIError] = InvalidRequestError) -> APIError:
    return kind(
        400,
        code="INVALID_PARAMETER",
        description="wrong",
        type="Validation Error",
        field="amount",
        details={"a": 1},
        request_id="req-1",
        retry_after=7.5,
    )


def payee(session: PaymentSession) -> Recipient:
    """Return a recipient of which Redpin said the same as of the session."""
    return Recipient.objects.create(
        name="Canary Payee",
        client_reference_id=f"PAYEE-{Recipient.objects.count()}",
        last_error=session.last_error,
        last_error_code=session.last_error_code,
        last_error_field=session.last_error_field,
    )


def samples(session: PaymentSession) -> dict[type[RedpinError], RedpinError]:
    """Return one of each kind, made as the package makes them."""
    special: dict[type[RedpinError], Callable[[], RedpinError]] = {
        OpenTransactionError: lambda: OpenTransactionError("create_payment_session"),
        InvalidPaymentSession: lambda: InvalidPaymentSession(FAULTS),
        IdempotencyConflict: lambda: IdempotencyConflict(session),
        PaymentUnderWay: lambda: PaymentUnderWay(session, "its payment is PROCESSING."),
        NotExpired: lambda: NotExpired(session, "its page can be paid on until noon."),
        SessionRejected: lambda: SessionRejected(session, refusal()),
        OutcomeUnknown: lambda: OutcomeUnknown(session, refusal(RateLimitedError)),
        NotCreatedYet: lambda: NotCreatedYet(session, retry_after=3),
        CircuitOpen: lambda: CircuitOpen("Nothing was sent.", retry_after=5),
        RecipientRejected: lambda: RecipientRejected(payee(session)),
        RecipientNotRegistered: lambda: RecipientNotRegistered(payee(session)),
        RecipientNotConfirmed: lambda: RecipientNotConfirmed(
            "ANNM", "It is somebody else's.", RecipientCheck("request-1", "AG-1")
        ),
    }

    def made(kind: type[RedpinError]) -> RedpinError:
        if kind in special:
            return special[kind]()
        return refusal(kind) if issubclass(kind, APIError) else kind("What happened.")

    return {kind: made(kind) for kind in KINDS}


# What each tells


def test_all_errors_are_public() -> None:
    assert {kind.__name__ for kind in KINDS} | {"RedpinError"} == set(exceptions.__all__)


@each_kind
def test_each_tells_the_developer_and_the_payer_what_to_do(kind: type[RedpinError]) -> None:
    assert kind.__doc__
    assert isinstance(kind.money_may_have_moved, bool)
    assert re.fullmatch(r"[A-Z].{20,}\.", kind.next_step)
    assert kind.next_step != RedpinError.next_step
    assert isinstance(kind.user_message, Promise)  # Translated when it is shown, not before.
    assert re.fullmatch(r"[A-Z].{20,}\.", str(kind.user_message))


@each_kind
def test_a_payer_is_told_nothing_technical_and_nothing_untrue(kind: type[RedpinError]) -> None:
    told = str(kind.user_message)
    technical = (
        r"redpin|session|api|http|json|key|token|idempoten|transaction|setting|config|error|sweep"
        r"|webhook|database|server|time-?out|row|[_`{}<>]"
    )

    assert not re.search(rf"\b(?:{technical})", told, re.IGNORECASE)
    if kind.money_may_have_moved:
        assert "do not pay again" in told
        assert "not charged" not in told


@each_kind
def test_the_reference_says_whether_money_can_have_moved(kind: type[RedpinError]) -> None:
    yet = "not yet" if issubclass(kind, OutcomeUnknown) else "no"
    assert inventory.money_moved(kind) == ("yes" if kind.money_may_have_moved else yet)


def test_the_reference_lists_every_error_and_no_other() -> None:
    assert {*inventory.error_kinds()} == {RedpinError, *KINDS}


def test_that_no_money_has_moved_is_promised_by_these_alone() -> None:
    """Whoever adds a name here has thought about it: shops take "no" as leave to sell again."""
    assert {kind.__name__ for kind in KINDS if not kind.money_may_have_moved} == {
        *("ConfigurationError", "UnknownAccount", "OpenTransactionError"),
        *("InvalidPaymentSession", "SessionRejected", "OutcomeUnknown", "NotCreatedYet"),
        *("RecipientRejected", "RecipientNotRegistered", "RecipientNotConfirmed"),
    }


@each_kind
def test_each_says_why_money_can_have_moved_or_not(kind: type[RedpinError]) -> None:
    docs = [str(base.__doc__) for base in kind.__mro__ if issubclass(base, RedpinError)]
    said = " ".join(" ".join(docs).split())
    words = "Money can have moved" if kind.money_may_have_moved else "No money has moved"
    assert words in said


def test_the_references_example_gives_nothing_away_that_may_still_be_paid(
    session: PaymentSession,
) -> None:
    text = (ROOT / "docs/reference.md").read_text().partition("\n## Errors\n")[2]
    example = text.partition("```python\n")[2].partition("```")[0]
    released: list[type[RedpinError]] = []

    class Checkout:
        """What stands around the example: a shop's order, and an error."""

        def __init__(self, error: RedpinError) -> None:
            self.error = error

        pk = 1

        def create_payment_session(self, *args: object, **kwargs: object) -> None:
            raise self.error

        def release(self) -> None:
            released.append(type(self.error))

    names: dict[str, Any] = {"logger": logging.getLogger(), "render": lambda *args: None}
    exec(example, names)  # noqa: S102  Our own page.
    for error in samples(session).values():
        checkout = Checkout(error)
        names["create_payment_session"] = checkout.create_payment_session
        names["pay"](None, checkout)

    assert "OutcomeUnknown" in example
    assert {kind.__name__ for kind in released} == {
        *("ConfigurationError", "UnknownAccount", "OpenTransactionError", "InvalidPaymentSession"),
        *("RecipientRejected", "RecipientNotRegistered", "RecipientNotConfirmed"),
    }


def test_no_yet_is_said_where_the_session_may_still_open() -> None:
    for kind in (OutcomeUnknown, NotCreatedYet):
        said = " ".join(str(kind.__doc__).split())
        assert "No money has moved yet" in said
        assert "don't sell the thing to somebody else" in said


# By attribute


def test_a_refusal_has_redpins_code_field_description_and_request_id(
    session: PaymentSession,
) -> None:
    cause = refusal()
    error = SessionRejected(session, cause)

    assert (error.code, error.field) == ("INVALID_PARAMETER", session.last_error_field)
    assert error.description == "The IBAN AE070331234567890123456 is wrong."
    assert (error.request_id, error.__cause__) == ("req-1", cause)
    assert "request req-1" in str(error)
    assert SessionRejected(session).request_id == ""


def test_what_redpin_refuses_on_the_wire_is_there_by_attribute(
    redpin: FakeRedpin, arguments: dict[str, Any]
) -> None:
    def refuse(handler: Handler) -> None:
        handler.error(422, "INVALID_PARAMETER", "purpose is not allowed", "purpose_of_transaction")

    redpin.create_script.append(refuse)

    with pytest.raises(SessionRejected) as caught:
        create_payment_session(**arguments)

    error = caught.value
    assert (error.code, error.field, error.description) == (
        *("INVALID_PARAMETER", "purpose_of_transaction", "purpose is not allowed"),
    )
    assert isinstance(error.__cause__, InvalidRequestError)
    assert error.request_id == error.__cause__.request_id


def test_an_unknown_outcome_says_when_to_ask_again(session: PaymentSession) -> None:
    asked = refusal(RateLimitedError)

    assert OutcomeUnknown(session, asked).retry_after == 7.5
    assert OutcomeUnknown(session, asked, retry_after=0).retry_after == 0
    assert OutcomeUnknown(session, CircuitOpen("open", retry_after=4)).retry_after == 4
    assert OutcomeUnknown(session, NoAnswer("lost")).retry_after is None
    assert OutcomeUnknown(session, ConfigurationError("wrong")).retry_after is None
    assert NotCreatedYet(session).retry_after is None
    assert NotCreatedYet(session, asked).retry_after == 7.5


def test_what_is_surely_not_created_is_an_unknown_outcome_that_says_more(
    session: PaymentSession,
) -> None:
    session.last_error = "Redpin could not be reached (ConnectTimeout)."
    cause = NotSent(session.last_error)
    error = NotCreatedYet(session, cause)

    assert isinstance(error, OutcomeUnknown)
    assert (error.session, error.__cause__) == (session, cause)
    assert str(error) == (
        "Redpin surely has no session ORDER-1 yet: Redpin could not be reached (ConnectTimeout)."
        " Call again with the same idempotency key, or leave it to the sweep."
    )
    assert "Nobody knows" in str(OutcomeUnknown(session, cause))


def test_an_unknown_outcome_whose_session_is_being_paid_does_not_promise_otherwise(
    session: PaymentSession,
) -> None:
    under_way = PaymentUnderWay(session, "it was changed at this very moment.")

    assert OutcomeUnknown(session, under_way).money_may_have_moved is True
    assert OutcomeUnknown(session, NoAnswer("lost")).money_may_have_moved is False
    assert OutcomeUnknown.money_may_have_moved is False


# Fit for a log

BANK: Final = (
    *("AE070331234567890123456", "AE07 0331 2345 6789 0123 456", "gb29nwbk60161331926819"),
    *("12345678", "1234 5678 9012 3456", "DE89 3704 0044 0532 0130 00"),
)
SECRETS: Final = (
    *(URL, "http://127.0.0.1:8001/pay/5f0c/", "Bearer canary", "redpin+app://canary/pay"),
    *("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJyZWRwaW4ifQ.c2lnbmF0dXJl", "x" * 43),
)


@pytest.mark.parametrize("secret", [*BANK, *SECRETS])
def test_what_redpin_repeats_of_a_request_is_hidden_in_the_text(
    session: PaymentSession, secret: str
) -> None:
    session.last_error = f"The value {secret} is refused."
    for error in (
        APIError(400, code="X", description=session.last_error, field=secret, request_id=secret),
        SessionRejected(session),
        OutcomeUnknown(session),
    ):
        assert secret not in f"{error} {error!r} {error.args}"
        assert f"The value {HIDDEN} is refused." in str(error)
    assert secret in SessionRejected(session).description  # For whoever may see it.


@pytest.mark.parametrize(
    "text",
    [
        "due_date has to be 2030-01-01 or later",
        "amount 250000.00 AED is above the limit of 100 000",
        "req 5f0c7a52-7f0b-4c39-9d0f-2a0a3b1c4d5e: INVALID_PARAMETER",
        "recipient_details[0].recipient_bank_details.iban is required",
    ],
)
def test_what_is_no_secret_is_left_in_the_text(text: str) -> None:
    assert quoted(text, 300) == text


@pytest.mark.parametrize(
    "text", ["a\r\nb", "a\x1b[31mb", "a\x00b", "a\u202eb", "a\udc80b", "a\u2028b"]
)
def test_the_text_is_one_printable_line(session: PaymentSession, text: str) -> None:
    session.last_error = session.last_error_code = text
    for error in (
        *(ConfigurationError(text), NoAnswer(text), PaymentUnderWay(session, text)),
        *(APIError(400, code=text, description=text), SessionRejected(session)),
        *(OutcomeUnknown(session), InvalidPaymentSession((Fault(text, "x", text),))),
    ):
        assert str(error).isprintable()
        assert "a" in str(error)


def test_the_text_is_bounded_whatever_is_put_in(session: PaymentSession) -> None:
    long = "word " * 5000
    session.last_error = long
    for error in (
        *(ConfigurationError(long), NoAnswer(long), PaymentUnderWay(session, long)),
        *(APIError(400, code=long, description=long, field=long), OutcomeUnknown(session)),
        InvalidPaymentSession(tuple(Fault(f"items[{n}]", "x", long) for n in range(5000))),
        *(SessionRejected(session), NotCreatedYet(session)),
    ):
        assert len(str(error)) <= 2000


def test_of_many_faults_the_text_names_the_first_and_the_attribute_has_all() -> None:
    faults = tuple(Fault(f"items[{n}]", "x", "wrong") for n in range(50))
    error = InvalidPaymentSession(faults)

    assert str(error).startswith("50 faults, the first 20 of which are; items[0]: wrong;")
    assert "items[19]" in str(error)
    assert "items[20]" not in str(error)
    assert error.faults == faults
    assert str(InvalidPaymentSession(FAULTS)) == "amount: too little; items: none"


@pytest.mark.parametrize("length", range(280, 300))
def test_no_part_of_a_secret_is_left_where_a_long_text_is_cut(length: int) -> None:
    found = quoted("x " * (length // 2) + BANK[0], 300)

    assert "AE07" not in found
    assert len(found) <= 300


@given(st.text(), st.integers(1, 60))
def test_bounded_text_is_bounded_and_printable(text: str, length: int) -> None:
    for found in (bounded(text, length), quoted(text, length)):
        assert found.isprintable()
        assert len(found) <= length


# Between processes


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@each_kind
def test_each_survives_a_pickle(
    session: PaymentSession, kind: type[RedpinError], protocol: int
) -> None:
    error = samples(session)[kind]

    for found in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):  # noqa: S301
        assert type(found) is kind
        assert (str(found), found.args) == (str(error), error.args)
        assert vars(found) == vars(error)
        assert found.money_may_have_moved is error.money_may_have_moved
    assert get_pickleable_exception(error) is error  # Celery needs no stand-in for it.


def test_of_the_session_only_the_primary_key_travels(session: PaymentSession) -> None:
    carried = pickle.dumps(OutcomeUnknown(session))
    assert b"canary" not in carried
    assert b"CUST_001" not in carried

    with CaptureQueriesContext(connection) as queries:
        found = pickle.loads(carried).session  # noqa: S301
        assert found == session
    assert len(queries) == 0  # It loads even where the database is out of reach.
    assert (found.session_url, found.state) == (URL, "creating")


def test_an_error_that_says_more_than_its_class_keeps_it(session: PaymentSession) -> None:
    error = OutcomeUnknown(session, PaymentUnderWay(session, "it is being paid."))

    assert pickle.loads(pickle.dumps(error)).money_may_have_moved is True  # noqa: S301
