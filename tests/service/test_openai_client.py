"""The official client library against a real server."""

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI, NotFoundError, OpenAI, UnprocessableEntityError

from index.served import open_collection
from service.app import create_app
from service.settings import Settings
from tests.fakes import ColourEncoder
from tests.service.conftest import PICTURES, Built
from tests.service.servers import running

RED_IMAGE: Any = {"image": {"base64": base64.b64encode(PICTURES["red.png"]).decode()}}
RED = np.array([255, 0, 0, 16], np.float32) / np.linalg.norm([255, 0, 0, 16])


@pytest.fixture(scope="module")
def address(built: Built) -> Iterator[str]:
    settings = Settings(collection=built.folder, threads=2)
    collection = open_collection(settings.collection)
    with running(create_app(collection, ColourEncoder(), settings)) as address:
        yield f"{address}/v1"
    collection.close()


@pytest.fixture
def openai(address: str) -> Iterator[OpenAI]:
    with OpenAI(base_url=address, api_key="not needed", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}])
def test_a_text_gives_its_vector_as_floats_and_as_the_library_asks_for_itself(
    openai: OpenAI, asked: dict[str, Any]
) -> None:
    """Unless told otherwise the library asks for base64 and decodes it."""
    answer = openai.embeddings.create(model="colours", input="red", **asked)
    assert (answer.object, answer.model, answer.usage.total_tokens) == ("list", "colours", 0)
    (embedding,) = answer.data
    assert (embedding.object, embedding.index) == ("embedding", 0)
    assert embedding.embedding == pytest.approx(RED.tolist(), abs=1e-6)


def test_base64_that_is_asked_for_is_given_as_it_is(openai: OpenAI) -> None:
    answer = openai.embeddings.create(model="colours", input="red", encoding_format="base64")
    held: Any = answer.data[0].embedding
    assert np.frombuffer(base64.b64decode(held), "<f4").tolist() == pytest.approx(RED.tolist())


def test_several_texts_come_back_in_order(openai: OpenAI) -> None:
    answer = openai.embeddings.create(model="colours", input=["green", "red", "blue"])
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert [int(np.argmax(each.embedding)) for each in answer.data] == [1, 0, 2]


def test_pictures_go_through_the_same_call(openai: OpenAI) -> None:
    mixed: Any = ["green", RED_IMAGE]
    answer = openai.embeddings.create(model="colours", input=mixed)
    assert answer.data[1].embedding == pytest.approx(RED.tolist(), abs=1e-6)


def test_dimensions_and_user_are_taken(openai: OpenAI) -> None:
    answer = openai.embeddings.create(model="colours", input="red", dimensions=4, user="me")
    assert len(answer.data[0].embedding) == 4
    with pytest.raises(UnprocessableEntityError, match="this model's vectors have 4"):
        openai.embeddings.create(model="colours", input="red", dimensions=2)


def test_failures_are_the_librarys_own_with_our_code(openai: OpenAI) -> None:
    with pytest.raises(NotFoundError) as unknown:
        openai.embeddings.create(model="text-embedding-3-small", input="red")
    assert unknown.value.code == "unknown_model"
    assert "this server serves colours" in str(unknown.value)
    body: Any = unknown.value.body
    assert unknown.value.request_id == body["request_id"]
    with pytest.raises(UnprocessableEntityError, match="send texts"):
        openai.embeddings.create(model="colours", input=[[1, 2, 3]])


def test_models_are_listed_and_found(openai: OpenAI) -> None:
    (model,) = openai.models.list()
    assert (model.id, model.owned_by) == ("colours", "pictor")
    assert openai.models.retrieve("colours").created == model.created
    with pytest.raises(NotFoundError):
        openai.models.retrieve("ViT-B-32/openai")


def test_the_asynchronous_client_is_served_too(address: str) -> None:
    async def embed() -> list[float]:
        async with AsyncOpenAI(base_url=address, api_key="not needed", max_retries=0) as client:
            answer = await client.embeddings.create(model="colours", input="red")
            return answer.data[0].embedding

    assert asyncio.run(embed()) == pytest.approx(RED.tolist(), abs=1e-6)
