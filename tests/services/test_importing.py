"""Where a project may import the services: in its own models, too."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

_PROJECT = """
from django.conf import settings
import sys, types
shop = types.ModuleType("shop")
shop.__path__ = [sys.argv[1]]
sys.modules["shop"] = shop
settings.configure(
    INSTALLED_APPS=["shop", "django.contrib.auth", "django.contrib.contenttypes", "django_redpin"],
)
import django
django.setup()
from django_redpin.services import create_payment_session
from shop.models import Order
assert Order.pay is create_payment_session
"""
_MODELS = """
from django.db import models
from django_redpin.services import create_payment_session

class Order(models.Model):
    pay = create_payment_session
"""


@pytest.mark.heavy
def test_a_model_may_import_the_services_before_the_other_apps_have_theirs(tmp_path: Path) -> None:
    """As a page of Wagtail's does, which is a model and has views."""
    (tmp_path / "models.py").write_text(_MODELS)

    done = subprocess.run(
        [sys.executable, "-c", _PROJECT, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
