"""What a reader types into a shell. Nothing is run: a command has to exist, and its options."""

from __future__ import annotations

import ast
import configparser
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

from celery.bin.celery import celery
from celery.schedules import crontab
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError

from .blocks import ROOT, Block

# What `manage.py` does where another app is installed, too.
OF_OTHER_APPS: Final = frozenset(["oscar_fork_app"])
# What the reader's machine has, and what is no affair of ours.
STRANGERS: Final = frozenset(
    [
        "[",
        "apt",
        "apt-get",
        "cat",
        "cd",
        "chromium",
        "cp",
        "createdb",
        "curl",
        "docker",
        "echo",
        "export",
        "flock",
        "git",
        "grep",
        "gunicorn",
        "jq",
        "ls",
        "mkdir",
        "npm",
        "openssl",
        "pre-commit",
        "psql",
        "rm",
        "sudo",
        "systemctl",
        "test",
        "touch",
        "true",
        "uv",
        "uvicorn",
    ]
)
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_INSTALLED: Final = re.compile(r"django-redpin\[([\w, -]+)\]")


class NotACommand(AssertionError):
    """What is typed there can't be typed."""


def check_block(block: Block) -> None:
    """Check a block of the shell: its syntax by bash, and each of its commands."""
    text = typed(block.text)
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise NotACommand(done.stderr.strip())
    check_text(text)


def typed(text: str) -> str:
    """Return what is typed, without prompts and what is answered, if there are prompts."""
    lines = text.splitlines()
    if not any(line.startswith("$ ") for line in lines):
        return text
    told, goes_on = [], False
    for line in lines:
        if goes_on or line.startswith("$ "):
            told.append(line.removeprefix("$ "))
            goes_on = line.endswith("\\")
    return "\n".join(told)


def check_text(text: str) -> None:
    """Check each command of a line, or of some."""
    for words in commands(text):
        check(words)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command, also of those within `$(…)`."""
    for inner in re.findall(r"\$\(((?:[^()]|\([^()]*\))*)\)", text):
        yield from commands(inner)
    text = re.sub(r"\$\(((?:[^()]|\([^()]*\))*)\)", "RESULT", text.replace("\\\n", " "))
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();&|\n")
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, "\n"]:
        if set(word) <= set("();&|\n"):
            if words:
                yield words
            words = []
        else:
            words.append(word)


def check(words: list[str]) -> None:
    """Check one command. Raises `NotACommand`."""
    while words and _ASSIGNMENT.fullmatch(words[0]):
        words = words[1:]
    if not words:
        return
    for place, word in enumerate(words):
        if word.endswith("manage.py"):
            _manage(words[place + 1 :])
            return
    path, *rest = words
    program = re.sub(r"^python[\d.]+$", "python", path.rpartition("/")[2])
    if program in _PROGRAMS:
        _PROGRAMS[program](rest)
    elif program not in STRANGERS:
        raise NotACommand(f"nobody knows the program {program}")


def _manage(words: list[str]) -> None:
    if not words:
        raise NotACommand("manage.py of what?")
    name, *arguments = words
    arguments = [each for each in arguments if each != "…"]
    if name in OF_OTHER_APPS:
        return
    if name not in get_commands():
        raise NotACommand(f"manage.py has no command {name}")
    command: Any = load_command_class(get_commands()[name], name)
    try:
        command.create_parser("manage.py", name).parse_args(arguments)
    except CommandError as error:
        raise NotACommand(f"manage.py {name}: {error}") from None
    except SystemExit:  # --help
        pass


def _python(words: list[str]) -> None:
    match words:
        case ["-W" | "-X", _, *rest]:
            _python(rest)
        case ["-c", code, *_]:
            for node in ast.walk(ast.parse(code)):
                _has_modules(node)
        case ["-m", "pip", *rest]:
            _pip(rest)
        case ["-m", "tox", *rest]:
            _tox(rest)
        case ["-m", "pytest" | "venv" | "django" | "build" | "twine" | "celery", *_]:
            pass
        case ["-m", "django_redpin.sandbox", *rest]:
            _options("the sandbox", rest, _sandbox_options())
        case ["-m", module, *_] if find_spec(module) is not None:
            pass
        case [path, *_] if (ROOT / path).is_file():
            pass
        case _:
            raise NotACommand(f"python {' '.join(words)} runs nothing of ours")


def _has_modules(node: ast.AST) -> None:
    names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module]
    for name in names:
        if find_spec(name) is None:
            raise NotACommand(f"there is no module {name}")


def _pip(words: list[str]) -> None:
    extras = _project()["optional-dependencies"]
    for named in _INSTALLED.findall(" ".join(words)):
        for extra in named.split(","):
            if extra.strip() not in extras:
                raise NotACommand(f"there is no extra {extra.strip()}")


def _tox(words: list[str]) -> None:
    ours = words[: words.index("--")] if "--" in words else words
    for option, value in pairwise(ours):
        if option == "-e":
            for name in value.split(","):
                if not is_environment(name):
                    raise NotACommand(f"tox.ini has no environment {name}")
    for word in words[len(ours) :]:
        if re.match(r"(tests|docs)/", word) and not (ROOT / word.partition("::")[0]).exists():
            raise NotACommand(f"there is no {word}")


@cache
def _tox_ini() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of environments, and the factors that others are made of."""
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(ROOT / "tox.ini")
    names = {name.partition(":")[2] for name in ini.sections() if name.startswith("testenv:")}
    factors = set()
    for line in ini["tox"]["env_list"].split("\n"):
        head, _, rest = line.partition("{")
        for value in rest.rstrip("}, ").split(",") if rest else [""]:
            whole = f"{head}{value.strip()}".strip(" ,")
            names |= {whole}
            factors |= {*whole.split("-")}
    return frozenset(names), frozenset(factors)


def is_environment(name: str) -> bool:
    """Tell whether tox has an environment of this name, or can make it of what it names."""
    names, factors = _tox_ini()
    return name in names or all(factor in factors for factor in name.split("-"))


def toml(text: str) -> Any:
    """Parse it by Python's own reader, or by the one that pytest brings to Python 3.10."""
    return import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads(text)


@cache
def _project() -> Any:
    return toml((ROOT / "pyproject.toml").read_text())["project"]


@cache
def _sandbox_options() -> frozenset[str]:
    source = "".join(
        (ROOT / "django_redpin/sandbox" / name).read_text() for name in ("__main__.py", "conf.py")
    )
    return frozenset(re.findall(r'"(--[a-z-]+)"', source))


def _options(what: str, words: list[str], known: frozenset[str]) -> None:
    for word in words:
        if word.startswith("-") and word.partition("=")[0] not in known:
            raise NotACommand(f"{what} has no option {word}")


def _celery(words: list[str]) -> None:
    group: Any = celery
    names = [word for word in words if word in group.commands]
    if not names:
        raise NotACommand(f"celery {' '.join(words)}: no such command")
    known = {option for each in group.params for option in (*each.opts, *each.secondary_opts)}
    known |= {option for each in group.commands[names[0]].params for option in each.opts}
    _options(f"celery {names[0]}", words, frozenset(known))


def _script(words: list[str]) -> None:
    if not words or not (ROOT / words[0]).is_file():
        raise NotACommand(f"there is no script {' '.join(words)}")


_PROGRAMS: Final[dict[str, Callable[[list[str]], None]]] = {
    "bash": _script,
    "celery": _celery,
    "pip": _pip,
    "python": _python,
    "tox": _tox,
}


def check_cron(block: Block) -> None:
    """Check the lines of a crontab: when, by Celery's reader, and what."""
    for line in block.text.splitlines():
        if not line or line.startswith("#"):
            continue
        minute, hour, day, month, weekday, command = line.split(None, 5)
        crontab(
            minute=minute, hour=hour, day_of_month=day, month_of_year=month, day_of_week=weekday
        )
        check_text(command)


def check_ini(block: Block) -> None:
    """Check that it is a file of sections, and what its `ExecStart` runs."""
    ini = configparser.ConfigParser(interpolation=None, strict=False)
    ini.read_string(block.text)
    for section in ini.sections():
        check_text(ini[section].get("ExecStart", ""))
