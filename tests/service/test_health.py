import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.errors import SpaceError
from models.preprocess import Pixels
from models.vectors import Embeddings
from service.readiness import Readiness
from tests.fakes import ColourEncoder
from tests.service.answers import Answer, found, problem
from tests.service.conftest import PICTURES, Built, Serve

PATIENCE_S = 10


ALL_OK = dict.fromkeys(("texts", "pictures", "compositions", "index", "worker"), "ok")


class Stuck(ColourEncoder):
    """Answers texts only once the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.running = threading.Event()
        self.gate = threading.Event()

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self.running.set()
        assert self.gate.wait(PATIENCE_S)
        return super().encode_texts(texts)


class Dying(ColourEncoder):
    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        raise SystemExit


class Broken(ColourEncoder):
    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        raise RuntimeError("CUDA error: the secret of /home/me")


def like_red(client: TestClient) -> Answer:
    return client.post("/v1/search/upload", files={"image": PICTURES["red.png"]})


def test_a_server_that_answers_is_alive_and_ready(client: TestClient) -> None:
    assert client.get("/livez").json()["status"] == "alive"
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json()["checks"] == ALL_OK


def test_a_server_is_not_ready_before_it_has_warmed_up(serve: Serve) -> None:
    encoder = Stuck()
    client = serve(encoder)
    readiness: Readiness = client.app.state.parts.readiness  # type: ignore[attr-defined]
    assert client.portal is not None
    warming = client.portal.start_task_soon(readiness.warm_up)
    assert encoder.running.wait(PATIENCE_S)
    ready = client.get("/readyz")
    assert problem(ready) == (503, "not_ready")
    assert ready.json()["checks"] == {"server": "starting"}
    encoder.gate.set()
    warming.result(PATIENCE_S)
    assert client.get("/readyz").json()["checks"] == ALL_OK


def test_a_dead_worker_fails_its_callers_turns_readiness_red_and_is_replaced(serve: Serve) -> None:
    client = serve(Dying())
    assert problem(like_red(client)) == (503, "unavailable")
    ready = client.get("/readyz")
    assert problem(ready) == (503, "not_ready")
    assert ready.json()["checks"]["pictures"] != "ok"
    assert client.get("/livez").status_code == 200
    assert found(answered(client, {"text": "red", "limit": 1})) == ["red"]


def answered(client: TestClient, query: dict[str, Any]) -> Answer:
    """The first answer that is not about a worker that is gone."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        answer = client.post("/v1/search", json=query)
        if answer.status_code != 503:
            return answer
        assert int(answer.headers["retry-after"]) >= 1
    raise AssertionError("no other worker has begun")


def test_a_failing_model_is_an_internal_error_that_tells_nothing(serve: Serve) -> None:
    client = serve(Broken())
    response = like_red(client)
    assert problem(response) == (500, "internal_error")
    assert "secret" not in response.text
    ready = client.get("/readyz")
    assert problem(ready) == (503, "not_ready")
    assert "secret" not in ready.text


def test_a_model_that_does_not_answer_is_given_up_and_not_ready(serve: Serve) -> None:
    encoder = Stuck()
    # which a busy machine may want for an answer that waits for nothing
    client = serve(encoder, request_timeout_s=2, ready_timeout_s=0.1)
    response = client.post("/v1/search", json={"text": "red"})
    assert problem(response) == (504, "timeout")
    ready = client.get("/readyz")
    assert problem(ready) == (503, "not_ready")
    assert ready.json()["checks"]["texts"] == "no answer within 0.1 s"
    encoder.gate.set()
    assert found(client.post("/v1/search", json={"text": "red", "limit": 1})) == ["red"]


def test_what_was_done_lately_is_not_tried_again(serve: Serve) -> None:
    encoder = ColourEncoder()
    client = serve(encoder)
    assert client.get("/readyz").json()["checks"] == ALL_OK
    tried = encoder.encoded_images
    assert tried == 1
    assert client.get("/readyz").json()["checks"] == ALL_OK
    assert encoder.encoded_images == tried


def test_a_loaded_server_that_gets_its_work_done_is_ready_without_being_tried(
    serve: Serve,
) -> None:
    encoder = Stuck()
    client = serve(encoder)
    assert found(client.post("/v1/search/upload", files={"image": PICTURES["red.png"]}))
    with ThreadPoolExecutor(2) as callers:
        running = callers.submit(client.post, "/v1/search", json={"text": "red"})
        assert encoder.running.wait(PATIENCE_S)
        waiting = callers.submit(client.post, "/v1/search", json={"text": "green"})
        while "pictor_queue_depth{" not in (shown := client.get("/metrics").text) or (
            queued(shown, "texts") == 0
        ):
            pass
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert encoder.encoded_images == 1
        encoder.gate.set()
        assert running.result().status_code == waiting.result().status_code == 200


def queued(shown: str, kind: str) -> float:
    (line,) = [
        line for line in shown.splitlines() if f'pictor_queue_depth{{kind="{kind}"}}' in line
    ]
    return float(line.split()[-1])


def test_a_full_queue_refuses_at_once_and_says_to_come_back(serve: Serve) -> None:
    encoder = Stuck()
    client = serve(encoder, max_queue=1)
    with ThreadPoolExecutor(3) as callers:

        def ask(colour: str) -> Answer:
            return client.post("/v1/search", json={"text": colour, "limit": 1})

        running = callers.submit(ask, "red")
        assert encoder.running.wait(PATIENCE_S)
        # one waits, the other is one too many, whichever comes first
        others = {callers.submit(ask, "green"), callers.submit(ask, "green white")}
        refused, waiting = wait(others, PATIENCE_S, FIRST_COMPLETED)
        assert [problem(each.result()) for each in refused] == [(503, "overloaded")]
        assert refused.pop().result().headers["retry-after"] == "1"
        encoder.gate.set()
        assert found(running.result()) == ["red"]
        assert waiting.pop().result().status_code == 200


def test_a_model_of_another_space_stops_the_start_and_names_both(serve: Serve) -> None:
    with pytest.raises(SpaceError) as refusal:
        serve(ColourEncoder(revision="fedcba9876543210"))
    assert "colours@0123456789abcdef/4" in str(refusal.value)
    assert "colours@fedcba9876543210/4" in str(refusal.value)


def test_the_collection_is_described_without_its_places_on_disk(
    client: TestClient, built: Built
) -> None:
    response = client.get("/v1/collection")
    told = response.json()
    assert (told["items"], told["occurrences"], told["failures"]) == (len(PICTURES),) * 2 + (0,)
    assert (told["space"], told["dimension"]) == ("colours@0123456789abcdef/4", 4)
    assert told["sources"] == ["pictures"]
    assert str(built.pictures) not in response.text


def test_the_served_model_is_listed_with_its_composers(client: TestClient) -> None:
    (model,) = client.get("/v1/models").json()["data"]
    assert (model["id"], model["dimension"]) == ("colours", 4)
    assert model["composers"] == ["sum", "slerp", "basic"]
    assert model["default_composer"] == "sum"
    assert model["spaces"] == [model["space"]] == ["colours@0123456789abcdef/4"]
    assert model["templates"]["circo"] == "find {concept} but {change}"
