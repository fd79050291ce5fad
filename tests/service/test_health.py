import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import pytest
from fastapi.testclient import TestClient

from models.errors import SpaceError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import ColourEncoder
from tests.service.answers import Answer, found, problem
from tests.service.conftest import PICTURES, Built, Serve

PATIENCE_S = 10


ALL_OK = dict.fromkeys(("texts", "pictures", "compositions", "index"), "ok")


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


def test_a_dead_worker_fails_its_callers_and_turns_readiness_red(serve: Serve) -> None:
    client = serve(Dying())
    assert problem(like_red(client)) == (503, "unavailable")
    assert problem(like_red(client)) == (503, "unavailable")
    ready = client.get("/readyz")
    assert problem(ready) == (503, "not_ready")
    assert ready.json()["checks"] == {**ALL_OK, "pictures": "UnavailableError"}
    assert client.get("/livez").status_code == 200
    assert found(client.post("/v1/search", json={"text": "red", "limit": 1})) == ["red"]


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
    client = serve(encoder, request_timeout_s=0.2, ready_timeout_s=0.1)
    response = client.post("/v1/search", json={"text": "red"})
    assert problem(response) == (504, "timeout")
    ready = client.get("/readyz")
    assert problem(ready) == (503, "not_ready")
    assert ready.json()["checks"]["texts"] == "no answer within 0.1 s"
    encoder.gate.set()
    assert found(client.post("/v1/search", json={"text": "red", "limit": 1})) == ["red"]


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
