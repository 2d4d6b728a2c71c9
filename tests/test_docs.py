"""The tables that the pages have of their own list what there is, and nothing that there isn't.

The reference is made from the code; `test_reference.py` is about that.
"""

from __future__ import annotations

import importlib.util
import re
import signal
from datetime import timedelta
from pathlib import Path

import pytest
from celery.schedules import crontab
from django.core.management import get_commands
from django.core.management import load_command_class as load
from django.core.management.base import BaseCommand

from django_redpin.client.outcomes import RULES
from django_redpin.csp import redpin_csp
from django_redpin.embed.options import GREATEST_HEIGHT, LEAST_HEIGHT, MODES, READERS
from django_redpin.embed.theme import THEMES
from django_redpin.embed.view_names import NOTHING, VIEWS
from django_redpin.management import running
from django_redpin.management.sweeping import SweepCommand
from django_redpin.models import StatusTransition, WebhookEvent
from django_redpin.services import publisher, reconcile, retention, sweeps
from django_redpin.tasks import beat_schedule

from .celery import app

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]


def test_every_view_of_a_session_is_listed_for_apps() -> None:
    rows = table("apps.md", "Ask how it stands")

    told = {name for cell, _ in rows for name in re.findall(r"\w+", cell)}
    assert told == set(VIEWS) - {NOTHING}


def test_b3_the_page_of_outcomes_shows_the_table_of_the_code() -> None:
    text = (ROOT / "docs/when-redpin-does-not-answer.md").read_text()
    _, _, rest = text.partition("\n## How a create call can end\n")
    rows = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| ")]
    shown = [tuple(cell.strip() for cell in row.strip("|").split("|")) for row in rows[2:]]

    assert shown == [(rule.kind, rule.outcome.value) for rule in RULES]


def table(page: str, title: str) -> list[list[str]]:
    """Return the rows, each beginning with a name in code marks, of a section's table."""
    _, _, rest = f"\n#{(ROOT / 'docs' / page).read_text()}".partition(f"\n## {title}\n")
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines]


def test_every_outcome_of_an_event_is_explained() -> None:
    rows = table("who-sets-the-status.md", "What becomes of an event")
    assert [name for name, *_ in rows] == WebhookEvent.Outcome.values


def test_every_outcome_of_a_dispatch_is_explained() -> None:
    rows = table("who-sets-the-status.md", "Who is told, and when")
    assert [name for name, *_ in rows] == StatusTransition.Outcome.values


def test_every_view_is_explained() -> None:
    assert [name for name, *_ in table("hosted-page.md", "What each view means")] == [*VIEWS]


def test_every_option_of_the_tag_is_explained() -> None:
    options = dict(table("hosted-page.md", "Options"))

    assert set(options) == {*READERS, "title", "renew_url"}
    assert set(re.findall(r'"(\w+)"', options["mode"])) == set(MODES)
    assert set(re.findall(r'"(\w+)"', options["theme"])) == set(THEMES)
    assert f"from {LEAST_HEIGHT} to {GREATEST_HEIGHT}" in options["height"]


def test_every_directive_of_the_policy_is_explained() -> None:
    rows = table("csp.md", "What it has to let in")

    assert [name for name, *_ in rows] == list(redpin_csp())


def test_every_template_and_block_of_the_tag_is_named() -> None:
    named = {
        name: set(re.findall(r"\w+", blocks))
        for names, blocks in table("hosted-page.md", "Your own look")
        for name in re.findall(r"\w+\.html", names)
    }
    templates = ROOT / "django_redpin/templates/redpin/session"
    found = {
        path.name: set(re.findall(r"{% block (\w+) %}", path.read_text()))
        for path in templates.glob("[!_]*.html")
    }

    assert named == found


def test_c8_the_page_about_celery_lists_every_task_with_its_bounds() -> None:
    pauses = {entry["task"]: pause(entry["schedule"]) for entry in beat_schedule().values()}
    sweep = f"{sweeps.LIMIT} rows, {sweeps.SECONDS:.0f} seconds"
    bounds = {
        "django_redpin.reconcile": (
            f"{reconcile.MOST_SESSIONS} rows, {reconcile.MAX_SECONDS:.0f} seconds"
        ),
        "django_redpin.prune": f"{retention.LIMIT} rows, {retention.SECONDS:.0f} seconds",
    }
    rows = table("celery.md", "Tasks")

    assert {name for name, *_ in rows} == {n for n in app.tasks if n.startswith("django_redpin.")}
    for name, _, often, most in rows:
        if name in pauses:
            assert (often, most) == (pauses[name], bounds.get(name, sweep)), name
        else:
            assert (often.startswith("when one is"), most[:2]) == (True, "1 "), name


def pause(schedule: timedelta | crontab) -> str:
    if isinstance(schedule, crontab):
        (hour,), (minute,) = vars(schedule)["hour"], vars(schedule)["minute"]
        return f"daily at {hour:02}:{minute:02}"
    minutes = schedule // timedelta(minutes=1)
    return f"{minutes} minute{'s' * (minutes > 1)}"


def test_c11_the_page_about_celery_lists_every_sweeping_command() -> None:
    commands = {
        name
        for name, package in get_commands().items()
        if package == "django_redpin" and issubclass(type(load(package, name)), SweepCommand)
    }

    assert {name for name, _ in table("celery.md", "Commands, for cron")} == commands


def test_a21_the_page_about_celery_tells_how_long_one_waits_for_the_broker() -> None:
    text = " ".join((ROOT / "docs/celery.md").read_text().split())
    spec = importlib.util.find_spec("django_redpin.services.publisher")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text()  # The tests have more patience.
    milliseconds = 1000 * float(re.findall(r"^PATIENCE = ([\d.]+)$", source, re.MULTILINE)[0])

    assert f"waits {milliseconds:.0f} ms at most" in text
    assert f"none is tried for {publisher.CIRCUIT:.0f} seconds" in text
    assert f"At most {publisher.ROOM:,} messages wait" in text


def anchors(page: Path) -> set[str]:
    """Return the anchors that a code host, and the site, give to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_every_page_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            found = page.parent / target if target else page
            assert found.exists(), target
            assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


def own_options(name: str) -> set[str]:
    """Return the options that a command has beside those of Django's."""
    parser = load("django_redpin", name).create_parser("manage.py", name)
    given = {each for action in parser._actions for each in action.option_strings}
    django = BaseCommand().create_parser("manage.py", name)
    common = {each for action in django._actions for each in action.option_strings}
    return given - common


def test_every_command_is_documented_with_each_of_its_options() -> None:
    sweep = {f"--{name.strip('`-')}" for name, _ in table("commands.md", "The options of a sweep")}
    told = {}
    for name, _, options in table("commands.md", "The commands"):
        named = set(re.findall(r"--[a-z-]+", options))
        told[name] = named | (sweep if "those of a sweep" in options else set())
    commands = {name for name, package in get_commands().items() if package == "django_redpin"}

    assert told == {name: own_options(name) for name in commands}


def test_every_option_of_a_command_with_a_section_is_explained() -> None:
    for name in ("redpin_check", "redpin_send_webhook", "redpin_redrive"):
        rows = table("commands.md", f"`{name}`")
        explained = {each for row in rows for each in re.findall(r"--[a-z-]+", row[0])}
        assert {f"--{each.removeprefix('--')}" for each in explained} == own_options(name), name


def test_the_exit_codes_are_those_of_the_code() -> None:
    stopped = [128 + signal.SIGINT, 128 + signal.SIGTERM]
    codes = [0, running.NEEDS_SOMEBODY, running.USAGE, *stopped]

    assert [int(code) for code, _ in table("commands.md", "Exit codes")] == codes
