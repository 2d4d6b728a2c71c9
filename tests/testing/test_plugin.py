"""The kit in projects of others: processes of their own, which know nothing of this one's tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import django_redpin

MERCHANT = Path(__file__).parent / "merchant"
ROOT = Path(django_redpin.__file__).parent.parent

pytestmark = pytest.mark.slow


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python there, without this project's settings; warnings are errors, as here."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env.pop("DJANGO_SETTINGS_MODULE", None)
    env |= {"PYTHONPATH": f"{cwd}{os.pathsep}{ROOT}", **environment}
    return subprocess.run(
        [sys.executable, *command], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )


def pytest_in(cwd: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run pytest there, with the plugin as it is installed, or would be."""
    given = ("-p", "no:cacheprovider", "-W", "error", "--rootdir", str(cwd), "-c", os.devnull)
    return run("-m", "pytest", *given, *arguments, cwd=cwd, **environment)


def test_a_merchants_pytest_needs_nothing_but_the_plugin() -> None:
    ran = pytest_in(MERCHANT, "--ds", "settings", "shop/with_pytest.py")

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout


def test_a_merchants_test_cases_need_no_pytest() -> None:
    ran = run("-W", "error", "manage.py", "test", cwd=MERCHANT)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Ran 3 tests" in ran.stderr


def test_the_plugin_loads_nothing_before_it_is_asked(tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text(
        "import sys\n"
        "def test_nothing():\n"
        "    assert 'django_redpin.testing.plugin' in sys.modules\n"
        "    ours = [n for n in sys.modules if n.startswith('django_redpin.')]\n"
        "    assert sorted(ours) == ['django_redpin.testing', 'django_redpin.testing.plugin']\n"
        "    assert 'responses' not in sys.modules\n"
        "    assert 'django.apps' not in sys.modules\n"
    )

    ran = pytest_in(tmp_path, "-p", "no:django")

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_without_pytest_django_the_cure_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_session.py").write_text("def test_it(redpin_session): pass\n")

    ran = pytest_in(tmp_path, "-p", "no:django", DJANGO_SETTINGS_MODULE="tests.settings")

    assert ran.returncode == 1
    assert "needs a database: python -m pip install pytest-django" in ran.stdout
    assert "Traceback" not in ran.stdout


def test_without_responses_the_cure_is_named(tmp_path: Path) -> None:
    (tmp_path / "responses.py").write_text("raise ImportError('It is not installed.')\n")
    (tmp_path / "test_fake.py").write_text("def test_it(redpin): pass\n")

    ran = pytest_in(tmp_path, "-p", "no:django")

    assert ran.returncode == 1
    assert "python -m pip install 'django-redpin[testing]'" in ran.stdout
