"""Several servers of one collection in Milvus, and a Milvus that goes away."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.filtering.listing import Browsing
from index.items import Item
from index.milvus.address import parse_address
from index.milvus.client import TIMEOUT_S
from index.milvus.publishing import publish
from index.searching.hybrid import Extent, search_words
from index.served import Collection, open_collection
from models.errors import CollectionError
from service.app import create_app
from service.settings import Settings
from tests.fakes import COLOURS, ColourEncoder, picture_bytes
from tests.index.live import addition, id_of
from tests.milvus.lite_server import lite_server
from tests.milvus.published import Lite
from tests.ports import free_port
from tests.service.answers import found, problem
from tests.service.conftest import Built, index

PINK = (255, 100, 150)
MANY = 6
PATIENCE_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    built = Built(tmp_path / "collection", tmp_path / "pictures")
    built.pictures.mkdir()
    for name in COLOURS:
        (built.pictures / f"{name}.png").write_bytes(picture_bytes(name))
    index(built, ColourEncoder())
    return built.folder


@pytest.fixture
def replicas(folder: Path, lite: Lite) -> Iterator[tuple[Collection, Collection]]:
    address = lite.address(folder)
    one, other = open_collection(address), open_collection(address)
    yield one, other
    one.close()
    other.close()


def test_what_one_replica_adds_or_deletes_every_other_sees_at_once(
    replicas: tuple[Collection, Collection],
) -> None:
    one, other = replicas
    with other.snapshot() as snapshot:
        assert snapshot.listed(Browsing()).total == len(COLOURS)
        before = snapshot.state
    (added,) = one.changes(10, None).add([addition(PINK, "pink.png", caption="a tent")])
    with other.snapshot() as snapshot:
        assert snapshot.state != before
        assert snapshot.item(added.id).caption == "a tent"
        assert added.id in snapshot.listed(Browsing()).ids
        assert [hit.id for hit in search_words(snapshot, "tent", Extent()).hits] == [added.id]
        assert snapshot.original(added.id) == picture_bytes(PINK)
    assert other.changes(10, None).delete([added.id]) == ["deleted"]
    with one.snapshot() as snapshot:
        assert snapshot.listed(Browsing()).total == snapshot.count == len(COLOURS)
        assert list(search_words(snapshot, "tent", Extent()).hits) == []
    assert one.changes(10, None).delete([added.id]) == ["already deleted"]


def test_replicas_that_add_and_delete_one_picture_at_once_leave_it_whole_or_gone(
    replicas: tuple[Collection, Collection],
) -> None:
    changes = [each.changes(30, None) for each in replicas]

    def change(number: int) -> None:
        writer = changes[number % 2]
        writer.add([addition(PINK, f"{number}.png"), addition((number, 9, 9), "same name.png")])
        if number % 3 == 0:
            writer.delete([id_of(PINK)])

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(change, range(MANY)))
    with replicas[0].snapshot() as one, replicas[1].snapshot() as other:
        everyone = list(one.listed(Browsing()).ids)
        assert everyone == list(other.listed(Browsing()).ids)
        items: list[Item] = list(one.items(everyone).values())
        assert one.count == len(items) == len({item.path for item in items})
        for item in items:
            assert len(one.original(item.id)) == item.bytes
            assert one.thumbnail(item.id)
        occurrences = one.statistics().occurrences
        assert occurrences == sum(len(item.occurrences) for item in items)


def test_replicas_take_each_others_cursors(replicas: tuple[Collection, Collection]) -> None:
    one, other = replicas
    assert one.kept_key("cursors") == other.kept_key("cursors")
    assert one.kept_key("cursors") != one.kept_key("others")


def test_a_server_is_ready_again_when_milvus_is_back(folder: Path, tmp_path: Path) -> None:
    port, data = free_port(), tmp_path / "data"
    address = f"milvus://127.0.0.1:{port}/colours"
    settings = Settings(collection=address, threads=1, ready_window_s=1e-6, ready_timeout_s=30)
    ask = {"text": "red", "limit": 1}
    with ExitStack() as held:
        with lite_server(data, port):
            publish(folder, parse_address(address))
            collection = open_collection(address)
            held.callback(collection.close)
            app = create_app(collection, ColourEncoder(), settings)
            client = held.enter_context(TestClient(app, base_url="http://localhost"))
            assert found(client.post("/v1/search", json=ask)) == ["red"]
            assert client.get("/readyz").status_code == 200
        answer = client.post("/v1/search", json=ask)
        assert problem(answer) == (503, "collection_unavailable")
        assert str(tmp_path) not in answer.text
        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200
        with lite_server(data, port):
            wait_until_ready(client)
            assert found(client.post("/v1/search", json=ask)) == ["red"]


def wait_until_ready(client: TestClient) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < give_up, "not ready again"
        time.sleep(0.1)


def test_an_address_where_nothing_is_says_so(lite: Lite) -> None:
    with pytest.raises(CollectionError, match="nothing was published there"):
        open_collection(lite.new_address())
    with pytest.raises(CollectionError, match=r"milvus://127.0.0.1:\d+/pets"):
        open_collection(f"milvus://127.0.0.1:{free_port()}/pets")
    assert TIMEOUT_S <= 10
