"""Logs, metrics, traces: their names in one place.

Metric labels are closed enums and registry names only, never alert text. One trace per incident,
with a span per step; it begins when this process first decides about the incident, so that a
restart cuts it in two. Spans leave the process only where `otlp_endpoint` is set, and without it
none are made: in a storm they cost more than the decisions they describe.

What is counted for each alert and each decision is kept as plain numbers here, and OpenTelemetry
reads them when it is asked: its own counters would cost as much as storing the alert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from opentelemetry import trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from prometheus_client import generate_latest

import agent
from agent.core.guard import RAIL_REASONS
from agent.model.decision import Decision, JournalEntry
from agent.model.incident import Incident

SECONDS = (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
MOST_OPEN_SPANS = 10_000
SAID_NO = ("waiting_for_rail", "guard", "stopped")
"""Kinds of journal entries that hold the no of a rail: the step waits, a person is asked, or it is
given up."""


class Telemetry:
    def __init__(self, *, otlp_endpoint: str | None = None) -> None:
        resource = Resource.create(
            {"service.name": "homeostat", "service.version": agent.__version__}
        )
        reader = PrometheusMetricReader()
        self._meters = MeterProvider(
            metric_readers=[reader],
            resource=resource,
            views=[
                View(
                    instrument_name="homeostat.commit.duration",
                    aggregation=ExplicitBucketHistogramAggregation(SECONDS),
                )
            ],
        )
        meter = self._meters.get_meter("homeostat", agent.__version__)
        self._meter = meter
        self._decisions: Counter[tuple[str, str]] = Counter()
        meter.create_observable_counter(
            "homeostat.decisions",
            callbacks=[self._observe_decisions],
            description="Journal entries by kind and reason",
        )
        self._stops: Counter[str] = Counter()
        meter.create_observable_counter(
            "homeostat.rail.stops",
            callbacks=[self._observe_stops],
            description="What rails said no to, by reason",
        )
        self._received = 0
        meter.create_observable_counter(
            "homeostat.alerts.received",
            callbacks=[lambda _: [Observation(self._received)]],
            description="Alert messages received",
        )
        self._refused = meter.create_counter(
            "homeostat.requests.refused", description="Messages turned away at the door, by status"
        )
        self._commits = meter.create_histogram(
            "homeostat.commit.duration", unit="s", description="Time of one durable commit"
        )
        self._traces = TracerProvider(resource=resource)
        self._is_tracing = bool(otlp_endpoint)
        if otlp_endpoint:
            self._export(otlp_endpoint)
        self._tracer = self._traces.get_tracer("homeostat", agent.__version__)
        self._spans: dict[str, trace.Span] = {}

    def _observe_decisions(self, _: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(count, {"kind": kind, "reason": reason})
            for (kind, reason), count in list(self._decisions.items())
        ]

    def _observe_stops(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {"reason": why}) for why, count in list(self._stops.items())]

    def _export(self, endpoint: str) -> None:
        # Heavy, and only for those who have a collector: an extra.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        url = f"{endpoint.rstrip('/')}/v1/traces"
        self._traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A value that is read when it is asked for."""

        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(read())]

        self._meter.create_observable_gauge(name, callbacks=[observe], description=description)

    def received(self, count: int) -> None:
        self._received += count

    def refused(self, *, status: int) -> None:
        self._refused.add(1, {"status": str(status)})

    def committed(self, decisions: Sequence[Decision], *, seconds: float) -> None:
        """Counts what was decided, and keeps the trace of each incident."""
        self._commits.record(seconds)
        for decision in decisions:
            for entry in decision.journal:
                self._decisions[entry.kind, entry.reason.value] += 1
                if entry.kind in SAID_NO and entry.reason in RAIL_REASONS:
                    self._stops[entry.reason.value] += 1
            if decision.refused in RAIL_REASONS:
                self._stops[decision.refused.value] += 1
            if self._is_tracing and decision.incident is not None:
                self._trace(decision.incident, decision.journal)

    def _trace(self, incident: Incident, journal: Sequence[JournalEntry]) -> None:
        span = self._spans.get(incident.id)
        if span is None and len(self._spans) < MOST_OPEN_SPANS:
            span = self._tracer.start_span(
                "incident",
                start_time=_nanoseconds(incident.opened_at),
                attributes={"homeostat.incident": incident.id, "homeostat.layer": incident.layer},
            )
            self._spans[incident.id] = span
        if span is None:
            return
        for entry in journal:
            span.add_event(
                entry.kind, {"reason": entry.reason.value}, timestamp=_nanoseconds(entry.at)
            )
        for step in incident.steps:
            if step.ended_at is not None and step.ended_at == incident.updated_at:
                child = self._tracer.start_span(
                    f"step {step.use}",
                    context=trace.set_span_in_context(span),
                    start_time=_nanoseconds(step.started_at),
                    attributes={"homeostat.step": step.id, "homeostat.use": step.use},
                )
                child.end(_nanoseconds(step.ended_at))
        if not incident.is_open:
            span.set_attribute("homeostat.outcome", incident.outcome or "none")
            span.end(_nanoseconds(incident.resolved_at or incident.updated_at))
            del self._spans[incident.id]

    def exposition(self) -> bytes:
        """Everything measured, in Prometheus text format."""
        return generate_latest()

    def close(self) -> None:
        self._traces.shutdown()
        self._meters.shutdown()


def _nanoseconds(at: float) -> int:
    return int(at * 1e9)
