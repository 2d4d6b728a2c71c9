"""Take out each guard in turn, and see a test fail for it: `python -m tox run -e mutants`.

A guard that can go unnoticed is none. Each line of the table names one, the code that holds it,
what is left without it, and the tests that have to fail then. `-- lease` runs those whose name has
that word.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
COPIED: Final = ("django_redpin", "example_project", "tests", "docs", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Mutant:
    """`before` stands once in the file; `after` takes its place."""

    guard: str
    path: str
    before: str
    after: str
    tests: str


MUTANTS: Final = (
    Mutant(
        "the look-up before anything is sent again",
        "django_redpin/services/attempts.py",
        "        if session.unanswered_at is not None and not is_new:\n",
        "        if False:\n",
        "tests/services/test_outcomes.py",
    ),
    Mutant(
        "the time that Redpin's list has to show a session",
        "django_redpin/services/endings.py",
        "LIST_LAG: Final = timedelta(seconds=10)",
        "LIST_LAG: Final = timedelta(0)",
        "tests/services/test_outcomes.py",
    ),
    Mutant(
        "the note before the first byte",
        "django_redpin/services/attempts.py",
        "    if not update(rows, unanswered_at=now, leased_until=now + LEASE):\n"
        "        return False\n",
        "",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "the intent before the first byte",
        "django_redpin/services/intents.py",
        '"unanswered_at": now}',
        '"unanswered_at": None}',
        "tests/services/test_create.py tests/services/test_outcomes.py",
    ),
    Mutant(
        "a stranger's session is told by its age",
        "django_redpin/services/attempts.py",
        "        and age <= timezone.now() - session.created_at + _AGE_MARGIN\n",
        "",
        "tests/services/test_create.py",
    ),
    Mutant(
        "the limit of lost answers",
        "django_redpin/services/attempts.py",
        "    if session.lost_answers >= MAX_LOST_ANSWERS:\n",
        "    if False:\n",
        "tests/services/test_outcomes.py",
    ),
    Mutant(
        "who has lost the lease sends nothing",
        "django_redpin/services/attempts.py",
        "        leased_until__gt=now,\n",
        "",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "who has lost the lease leaves nothing behind, and rejects nothing",
        "django_redpin/services/endings.py",
        "    return Q(leased_until=session.leased_until)\n",
        "    return Q()\n",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "who has lost the lease replaces nothing",
        "django_redpin/services/replace.py",
        "leased_until=old.leased_until, leased_until__isnull=False",
        "",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "a payment that is known stands against a list that lags",
        "django_redpin/services/attempts.py",
        " or record.has_payment or session.payment_status:\n",
        " or record.has_payment:\n",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "a late answer leaves the sweep's time alone",
        "django_redpin/services/opening.py",
        "        update(PaymentSession.objects.filter(pk=session.pk), **told)\n",
        "        update(PaymentSession.objects.filter(pk=session.pk), next_attempt_at=None)\n",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "whoever missed a renewal gets it",
        "django_redpin/services/renew.py",
        "    if current.pk != session.pk:",
        "    if False:",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "an empty list is as old as the question",
        "django_redpin/services/attempts.py",
        "    if session.unanswered_at and asked_at < ",
        "    if session.unanswered_at and timezone.now() < ",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "a replacement counts as a try",
        "django_redpin/services/attempts.py",
        "    if steps.may_send():\n",
        "    if True:\n",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "a session that a person has to look at is left alone",
        "django_redpin/services/attempts.py",
        "    if session.review_reason:\n",
        "    if False:\n",
        "tests/services/test_fencing.py",
    ),
    Mutant(
        "an error that nobody foresaw may have been executed",
        "django_redpin/client/outcomes.py",
        "_is(RedpinError),\n        Outcome.UNKNOWN,",
        "_is(RedpinError),\n        Outcome.NOT_EXECUTED,",
        "tests/services/test_outcomes.py",
    ),
    Mutant(
        "the customer that the row names",
        "django_redpin/services/lookup.py",
        "get_account(session.account), session.customer_id)",
        "get_account(session.account))",
        "tests/services/test_outcomes.py",
    ),
    Mutant(
        "the compare-and-set of a state",
        "django_redpin/services/journal.py",
        "filter(condition, pk=session.pk, state=from_state)",
        "filter(condition, pk=session.pk)",
        "tests/services/test_fencing.py tests/services/test_life.py tests/services/test_events.py",
    ),
    Mutant(
        "the lease",
        "django_redpin/services/leases.py",
        "model._default_manager.filter(waiting & free)",
        "model._default_manager.filter(waiting)",
        "tests/services/test_fencing.py tests/services/test_life.py tests/services/test_events.py",
    ),
    Mutant(
        "a key leads to no session of another payment",
        "django_redpin/services/create.py",
        "    require_same(existing, idempotency_key, fingerprint)\n",
        "",
        "tests/services/test_create.py",
    ),
    Mutant(
        "no call inside an open transaction",
        "django_redpin/services/create.py",
        '        require_no_transaction("create_payment_session")\n',
        "        pass\n",
        "tests/services/test_create.py",
    ),
    Mutant(
        "a reference is one session's of the account",
        "django_redpin/migrations/0001_initial.py",
        'fields=("account", "client_reference_id"), name',
        'fields=("account", "customer_id", "client_reference_id"), name',
        "tests/services/test_create.py",
    ),
    Mutant(
        "Redpin's ids are unique within an account alone",
        "django_redpin/migrations/0001_initial.py",
        'fields=("account", "payment_id"), name',
        'fields=("payment_id",), name',
        "tests/services/test_create.py",
    ),
    Mutant(
        "no call with autocommit off",
        "django_redpin/services/transactions.py",
        "    if not connection.in_atomic_block and not connection.get_autocommit():\n",
        "    if False:\n",
        "tests/services/test_create.py",
    ),
    Mutant(
        "a deferred session is rolled back with its caller",
        "django_redpin/services/create.py",
        "            enqueue_on_commit(COMPLETE_SESSION, session.pk)\n",
        "            enqueue(COMPLETE_SESSION, session.pk)\n",
        "tests/services/test_defer.py",
    ),
    Mutant(
        "one thread gets a token, the others wait",
        "django_redpin/client/tokens.py",
        "        if not self._flight.acquire(timeout=self._patience):\n",
        "        self._flight = threading.Lock()\n"
        "        if not self._flight.acquire(timeout=self._patience):\n",
        "tests/client/test_tokens.py",
    ),
    Mutant(
        "one process gets a token, the others wait",
        "django_redpin/client/tokens.py",
        "            if self._shared.lock() or doubts == _DOUBTS:\n",
        "            if True:\n",
        "tests/client/test_tokens.py",
    ),
    Mutant(
        "only the token that was refused is dropped",
        "django_redpin/client/tokens.py",
        "            if self._token is not None and self._token.grant.value == value:\n",
        "            if self._token is not None:\n",
        "tests/client/test_tokens.py",
    ),
    Mutant(
        "a token is renewed before it dies",
        "django_redpin/client/tokens.py",
        "            if now < token.renew_at:\n",
        "            if now < token.dies_at:\n",
        "tests/client/test_tokens.py",
    ),
    Mutant(
        "on 401 the call is made once more, and only once",
        "django_redpin/client/api.py",
        "                if has_new_token:\n",
        "                if attempt > 5:\n",
        "tests/client/test_client.py tests/client/test_tokens.py",
    ),
    Mutant(
        "a create call is never repeated by the client",
        "django_redpin/client/api.py",
        ' if method == "GET" else None\n',
        "\n",
        "tests/client/test_retries.py",
    ),
    Mutant(
        "the budget of retries",
        "django_redpin/client/retries.py",
        "            if self._saved < _PRICE:\n",
        "            if False:\n",
        "tests/client/test_retries.py",
    ),
    Mutant(
        "the circuit opens",
        "django_redpin/client/breaker.py",
        "        return is_ratio or self._in_a_row >= _FAILURES_IN_A_ROW\n",
        "        return False\n",
        "tests/client/test_breaker.py",
    ),
    Mutant(
        "one probe at a time",
        "django_redpin/client/breaker.py",
        "        self._next_probe_at = now + _PROBE_SECONDS\n",
        "",
        "tests/client/test_breaker.py",
    ),
    Mutant(
        "a refusal is a sign of life",
        "django_redpin/client/breaker.py",
        "        return error.status_code >= 500 or error.status_code == 408\n",
        "        return True\n",
        "tests/client/test_breaker.py",
    ),
    Mutant(
        "one tenant's proxy opens no circuit of the others",
        "django_redpin/client/breaker.py",
        "    key = (os.getpid(), name, route)\n",
        "    key = (os.getpid(), name, 0)\n",
        "tests/client/test_breaker.py",
    ),
    Mutant(
        "Retry-After is capped",
        "django_redpin/client/transport.py",
        "_LONGEST_RETRY_AFTER: Final = 3600.0",
        "_LONGEST_RETRY_AFTER: Final = 1e12",
        "tests/client/test_retry_after.py",
    ),
    Mutant(
        "no lock is inherited by a fork",
        "django_redpin/client/api.py",
        "    os.register_at_fork(after_in_child=_after_fork)\n",
        "    pass\n",
        "tests/client/test_client.py",
    ),
    Mutant(
        "an account's settings are its own",
        "django_redpin/client/api.py",
        '        return record.customer_id in ("", self._customer_id)\n',
        "        return True\n",
        "tests/client tests/test_accounts.py tests/services/test_reconcile.py",
    ),
    Mutant(
        "Redpin's clock has a say in what is expired",
        "django_redpin/services/refresh.py",
        "    return min(record.as_of, now) > ",
        "    return now > ",
        "tests/services/test_life.py tests/services/test_reconcile.py",
    ),
    Mutant(
        "a payment that was listed in time keeps its session from expiring",
        "django_redpin/services/refresh.py",
        "    if record.has_payment:\n        return _apply_latest(session, record, seen)\n",
        "",
        "tests/services/test_life.py",
    ),
    Mutant(
        "nothing is sent a second time for a renewal that may be paid",
        "django_redpin/services/renew.py",
        "    if reason:\n        raise PaymentUnderWay(session, reason)\n",
        "",
        "tests/services/test_life.py",
    ),
    Mutant(
        "a task's time limit ends the task",
        "django_redpin/exceptions/interrupts.py",
        '"SoftTimeLimitExceeded"',
        '"TimeLimitExceeded"',
        "tests/test_time_limits.py",
    ),
    Mutant(
        "a task's time limit is no fault of the event",
        "django_redpin/services/process.py",
        "    except SoftTimeLimitExceeded:\n        raise",
        "    except SystemExit:\n        raise",
        "tests/test_time_limits.py",
    ),
    Mutant(
        "200 means committed, whatever is around the webhook",
        "django_redpin/services/record.py",
        "transaction.atomic(durable=True)",
        "transaction.atomic()",
        "tests/webhooks/test_intake_storing.py",
    ),
    Mutant(
        "200 means committed, with autocommit off too",
        "django_redpin/services/record.py",
        "        transaction.commit()\n",
        "        pass\n",
        "tests/webhooks/test_intake_storing.py",
    ),
    Mutant(
        "the webhook is outside of ATOMIC_REQUESTS",
        "django_redpin/webhooks/view.py",
        '@method_decorator(transaction.non_atomic_requests, name="dispatch")\n',
        "",
        "tests/webhooks/test_intake_storing.py tests/webhooks/test_intake_projects.py",
    ),
    Mutant(
        "the webhook looks at the declared size before it reads",
        "django_redpin/webhooks/view.py",
        "            if _declared_size(request._request) > limit:\n",
        "            if False:\n",
        "tests/webhooks/test_intake_refusals.py",
    ),
    Mutant(
        "the webhook reads no more than its limit",
        "django_redpin/webhooks/view.py",
        "        body = request.read(limit + 1)\n",
        "        body = request.read()\n",
        "tests/webhooks/test_intake_refusals.py",
    ),
    Mutant(
        "an event is inserted first, and its key decides",
        "django_redpin/services/record.py",
        "    try:\n        _store(event, client_reference_id)\n    except IntegrityError:\n"
        "        return _repeated(account, key, body)\n",
        "    if WebhookEvent.objects.filter(account=account, key=key).exists():\n"
        "        return _repeated(account, key, body)\n    _store(event, client_reference_id)\n",
        "tests/webhooks/test_intake_storing.py",
    ),
    Mutant(
        "a copy of an event that is not done makes it due",
        "django_redpin/services/record.py",
        ", next_attempt_at=due, duplicates=copies)\n",
        ", duplicates=copies)\n",
        "tests/webhooks/test_intake_storing.py",
    ),
    Mutant(
        "an event that was verified can be stored",
        "django_redpin/services/record.py",
        "        if not isinstance(error, DataError) and ",
        "        if isinstance(error, Exception) or ",
        "tests/webhooks/test_intake_storing.py",
    ),
    Mutant(
        "an error mail holds no token of the webhook",
        "django_redpin/logs.py",
        '            del vars(record)["request"]\n',
        "            pass\n",
        "tests/webhooks/test_intake_logs.py",
    ),
    Mutant(
        "what lost a deadlock is repeated",
        "django_redpin/services/transactions.py",
        "_TRIES: Final = 4",
        "_TRIES: Final = 1",
        "tests/services/test_transactions.py",
    ),
    Mutant(
        "no success is told of a session under review",
        "django_redpin/services/dispatch.py",
        " and bool(transition.session.review_reason)\n",
        " and False\n",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "nothing stays held after a release",
        "django_redpin/services/dispatch.py",
        "        rearm_held(transition.session)\n",
        "        pass\n",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "only the reason that was read is released",
        "django_redpin/services/journal.py",
        "filter(pk=session.pk, review_reason=reason)",
        "filter(pk=session.pk)",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "an event speaks of the session that it names",
        "django_redpin/services/process.py",
        "    if mismatch:  # Redpin would say nothing that changes it.\n",
        "    if False:\n",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "an amount that is not ours calls for a person",
        "django_redpin/services/process.py",
        "    mismatch = amount_claim_mismatch(session, message)\n",
        '    mismatch = ""\n',
        "tests/services/test_belief.py",
    ),
    Mutant(
        "a signature is believed only where the settings say so",
        "django_redpin/services/process.py",
        "event.is_signed and get_account(event.account).webhook_trust == VERIFIED",
        "event.is_signed",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "only what is signed is believed unasked",
        "django_redpin/services/process.py",
        "event.is_signed and get_account(event.account)",
        "get_account(event.account)",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "a step that is not documented is flagged",
        "django_redpin/services/facts.py",
        "    if not is_documented:\n",
        "    if False:\n",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "one session's URL speaks for no other payer",
        "django_redpin/services/process.py",
        "    if session and session.client_customer_ref != message.client_customer_ref:\n",
        "    if False:\n",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "a redrive makes due what is still given up",
        "django_redpin/services/redrive.py",
        "filter(pk=pk, outcome=outcome, next_attempt_at=None)",
        "filter(pk=pk)",
        "tests/services/test_redrive.py",
    ),
    Mutant(
        "what was applied is not redriven",
        "django_redpin/services/redrive.py",
        "events.filter(outcome__in=EVENT_OUTCOMES)",
        "events.filter()",
        "tests/services/test_redrive.py",
    ),
    Mutant(
        "a webhook's timestamp may not be too old",
        "django_redpin/rules/signatures.py",
        "abs(now - int(timestamp)) <= tolerance",
        "int(timestamp) - now <= tolerance",
        "tests/webhooks/test_verifiers.py",
    ),
    Mutant(
        "a webhook's timestamp may not be from the future",
        "django_redpin/rules/signatures.py",
        "abs(now - int(timestamp)) <= tolerance",
        "now - int(timestamp) <= tolerance",
        "tests/webhooks/test_verifiers.py",
    ),
    Mutant(
        "a webhook has one timestamp",
        "django_redpin/rules/signatures.py",
        "    if len(timestamps) != 1:\n",
        "    if not timestamps:\n",
        "tests/webhooks/test_verifiers.py",
    ),
    Mutant(
        "a webhook is signed by its id, which ends where it ends",
        "django_redpin/webhooks/verifiers.py",
        '        if b"." in message_id:',
        "        if False:",
        "tests/webhooks/test_verifiers.py",
    ),
    Mutant(
        "a webhook has to pass all verifiers",
        "django_redpin/webhooks/verification.py",
        "    if failures:\n",
        "    if not proofs:\n",
        "tests/webhooks/test_verification.py",
    ),
    Mutant(
        "a webhook is verified by a Proof and by nothing else",
        "django_redpin/webhooks/verification.py",
        "    if not isinstance(proof, Proof) or not isinstance(proof.name, str):\n"
        '        raise NoVerifier(f"{name} returned no Proof.")\n'
        "    return proof\n",
        "    return proof if isinstance(proof, Proof) else Proof(name)\n",
        "tests/webhooks/test_verification.py",
    ),
    Mutant(
        "a webhook is not trusted without a signature",
        "django_redpin/webhooks/verification.py",
        '    if account.webhook_trust == "verified" and',
        "    if False and",
        "tests/webhooks/test_verification.py",
    ),
    Mutant(
        "a webhook's verifier has no weak secret",
        "django_redpin/webhooks/verifiers.py",
        "        return secret.encode() if is_strong(secret) else None\n",
        '        return secret.encode("utf-8", "replace")\n',
        "tests/webhooks/test_verifiers.py",
    ),
    Mutant(
        "a webhook's verifier has a secret",
        "django_redpin/webhooks/verifiers.py",
        "(list, tuple)) or not secrets:",
        "(list, tuple)):",
        "tests/webhooks/test_verifiers.py",
    ),
    Mutant(
        "a webhook's first hop is never believed",
        "django_redpin/webhooks/sources.py",
        'reversed(forwarded.split(","))',
        'forwarded.split(",")',
        "tests/webhooks/test_sources.py",
    ),
    Mutant(
        "a webhook's hops are believed from trusted proxies alone",
        "django_redpin/webhooks/sources.py",
        "        if source is None or network_of(source, trusted) is None:\n",
        "        if source is None:\n",
        "tests/webhooks/test_sources.py",
    ),
    Mutant(
        "a webhook that fails too often costs no line",
        "django_redpin/webhooks/failures.py",
        "        if count < self._limit:\n",
        "        if True:\n",
        "tests/webhooks/test_failures.py",
    ),
    Mutant(
        "nobody waits for a broker longer than its patience",
        "django_redpin/services/publisher.py",
        "        if not message.settled.wait(patience):\n",
        "        if not message.settled.wait(60):\n",
        "tests/test_queue.py",
    ),
    Mutant(
        "a broker that failed is left alone for a while",
        "django_redpin/services/publisher.py",
        "        self._open_until = time.monotonic() + CIRCUIT\n",
        "",
        "tests/test_queue.py",
    ),
    Mutant(
        "what waits behind a message that failed is dropped",
        "django_redpin/services/publisher.py",
        "        self._settle(count)\n",
        "        self._settle(1)\n",
        "tests/test_queue.py",
    ),
    Mutant(
        "a silent broker is told of",
        "django_redpin/services/publisher.py",
        "time.monotonic() - head.began > SILENCE:\n",
        "head.began < 0:\n",
        "tests/test_queue.py",
    ),
    Mutant(
        "a forked child publishes by a thread of its own",
        "django_redpin/services/publisher.py",
        "    os.register_at_fork(after_in_child=start_anew)\n",
        "    pass\n",
        "tests/test_queue.py",
    ),
    Mutant(
        "a primary key is all that a message holds",
        "django_redpin/services/queue.py",
        "args=(pk,))\n",
        'args=(pk, {"iban": "AE07"}))\n',
        "tests/test_celery.py tests/test_contract.py",
    ),
    Mutant(
        "inline work waits for the answer",
        "django_redpin/services/inline.py",
        "    work = _collected.get()\n",
        "    work = None\n",
        "tests/test_queue.py",
    ),
    Mutant(
        "inline work waits for the commit",
        "django_redpin/services/inline.py",
        "        transaction.on_commit(partial(_do, work), robust=True)\n",
        "        _do(work)\n",
        "tests/test_queue.py",
    ),
    Mutant(
        "inline, a payer waits for no event",
        "django_redpin/services/inline.py",
        "        work = _Work(_AFTER_COMMIT)\n",
        "        work = _Work(_AFTER_RESPONSE)\n",
        "tests/test_queue.py",
    ),
    Mutant(
        "a sweep meets no row twice",
        "django_redpin/services/sweeps.py",
        "        return rows.filter(next_attempt_at__gte=at).exclude(",
        "        return rows.exclude(pk=0, ",
        "tests/test_commands.py",
    ),
    Mutant(
        "retention keeps what is not done",
        "django_redpin/services/retention.py",
        "DONE: Final = Q(next_attempt_at=None) & (\n",
        "DONE: Final = Q(pk__gt=0) | (\n",
        "tests/services/test_retention.py",
    ),
    Mutant(
        "retention finds what has a body by the index",
        "django_redpin/services/retention.py",
        "DONE, has_body__in=(True,), received",
        'DONE, ~Q(body=b""), received',
        "tests/services/test_retention.py",
    ),
    Mutant(
        "retention keeps the event that a transition came from",
        "django_redpin/services/retention.py",
        "    return rows.filter(DONE, ~_REFERRED, ",
        "    return rows.filter(DONE, ",
        "tests/services/test_retention.py",
    ),
    Mutant(
        "an event is one row, by the database's word",
        "django_redpin/migrations/0001_initial.py",
        'fields=("account", "key"), name',
        'fields=("account", "key", "received_at"), name',
        "tests/model/test_invariants.py",
    ),
    Mutant(
        "a copy of an event is a success",
        "django_redpin/services/record.py",
        "    except IntegrityError:\n        return _repeated(account, key, body)\n",
        "    except ZeroDivisionError:\n        return _repeated(account, key, body)\n",
        "tests/model/test_invariants.py",
    ),
    Mutant(
        "the compare-and-set of a payment",
        "django_redpin/services/facts.py",
        "        payment_status_position=session.payment_status_position,\n"
        "        state=session.state,\n",
        "",
        "tests/model/test_invariants.py tests/services/test_events.py",
    ),
    Mutant(
        "a claim is believed once Redpin confirms it",
        "django_redpin/services/confirm.py",
        "    return Verdict(record, _contradiction(session, message, record))\n",
        "    return Verdict(record)\n",
        "tests/model/test_invariants.py tests/services/test_events.py",
    ),
    Mutant(
        "a transition that was told is not told for ever",
        "django_redpin/services/dispatch.py",
        "        dispatched_at=timezone.now(),\n        next_attempt_at=None,\n",
        "        dispatched_at=timezone.now(),\n",
        "tests/model/test_invariants.py",
    ),
    Mutant(
        "the flow decides between two facts of one second",
        "django_redpin/rules/statuses.py",
        "timezone.utc), RANKS.get(status, 0), key)",
        "timezone.utc), 0, key)",
        "tests/rules/test_statuses.py",
    ),
    Mutant(
        "a refund proves no payout",
        "django_redpin/rules/statuses.py",
        "    REFUNDED: _BEGUN | {RECEIVED_FUNDS},\n",
        "    REFUNDED: _FUNDED | {PAYOUT_INITIATED, PAYOUT_CREDITED},\n",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "one payee of several moves no payment",
        "django_redpin/services/facts.py",
        "    if not (fact.is_signed or proves(fact.listed, fact.status)):\n",
        "    if False:\n",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "a payment's id is Redpin's to tell",
        "django_redpin/services/process.py",
        "            payment_id=record.payment_id,\n",
        "",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "a signature speaks of the payment on record",
        "django_redpin/services/claims.py",
        'for name in (*_IDENTITY, "payment_id") if is_trusted else _IDENTITY:',
        "for name in _IDENTITY:",
        "tests/services/test_belief.py",
    ),
    Mutant(
        "a release that was cut off is finished",
        "django_redpin/services/dispatch.py",
        "        rearm_held(transition.session)  # Should",
        "        pass  # Should",
        "tests/services/test_telling.py",
    ),
    Mutant(
        "a clock that is behind holds up no message",
        "django_redpin/services/leases.py",
        "_SKEW: Final = timedelta(seconds=2)",
        "_SKEW: Final = timedelta(0)",
        "tests/services/test_telling.py",
    ),
    Mutant(
        "an event is told of before it is given up",
        "django_redpin/services/process.py",
        "        _call_for_somebody(event)\n",
        "        pass\n",
        "tests/services/test_telling.py tests/services/test_belief.py",
    ),
    Mutant(
        "the sandbox's controls, against pages of another origin",
        "django_redpin/sandbox/control.py",
        '    if request.headers.get("Origin", own) != own:\n',
        "    if False:\n",
        "tests/sandbox/test_control.py",
    ),
    Mutant(
        "the sandbox's controls, against what a form of any page can send",
        "django_redpin/sandbox/control.py",
        '    if request.content_type != "application/json":\n',
        "    if False:\n",
        "tests/sandbox/test_control.py",
    ),
    Mutant(
        "the sandbox's controls, against a stranger's name for this machine",
        "django_redpin/sandbox/control.py",
        """    return is_fixed_host(host.strip("[]")) or validate_host(host, named)\n""",
        "    return True\n",
        "tests/sandbox/test_control.py",
    ),
    Mutant(
        "one use of an API fault for one call",
        "django_redpin/sandbox/faults.py",
        "        if mine.filter(left__gt=0).update(",
        "        if mine.update(",
        "tests/sandbox/test_faults.py",
    ),
    Mutant(
        "the token in the faults' form",
        "django_redpin/sandbox/fault_pages.py",
        """    if refused := refuse_others(request, reverse("redpin_sandbox_faults")):\n""",
        "    if refused := None:\n",
        "tests/sandbox/test_faults.py",
    ),
    Mutant(
        "a button of the control page that names a status, against any other one",
        "django_redpin/sandbox/controls.py",
        """        if wanted not in ("", str(fact.event_id)):\n""",
        "        if False:\n",
        "tests/sandbox/test_control_pages.py",
    ),
    Mutant(
        "that the forms of the sandbox's own pages say where they come from",
        "django_redpin/sandbox/own_pages.py",
        """    response["Referrer-Policy"] = "same-origin"\n""",
        "",
        "tests/sandbox/test_control_guard.py",
    ),
    Mutant(
        "no web page around a session that has app identifiers alone",
        "django_redpin/sandbox/frames.py",
        "    if parents != ANYBODY:\n",
        "    if parents and parents != ANYBODY:\n",
        "tests/sandbox/test_frames.py",
    ),
    Mutant(
        "a theme of the page around it alone",
        "django_redpin/sandbox/static/redpin_sandbox/theme.js",
        " || event.source !== window.parent",
        "",
        "tests/sandbox/test_frames.py",
    ),
    Mutant(
        "a theme of an allowed origin alone",
        "django_redpin/sandbox/static/redpin_sandbox/theme.js",
        '  if (!parents.includes("*") && !parents.includes(event.origin)) return;\n',
        "",
        "tests/sandbox/test_frames.py",
    ),
    Mutant(
        "credentials out of the log of calls",
        "django_redpin/sandbox/masks.py",
        '    **dict.fromkeys(("client_secret", "access_token", "refresh_token", "authorization"), '
        "_hide),\n",
        "",
        "tests/sandbox/test_log.py",
    ),
    Mutant(
        "the callbacks' tokens out of the log of calls",
        "django_redpin/sandbox/masks.py",
        '    "callbacks": hide_token,\n',
        "",
        "tests/sandbox/test_log.py",
    ),
    Mutant(
        "the end of the log of calls",
        "django_redpin/sandbox/calls.py",
        "        Call.objects.filter(pk__lte=call.pk - MOST_CALLS).delete()\n",
        "",
        "tests/sandbox/test_log.py",
    ),
    Mutant(
        "a reference of the newer API once for each customer",
        "django_redpin/sandbox/api.py",
        "client_id if scope == 'client' else known.customer_id",
        "client_id",
        "tests/sandbox/test_versions.py",
    ),
    Mutant(
        "no real credentials to Redpin's token host for a Redpin on this machine",
        "django_redpin/conf.py",
        '    return {**DEFAULTS, **_tokens_of_this_machine(given.get("BASE_URL")), **given}\n',
        "    return {**DEFAULTS, **given}\n",
        "tests/test_sandbox_command.py::"
        "test_tokens_come_from_a_redpin_on_this_machine_and_else_from_redpins_host",
    ),
    Mutant(
        "no page of this site's own origin is framed",
        "django_redpin/embed/frame.py",
        "    if origin and has_origin(request, origin):\n",
        "    if False:\n",
        "tests/embed/test_a32_own_origin.py",
    ),
    Mutant(
        "a proxy hides the scheme of this site's own origin",
        "django_redpin/embed/page.py",
        'scheme = origin.partition("://")[0]',
        "scheme = request.scheme",
        "tests/embed/test_a32_own_origin.py",
    ),
    Mutant(
        "the token of the form stays on this site",
        "django_redpin/embed/frame.py",
        "    if is_own_address(url, request):\n",
        "    if True:\n",
        "tests/embed/test_a31_markup.py",
    ),
    Mutant(
        "a wrong literal stops its template",
        "django_redpin/templatetags/redpin.py",
        "            read(_literal_of(node.kwargs.get(name)))\n",
        "            pass\n",
        "tests/embed/test_options.py",
    ),
    Mutant(
        "a wrong value from the context hides no page",
        "django_redpin/templatetags/redpin.py",
        "            del options[name]\n",
        "            pass\n",
        "tests/embed/test_options.py",
    ),
    Mutant(
        "no cache keeps a page with a session",
        "django_redpin/decorators.py",
        '"no-store, private"',
        '"no-cache"',
        "tests/embed/test_a36_pages.py",
    ),
    Mutant(
        "what is no origin gets into no policy",
        "django_redpin/csp.py",
        "    return origin_of(value) == value\n",
        "    return True\n",
        "tests/test_csp.py",
    ),
    Mutant(
        "whoever may frame a page is never made more",
        "django_redpin/csp.py",
        "            merged.setdefault(name, needed)\n",
        "            merged[name] = needed\n",
        "tests/test_csp.py",
    ),
    Mutant(
        "a fallback of the policy keeps its sources",
        "django_redpin/csp.py",
        "_joined(told[decides], needed)",
        "_joined([], needed)",
        "tests/test_csp.py",
    ),
    Mutant(
        "under 'strict-dynamic' nothing but a nonce lets our script in",
        "django_redpin/csp_checks.py",
        '    if name == "script-src" and STRICT_DYNAMIC in sources:',
        "    if False:",
        "tests/test_checks_csp.py",
    ),
    Mutant(
        "a status address is good for a while only",
        "django_redpin/embed/tokens.py",
        "            token, max_age=project_settings().status_token_max_age\n",
        "            token\n",
        "tests/embed/test_status.py",
    ),
    Mutant(
        "a status address is signed for nothing else",
        "django_redpin/embed/tokens.py",
        'TimestampSigner(salt=SALT, sep=".")',
        'TimestampSigner(sep=".")',
        "tests/embed/test_status_access.py",
    ),
    Mutant(
        "the status of a session by its account too",
        "django_redpin/embed/status.py",
        "filter(pk=pk, account=account)",
        "filter(pk=pk)",
        "tests/embed/test_status_access.py",
    ),
    Mutant(
        "the status of a session by login for its payer alone",
        "django_redpin/embed/status.py",
        "if session is not None and session.payer_id == user.pk:",
        "if session is not None:",
        "tests/embed/test_status_access.py",
    ),
    Mutant(
        "staff need the permission to see a session's status",
        "django_redpin/embed/status.py",
        'getattr(user, "is_staff", False) and user.has_perm(_VIEW_PERMISSION)',
        'getattr(user, "is_staff", False)',
        "tests/embed/test_status_access.py",
    ),
    Mutant(
        "a permission without being staff shows no session's status",
        "django_redpin/embed/status.py",
        'getattr(user, "is_staff", False) and user.has_perm(_VIEW_PERMISSION)',
        "user.has_perm(_VIEW_PERMISSION)",
        "tests/embed/test_status_access.py",
    ),
    Mutant(
        "only a user is a payer",
        "django_redpin/embed/status.py",
        "return request.user if isinstance(request.user, get_user_model()) else None",
        "return request.user if request.user and request.user.pk else None",
        "tests/embed/test_status_access.py",
    ),
    Mutant(
        "no token of a status address in the log of requests",
        "django_redpin/embed/status.py",
        "response._has_been_logged = True",
        "response._is_untold = True",
        "tests/embed/test_status.py",
    ),
    Mutant(
        "no token of a status address past the filter of logs",
        "django_redpin/logs.py",
        "|{place}{_SESSIONS}",
        "",
        "tests/webhooks/test_intake_logs.py",
    ),
    Mutant(
        "no token of a status address is a key of the cache",
        "django_redpin/embed/status.py",
        'f"session:{found[0]}"',
        "self.kwargs['token']",
        "tests/embed/test_status.py",
    ),
    Mutant(
        "nobody gets the page of another payer's session",
        "django_redpin/rest/views.py",
        'if _is_anothers(session, arguments["payer"]):',
        "if False:",
        "tests/rest/test_create_view.py",
    ),
    Mutant(
        "nobody renews another payer's session",
        "django_redpin/rest/views.py",
        "        if session is None or _is_anothers(session, payer):\n",
        "        if session is None:\n",
        "tests/rest/test_renew_view.py",
    ),
    Mutant(
        "a problem leads to the asker's own session alone",
        "django_redpin/rest/views.py",
        "if session is not None and is_own else",
        "if session is not None else",
        "tests/rest/test_problems.py",
    ),
    Mutant(
        "no session for an app without an idempotency key",
        "django_redpin/rest/views.py",
        '        if not arguments.get("idempotency_key"):\n',
        "        if False:\n",
        "tests/rest/test_problems.py",
    ),
    Mutant(
        "an app gets no address but one of Redpin's, while it can be paid on",
        "django_redpin/rest/views.py",
        'frame_source(session) if told["view"] == OPEN else None',
        "session.session_url",
        "tests/rest/test_create_view.py",
    ),
    Mutant(
        "an app's create call stands outside a transaction",
        "django_redpin/rest/views.py",
        '@method_decorator(transaction.non_atomic_requests, name="dispatch")\n',
        "",
        "tests/rest/test_create_view.py",
    ),
    Mutant(
        "Redpin's own words stay in the log",
        "django_redpin/rest/problems.py",
        "        message = str(error.user_message)\n",
        "        message = error.description\n",
        "tests/rest/test_problems.py",
    ),
    Mutant(
        "what is given to an app is kept in no cache",
        "django_redpin/rest/views.py",
        '        response["Cache-Control"] = "no-store"\n',
        "",
        "tests/rest/test_create_view.py",
    ),
    Mutant(
        "one language for all of a section",
        "django_redpin/embed/frame.py",
        "    with translation.override(words_language()):\n",
        "    if True:\n",
        "tests/embed/test_languages.py",
    ),
    Mutant(
        "a locale that Babel does not know",
        "django_redpin/l10n.py",
        "        except (UnknownLocaleError, ValueError):\n",
        "        except KeyError:\n",
        "tests/test_l10n.py",
    ),
    Mutant(
        "no language of the hosted page that there is not",
        "django_redpin/sandbox/languages.py",
        'return asked if asked in LANGUAGES else ""',
        "return asked",
        "tests/sandbox/test_languages.py",
    ),
    Mutant(
        "pages for developers in one language",
        "django_redpin/sandbox/frames.py",
        "    with translation.override(language):\n",
        "    if True:\n",
        "tests/sandbox/test_languages.py",
    ),
    Mutant(
        "the chosen language through all steps",
        "django_redpin/sandbox/hosted.py",
        'if chosen := query.get("lang") or chosen_language(self.request):',
        'if chosen := query.get("lang"):',
        "tests/sandbox/test_languages.py",
    ),
    Mutant(
        "the sandbox's one move of a payment at a time",
        "django_redpin/sandbox/flows.py",
        "        moved = Payment.objects.filter(pk=payment.pk, facts_true=position).update(\n",
        "        moved = Payment.objects.filter(pk=payment.pk).update(\n",
        "tests/sandbox/test_control_moves.py",
    ),
    Mutant(
        "the sandbox's pause",
        "django_redpin/sandbox/flows.py",
        "_make_next_fact_true(payment, session__paused=False)",
        "_make_next_fact_true(payment)",
        "tests/sandbox/test_control_moves.py",
    ),
    Mutant(
        "the sandbox's list call, which tells of the newest status",
        "django_redpin/sandbox/flows.py",
        "            facts_true=position + 1, status=plan.status\n",
        "            facts_true=position + 1\n",
        "tests/sandbox/test_control_moves.py",
    ),
    Mutant(
        "the token of the sandbox's control page",
        "django_redpin/sandbox/own_pages.py",
        "    return token is not None and token.step == _STEP\n",
        "    return token is not None\n",
        "tests/sandbox/test_control_guard.py",
    ),
    Mutant(
        "the secret of a callback on the sandbox's pages",
        "django_redpin/sandbox/addresses.py",
        """    path = parts.path.rstrip("/").rpartition("/")[0]\n""",
        "    path = parts.path\n",
        "tests/sandbox/test_control_faults.py",
    ),
    Mutant(
        "the callback before the answer",
        "django_redpin/sandbox/courier.py",
        "    while time.monotonic() < give_up and untried.exists():\n",
        "    while False:\n",
        "tests/sandbox/test_control_faults.py",
    ),
    Mutant(
        "a message is heard from Redpin's origin alone",
        "django_redpin/static/redpin/session.js",
        " || origin !== frame.dataset.redpinOrigin",
        "",
        "tests/browser/test_messages.py",
    ),
    Mutant(
        "a message is heard from the frame alone",
        "django_redpin/static/redpin/session.js",
        " || source !== frame.contentWindow",
        "",
        "tests/browser/test_messages.py",
    ),
    Mutant(
        "the theme goes to Redpin's origin alone",
        "django_redpin/static/redpin/session.js",
        "postMessage(JSON.parse(redpinTheme), redpinOrigin)",
        'postMessage(JSON.parse(redpinTheme), "*")',
        "tests/browser/test_messages.py",
    ),
    Mutant(
        "an open page is left alone while its view stays",
        "django_redpin/static/redpin/session.js",
        'before && status.view !== "open" &&',
        "before &&",
        "tests/browser/test_following.py",
    ),
    Mutant(
        "a renewal is sent to this site alone",
        "django_redpin/static/redpin/session.js",
        'mode: "same-origin", ',
        "",
        "tests/browser/test_renewing.py",
    ),
    Mutant(
        "a page that was asked for before a renewal comes too late",
        "django_redpin/static/redpin/session.js",
        " && !isLate",
        "",
        "tests/browser/test_renewing.py",
    ),
    Mutant(
        "a window of Redpin's can not reach back",
        "django_redpin/static/redpin/session.js",
        "popup,noopener,",
        "popup,",
        "tests/browser/test_renewing.py",
    ),
    Mutant(
        "broken rules do not hide the session of the key",
        "django_redpin/services/create.py",
        "        raise InvalidPaymentSession(faults, existing)\n",
        "        raise InvalidPaymentSession(faults)\n",
        "tests/services/test_create.py tests/rest/test_problems.py",
    ),
    Mutant(
        "broken rules do not hide the session of the reference",
        "django_redpin/services/create.py",
        "        raise InvalidPaymentSession((fault,), taken) from None\n",
        "        raise InvalidPaymentSession((fault,)) from None\n",
        "tests/services/test_create.py",
    ),
    Mutant(
        "no literal of a template ends an attribute",
        "django_redpin/embed/frame.py",
        '    return html.unescape(written) + "" if is_html else written',
        "    return written",
        "tests/embed/test_a31_markup.py",
    ),
    Mutant(
        "the tag's templates escape whatever the engine does",
        "django_redpin/templates/redpin/session/base.html",
        "{% autoescape on %}",
        "{% autoescape off %}",
        "tests/embed/test_a31_markup.py",
    ),
    Mutant(
        "no translation ends an attribute",
        "django_redpin/templates/redpin/session/open.html",
        "'Secure payment page by Redpin'|force_escape",
        "'Secure payment page by Redpin'",
        "tests/embed/test_a31_markup.py",
    ),
    Mutant(
        "a renewal needs a session",
        "django_redpin/rest/views.py",
        "        if session is None or _is_anothers(session, payer):\n",
        "        if _is_anothers(session, payer):\n",
        "tests/rest/test_renew_view.py",
    ),
    Mutant(
        "an override that returns nothing is named",
        "django_redpin/rest/views.py",
        "        if not isinstance(given, Mapping):\n",
        "        if False:\n",
        "tests/rest/test_create_view.py",
    ),
    Mutant(
        "a version in the Accept header is heard",
        "django_redpin/rest/views.py",
        "        with suppress(Exception):  # No JSON in it, or a header that can't be read.\n",
        "        with suppress(Exception):\n            return chosen\n",
        "tests/rest/test_create_view.py",
    ),
    Mutant(
        "a class of async handlers is a page, too",
        "django_redpin/decorators.py",
        "        return _awaited(response) if isawaitable(response) else _with_headers(response)\n",
        "        return _with_headers(response)\n",
        "tests/embed/test_a36_pages.py",
    ),
    Mutant(
        "a policy of a middleware that is made of another",
        "django_redpin/csp_checks.py",
        '            kinds = getattr(import_string(path), "__mro__", ())\n',
        "            kinds = (import_string(path),)\n",
        "tests/test_checks_csp.py",
    ),
    Mutant(
        "an app is told of the session that there was before an error",
        "django_redpin/rest/views.py",
        "                _name_session(error, self.known_session(arguments))\n",
        "                pass\n",
        "tests/rest/test_problems.py",
    ),
    Mutant(
        "no key is nobody's session",
        "django_redpin/rest/views.py",
        "        return rows.first() if key else None\n",
        "        return rows.first()\n",
        "tests/rest/test_problems.py",
    ),
    Mutant(
        "this site's own origin is no hosted page's",
        "django_redpin/checks/addresses.py",
        " not in wrong and origin == origin_of(",
        " not in wrong and None == origin_of(",
        "tests/test_checks.py",
    ),
)


def main(words: list[str]) -> int:
    chosen = [m for m in MUTANTS if all(word in m.guard for word in words)]
    survivors = []
    with tempfile.TemporaryDirectory(prefix="redpin-mutants-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = ROOT / name
            take = shutil.copytree if source.is_dir() else shutil.copy
            take(source, copy / name)
        tests = sorted({path for mutant in chosen for path in mutant.tests.split()})
        if run(copy, tests) != 0:
            print("The tests fail as they are; mend that first.")
            return 2
        for mutant in chosen:
            path = copy / mutant.path
            text = path.read_text()
            if text.count(mutant.before) != 1:
                print(f"stale     {mutant.guard}: {mutant.path} has not what it names, once")
                survivors.append(mutant)
                continue
            path.write_text(text.replace(mutant.before, mutant.after))
            is_caught = run(copy, mutant.tests.split()) == 1
            path.write_text(text)
            print(f"{'caught' if is_caught else 'SURVIVED':9} {mutant.guard}", flush=True)
            if not is_caught:
                survivors.append(mutant)
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} guards are held by tests.")
    return 1 if survivors else 0


def run(folder: Path, tests: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "2", "-p", "no:cacheprovider"]
    command += ["-m", "not slow"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [*command, *tests], cwd=folder, env=environment, capture_output=True, check=False
    )
    # Where pytest-xdist stops at the first failure it says 2, as after a module it can't read.
    return 1 if b" failed" in done.stdout else done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
