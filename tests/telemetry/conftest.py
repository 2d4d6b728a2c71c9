"""A fixture that hears all that OpenTelemetry is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from django_redpin.telemetry import metrics, spans


@dataclass
class Seen:
    """What was told so far."""

    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """Return the spans that have ended, of this name or of all, the first to end first."""
        found = self.exporter.get_finished_spans()
        return [span for span in found if name in ("", span.name)]

    def points(self) -> dict[str, list[Any]]:
        """Return the data points of each metric."""
        found: Any = self.reader.get_metrics_data()
        if found is None:
            return {}
        return {
            metric.name: list(metric.data.data_points)
            for resource in found.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def counts(self, metric: str) -> dict[tuple[str, ...], float]:
        """Return how often each combination of labels, sorted by name, was told."""
        return {
            tuple(str(value) for _, value in sorted(point.attributes.items())): getattr(
                point, "count", None
            )
            or point.value
            for point in self.points().get(metric, ())
        }


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seen]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(spans, "_tracer", tracers.get_tracer("django_redpin"))
    monkeypatch.setattr(metrics, "_meter", meters.get_meter("django_redpin"))
    metrics._made.cache_clear()
    yield Seen(exporter, reader)
    metrics._made.cache_clear()
    tracers.shutdown()
    meters.shutdown()
