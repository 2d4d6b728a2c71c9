"""What is shipped: the wheel's files, and migrations that fit the models in every project."""

from __future__ import annotations

import ast
import importlib.util
import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Final

import pytest
from django.core.management import call_command
from pytest_django import Settings

import django_redpin

ROOT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = ROOT / "django_redpin"
MIGRATIONS: Final = sorted((PACKAGE / "migrations").glob("0*.py"))


def _build_command(target: Path) -> list[str]:
    """Return what builds the wheel here; only hatchling itself needs no network."""
    if importlib.util.find_spec("hatchling"):
        return [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    beside = Path(sys.executable).parent
    uv = shutil.which("uv", path=str(beside)) or shutil.which("uv")
    if uv:
        return [uv, "build", "--quiet", "--wheel", "--out-dir", str(target), str(ROOT)]
    return [sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", str(target), str(ROOT)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    built = subprocess.run(
        _build_command(target), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = target.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_whole_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }

    assert names == wanted
    assert names >= {
        "django_redpin/py.typed",
        "django_redpin/migrations/0001_initial.py",
        "django_redpin/locale/ar/LC_MESSAGES/django.mo",
        "django_redpin/locale/ar/LC_MESSAGES/django.po",
        "django_redpin/sandbox/locale/ar/LC_MESSAGES/django.mo",
        "django_redpin/static/redpin/session.css",
        "django_redpin/templates/redpin/session/open.html",
        "django_redpin/templates/redpin/session/_renew.html",
        "django_redpin/sandbox/migrations/0001_initial.py",
        "django_redpin/testing/plugin.py",
        "django_redpin/sandbox/static/redpin_sandbox/redpin.css",
        "django_redpin/sandbox/templates/redpin_sandbox/review.html",
    }


@pytest.mark.heavy
def test_the_source_distribution_holds_the_translations_as_they_are_read_and_compiled(
    tmp_path: Path,
) -> None:
    pytest.importorskip("hatchling")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames() if "/locale/" in name}

    wanted = [*PACKAGE.rglob("*.po"), *PACKAGE.rglob("*.mo")]
    assert held == {each.relative_to(ROOT).as_posix() for each in wanted}
    assert len(held) == 20


def test_the_wheels_metadata_names_version_licence_and_dependencies(wheel: zipfile.ZipFile) -> None:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(wheel.read(name).decode())
    lines = metadata.get_all("Requires-Dist", [])
    needed = {line.split(">")[0] for line in lines if "extra ==" not in line}

    assert metadata["Name"] == "django-redpin"
    assert metadata["Version"] == django_redpin.__version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert needed == {
        *("babel", "celery", "django", "djangorestframework", "py-moneyed", "pycountry"),
        *("requests", "requests-oauthlib", "schwifty", "simplejson", "urllib3"),
    }
    assert sorted(metadata.get_all("Provides-Extra", [])) == [
        *("encryption", "export", "health", "openapi", "opentelemetry", "progress", "testing"),
    ]
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"DEFAULT_AUTO_FIELD": "django.db.models.AutoField"},
        {"LANGUAGE_CODE": "de", "USE_TZ": False, "DEBUG": True},
        {"REDPIN": {"REFERENCE_MAX_LENGTH": 36, "PURPOSES_OF_TRANSACTION": ["X"]}},
        {"REDPIN": {}},
    ],
    ids=str,
)
def test_the_migrations_fit_the_models_whatever_the_settings(
    settings: Settings, changes: dict[str, object]
) -> None:
    for name, value in changes.items():
        setattr(settings, name, value)
    told = io.StringIO()

    call_command("makemigrations", "redpin", check_changes=True, dry_run=True, stdout=told)

    assert told.getvalue() == "No changes detected in app 'redpin'\n"


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_a_migration_takes_nothing_from_the_settings_but_the_user_model(path: Path) -> None:
    tree = ast.parse(path.read_text())
    imported = {
        f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "settings"
    }

    assert used <= {"AUTH_USER_MODEL"}
    assert not any(name.startswith(("django_redpin", ".", "None")) for name in imported)
