"""A picture and instructions, and what to stay away from, over REST."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient

from models.composers.registry import Composers
from models.encoders import Prompt
from models.phi import Phi
from models.vectors import Embeddings
from tests.fakes import COLOURS, ColourEncoder
from tests.service.answers import Answer, found, problem
from tests.service.conftest import IDS, PICTURES, Serve


def sent(data: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode()}


def search(client: TestClient, **query: Any) -> Answer:  # noqa: ANN401
    return client.post("/v1/search", json=query)


class NamingEncoder(ColourEncoder):
    """Reads over words that are no colours; BASIC's corpora are full of them."""

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        coloured = [
            f"{text} {list(COLOURS)[sum(text.encode()) % 5]}" if not names_colour(text) else text
            for text in texts
        ]
        return super().encode_texts(coloured)


def names_colour(text: str) -> bool:
    return any(word in COLOURS for word in text.lower().split())


@pytest.fixture
def composer_client(serve: Serve) -> TestClient:
    return serve(NamingEncoder())


def test_a_picture_and_a_text_are_composed(client: TestClient) -> None:
    response = search(client, image={"id": IDS["red"]}, text="green", limit=1)
    assert found(response) == ["yellow"]  # red + green
    assert (response.json()["kind"], response.json()["composer"]) == ("composed", "sum")


def test_instructions_apply_in_turn(client: TestClient) -> None:
    response = search(client, image={"id": IDS["red"]}, text=["green", "blue"], limit=1)
    assert found(response) == ["white"]


@pytest.mark.parametrize(("weight", "nearest"), [(0, "orange"), (0.5, "yellow"), (1, "green")])
def test_slerp_walks_from_the_picture_to_the_text(
    client: TestClient, weight: float, nearest: str
) -> None:
    composer = {"name": "slerp", "weight": weight}
    response = search(client, image={"id": IDS["red"]}, text="green", composer=composer, limit=1)
    assert found(response) == [nearest]
    assert response.json()["composer"] == "slerp"


@pytest.mark.parametrize("name", ["magiclens", "searle", "lincir", "pic2word", "mix"])
@pytest.mark.parametrize(
    "query", [{"text": "green"}, {"text": "green", "image": {"id": IDS["red"]}}]
)
def test_a_composer_that_the_model_has_not_is_refused_with_those_it_has(
    client: TestClient, name: str, query: dict[str, Any]
) -> None:
    response = search(client, **query, composer={"name": name})
    assert problem(response) == (400, "unsupported_composer")
    assert "supported here: sum, slerp, basic" in response.json()["detail"]


def test_what_is_excluded_falls_behind(client: TestClient) -> None:
    assert found(search(client, text="red green", limit=2))[0] == "yellow"
    away = {"text": "green", "weight": 0.9}
    response = search(client, text="red green", exclude=[away])
    assert found(response)[0] == "red"
    scores = {hit["id"]: hit["score"] for hit in response.json()["hits"]}
    plain = {hit["id"]: hit["score"] for hit in search(client, text="red green").json()["hits"]}
    green = {hit["id"]: hit["score"] for hit in search(client, text="green").json()["hits"]}
    for id_, score in scores.items():
        assert score == pytest.approx(plain[id_] - 0.9 * green[id_], abs=1e-5)


@pytest.mark.parametrize("composer", ["sum", "slerp", "basic"])
def test_pictures_are_excluded_with_every_composer_and_are_no_hits(
    composer_client: TestClient, composer: str
) -> None:
    query = {
        "image": {"id": IDS["red"]},
        "text": "green",
        "composer": {"name": composer},
        "exclude": [{"image": {"id": IDS["yellow"]}, "weight": 1.0}],
    }
    names = found(search(composer_client, **query))
    assert len(names) == len(PICTURES) - 2 and not {"red", "yellow"} & {*names}
    sent_too = [{"image": sent(PICTURES["yellow.png"]), "weight": 1.0}]
    away = found(search(composer_client, **{**query, "exclude": sent_too}))
    assert [name for name in away if name != "yellow"] == names


def test_many_excluded_texts_are_one_callers_share_of_a_short_queue(serve: Serve) -> None:
    client = serve(max_queue=4)
    exclude = [{"text": "blue", "weight": 0.01}] * 16
    assert found(search(client, text="red", exclude=exclude))[0] == "red"


def test_excluding_all_that_was_asked_for_is_the_callers_mistake(client: TestClient) -> None:
    response = search(client, text="red", exclude=[{"text": "red", "weight": 1.0}])
    assert problem(response) == (422, "invalid_input")


def test_pages_with_exclusions_follow_each_other(client: TestClient) -> None:
    query = {"text": "red green", "exclude": [{"text": "blue"}]}
    whole, cursor = found(search(client, **query)), None
    pages: list[str] = []
    for _ in range(3):
        response = search(client, **query, limit=3, cursor=cursor)
        pages, cursor = pages + found(response), response.json()["next_cursor"]
    assert (pages, cursor) == (whole, None)
    first = search(client, **query, limit=3).json()["next_cursor"]
    other = [{"text": "blue", "weight": 0.6}]
    assert problem(search(client, text="red green", exclude=other, cursor=first)) == (
        422,
        "invalid_cursor",
    )


def test_pages_of_basic_go_on_under_the_same_scores(composer_client: TestClient) -> None:
    query = {"image": {"id": IDS["red"]}, "text": "green", "composer": {"name": "basic"}}
    answer = search(composer_client, **query)
    whole, cursor = found(answer), None
    pages: list[str] = []
    assert answer.json()["composer"] == "basic"
    for _ in range(2):
        response = search(composer_client, **query, limit=3, cursor=cursor)
        pages, cursor = pages + found(response), response.json()["next_cursor"]
    assert (pages, cursor) == (whole, None)


def test_a_text_that_is_longer_than_the_model_reads_is_cut_with_a_warning(
    client: TestClient,
) -> None:
    long = "red " * 65
    (warning,) = search(client, text=long).json()["warnings"]
    assert "cut" in warning and "red red" in warning
    composed = search(client, image={"id": IDS["red"]}, text=["green", long]).json()
    assert len(composed["warnings"]) == 1
    assert search(client, image={"id": IDS["red"]}, text=["green"]).json()["warnings"] == []
    excluded = search(client, text="red", exclude=[{"text": long, "weight": 0.1}]).json()
    assert len(excluded["warnings"]) == 1


def test_a_composer_without_both_is_answered_with_a_warning(client: TestClient) -> None:
    response = search(client, text="red", composer={"name": "sum"})
    assert "composer" in response.json()["warnings"][0]


class WordyEncoder(ColourEncoder):
    """A prompt is the colour that its pseudo-word is, and those that it names."""

    word_width = 4

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        named = self.encode_texts([prompt.text.partition("that ")[2] for prompt in prompts])
        return named + np.stack([prompt.word for prompt in prompts if prompt.word is not None])


def test_callers_of_a_phi_network_are_answered_by_it(serve: Serve) -> None:
    encoder = WordyEncoder()
    network = torch.nn.Identity()
    composers = Composers(encoder, [Phi("lincir", encoder.space, network, width=4)])
    client = serve(encoder, composers)
    response = search(client, image={"id": IDS["red"]}, text="green", limit=1)
    assert response.json()["composer"] == "lincir"
    assert found(response) == ["yellow"]
    (model,) = client.get("/v1/models").json()["data"]
    assert (model["composers"][0], model["default_composer"]) == ("lincir", "lincir")
