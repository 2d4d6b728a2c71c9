"""The reference lists what there is, and nothing that there isn't."""

from __future__ import annotations

import re
from pathlib import Path

from django.dispatch import Signal

from django_redpin import checks, exceptions, services, signals
from django_redpin.accounts import PROJECT_KEYS
from django_redpin.client.outcomes import RULES
from django_redpin.models import StatusTransition, WebhookEvent
from django_redpin.shapes import DEFAULTS
from django_redpin.webhooks import checks as webhook_checks

ROOT = Path(__file__).resolve().parent.parent


def section(title: str) -> set[str]:
    """Return the names in code marks in the first column of a section's table."""
    text = (ROOT / "docs/reference.md").read_text()
    _, _, rest = text.partition(f"\n## {title}\n")
    body = rest.partition("\n## ")[0]
    cells = [line.split("|")[1] for line in body.splitlines() if line.startswith("| `")]
    return {re.split(r"\(", name)[0] for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_setting_is_listed() -> None:
    assert section("Settings") == {*DEFAULTS, *PROJECT_KEYS}


def test_every_service_is_listed() -> None:
    assert section("Services") == set(services.__all__)


def test_every_signal_is_listed() -> None:
    assert section("Signals") == {n for n, s in vars(signals).items() if isinstance(s, Signal)}


def test_every_error_is_listed() -> None:
    assert section("Errors") == set(exceptions.__all__) - {"RedpinError"}


def test_b3_the_page_of_outcomes_shows_the_table_of_the_code() -> None:
    text = (ROOT / "docs/when-redpin-does-not-answer.md").read_text()
    _, _, rest = text.partition("\n## How a create call can end\n")
    rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    shown = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows[2:]]

    assert shown == [(rule.kind, rule.outcome.value) for rule in RULES]


def table(page: str, title: str) -> list[str]:
    """Return the names in code marks that begin the rows of a section's table."""
    _, _, rest = (ROOT / "docs" / page).read_text().partition(f"\n## {title}\n")
    rows = re.findall(r"^\| `([^`]+)` \|", rest.partition("\n## ")[0], re.MULTILINE)
    return list(rows)


def test_every_outcome_of_an_event_is_explained() -> None:
    assert (
        table("who-sets-the-status.md", "What becomes of an event") == WebhookEvent.Outcome.values
    )


def test_every_outcome_of_a_dispatch_is_explained() -> None:
    shown = table("who-sets-the-status.md", "Who is told, and when")
    assert shown == StatusTransition.Outcome.values


def test_every_check_is_listed() -> None:
    source = "".join(Path(str(room.__file__)).read_text() for room in (checks, webhook_checks))
    assert section("Checks") == set(re.findall(r"redpin\.[EW]\d{3}", source))


def test_the_readmes_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
