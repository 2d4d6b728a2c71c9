"""Whether pyright knows the type of everything public: `python -m tests.typing.completeness`.

Without Django's plugin, that is, which pyright has not. What is public is what docs/reference.md
lists; the rest of the package is internal.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, Final

# Where the names of the reference are imported from.
PUBLIC: Final = frozenset(
    {
        "accounts",
        "csp",
        "decorators",
        "embed",
        "exceptions",
        "forms",
        "health",
        "l10n",
        "logs",
        "models",
        "receivers",
        "rest",
        "services",
        "signals",
        "tasks",
        "testing",
        "urls",
        "webhooks",
    }
)
# Rooms within those whose modules are internal, but for the names that their package gives out and
# the modules that are named here.
INSIDE: Final = {"services": {"create"}, "webhooks": {"verifiers"}}
# django-health-check has no types, and a class is no better known than what it is made from.
UNTYPED: Final = ("django_redpin.health.",)


def is_public(name: str) -> bool:
    """Tell whether a merchant may use what has this full name."""
    _, room, *rest = [*name.split("."), ""]
    if room not in PUBLIC or any(part.startswith("_") for part in rest if part[-2:] != "__"):
        return False
    if room in INSIDE and len(rest) > 2:  # A module of the room; what it gives out has one name.
        return rest[0] in INSIDE[room]
    return not name.startswith(UNTYPED)


def main() -> int:
    command = ["basedpyright", "--verifytypes", "django_redpin", "--ignoreexternal", "--outputjson"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    symbols: list[dict[str, Any]] = json.loads(done.stdout)["typeCompleteness"]["symbols"]
    public = [each for each in symbols if each["isExported"] and is_public(each["name"])]
    unknown = [each for each in public if not each["isTypeKnown"]]
    for each in unknown:
        why = "; ".join(said["message"].splitlines()[0] for said in each["diagnostics"])
        sys.stderr.write(f"{each['name']}: {why or 'what it is made of is not known'}\n")
    sys.stdout.write(f"{len(public) - len(unknown)} of {len(public)} public names are typed.\n")
    return 1 if unknown or not public else 0


if __name__ == "__main__":
    raise SystemExit(main())
