"""Without opentelemetry-api, all goes on as with it, and nothing is wrapped."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent.parent

# As if it were not installed: an import of a name that is None in `sys.modules` fails.
_BLOCKED: Final = "import sys; sys.modules['opentelemetry'] = None; "


def run(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment.pop("REDPIN_TESTS_DIR", None)  # Its database is this run's.
    return subprocess.run(
        [sys.executable, "-c", _BLOCKED + code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def imported_anew(name: str) -> Any:
    """Import a module of the telemetry once more, beside the one that all others go on with."""
    spec = importlib.util.find_spec(f"django_redpin.telemetry.{name}")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_without_the_api_nothing_is_wrapped_and_what_is_done_inside_a_span_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    spans, metrics = imported_anew("spans"), imported_anew("metrics")
    # An operation is timed, too; what is told of it would be told here.
    monkeypatch.setattr(spans, "measure", metrics.measure)

    def verb() -> str:
        return "done"

    assert spans.traced(spans.Spans.CREATE)(verb) is verb
    with spans.operation(spans.Spans.CREATE), spans.open_span("GET /", {"a": 1}, is_client=True):
        spans.note(spans.Spans.WEBHOOK, outcome="stored")
        spans.annotate({"a": 1})
        spans.fail("Error")
        assert verb() == "done"
    metrics.measure(metrics.Metric.POSTS)
    for opened in (spans.operation(spans.Spans.CREATE), spans.open_span("GET /")):
        with pytest.raises(KeyError, match="its own"), opened:
            raise KeyError("its own")


@pytest.mark.slow
def test_without_the_api_no_verb_is_wrapped() -> None:
    done = run(
        "import django; django.setup();"
        "from django_redpin.services import create_payment_session as verb;"
        "from django_redpin.telemetry import Metric, measure, operation, Spans, note, fail;"
        "measure(Metric.POSTS); note(Spans.WEBHOOK, outcome='stored'); fail('Error');"
        "print(hasattr(verb, '__wrapped__'), [n for n in sys.modules if 'opentelemetry.' in n])"
    )

    assert done.stdout.strip() == "False []", done.stderr


@pytest.mark.slow
def test_without_the_api_calls_webhooks_and_events_go_on() -> None:
    tests = "tests/client/test_call_log.py tests/webhooks/test_view.py tests/services/test_life.py"
    arguments = ["-q", "-p", "no:cacheprovider", "-m", "not slow", *tests.split()]
    done = run(f"import pytest; sys.exit(pytest.main({arguments!r}))")

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
