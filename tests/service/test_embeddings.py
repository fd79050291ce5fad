import base64
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from service.schemas.embeddings import MAX_INPUTS
from tests.fakes import ColourEncoder
from tests.service.answers import Answer, problem
from tests.service.conftest import PICTURES, Serve

RED = {"image": {"base64": base64.b64encode(PICTURES["red.png"]).decode()}}


def embed(client: TestClient, **request: Any) -> Answer:  # noqa: ANN401
    return client.post("/v1/embeddings", json=request)


def vectors(response: Answer) -> list[Any]:
    assert response.status_code == 200, response.text
    return [each["embedding"] for each in response.json()["data"]]


def test_a_text_gives_one_vector_of_unit_length(client: TestClient) -> None:
    response = embed(client, input="red", model="colours")
    body = response.json()
    assert (body["object"], body["model"], body["usage"]["total_tokens"]) == ("list", "colours", 0)
    assert [(each["object"], each["index"]) for each in body["data"]] == [("embedding", 0)]
    (vector,) = vectors(response)
    expected = np.array([255, 0, 0, 16], np.float32)
    assert vector == pytest.approx((expected / np.linalg.norm(expected)).tolist(), abs=1e-6)


def test_texts_and_pictures_come_back_in_the_order_of_the_inputs(client: TestClient) -> None:
    mixed = vectors(embed(client, input=["green", RED, {"text": "blue"}, RED]))
    assert [int(np.argmax(vector)) for vector in mixed] == [1, 0, 2, 0]


def test_base64_holds_the_same_floats(client: TestClient) -> None:
    (floats,) = vectors(embed(client, input="red"))
    (text,) = vectors(embed(client, input="red", encoding_format="base64"))
    assert isinstance(text, str)
    assert np.frombuffer(base64.b64decode(text), "<f4").tolist() == floats


def test_more_inputs_than_a_batch_or_the_queue_holds_are_embedded(serve: Serve) -> None:
    client = serve(max_batch=4, max_queue=3)
    assert len(vectors(embed(client, input=["red"] * 11 + [RED] * 7))) == 18


def test_another_models_vectors_are_not_given(client: TestClient) -> None:
    response = embed(client, input="red", model="text-embedding-3-small")
    assert problem(response) == (404, "unknown_model")


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"input": []},
        {"input": ""},
        {"input": [1, 2, 3]},
        {"input": {"image": {"base64": "?"}}},
        {"input": {"text": "red", **RED}},
        {"input": {"image": {"id": "0" * 32}}},
        {"input": ["red"] * (MAX_INPUTS + 1)},
        {"input": "red", "encoding_format": "int8"},
        {"input": [[1, 2], [3]]},
        {"input": "red", "dimensions": 0},
        {"input": "red", "user": 7},
        {"input": "red", "unknown": "x"},
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    client: TestClient, request_: dict[str, object]
) -> None:
    assert problem(embed(client, **request_)) == (422, "invalid_request")


def test_vectors_are_as_long_as_the_model_makes_them(client: TestClient) -> None:
    assert len(vectors(embed(client, input="red", dimensions=4, user="somebody"))[0]) == 4
    shorter = embed(client, input="red", dimensions=2)
    assert problem(shorter) == (422, "invalid_input")
    assert "this model's vectors have 4" in shorter.json()["detail"]


def test_one_bad_input_fails_the_request(client: TestClient) -> None:
    assert problem(embed(client, input=["red", "walrus"])) == (422, "invalid_input")


class Nowhere(ColourEncoder):
    def encode_texts(self, texts: Any) -> Any:  # noqa: ANN401
        return np.zeros((len(texts), 4), np.float32)


def test_an_embedding_without_direction_is_refused(serve: Serve) -> None:
    assert problem(embed(serve(Nowhere()), input="red")) == (422, "invalid_input")
