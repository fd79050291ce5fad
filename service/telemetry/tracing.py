"""Traces of requests and of their stages; the one file that imports OpenTelemetry.

Off unless PICTOR_TRACES is on, and then as OpenTelemetry's own variables say: OTEL_SERVICE_NAME,
OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_TRACES_EXPORTER (otlp, console, none, or any
that is installed; several by commas), OTEL_EXPORTER_OTLP_*, OTEL_BSP_*, OTEL_PROPAGATORS,
OTEL_SDK_DISABLED. The span of a request is FastAPI's own; those of its stages lie in it. Query
strings are left out: they hold cursors, filters and signed addresses.

Raises InputError for an exporter that is not installed, or that cannot work as it was told to.
"""

import os
from importlib.metadata import entry_points
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from models.errors import InputError
from service.telemetry.measures import Stage

SERVICE_NAME = "service.name"
QUERY = "url.query"
EXPORTERS = "opentelemetry_traces_exporter"  # the group of entry points
OTLP_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


class Traces:
    """Those of one app; the process's global provider stays as it is."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("pictor")
        provider.add_span_processor(_WithoutQuery())

    @property
    def telemetry(self) -> dict[str, Any]:
        """For FastAPI: the span of every request, and nothing else of its telemetry."""
        return {
            "tracer_provider": self._provider,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        }

    def add_stage(self, stage: Stage, seconds: float) -> None:
        """A span that ends now, in the request's own; nothing where no request is traced."""
        if trace.get_current_span().is_recording():
            ended = time_ns()
            span = self._tracer.start_span(stage.value, start_time=ended - int(seconds * 1e9))
            span.end(end_time=ended)

    def current_id(self) -> str | None:
        """Of the trace that the current request is part of, as W3C writes it."""
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.is_valid else None

    def stop(self) -> None:
        """Returns when what was recorded has been sent, or was given up."""
        self._provider.shutdown()


class _WithoutQuery(SpanProcessor):
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if span.attributes and QUERY in span.attributes:
            span.set_attribute(QUERY, "REDACTED")


def traces_from_environment() -> Traces:
    named = SERVICE_NAME in OTELResourceDetector().detect().attributes
    resource = Resource.create({} if named else {SERVICE_NAME: "pictor"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in os.environ.get("OTEL_TRACES_EXPORTER", "otlp").split(","):
        if name.strip() not in ("", "none"):
            provider.add_span_processor(BatchSpanProcessor(_exporter(name.strip())))
    return Traces(provider)


def _exporter(name: str) -> SpanExporter:
    installed = entry_points(group=EXPORTERS, name=_protocol() if name == "otlp" else name)
    try:
        exporter: SpanExporter = next(iter(installed)).load()()
    except StopIteration:
        known = ", ".join(sorted(entry_points(group=EXPORTERS).names))
        raise InputError(
            f"OTEL_TRACES_EXPORTER={name}: no such exporter is installed, there are {known}"
        ) from None
    except Exception as error:  # the exporter's own, of its own variables
        raise InputError(f"OTEL_TRACES_EXPORTER={name}: {error}") from error
    return exporter


def _protocol() -> str:
    general = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general)
    return OTLP_PROTOCOLS.get(protocol, protocol)
