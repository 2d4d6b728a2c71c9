"""`manage.py redpin_check`: what is right with this project's Redpin, and what is not."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from ...services.diagnosis import (
    ERROR,
    LEVELS,
    OK,
    SECONDS,
    SKIPPED,
    WARNING,
    Finding,
    diagnose,
)
from ..running import NEEDS_SOMEBODY, RedpinCommand, duration

# What a line begins with, where the terminal or the file can take it; else the words.
_MARKS: Final = {OK: "\u2713", SKIPPED: "-", WARNING: "!", ERROR: "\u2717"}
_WORDS: Final = {OK: "ok", SKIPPED: "--", WARNING: "WARN", ERROR: "FAIL"}


class Command(RedpinCommand):
    help = (
        "Say what is right and what is not, line by line: settings, database, cache, broker,"
        " Redpin's token and API, the webhook's public address. Changes nothing."
    )
    # They are a part of what it tells.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose Redpin, how far to go, and how to tell it."""
        self.add_account(parser)
        parser.add_argument("--offline", action="store_true", help="ask nothing over the network")
        parser.add_argument("--json", action="store_true", help="for programs: a list of findings")
        parser.add_argument(
            "--fail-level",
            choices=(WARNING, ERROR),
            default=ERROR,
            help="from which on the exit code is 1; default: %(default)s",
        )
        parser.add_argument(
            "--seconds",
            type=duration,
            default=SECONDS,
            help="after which no further look is begun; default: %(default)s",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and tell each thing once it is known."""
        found: list[Finding] = []
        looks = diagnose(options["account"], offline=options["offline"], seconds=options["seconds"])
        for finding in looks:
            found.append(finding)
            if not options["json"]:
                self._print(finding, options)
        if options["json"]:
            self.stdout.write(json.dumps([dataclasses.asdict(each) for each in found], indent=2))
        worst = max(LEVELS.index(each.level) for each in found)
        if worst >= LEVELS.index(options["fail_level"]):
            number = sum(
                each.level in LEVELS[LEVELS.index(options["fail_level"]) :] for each in found
            )
            raise CommandError(
                f"{number} of {len(found)} are not right.", returncode=NEEDS_SOMEBODY
            )

    def _print(self, finding: Finding, options: dict[str, Any]) -> None:
        if finding.level in (OK, SKIPPED) and options["verbosity"] == 0:
            return
        style = {ERROR: self.style.ERROR, WARNING: self.style.WARNING}
        line = f"{self._mark(finding.level)} {finding.subject}: {finding.text}"
        self.stdout.write(style.get(finding.level, str)(line))
        if finding.cure:
            self.stdout.write(f"    {finding.cure}")

    def _mark(self, level: str) -> str:
        encoding = getattr(self.stdout, "encoding", None) or "ascii"
        try:
            "".join(_MARKS.values()).encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return _WORDS[level]
        return _MARKS[level]
