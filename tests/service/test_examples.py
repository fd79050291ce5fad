"""Every example of the OpenAPI document is sent to a server, and is answered."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from models.vectors import Embeddings
from service.access.keys import make_key
from service.access.keys_file import KeysFile
from service.schemas.examples import BODIES, EXAMPLE_JOB, EXAMPLE_KEY, EXAMPLE_MODEL, RED_PIXEL
from service.schemas.pictures import EXAMPLE_HANDLE, EXAMPLE_ID
from tests.fakes import COLOURS, SeeingEncoder
from tests.service.answers import Answer
from tests.service.conftest import IDS, PICTURES, Built, Serve

JSON, MULTIPART = "application/json", "multipart/form-data"


class AnyWords(SeeingEncoder):
    """Takes texts without colours, too, as white."""

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        named = [text if set(text.lower().split()) & set(COLOURS) else "white" for text in texts]
        return np.asarray(super().encode_texts(named))


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    parameters: dict[str, Any] = field(default_factory=dict)
    media_type: str | None = None
    body: Any = None


@dataclass(frozen=True)
class Server:
    client: TestClient
    stand_ins: dict[str, str]

    def send(self, request: Request) -> Answer:
        path, parameters = request.path, dict(request.parameters)
        for name in list(parameters):
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", str(parameters.pop(name)))
        filled = {name: self.of_ours(value) for name, value in parameters.items()}
        body = self.of_ours(request.body)
        more: dict[str, Any] = {}
        if request.media_type == JSON:
            more = {"json": body}
        elif request.media_type == MULTIPART:
            more = {"data": body, "files": {"image": ("red.png", PICTURES["red.png"])}}
        return self.client.request(
            request.method.upper(), self.of_ours(path), params=filled, **more
        )

    def of_ours(self, value: Any) -> Any:  # noqa: ANN401
        """With what stands for something of one's own collection made ours."""
        text = json.dumps(value)
        for example, ours in self.stand_ins.items():
            text = text.replace(example, ours)
        return json.loads(text)


@pytest.fixture
def server(serve: Serve, built: Built, tmp_path: Path) -> Server:
    copied, keys = tmp_path / "collection", KeysFile(tmp_path / "keys.json")
    shutil.copytree(built.folder, copied)
    key, text = make_key("examples", {"read", "write"})
    keys.add(key)
    client = serve(AnyWords(), collection=copied, keys_file=tmp_path / "keys.json")
    client.headers["x-api-key"] = text
    sent = {"images": [{"base64": RED_PIXEL}]}
    job = client.post("/v1/images", json=sent, params={"wait": "false"}).json()["id"]
    files = {"image": PICTURES["red.png"]}
    handle = client.post("/v1/pictures", files=files).json()["handle"]
    ours = {
        EXAMPLE_HANDLE: handle,
        EXAMPLE_ID: IDS["green"],
        EXAMPLE_KEY: text,
        EXAMPLE_JOB: job,
        EXAMPLE_MODEL: "colours",
    }
    return Server(client, ours)


def examples_of(schema: dict[str, Any], document: dict[str, Any]) -> list[Any]:
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    branches = [each for key in ("anyOf", "allOf") for each in schema.get(key, ())]
    inner = [example for branch in branches for example in examples_of(branch, document)]
    return [*schema.get("examples", ()), *inner]


def parameter_examples(parameter: dict[str, Any], document: dict[str, Any]) -> list[Any]:
    own = [parameter["example"]] if "example" in parameter else []
    return own or examples_of(parameter["schema"], document)


def bodies_of(operation: dict[str, Any], document: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for media_type, content in operation["requestBody"]["content"].items():
        schema = content["schema"]
        yield from ((media_type, each["value"]) for each in content.get("examples", {}).values())
        yield from ((media_type, example) for example in examples_of(schema, document))
        if media_type == MULTIPART:
            # a composer has something to do only where there is a text
            besides = {"text": ["at night"]} if "text" in schema["properties"] else {}
            for name, each in schema["properties"].items():
                for example in each.get("examples", ()):
                    yield media_type, {**besides, name: example}


def addresses_of(
    parameters: Sequence[dict[str, Any]], document: dict[str, Any]
) -> Iterator[list[dict[str, Any]]]:
    """Every example of every parameter beside each of those of what is needed."""
    needed = {
        each["name"]: parameter_examples(each, document) for each in parameters if each["required"]
    }
    settings = [dict(zip(needed, values, strict=True)) for values in product(*needed.values())]
    yield settings
    for each in parameters:
        for example in parameter_examples(each, document):
            yield [{**setting, each["name"]: example} for setting in settings]


def requests_of(document: dict[str, Any]) -> Iterator[list[Request]]:
    """Alternatives, of which one at least must be answered well: months are counted of dates only,
    folders of paths only."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                for media_type, body in bodies_of(operation, document):
                    yield [Request(method, path, {}, media_type, body)]
            else:
                for settings in addresses_of(operation.get("parameters", ()), document):
                    yield [Request(method, path, setting) for setting in settings]


def last_what_deletes(alternatives: list[Request]) -> bool:
    return alternatives[0].method == "delete"


def test_every_example_is_answered(server: Server) -> None:
    sent = sorted(requests_of(server.client.get("/openapi.json").json()), key=last_what_deletes)
    assert len(sent) > 40
    for alternatives in sent:
        answers = [server.send(request) for request in alternatives]
        said = [answer.text[:300] for answer in answers]
        assert any(200 <= answer.status_code < 300 for answer in answers), (alternatives, said)


def test_every_body_and_every_needed_parameter_has_an_example(server: Server) -> None:
    document = server.client.get("/openapi.json").json()
    lacking = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation and (method, path) not in BODIES:
                lacking.append(f"{method} {path}")
            lacking += [
                f"{method} {path} {each['name']}"
                for each in operation.get("parameters", ())
                if each["required"] and not parameter_examples(each, document)
            ]
    assert lacking == []


def test_no_example_is_of_an_operation_that_is_not_there(server: Server) -> None:
    document = server.client.get("/openapi.json").json()
    for (method, path), bodies in BODIES.items():
        assert set(bodies) == set(document["paths"][path][method]["requestBody"]["content"])
