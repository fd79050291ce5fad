"""MagicLens over REST: texts search CLIP's space, pictures and compositions its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.collection import Collection
from index.items import item_id
from index.job import JobOptions, build_collection
from index.sources import FolderSource, Root
from models.device import choose_placement
from models.load import load_encoder
from models.magiclens.folder import convert
from service.app import create_app
from service.settings import Settings
from tests.fakes import COLOURS, picture_bytes
from tests.service.answers import problem

CHECKPOINT = Path(__file__).parents[1] / "data" / "magiclens" / "magic_lens_tiny.pkl"
RED = item_id(picture_bytes("red"))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    place = tmp_path_factory.mktemp("lens")
    convert(CHECKPOINT, place / "lens")
    (place / "pictures").mkdir()
    for name in COLOURS:
        (place / "pictures" / f"{name}.png").write_bytes(picture_bytes(name))
    encoder = load_encoder(str(place / "lens"), choose_placement("cpu"), announce=print)
    source = FolderSource(Root("pictures", place / "pictures"))
    options = JobOptions(threads=1)
    build_collection(place / "collection", [source], encoder, model="lens", options=options)
    collection = Collection.open(place / "collection")
    settings = Settings(collection=place / "collection", threads=1)
    with TestClient(create_app(collection, encoder, settings), base_url="http://localhost") as it:
        yield it
    collection.close()


def spaces(client: TestClient) -> list[str]:
    found: list[str] = client.get("/v1/collection").json()["spaces"]
    return found


def test_the_collection_and_the_model_name_both_spaces(client: TestClient) -> None:
    clip, lens = spaces(client)
    assert clip.startswith("lens:clip@") and lens.startswith("lens@")
    (model,) = client.get("/v1/models").json()["data"]
    assert (model["id"], model["spaces"], model["space"]) == ("lens", [clip, lens], clip)
    assert model["composers"] == ["magiclens", "sum", "slerp", "basic"]
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(
    ("query", "kind", "composer", "space"),
    [
        ({"text": "a red square"}, "text", None, 0),
        ({"image": {"id": RED}}, "image", None, 1),
        ({"image": {"id": RED}, "text": "in blue"}, "composed", "magiclens", 1),
        (
            {"image": {"id": RED}, "text": "in blue", "composer": {"name": "sum"}},
            "composed",
            "sum",
            0,
        ),
        ({"image": {"id": RED}, "text": ["in blue", "at night"]}, "composed", "magiclens", 1),
        ({"text": "a red square", "exclude": [{"image": {"id": RED}}]}, "text", None, 0),
    ],
)
def test_the_answer_names_composer_and_space(
    client: TestClient, query: dict[str, object], kind: str, composer: str | None, space: int
) -> None:
    answer = client.post("/v1/search", json={**query, "limit": 2}).json()
    assert (answer["kind"], answer["composer"]) == (kind, composer)
    assert answer["space"] == spaces(client)[space]
    assert answer["model"] == "lens"
    rest = client.post(
        "/v1/search", json={**query, "limit": 10, "cursor": answer["next_cursor"]}
    ).json()
    ids = [hit["id"] for page in (answer, rest) for hit in page["hits"]]
    assert len(ids) == len(set(ids)) >= len(COLOURS) - 1


def test_a_stored_picture_asks_what_the_same_picture_sent_asks(client: TestClient) -> None:
    stored = {"image": {"id": RED}, "text": "in blue"}
    files = {"image": ("red.png", picture_bytes("red"))}
    by_id = client.post("/v1/search", json=stored).json()["hits"]
    sent = client.post("/v1/search/upload", files=files, data={"text": "in blue"}).json()["hits"]
    scores = {hit["id"]: hit["score"] for hit in sent}
    for hit in by_id:
        assert scores[hit["id"]] == pytest.approx(hit["score"], abs=5e-3)


def test_an_instruction_longer_than_the_context_is_cut_with_a_warning(client: TestClient) -> None:
    query = {"image": {"id": RED}, "text": "very " * 80 + "blue"}
    (warning,) = client.post("/v1/search", json=query).json()["warnings"]
    assert "cut" in warning
    # two instructions that would fit alone, but are read together
    both = {**query, "text": ["very " * 60 + "blue", "very " * 60 + "red"]}
    (warning,) = client.post("/v1/search", json=both).json()["warnings"]
    assert "cut" in warning
    apart = {**both, "composer": {"name": "sum"}}
    assert client.post("/v1/search", json=apart).json()["warnings"] == []


def test_a_composer_without_its_weights_is_a_400_that_lists_the_others(
    client: TestClient,
) -> None:
    query = {"image": {"id": RED}, "text": "in blue", "composer": {"name": "searle"}}
    response = client.post("/v1/search", json=query)
    assert problem(response) == (400, "unsupported_composer")
    assert "magiclens, sum, slerp, basic" in response.json()["detail"]


def test_embeddings_of_texts_and_pictures_can_be_compared(client: TestClient) -> None:
    answer = client.post("/v1/embeddings", json={"input": ["a red square"]}).json()
    assert answer["space"] == spaces(client)[0]
    assert len(answer["data"][0]["embedding"]) == 64
