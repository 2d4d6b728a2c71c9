"""What the explanations and the tables of symptoms say is what the code says."""

from __future__ import annotations

import ast
import re
from typing import Final
from xml.etree import ElementTree

import pytest
from django.conf import global_settings
from django.core.management import get_commands

from django_redpin import exceptions
from django_redpin.client.outcomes import RULES
from django_redpin.models import PaymentSession, StatusTransition, WebhookEvent
from django_redpin.rules.statuses import FAILED, PAYMENT_COMPLETED, PAYOUT, RANKS
from django_redpin.services.leases import LEASE, MAX_ATTEMPTS
from django_redpin.services.process import MAX_CONTRADICTIONS, MAX_WAITS
from django_redpin.services.schedule import FIRST_LOOK
from django_redpin.telemetry.events import LogEvent
from docs._ext import inventory

from .blocks import ROOT, code_in
from .reading import (
    PACKAGE,
    is_said,
    modules,
    plain,
    review_reasons,
    rows_of,
    source,
    tables_of,
    text_of,
)

WRONG: Final = "what-can-go-wrong.md"
FLOW: Final = "payment-flow.md"
CHECKED: Final = (
    FLOW,
    WRONG,
    "accounts.md",
    "going-live.md",
    "tenants.md",
    "troubleshooting.md",
    "why-a-webhook-is-not-believed.md",
)
# Names of Django's, of Celery's, of the web's and of the pages' own examples.
STRANGERS: Final = frozenset(
    {
        "200 stored",
        "AppConfig.ready",
        "ATOMIC_REQUESTS",
        "Cross-Origin-Opener-Policy",
        "DJANGO_SETTINGS_MODULE",
        "INSERT",
        "SECURE_PROXY_SSL_HEADER",
        "TestCase",
        "X-Frame-Options",
        "admin.py",
        "i18n_patterns",
        'mode="redirect"',
        "register(admin.site)",
        "session.renewal",
        "tasks.py",
        "transition.pk",
    }
)


@pytest.mark.heavy
@pytest.mark.parametrize("page", CHECKED)
def test_what_is_quoted_is_in_the_code(page: str) -> None:
    unknown = [
        f"{page}:{line}: `{code}`"
        for line, code in code_in(ROOT / "docs" / page)
        if not is_known(code)
    ]

    assert not unknown, "\n".join(["", *unknown])


def is_known(code: str) -> bool:
    """Tell whether the code has this name, this command or these words."""
    if code in STRANGERS or (ROOT / code).exists():
        return True
    first = code.split()[0].rpartition("/")[2]
    if first.startswith("redpin_"):
        return first in get_commands() or first in source()
    if first in {"manage.py", "pip", "python"} or code.startswith("check "):
        return True  # `test_blocks` types them.
    if re.fullmatch(r"redpin\.[EW]\d{3}|redpin\.", code):
        return f'"{code}"' in source() or code == "redpin."
    if code in get_commands() or hasattr(global_settings, code):
        return True
    if code.split(".")[0] in {each.value.name.split(".")[0] for each in LogEvent} and "." in code:
        return code in {each.value.name for each in LogEvent} or code in source()
    if " " in code.strip("…. "):
        return is_said(code) or code in source()
    parts = [part for part in re.split(r"…|\.\.\.", code) if part]
    return all(part in source() for part in parts)


def test_a_quotation_that_nobody_says_is_found() -> None:
    assert is_known("Redpin lists …, which does not prove ….")
    assert not is_known("Redpin lists …, which proves ….")
    assert is_known("webhook.refused")
    assert not is_known("webhook.rejected_twice")
    assert is_known("redpin.E001")
    assert not is_known("redpin.E999")
    assert not is_known("redpin_checks")
    assert not is_known("HOSTED_PAGE_ORIGIN_LIST")


def test_the_first_table_of_failures_is_that_of_the_code() -> None:
    rows = rows_of(WRONG, "A session is created, and the call fails")

    assert [tuple(row[:2]) for row in rows] == [(rule.kind, rule.outcome.value) for rule in RULES]
    assert all(len(row) == 4 and row[3] for row in rows)


def test_each_error_asks_for_what_the_code_asks_for() -> None:
    shown = {
        plain(name): (money, cure) for name, money, cure in rows_of(WRONG, "An error is raised")
    }

    kinds = {
        name: getattr(exceptions, name) for name in exceptions.__all__ if name != "RedpinError"
    }
    assert shown == {
        name: (inventory.money_moved(kind), kind.next_step) for name, kind in kinds.items()
    }


def test_each_answer_of_the_webhook_is_explained() -> None:
    rows = rows_of(WRONG, "A webhook is posted, and refused")
    tree = modules()[PACKAGE / "webhooks/view.py"]
    given = set()
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="_answer" | "_later"), args=[*_, last]):
                choice = [last.body, last.orelse] if isinstance(last, ast.IfExp) else [last]
                given |= {text for each in choice if (text := text_of(each))}
            case ast.AnnAssign(target=ast.Name(id="_WORDS"), value=ast.Dict() as words):
                given |= {text for each in words.values if (text := text_of(each))}

    assert {plain(row[1]) for row in rows} == given | {"not_verified"}


def test_each_outcome_of_an_event_is_explained_with_its_numbers() -> None:
    rows = rows_of(WRONG, "An event is stored, and not applied")
    words = {plain(row[0]): " ".join(row[1:]) for row in rows}

    assert [*words] == WebhookEvent.Outcome.values
    assert f"tries {MAX_WAITS} times" in words["waiting"]
    assert f"about {MAX_CONTRADICTIONS} times" in words["contradicted"]
    assert f"tried {MAX_ATTEMPTS} times" in words["dead"]


def test_each_outcome_of_a_transition_is_explained_with_its_numbers() -> None:
    rows = rows_of(WRONG, "A receiver fails")

    assert [plain(row[0]) for row in rows] == StatusTransition.Outcome.values
    assert f"failed {MAX_ATTEMPTS} times" in rows[-1][1]


def test_each_reason_for_a_review_is_explained() -> None:
    shown = {plain(row[0]) for row in rows_of(WRONG, "A session needs review")}

    assert set(review_reasons()) <= shown
    assert [reason for reason in shown if not is_said(reason)] == []


def test_the_times_of_what_fails_around_are_those_of_the_code() -> None:
    words = " ".join(" ".join(row) for row in rows_of(WRONG, "Something around it fails"))

    assert f"after {LEASE.total_seconds() / 60:.0f} minutes" in words
    assert f"asks Redpin after {FIRST_LOOK.total_seconds() / 60:.0f} minutes" in words


def test_each_state_and_each_status_is_explained_with_what_is_told() -> None:
    states, statuses = tables_of(FLOW, "Two things called status")
    told = {plain(row[0]): plain(row[2]).split(", ") for row in statuses}

    assert {plain(row[0]) for row in states} == set(PaymentSession.State.values)
    assert set(told) == set(RANKS)
    for status, signals in told.items():
        assert signals == [
            "payment_status_changed",
            *(["payment_completed"] if status == PAYMENT_COMPLETED else []),
            *(["payment_failed"] if status in FAILED else []),
            *(["payout_status_changed"] if status in PAYOUT else []),
        ]


PICTURE: Final = ROOT / "docs/images/payment-flow.svg"
SVG: Final = "{http://www.w3.org/2000/svg}"


def labels(*kinds: str) -> list[str]:
    root = ElementTree.fromstring(PICTURE.read_text())  # noqa: S314  Ours.
    found = [each for each in root.iter(f"{SVG}text") if each.get("class") in kinds]
    return [" ".join(str(each.text).split()) for each in found]


def test_whoever_cannot_see_the_picture_reads_all_of_it() -> None:
    (rows,) = tables_of(FLOW, "The same in words")

    for (number, who, what, _), label in zip(rows, labels("head", "on"), strict=True):
        words = f"{plain(number)} {plain(what)}".strip()
        assert label in words, f"{label!r} is not in {words!r}"
        assert not who or set(who.split(" → ")) <= set(labels("name"))


def shades() -> list[dict[str, str]]:
    """Return the picture's colours by name, light and dark."""
    style = PICTURE.read_text().partition("<style>")[2].partition("</style>")[0]
    light, dark = style.split("@media (prefers-color-scheme: dark)")
    return [dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", each)) for each in (light, dark)]


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("shade", shades(), ids=["light", "dark"])
def test_the_picture_can_be_read_in_light_and_in_dark(shade: dict[str, str]) -> None:
    for ink, paper in (("ink", "paper"), ("soft", "paper"), ("soft", "band"), ("on-who", "who")):
        assert contrast(shade[ink], shade[paper]) >= 4.5, (ink, paper)
