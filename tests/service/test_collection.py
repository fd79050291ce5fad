"""What a server says of its collection and of its model."""

from datetime import datetime

from fastapi.testclient import TestClient

from tests.service.answers import problem
from tests.service.conftest import PICTURES


def test_the_collection_says_how_it_is_searched_and_what_was_measured(client: TestClient) -> None:
    told = client.get("/v1/collection").json()
    assert (told["revision"], told["generation"]) == ("0123456789abcdef", 1)
    assert told["indexes"] == [
        {
            "space": told["space"],
            "kind": "SQfp16",
            "rows": len(PICTURES),
            "recall_image": 1.0,
            "recall_text": 1.0,
        }
    ]


def test_when_it_was_built_and_changed_are_moments(client: TestClient) -> None:
    told = client.get("/v1/collection").json()
    built, changed = map(datetime.fromisoformat, (told["created_at"], told["updated_at"]))
    assert built <= changed
    (model,) = client.get("/v1/models").json()["data"]
    assert model["created"] == int(built.timestamp())


def test_the_model_is_found_by_its_name_and_no_other_is(client: TestClient) -> None:
    (model,) = client.get("/v1/models").json()["data"]
    assert client.get("/v1/models/colours").json() == model
    assert (model["revision"], model["object"]) == ("0123456789abcdef", "model")
    assert problem(client.get("/v1/models/ViT-B-32/laion2b")) == (404, "unknown_model")
