import base64
import json
from collections.abc import Sequence

import numpy as np
import pytest
from fastapi.testclient import TestClient

from models.vectors import Embeddings
from service.access.seals import Seals
from tests.fakes import ColourEncoder
from tests.service.answers import Answer, problem
from tests.service.conftest import Serve

KEY = "a key that replicas share"
SEALS = Seals([KEY.encode()])
LONG = np.full(4, 9, dtype=np.float32)
UNIT = np.full(4, 0.5, dtype=np.float32)


def text_of(vector: np.ndarray) -> str:
    return base64.urlsafe_b64encode(vector.tobytes()).decode()


class Restless(ColourEncoder):
    """No two passes give the same numbers, as no two sizes of a batch do."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        self.passes += 1
        return super().encode_texts(texts) + np.float32(self.passes * 1e-4)


def search(client: TestClient, **query: object) -> Answer:
    return client.post("/v1/search", json=query)


def test_the_pages_of_a_query_are_asked_with_one_vector_embedded_once(serve: Serve) -> None:
    encoder = Restless()
    client = serve(encoder)
    before = encoder.passes
    cursor, names = None, []
    for _ in range(7):
        query = {"text": "red green", "limit": 1, "cursor": cursor}
        answer = client.post("/v1/search", json=query).json()
        names += [hit["path"] for hit in answer["hits"]]
        cursor = answer["next_cursor"]
    assert cursor is None
    assert len(set(names)) == 7
    assert encoder.passes == before + 1


def test_another_server_of_the_collection_goes_on_from_a_cursor(serve: Serve) -> None:
    first = search(serve(Restless()), text="red green", limit=3).json()
    restarted = search(
        serve(Restless()), text="red green", limit=3, cursor=first["next_cursor"]
    ).json()
    shown = [hit["path"] for page in (first, restarted) for hit in page["hits"]]
    assert len(set(shown)) == 6


def changed(cursor: str, **parts: object) -> str:
    """As a server with this key might have given it, of another version."""
    opened = SEALS.opened("vectors", cursor)
    digest, probes, fusion, inner = json.loads(
        base64.urlsafe_b64decode(opened + "=" * (-len(opened) % 4))
    )
    content = {"digest": digest, "probes": probes, "fusion": fusion, "inner": inner} | parts
    data = json.dumps([*content.values()]).encode()
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return SEALS.sealed("vectors", text) or ""


@pytest.mark.parametrize(
    "parts",
    [
        {"digest": "0" * 16},
        {"probes": []},
        {"probes": [[0, 1.0, "AAAA"]]},
        {"probes": [[0, 1.0, text_of(LONG)]]},
        {"probes": [[0, "1", text_of(UNIT)]]},
        {"probes": [[1, 1.0, text_of(UNIT)]]},
        {"probes": [[-1, 1.0, text_of(UNIT)]]},
        {"probes": [[True, 1.0, text_of(UNIT)]]},
        {"probes": [[0, float("nan"), text_of(UNIT)]]},
        {"probes": [[0, 1e300, text_of(UNIT)]]},
        {"probes": [[0, 1.0, 5]]},
        {"probes": [[0, 1.0, [1]]]},
        {"probes": 7},
        {"fusion": ["harris", 1.0, 0.0, 1.0, 0.0, 0.1]},
        {"fusion": ["harris", 1.0]},
        {"fusion": ["harris", 1.0, 0.0, 1.0, 0.0, 0.0]},
        {"fusion": ["sine", 1.0]},
        {"fusion": 7},
        {"inner": None},
        {"inner": "AAAA"},
    ],
)
def test_a_cursor_that_was_tampered_with_is_refused_whatever_its_seal(
    serve: Serve, parts: dict[str, object]
) -> None:
    client = serve(cursor_key=KEY)
    cursor = search(client, text="red green", limit=1).json()["next_cursor"]
    assert search(client, text="red green", cursor=changed(cursor)).status_code == 200
    answer = search(client, text="red green", cursor=changed(cursor, **parts))
    assert problem(answer) == (422, "invalid_cursor")
