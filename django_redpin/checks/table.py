"""What each id of the system checks means; the messages and hints speak of one place in settings.

For the docs, which show it with those; a test holds it to the ids that the code raises. The checks
are beside this module, and with what they look at: `webhooks/checks.py`, `csp_checks.py`,
`encryption_checks.py`.
"""

from __future__ import annotations

from typing import Final

# Markdown, by id. An E is an error, a W a warning.
MEANINGS: Final[dict[str, str]] = {
    "redpin.E001": (
        "`REDPIN` is missing, or no dict; or `ACCOUNTS` is none of dicts, or has aliases that "
        "can't be kept apart."
    ),
    "redpin.E002": "An unknown key.",
    "redpin.E003": "A value of a wrong type.",
    "redpin.E004": "A required key is not set.",
    "redpin.E005": (
        "A URL that is not HTTPS, or a `WEBHOOK_BASE_URL` at which Redpin can't reach this site."
    ),
    "redpin.E006": "No webhook secret, or one that is too short.",
    "redpin.E007": "An entry of `ALLOWED_ORIGINS` that Redpin would refuse.",
    "redpin.E008": (
        "An entry of `HOSTED_PAGE_ORIGINS` that is no origin, or that of `WEBHOOK_BASE_URL`, "
        "this site's own."
    ),
    "redpin.E009": "The webhook has no URL.",
    "redpin.E010": "`ACCOUNT_RESOLVER` is no dotted path, can't be imported, or can't be called.",
    "redpin.E011": "One of `WEBHOOK_VERIFIERS` can't be imported, or its options can't be used.",
    "redpin.E012": "A verifier has no secret, or one that is too short or of the wrong form.",
    "redpin.E013": '`WEBHOOK_TRUST` is `"verified"` without a verifier of signatures.',
    "redpin.E014": "`USE_TZ` is False.",
    "redpin.E015": "`WEBHOOK_BODY_RETENTION_DAYS` is not below `WEBHOOK_EVENT_RETENTION_DAYS`.",
    "redpin.E016": (
        '`WEBHOOK_PROCESSING` is `"django_task"`, but there are no tasks, or their backend '
        "can't be used or runs nothing."
    ),
    "redpin.E017": (
        "The webhook's URL leads to another view: a pattern before it takes its paths, or "
        "something else has the namespace `redpin`."
    ),
    "redpin.E020": "With `--deploy`: the sandbox is in `INSTALLED_APPS`.",
    "redpin.E021": (
        "With `--deploy`: `BASE_URL`, `TOKEN_URL`, `WEBHOOK_BASE_URL` or one of "
        "`HOSTED_PAGE_ORIGINS` is on this machine."
    ),
    "redpin.E022": (
        "With `--deploy`: `CLIENT_SECRET` or `WEBHOOK_SECRETS` holds a secret of our example "
        "or docs."
    ),
    "redpin.E023": (
        "With `--deploy`: `TOKEN_CACHE` is a cache that each process has for itself; `None` "
        "says that this is meant."
    ),
    "redpin.E025": "`CA_BUNDLE` is the path of nothing.",
    "redpin.E030": "`BANK_DETAILS_KEYS` has keys, but the library cryptography is not installed.",
    "redpin.W001": "`HOSTED_PAGE_ORIGINS` is empty.",
    "redpin.W002": "`WEBHOOK_MAX_BODY_BYTES` lets in more than 1 MiB.",
    "redpin.W005": (
        '`WEBHOOK_PROCESSING` is `"django_task"`, but the backend runs a task at once, while '
        "the webhook waits."
    ),
    "redpin.W006": (
        "The content security policy that is enforced would block the hosted page, or our "
        "script, style sheet, status or form."
    ),
    "redpin.W010": (
        "With `--deploy`: `DEBUG` is on, and `REDPIN` has credentials for a Redpin that is no "
        "sandbox."
    ),
    "redpin.W011": (
        'With `--deploy`: `WEBHOOK_PROCESSING` is `"task"`, but Celery has no broker, one in '
        "memory, or `task_always_eager`."
    ),
    "redpin.W012": (
        'With `--deploy`: `WEBHOOK_PROCESSING` is `"task"`, but Celery\'s beat has no entry for'
        " some of the sweeps."
    ),
}
