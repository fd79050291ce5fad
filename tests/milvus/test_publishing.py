"""From a folder to Milvus: whole generations, switched at once; nothing that was added is lost."""

import json
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from index.collection import Collection
from index.filtering.listing import Browsing
from index.items import Item, Occurrence
from index.milvus.address import parse_address
from index.milvus.client import Client
from index.milvus.forms import FLAT, HNSW
from index.milvus.generation import Generation
from index.milvus.notes import COLUMNS, Notes
from index.milvus.publishing import Published, Publishing, publish
from index.milvus.records import Entity, Record
from index.search import search
from index.served import Collection as Served
from index.served import open_collection
from models.errors import CollectionError, InputError
from models.query import single
from tests.fakes import COLOURS, ColourEncoder, picture_bytes
from tests.index.live import addition, id_of
from tests.milvus.published import Lite
from tests.service.conftest import Built, index

PINK, TEAL = (255, 100, 150), (0, 120, 130)


@pytest.fixture
def own(built: Built, tmp_path: Path) -> Built:
    """A copy that a test may change."""
    copied = Built(tmp_path / "collection", tmp_path / "pictures")
    shutil.copytree(built.folder, copied.folder)
    shutil.copytree(built.pictures, copied.pictures)
    return copied


@pytest.fixture
def address(lite: Lite) -> str:
    return lite.new_address()


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    client = Client(parse_address(address))
    yield client
    client.close()


def published(own: Built, address: str) -> Published:
    return publish(own.folder, parse_address(address))


def ids(collection: Served) -> set[str]:
    with collection.snapshot() as snapshot:
        listed = snapshot.listed(Browsing(limit=1_000))
        assert listed.total == len(listed.ids) == snapshot.count == snapshot.statistics().items
        return set(listed.ids)


def test_a_generation_is_what_the_folder_holds(own: Built, address: str) -> None:
    told = published(own, address)
    assert (told.generation, told.items, told.brought, told.carried) == (1, 7, 0, 0)
    folder, milvus = Collection.open(own.folder), open_collection(address)
    with folder.snapshot() as one, milvus.snapshot() as other:
        everyone = list(one.listed(Browsing(limit=1_000)).ids)
        assert one.items(everyone) == other.items(everyone)
        said, kept = one.statistics(), other.statistics()
        assert (said.occurrences, said.failures) == (kept.occurrences, kept.failures)
        assert said.sources == kept.sources
        question = single(one.spaces[0], one.embeddings(everyone[0])[one.spaces[0]])
        assert search(one, question).hits == search(other, question).hits
    milvus.close()


def test_the_next_generation_takes_the_place_of_this_one(
    own: Built, address: str, client: Client
) -> None:
    published(own, address)
    reader = open_collection(address)
    before = ids(reader)
    (own.pictures / "pink.png").write_bytes(picture_bytes(PINK))
    index(own, ColourEncoder())
    assert published(own, address).generation == 2
    assert ids(reader) == before | {id_of(PINK)}
    published(own, address)
    name = parse_address(address).name
    held = {each for each in client.names() if each.startswith(f"{name}_g")}
    assert held == {f"{name}_g2", f"{name}_g2_notes", f"{name}_g3", f"{name}_g3_notes"}
    reader.close()


def test_what_a_killed_publish_has_left_is_removed(
    own: Built, address: str, client: Client
) -> None:
    published(own, address)
    with Collection.open(own.folder).snapshot() as snapshot:
        left = Generation(client, f"{parse_address(address).name}_g2", snapshot.spaces)
    left.create(HNSW, 1)
    assert published(own, address).generation == 2
    assert ids(open_collection(address)) == ids(Collection.open(own.folder))


def test_what_was_added_and_deleted_in_milvus_reaches_the_folder(own: Built, address: str) -> None:
    published(own, address)
    milvus = open_collection(address)
    changes = milvus.changes(10, None)
    changes.add([addition(PINK, "trip/pink.png", caption="Our tent", metadata={"stars": 4})])
    assert changes.delete([id_of("red"), id_of(TEAL)]) == ["deleted", "unknown"]
    assert published(own, address).brought == 1
    folder = Collection.open(own.folder)
    assert ids(folder) == ids(milvus)
    assert id_of(PINK) in ids(folder) and id_of("red") not in ids(folder)
    with folder.snapshot() as one, milvus.snapshot() as other:
        assert one.item(id_of(PINK)) == other.item(id_of(PINK))
        assert one.original(id_of(PINK)) == other.original(id_of(PINK)) == picture_bytes(PINK)
        assert one.thumbnail(id_of(PINK)) == other.thumbnail(id_of(PINK))
    (kept,) = (own.folder / "milvus" / "uploads").rglob(id_of(PINK))
    published(own, address)
    assert not kept.exists()
    with milvus.snapshot() as snapshot:
        assert snapshot.original(id_of(PINK)) == picture_bytes(PINK)
        assert snapshot.thumbnail(id_of(PINK))
    index(own, ColourEncoder())  # a picture that was deleted stays away
    assert id_of("red") not in ids(folder)
    milvus.close()


def test_what_is_added_and_deleted_while_a_generation_is_written_is_in_it(
    own: Built, address: str
) -> None:
    published(own, address)
    milvus = open_collection(address)

    def meanwhile(_: int) -> None:
        milvus.changes(10, None).add([addition(TEAL, "teal.png")])
        milvus.changes(10, None).delete([id_of("blue")])

    told = publish(own.folder, parse_address(address), progress=meanwhile)
    assert (told.generation, told.brought, told.carried) == (2, 0, 2)
    assert id_of(TEAL) in ids(milvus) and id_of("blue") not in ids(milvus)
    with milvus.snapshot() as snapshot:
        assert snapshot.generation == 2
        assert snapshot.original(id_of(TEAL)) == picture_bytes(TEAL)
        assert snapshot.statistics().occurrences == len(COLOURS) + 1
    assert published(own, address).brought == 1
    assert id_of("blue") not in ids(Collection.open(own.folder))
    milvus.close()


def test_another_models_vectors_are_not_mixed_with_those_that_were_added(
    own: Built, address: str
) -> None:
    published(own, address)
    encoder = ColourEncoder("fedcba9876543210")
    milvus = open_collection(address)
    milvus.keep_to(ColourEncoder().spaces)
    milvus.changes(10, None).add([addition(PINK, "pink.png")])
    index(own, encoder)
    with pytest.raises(CollectionError, match="1 pictures were added in Milvus"):
        published(own, address)
    milvus.changes(10, None).delete([id_of(PINK)])
    assert published(own, address).generation == 2
    with milvus.snapshot() as snapshot:  # whoever has the old model is answered as before
        assert (snapshot.generation, snapshot.spaces) == (1, ColourEncoder().spaces)
    with open_collection(address).snapshot() as snapshot:
        assert snapshot.spaces == encoder.spaces


def test_a_collection_of_another_making_is_left_alone(
    own: Built, address: str, client: Client
) -> None:
    name = parse_address(address).name
    client.create(name, COLUMNS, FLAT, 1)
    with pytest.raises(CollectionError, match="of another making"):
        published(own, address)
    assert name in client.names()


def test_an_approximate_index_says_how_much_it_finds(own: Built, address: str) -> None:
    publish(own.folder, parse_address(address), how=Publishing(index=HNSW))
    with open_collection(address).snapshot() as snapshot:
        (told,) = snapshot.statistics().indexes
    assert (told.factory, told.rows, told.recall_image) == ("Milvus HNSW", 7, 1.0)


def test_a_picture_in_thousands_of_places_is_kept_whole(
    own: Built, address: str, client: Client
) -> None:
    published(own, address)
    generation = Generation(client, f"{parse_address(address).name}_g1", ColourEncoder().spaces)
    (entity,) = generation.entities([id_of("red")]).values()
    places = tuple(
        Occurrence("pictures", f"folder/{n:05}.png", f"caption {n}", {"number": n})
        for n in range(3_000)
    )
    item: Item = replace(entity.record.item, occurrences=places)
    record = Record(item, entity.record.added_at, entity.record.norms)
    widest = generation.write([Entity(record, entity.units)])
    assert widest["paths"] < len(places)
    assert generation.records([item.id]) == {item.id: record}
    milvus = open_collection(address)
    with milvus.snapshot() as snapshot:
        assert snapshot.item(item.id) == item
    notes = Notes(client, generation.name)
    assert json.loads(notes.header().text)["generation"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "milvus://",
        "milvus://host",
        "milvus://host/",
        "milvus://host:port/name",
        "milvus://host/a-b",
        "milvus:///folder/name",
        "milvus://host/name?consistency=none",
        "milvus://host/name?token=secret",
        "https://host/name",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_address(text)


def test_credentials_in_an_address_are_refused_and_not_repeated() -> None:
    with pytest.raises(InputError, match="PICTOR_MILVUS_TOKEN") as refused:
        parse_address("milvus://user:secret@host/name")
    assert "secret" not in str(refused.value)


def test_an_address_says_where_the_server_is() -> None:
    address = parse_address("milvus+tls://[::1]:1953/photos/pets?consistency=bounded")
    assert (address.uri, address.database) == ("https://[::1]:1953", "photos")
    assert (address.name, address.consistency) == ("pets", "Bounded")
    assert parse_address("milvus://host/pets").uri == "http://host:19530"
    assert parse_address("milvus:///a b/x.db/pets").uri == "/a b/x.db"


def test_a_token_is_in_no_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CollectionError) as refused:
        open_collection(f"milvus://127.0.0.1:{port}/pets", token="root:very-secret")
    assert "secret" not in f"{refused.value} {refused.value.__cause__}"


def test_without_pymilvus_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(InputError, match=r"pip install 'pictor\[milvus\]'"):
        open_collection(address)
