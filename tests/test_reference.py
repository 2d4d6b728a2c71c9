"""The reference is made from the code: each thing in it says what it is, and stands on a page."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from django_redpin import models
from django_redpin.accounts import PROJECT_KEYS
from django_redpin.checks.table import MEANINGS
from django_redpin.models.meanings import MEANINGS as COLUMNS
from django_redpin.shapes import DEFAULTS
from docs._ext import checktexts, inventory

ROOT: Final = Path(__file__).resolve().parent.parent
DOCS: Final = ROOT / "docs"
INDEX: Final = (DOCS / "index.md").read_text()


def shown(directive: str) -> list[str]:
    """Return the arguments with which the pages of the reference have a directive."""
    pages = "".join(page.read_text() for page in sorted(DOCS.glob("reference-*.md")))
    return re.findall(rf"^(?:```\{{|\.\. ){directive}(?:\}} ?|:: )(.*)$", pages, re.MULTILINE)


def test_every_setting_says_what_it_is_and_what_it_has_to_look_like() -> None:
    told = inventory.settings()

    assert {each.name for each in told} == {*DEFAULTS, *PROJECT_KEYS}
    assert [each.name for each in told if not (each.meaning and each.shape)] == []
    assert sorted(shown("redpin-settings")) == ["account", "project"]


def test_time_outs_sizes_and_ages_name_their_unit() -> None:
    unit = {
        "TIMEOUT": "In seconds",
        "BYTES": "In bytes",
        "DAYS": "In days",
        "AGE": "In seconds",
        "LENGTH": "In characters",
    }
    told = {each.name: each.meaning for each in inventory.settings()}
    measured = {name: unit[last] for name in told if (last := name.split("_")[-1]) in unit}

    assert len(measured) == 8
    assert [name for name, words in measured.items() if words not in told[name]] == []


def raised_ids() -> Iterator[tuple[str, str]]:
    """Yield each id in the code, with the class of the message that it is given to."""
    for path in inventory.PACKAGE.rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            for named in call.keywords:
                text = ast.unparse(named.value).strip("'")
                if named.arg == "id" and text.startswith("redpin."):
                    yield text, ast.unparse(call.func)


def test_every_id_that_a_check_raises_has_a_meaning_and_no_other_has() -> None:
    assert {name for name, _ in raised_ids()} == set(MEANINGS)
    assert [*MEANINGS] == sorted(MEANINGS)


def test_an_id_with_e_is_an_error_and_one_with_w_a_warning() -> None:
    kinds = {"E": "Error", "W": "WarningMessage"}
    assert [(name, kind) for name, kind in raised_ids() if kinds[name[7]] != kind] == []


@pytest.mark.heavy
def test_no_id_is_written_but_where_its_message_is_made() -> None:
    written = Counter(
        name
        for path in inventory.PACKAGE.rglob("*.py")
        if path.name != "table.py"
        for name in re.findall(r"\"(redpin\.[EW]\d{3})\"", path.read_text())
    )

    assert written == Counter(name for name, _ in raised_ids())
    assert written == Counter(text.id for text in checktexts.check_texts())


def test_the_page_of_the_checks_has_their_words() -> None:
    texts = checktexts.check_texts_by_id()

    assert shown("redpin-checks") == [""]
    assert texts["redpin.E014"][0].hint == "Set USE_TZ = True, which is Django's default."
    assert {text.message for text in texts["redpin.E016"]} == {
        "REDPIN['WEBHOOK_PROCESSING'] is 'django_task', but there is no django.tasks.",
        "REDPIN['WEBHOOK_PROCESSING'] is 'django_task', but TASKS['default'] can't be used (…).",
        "REDPIN['WEBHOOK_PROCESSING'] is 'django_task', but TASKS['default'] is the DummyBackend,"
        " which runs nothing.",
    }
    assert all(text.hint for each in texts.values() for text in each)


def sent() -> Iterator[tuple[str, set[str]]]:
    """Yield each signal that the code sends, with the names that its receivers get."""
    for path in (*(inventory.PACKAGE / "services").glob("*.py"), *_webhooks()):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call):
                continue
            named = {str(each.arg) for each in call.keywords} - {"sender"}
            if ast.unparse(call.func) == "announce":
                yield ast.unparse(call.args[0]), named
            elif ast.unparse(call.func).endswith(".send_robust") and "None" not in named:
                yield ast.unparse(call.func).partition(".")[0], named


def _webhooks() -> list[Path]:
    return list((inventory.PACKAGE / "webhooks").glob("*.py"))


def test_every_signal_says_when_it_is_sent_and_what_receivers_really_get() -> None:
    told = {each.name: set(each.arguments) for each in inventory.signal_texts()}
    found = dict(sent())
    # The others are sent by one line, which takes them by what moved.
    common = found.pop("signal")

    assert all(each.meaning for each in inventory.signal_texts())
    assert told == {**dict.fromkeys(told, common), **found}
    assert common == set(inventory.RECEIVERS_GET)
    assert len(told) == 11
    assert shown("redpin-signals") == [""]


def test_every_model_is_shown_and_its_meanings_are_of_columns_that_there_are() -> None:
    assert sorted(shown("redpin-model")) == sorted(models.__all__)
    for name, columns in COLUMNS.items():
        assert columns.keys() <= {field.name for field in getattr(models, name)._meta.fields}, name


def test_what_the_page_of_models_leaves_out_is_how_the_work_is_done() -> None:
    left_out = {
        field.name
        for name in models.__all__
        for field in getattr(models, name)._meta.fields
        if field.name not in {each.name for each in inventory.field_texts(getattr(models, name))}
    }

    assert left_out == {
        "check_event_id",
        "check_request_identifier",
        "fingerprint",
        "has_body",
        "leased_until",
        "lost_answers",
        "payment_status_position",
        "payout_position",
    }


def test_every_command_and_each_of_its_options_says_what_it_does() -> None:
    told = inventory.command_texts()

    assert [each.name for each in told if not each.meaning] == []
    assert [
        f"{each.name} {option.flags[0]}"
        for each in told
        for option in each.options
        if not option.meaning
    ] == []
    assert shown("redpin-commands") == [""]


def test_every_tag_is_shown_with_each_of_its_options() -> None:
    (tag,) = inventory.tag_texts()

    assert tag.usage.endswith(
        "{% redpin_payment_session session mode=None theme=None title='' height=None"
        " renew_url='' %}"
    )
    assert tag.meaning
    assert shown("redpin-tags") == [""]


def test_all_of_our_addresses_are_shown() -> None:
    assert sorted(shown("redpin-endpoints")) == ["api", "sessions", "webhooks"]


def test_every_page_stands_in_one_list_of_the_first() -> None:
    lists = re.findall(r"^```{toctree}\n(.*?)^```", INDEX, re.MULTILINE | re.DOTALL)
    listed = [name for each in lists for name in re.findall(r"^[a-z][\w-]*$", each, re.MULTILINE)]

    assert [name for name, times in Counter(listed).items() if times > 1] == []
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} <= set(listed)
    assert len(lists) == 5
