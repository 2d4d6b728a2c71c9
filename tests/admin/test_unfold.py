"""The admin with django-unfold installed: every page answers, by unfold's classes and templates."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from django.contrib.admin import ModelAdmin

from django_redpin.admin.readonly import AnyModelAdmin

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = ("tests/admin/test_pages.py", "tests/admin/test_overview.py")
OPTIONS: Final = (
    # What unfold does on its own account: its markup is partly inline, and it overrides a method
    # without the argument that Django 6.1 added.
    *("-k", "not nothing_is_inline"),
    *("-W", "ignore:Overriding get_action_choices"),
)
_IS_UNFOLD: Final = """
import django
django.setup()
from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline
from django.apps import apps
for name in ('PaymentSession', 'Recipient', 'StatusTransition', 'WebhookEvent'):
    model = apps.get_model('redpin', name)
    found = admin.site.get_model_admin(model)
    assert isinstance(found, ModelAdmin), model
    assert all(issubclass(inline, TabularInline) for inline in found.inlines), model
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # On a SQLite of its own, whatever this run has.
    others = ("REDPIN_TESTS_DIR", "DATABASE_URL")
    env = {name: value for name, value in os.environ.items() if name not in others}
    env["DJANGO_SETTINGS_MODULE"] = "tests.settings_unfold"
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_without_unfold_the_admin_is_djangos_own() -> None:
    assert AnyModelAdmin is ModelAdmin


@pytest.mark.heavy
def test_with_unfold_every_page_is_built_on_its_classes() -> None:
    pytest.importorskip("unfold")
    done = run("-c", _IS_UNFOLD)

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_with_unfold_every_page_answers() -> None:
    pytest.importorskip("unfold")
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *OPTIONS, *PAGES)

    assert done.returncode == 0, done.stdout
