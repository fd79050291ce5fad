"""What a server tells of its requests: metrics, log lines, ids."""

import asyncio
import json
import logging
import random
import string
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from index.collection import Collection
from models.vectors import Embeddings
from service.library import Library
from service.settings import Settings
from service.telemetry.current import request_id
from service.telemetry.logs import JsonFormatter, TextFormatter
from service.telemetry.measured import Measured
from service.telemetry.metrics import Metrics
from tests.fakes import ColourEncoder
from tests.service.answers import problem
from tests.service.conftest import IDS, PICTURES, Built, Serve

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def series(client: TestClient) -> Series:
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def value(found: Series, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


class Keeping(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@pytest.fixture
def records() -> Iterator[list[logging.LogRecord]]:
    """What the access log was told, from debug on."""
    log, handler = logging.getLogger("service.access"), Keeping()
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield handler.records
    log.removeHandler(handler)
    log.setLevel(level)


def test_requests_are_counted_by_the_template_of_their_route(client: TestClient) -> None:
    for name in ("red", "green"):
        assert client.get(f"/v1/images/{IDS[name]}").status_code == 200
    assert client.get(f"/v1/images/{'0' * 32}").status_code == 404
    found = series(client)
    labels = {"method": "GET", "route": "/v1/images/{item_id}"}
    assert value(found, "pictor_requests_total", **labels, status="200") == 2
    assert value(found, "pictor_requests_total", **labels, status="404") == 1
    assert value(found, "pictor_request_seconds_count", **labels) == 3


def test_a_thousand_paths_and_methods_make_no_series(client: TestClient) -> None:
    chance = random.Random(1)
    client.get("/nothing")
    client.request("BREW", "/nothing")
    before = set(series(client))
    for _ in range(500):
        word = "".join(chance.choices(string.ascii_letters, k=12))
        assert client.get(f"/v1/{word}").status_code == 404
        assert client.request(word.upper(), f"/{word}").status_code == 404
    found = series(client)
    # the metrics' own route was counted for the first time
    assert {name for name, labels in set(found) - before} <= {
        "pictor_requests_total",
        "pictor_requests_created",
        *(f"pictor_request_seconds_{end}" for end in ("bucket", "count", "sum", "created")),
    }
    assert all(("route", "/metrics") in labels for _, labels in set(found) - before)
    unmatched = {"method": "GET", "route": "unmatched", "status": "404"}
    assert value(found, "pictor_requests_total", **unmatched) == 501


def test_what_the_guards_refuse_is_counted_and_has_an_id(client: TestClient) -> None:
    response = client.get("/v1/collection", headers={"host": "elsewhere.example"})
    assert problem(response) == (421, "host_not_allowed")
    assert response.json()["request_id"] == response.headers["x-request-id"]
    refused = {"method": "GET", "route": "unmatched", "status": "421"}
    assert value(series(client), "pictor_requests_total", **refused) == 1


def test_the_collection_and_the_process_are_read_with_the_metrics(client: TestClient) -> None:
    found = series(client)
    assert value(found, "pictor_collection_items") == len(PICTURES)
    assert value(found, "pictor_collection_generation") == 1
    assert value(found, "pictor_collection_readable") == 1
    assert value(found, "process_resident_memory_bytes") > 2**20
    assert any(name == "pictor_info" and ("model", "colours") in labels for name, labels in found)


def test_two_apps_in_one_process_count_apart(serve: Serve) -> None:
    one, other = serve(), serve()
    one.get("/livez")
    livez = {"method": "GET", "route": "/livez", "status": "200"}
    assert value(series(one), "pictor_requests_total", **livez) == 1
    assert ("pictor_requests_total", frozenset(livez.items())) not in series(other)


def test_openmetrics_is_given_to_whoever_accepts_it(client: TestClient) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    response = client.get("/metrics", headers={"accept": accept})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"x-request-id": "req-7:a/b+c=@."}, "req-7:a/b+c=@."),
        ({"traceparent": f"00-{'4b' * 16}-{'0f' * 8}-01"}, "4b" * 16),
        ({"x-request-id": "a b", "traceparent": f"00-{'4b' * 16}-{'0f' * 8}-01"}, "4b" * 16),
    ],
)
def test_a_sane_id_of_the_callers_is_taken_over(
    client: TestClient, sent: dict[str, str], expected: str
) -> None:
    assert client.get("/livez", headers=sent).headers["x-request-id"] == expected


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"x-request-id": ""},
        {"x-request-id": "a" * 129},
        {"x-request-id": "evil\nline"},
        {"x-request-id": '"quoted"'},
        {"traceparent": f"ff-{'4b' * 16}-{'0f' * 8}-01"},
        {"traceparent": f"00-{'0' * 32}-{'0f' * 8}-01"},
        {"traceparent": f"00-{'4b' * 16}-{'0' * 16}-01"},
    ],
)
def test_any_other_request_gets_an_id_of_its_own(sent: dict[str, str]) -> None:
    one, other = request_id(sent), request_id(sent)
    assert one != other
    assert {len(one), *one} <= {32, *"0123456789abcdef"}


class Broken(ColourEncoder):
    def encode_images(self, pixels: object) -> Embeddings:
        raise RuntimeError("no luck")


def test_a_crash_is_counted_and_its_answer_has_the_requests_id(
    serve: Serve, records: list[logging.LogRecord]
) -> None:
    client = serve(Broken())
    response = client.post(
        "/v1/search/upload",
        files={"image": PICTURES["red.png"]},
        headers={"x-request-id": "crash-1"},
    )
    assert problem(response) == (500, "internal_error")
    assert response.headers["x-request-id"] == response.json()["request_id"] == "crash-1"
    labels = {"method": "POST", "route": "/v1/search/upload", "status": "500"}
    assert value(series(client), "pictor_requests_total", **labels) == 1
    assert records[0].getMessage() == "POST /v1/search/upload 500"


def test_what_is_searched_for_is_not_logged_unless_asked(
    serve: Serve, records: list[logging.LogRecord]
) -> None:
    for log_queries in (False, True):
        client = serve(log_queries=log_queries)
        client.post("/v1/search", json={"text": "red square"})
        client.get("/v1/collection?filter=red")
        line = "\n".join(TextFormatter().format(record) for record in records)
        assert ("red square" in line) is log_queries
        assert "filter" not in line
        records.clear()


def test_probes_are_logged_when_they_fail(
    client: TestClient, serve: Serve, records: list[logging.LogRecord]
) -> None:
    client.get("/readyz")
    assert [record.levelno for record in records] == [logging.DEBUG]
    serve(Broken()).get("/readyz")
    assert records[-1].levelno == logging.INFO


def test_no_path_can_forge_a_line(client: TestClient, records: list[logging.LogRecord]) -> None:
    client.get("/%0d%0a2026%20INFO%20all%20is%20well%1b[2J")
    text = TextFormatter().format(records[0])
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    line = JsonFormatter().format(records[0])
    assert "\n" not in line
    assert json.loads(line)["message"].startswith("GET /\r\n2026 INFO")


def test_a_key_is_in_no_line(client: TestClient, records: list[logging.LogRecord]) -> None:
    secret = "pk_" + "s" * 40
    headers = {"authorization": f"Bearer {secret}", "x-api-key": secret, "cookie": f"s={secret}"}
    client.get(f"/v1/collection?signature={secret}", headers=headers)
    assert all(secret not in JsonFormatter().format(record) for record in records)


def test_a_record_with_an_exception_is_one_line_of_json() -> None:
    record = logging.LogRecord("service", logging.ERROR, "f", 1, "it %s", ("broke",), None)
    try:
        raise RuntimeError("why")
    except RuntimeError as error:
        record.exc_info = (type(error), error, error.__traceback__)
    line = JsonFormatter().format(record)
    assert "\n" not in line
    content = json.loads(line)
    assert content["message"] == "it broke"
    assert content["exception"].endswith("RuntimeError: why")


def test_text_quotes_what_holds_a_space() -> None:
    record = logging.LogRecord("service", logging.INFO, "f", 1, "said", (), None)
    record.fields = {"text": 'a "b"', "n": 1, "stages_ms": {"search": 0.5}}
    words = TextFormatter().format(record).split(" ", 1)[1]
    assert words == 'INFO said text="a \\"b\\"" n=1 stages_ms.search=0.5'


def test_a_search_has_one_line_with_its_route_status_time_and_stages(
    client: TestClient, records: list[logging.LogRecord]
) -> None:
    client.post("/v1/search", json={"text": "red"}, headers={"x-request-id": "r-1"})
    (record,) = records
    line = json.loads(JsonFormatter().format(record))
    assert (line["level"], line["logger"]) == ("info", "service.access")
    assert line["message"] == "POST /v1/search 200"
    assert (line["route"], line["client"]) == ("/v1/search", "testclient")
    assert line["bytes"] > 100
    assert {"queue", "forward", "search", "fetch", "serialise"} <= set(line["stages_ms"])
    assert 0 < sum(line["stages_ms"].values()) <= line["took_ms"] * 1.01


def test_stages_are_in_the_metrics(client: TestClient) -> None:
    client.post("/v1/search", json={"text": "red"})
    client.post("/v1/search/upload", files={"image": PICTURES["red.png"]})
    found = series(client)
    for stage in ("decode", "queue", "forward", "search", "fetch", "serialise"):
        assert value(found, "pictor_stage_seconds_count", stage=stage) >= 1, stage
    assert value(found, "pictor_batch_size_count", kind="texts") >= 1
    assert value(found, "pictor_queue_depth", kind="texts") == 0
    assert value(found, "pictor_snapshots_open") == 0


def test_a_snapshot_that_is_open_is_counted_until_it_is_left(built: Built) -> None:
    metrics = Metrics()
    collection = Collection.open(built.folder)
    settings = Settings(collection=built.folder, threads=1)
    library = Library(collection, ColourEncoder().spaces, settings, Measured(metrics))

    def open_now(_: object) -> float | None:
        return metrics.registry.get_sample_value("pictor_snapshots_open")

    assert asyncio.run(library.read(open_now)) == 1
    assert open_now(None) == 0
    library.stop()
    collection.close()
