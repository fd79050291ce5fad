"""The Python client against a real server, and against the document that it was made from."""

import ast
import asyncio
import inspect
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clients import generate
from index.collection import Collection
from pictor_client import AsyncPictor, NewImage, Pictor, ProblemError, Retries, UnreachableError
from pictor_client import calls as client_calls
from pictor_client.models import AddAnswer, JobAnswer
from service.app import create_app
from service.settings import Settings
from tests.fakes import ColourEncoder, picture_bytes
from tests.service.conftest import IDS, PICTURES, Built, built
from tests.service.servers import running

__all__ = ["built"]  # the fixture

CLIENT = Path(generate.CLIENTS) / "python"
PINK = (255, 100, 150)


@pytest.fixture(scope="module")
def address(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("client") / "collection"
    shutil.copytree(built.folder, folder)
    collection = Collection.open(folder)
    settings = Settings(collection=folder, threads=2)
    with running(create_app(collection, ColourEncoder(), settings)) as address:
        yield address
    collection.close()


@pytest.fixture
def pictor(address: str) -> Iterator[Pictor]:
    with Pictor(address) as client:
        yield client


def names(hits: Any) -> list[str]:  # noqa: ANN401
    return [hit.path.split(".")[0] for hit in hits]


def test_a_text_a_picture_and_both_are_searched_for(pictor: Pictor, tmp_path: Path) -> None:
    assert names(pictor.search("red", limit=1).hits) == ["red"]
    assert names(pictor.search(image=PICTURES["blue.png"], limit=1).hits) == ["blue"]
    (tmp_path / "green.png").write_bytes(PICTURES["green.png"])
    assert names(pictor.search(image=tmp_path / "green.png", limit=1).hits) == ["green"]
    composed = pictor.search("green", IDS["red"], composer={"name": "sum", "weight": 1.0}, limit=1)
    assert (composed.kind, composed.composer) == ("composed", "sum")
    assert names(composed.hits) == ["yellow"]
    uploaded = pictor.search(
        ["green"], PICTURES["red.png"], composer={"name": "sum", "weight": 1.0}, limit=1
    )
    assert names(uploaded.hits) == ["yellow"]


def test_a_picture_is_sent_once_and_named_from_then_on(pictor: Pictor) -> None:
    kept = pictor.keep(PICTURES["red.png"])
    assert names(pictor.search(image=kept, limit=1).hits) == ["red"]
    assert pictor.kept_thumbnail(kept.handle)[8:12] == b"WEBP"


def test_filters_and_exclusions_go_along(pictor: Pictor) -> None:
    only = pictor.search("red", filter={"field": "path", "prefix": "bl"})
    assert set(names(only.hits)) == {"black", "blue"}
    without = pictor.search("red", exclude=[{"text": "red", "weight": 2}], limit=1)
    assert names(without.hits) != ["red"]


def test_pages_follow_each_other_by_themselves(pictor: Pictor) -> None:
    assert names(pictor.hits("red", limit=2)) == names(pictor.search("red").hits)
    listed = [item.path for item in pictor.items(limit=3, order="path")]
    assert listed == sorted(PICTURES)


def test_a_picture_joins_and_leaves(pictor: Pictor) -> None:
    data = picture_bytes(PINK)
    answer = pictor.add([NewImage(data, "pink.png", "a tent", {"stars": 4})])
    assert isinstance(answer, AddAnswer)
    (added,) = answer.images
    assert (added.status, added.error) == ("added", None)
    assert added.id is not None
    assert pictor.item(added.id).caption == "a tent"
    assert pictor.file(added.id) == data
    assert pictor.thumbnail(added.id)[8:12] == b"WEBP"
    pictor.delete(added.id)
    with pytest.raises(ProblemError) as gone:
        pictor.item(added.id)
    assert (gone.value.code, gone.value.status) == ("unknown_item", 404)
    assert gone.value.request_id


def test_many_pictures_are_a_job_to_wait_for(pictor: Pictor) -> None:
    job = pictor.add([NewImage(picture_bytes((9, 99, 9)))], wait=False)
    assert isinstance(job, JobAnswer)
    done = pictor.wait_for(job)
    assert (done.status, done.total, done.added) == ("done", 1, 1)
    pictor.delete(done.images[0].id or "")


def test_the_rest_is_answered_too(pictor: Pictor) -> None:
    assert pictor.collection().model == "colours"
    assert len(pictor.overview((0, 0, 1, 1), limit=3).points) == 3
    assert pictor.collection().indexes[0].recall_image == 1.0
    (model,) = pictor.models().data
    assert pictor.model("colours") == model
    assert pictor.alive().status == "alive"
    assert pictor.ready().checks["index"] == "ok"
    facets = pictor.facets("format")
    assert {each.value: each.count for each in facets.values}["JPEG"] == 1
    red, picture = pictor.embeddings("red", PICTURES["red.png"]).data
    assert red.embedding == pytest.approx(picture.embedding, abs=1e-3)


def test_the_asynchronous_client_asks_the_same(address: str) -> None:
    async def ask() -> None:
        async with AsyncPictor(address) as pictor:
            assert names((await pictor.search("red", limit=1)).hits) == ["red"]
            hits = [hit async for hit in pictor.hits("red", limit=3)]
            assert names(hits) == names((await pictor.search("red")).hits)
            assert len([item async for item in pictor.items(limit=4)]) == len(PICTURES)
            job = await pictor.add([NewImage(picture_bytes((9, 9, 99)))], wait=False)
            assert isinstance(job, JobAnswer)
            done = await pictor.wait_for(job)
            await pictor.delete(done.images[0].id or "")
            with pytest.raises(ProblemError, match="unknown_item"):
                await pictor.item("0" * 32)

    asyncio.run(ask())


class Busy:
    """Says so a few times, then that it is alive."""

    def __init__(self, status: int, retry_after: str, times: int) -> None:
        self.asked = 0
        self._answer = (status, retry_after, times)

    def __call__(self, _: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        status, retry_after, times = self._answer
        if self.asked > times:
            return httpx2.Response(200, json={"status": "alive"})
        problem = {"title": "Busy", "status": status, "detail": "full", "code": "overloaded"}
        return httpx2.Response(status, json=problem, headers={"Retry-After": retry_after})


def asking(busy: Busy, retries: Retries) -> Pictor:
    return Pictor("http://pictor", retries=retries, transport=httpx2.MockTransport(busy))


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_when_it_says(status: int) -> None:
    busy = Busy(status, "0", times=2)
    with asking(busy, Retries(times=2)) as pictor:
        assert pictor.alive().status == "alive"
    assert busy.asked == 3


@pytest.mark.parametrize(
    ("busy", "retries", "asked"),
    [
        (Busy(503, "0", times=9), Retries(times=2), 3),
        (Busy(503, "3600", times=9), Retries(longest_s=30), 1),
        (Busy(500, "0", times=9), Retries(), 1),
    ],
)
def test_asking_again_has_an_end(busy: Busy, retries: Retries, asked: int) -> None:
    with asking(busy, retries) as pictor, pytest.raises(ProblemError, match="overloaded"):
        pictor.alive()
    assert busy.asked == asked


def test_a_server_that_is_not_there_is_said_to_be_so() -> None:
    with (
        Pictor("http://127.0.0.1:9") as pictor,
        pytest.raises(UnreachableError, match="http://127"),
    ):
        pictor.alive()


def test_the_document_and_the_models_are_current() -> None:
    current = generate.document()
    again = "run python clients/generate.py"
    assert generate.DOCUMENT.read_text() == generate.text_of(current), again
    assert ast.dump(ast.parse(generate.MODELS.read_text())) == ast.dump(
        ast.parse(generate.models(current))
    ), again


def called() -> set[tuple[str, str]]:
    """(method, path) of all calls, with a * for what is filled in."""
    found = set()
    for name, make in inspect.getmembers(client_calls, inspect.isfunction):
        if name in ("given",) or name.startswith("_") or make.__module__ != client_calls.__name__:
            continue
        arguments: dict[str, Callable[[], list[Any]]] = {
            "search": lambda: [None, None],
            "embeddings": lambda: [["red"]],
            "add": lambda: [[], None],
            "keep": lambda: [b""],
            "heatmap": lambda: ["*", "red"],
            "heat": lambda: ["*", "red"],
            "job": lambda: ["*", 0, 1],
            "listing": lambda: [None],
            "facets": lambda: [None],
            "overview": lambda: [None],
            "collection": list,
            "all_models": list,
            "end_session": list,
            "health": lambda: ["/livez"],
        }
        call = make(*arguments.get(name, lambda: ["*"])())
        found.add((call.method.lower(), call.path.replace("%2A", "*")))
    found.add(("get", client_calls.health("/readyz").path))
    upload = client_calls.search(None, b"")
    return found | {(upload.method.lower(), upload.path)}


def test_every_operation_of_the_document_has_its_call() -> None:
    documented = {
        (method, re.sub(r"{\w+}", "*", path))
        for path, operations in generate.document()["paths"].items()
        for method in operations
    }
    assert called() == documented


def test_both_clients_have_the_same_methods_and_ask_every_call() -> None:
    def methods(client: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(client, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(Pictor) == methods(AsyncPictor)
    for client in (Pictor, AsyncPictor):
        asked = set(re.findall(r"calls\.(\w+)\(", inspect.getsource(client)))
        own = {
            name
            for name, each in inspect.getmembers(client_calls, inspect.isfunction)
            if each.__module__ == client_calls.__name__ and not name.startswith("_")
        }
        assert asked == own - {"given"}


def test_nothing_of_the_server_is_needed() -> None:
    imported = {
        name.split(".")[0]
        for file in (CLIENT / "pictor_client").glob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported - set(sys.stdlib_module_names) == {"httpx2", "pictor_client"}


def test_the_readmes_examples_run(address: str) -> None:
    text = (CLIENT / "README.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(example.replace("http://127.0.0.1:8000", address), {})
