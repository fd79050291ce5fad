"""Traces, read from OpenTelemetry's own exporter in memory."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import format_trace_id

from index.served import open_collection
from models.errors import InputError
from service.app import create_app
from service.settings import Settings
from service.telemetry.measures import Stage
from service.telemetry.tracing import Traces, traces_from_environment
from tests.fakes import ColourEncoder
from tests.service.conftest import PICTURES, Built

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
IMPORTING = """
import sys
{before}
from service.app import create_app
from service.telemetry.measured import traces_of
from service.settings import Settings
from models.errors import InputError
try:
    traces_of(Settings(collection=".", traces={traces}))
except InputError as error:
    print(error)
print([name for name in sys.modules if name.startswith("opentelemetry.sdk")])
"""

EXPORTING = """
from service.telemetry.measures import Stage
from service.telemetry.tracing import traces_from_environment
traces = traces_from_environment()
with traces.telemetry["tracer_provider"].get_tracer("test").start_as_current_span("a request"):
    traces.add_stage(Stage.FORWARD, 0.1)
traces.stop()
"""


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(built: Built, spans: InMemorySpanExporter) -> Iterator[TestClient]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    settings = Settings(collection=built.folder, threads=2, traces=True)
    collection = open_collection(settings.collection)
    app = create_app(collection, ColourEncoder(), settings, traces=Traces(provider))
    with TestClient(app, base_url="http://localhost") as client:
        yield client
    collection.close()


def test_a_request_is_a_span_named_by_its_route(
    traced: TestClient, spans: InMemorySpanExporter
) -> None:
    traced.get(f"/v1/images/{'0' * 32}")
    (span,) = spans.get_finished_spans()
    assert span.name == "GET /v1/images/{item_id}"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 404


def test_stages_lie_within_their_request(traced: TestClient, spans: InMemorySpanExporter) -> None:
    traced.post("/v1/search/upload", files={"image": PICTURES["red.png"]})
    found = {span.name: span for span in spans.get_finished_spans()}
    request = found.pop("POST /v1/search/upload")
    assert {"decode", "queue", "forward", "search", "fetch", "serialise"} <= set(found)
    assert request.start_time is not None
    assert request.end_time is not None
    for stage in found.values():
        assert stage.parent is not None
        assert stage.parent.span_id == request.context.span_id
        assert stage.start_time is not None
        assert stage.end_time is not None
        assert request.start_time <= stage.start_time <= stage.end_time <= request.end_time


def test_a_callers_trace_goes_on_and_its_id_is_in_the_log(
    traced: TestClient, spans: InMemorySpanExporter, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "service.access"):
        traced.get("/v1/collection", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
    (span,) = spans.get_finished_spans()
    assert format_trace_id(span.context.trace_id) == TRACE
    assert [record.fields["trace_id"] for record in caplog.records] == [TRACE]  # type: ignore[attr-defined]


def test_no_query_string_is_in_a_trace(traced: TestClient, spans: InMemorySpanExporter) -> None:
    traced.get("/v1/collection?cursor=secret")
    assert "secret" not in str([span.to_json() for span in spans.get_finished_spans()])


def test_a_stage_outside_of_a_request_makes_no_trace(spans: InMemorySpanExporter) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))
    traces = Traces(provider)
    traces.add_stage(Stage.FORWARD, 0.1)
    assert (spans.get_finished_spans(), traces.current_id()) == ((), None)


def test_exporters_and_names_come_from_the_standard_variables() -> None:
    said = " ".join(
        told(
            EXPORTING,
            OTEL_TRACES_EXPORTER="console, none",
            OTEL_RESOURCE_ATTRIBUTES="service.name=pictures,deployment=test",
        )
    )
    assert '"name": "forward"' in said
    assert said.count('"service.name": "pictures"') == 2
    assert '"service.name": "pictor"' in " ".join(told(EXPORTING, OTEL_TRACES_EXPORTER="console"))


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkins"}, "OTEL_TRACES_EXPORTER=zipkins"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "carrier pigeon"}, "OTEL_TRACES_EXPORTER=otlp"),
    ],
)
def test_an_exporter_that_cannot_be_is_said_at_start(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=named):
        traces_from_environment()


def told(program: str, **variables: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **variables},
    )
    return ran.stdout.splitlines()


def test_nothing_of_it_is_imported_unless_traces_are_on() -> None:
    assert told(IMPORTING.format(before="", traces=False)) == ["[]"]
    assert "opentelemetry.sdk.trace" in told(IMPORTING.format(before="", traces=True))[0]


def test_without_the_extra_its_name_is_said() -> None:
    missing = 'sys.modules["opentelemetry.sdk"] = None'
    assert ".[otel]" in told(IMPORTING.format(before=missing, traces=True))[0]
