"""The page for data protection officers names each column there is, and says what becomes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from django.apps import apps

from django_redpin.management.running import NEEDS_SOMEBODY
from django_redpin.models.fields import EncryptedJSONField
from django_redpin.services import anonymise
from django_redpin.services.reencrypt import COLUMNS

PAGE: Final = (Path(__file__).parent.parent / "docs/data-protection.md").read_text()


def columns() -> set[str]:
    """Return each column of each model, as the page names them."""
    return {
        f"{model.__name__}.{field.name}"
        for model in apps.get_app_config("redpin").get_models()
        for field in model._meta.concrete_fields
    }


def test_each_column_is_said_to_be_personal_or_not() -> None:
    personal = re.findall(r"^\| `(\w+\.\w+)` \|", PAGE, re.MULTILINE)
    others = [
        f"{model}.{name}"
        for model, names in re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|$", PAGE, re.MULTILINE)
        for name in names.split(", ")
    ]

    named = [*personal, *others]
    assert len(named) == len(set(named))
    assert set(named) == columns()


def test_the_page_tells_what_is_encrypted_and_how_much_a_run_does() -> None:
    assert {*COLUMNS} == {"bank_details", "address", "further_details"}
    assert all(f"`{name}`" in PAGE for name in COLUMNS)
    others = {
        field.name
        for model in apps.get_app_config("redpin").get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedJSONField)
    }
    assert others == {*COLUMNS}
    assert f"{anonymise.LIMIT:,} sessions, in {anonymise.SECONDS / 60:.0f} minutes" in PAGE
    assert f"the exit code is {NEEDS_SOMEBODY}" in PAGE
