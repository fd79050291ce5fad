import io
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from index.collection import Collection
from index.items import Item, Occurrence, item_id
from index.search import search
from index.sources import Root
from models.errors import CollectionError, GoneError, InputError, UnknownItemError
from models.query import single
from tests.fakes import ColourEncoder, picture_bytes
from tests.index.album import build, execute, save

RED, BLUE = (item_id(picture_bytes(colour)) for colour in ("red", "blue"))
NOBODY = "ab" * 16


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A red picture with a caption, and a blue one."""
    folder = tmp_path / "photos"
    save(folder, "red.png", "red")
    (folder / "red.txt").write_text("a red one")
    save(folder, "blue.png", "blue")
    return folder


@pytest.fixture
def out(tmp_path: Path, photos: Path) -> Path:
    build(tmp_path / "out", photos)
    return tmp_path / "out"


@pytest.fixture
def collection(out: Path) -> Iterator[Collection]:
    collection = Collection.open(out)
    yield collection
    collection.close()


def test_items_are_read_by_id_in_the_order_asked_and_unknown_ids_are_left_out(
    collection: Collection,
) -> None:
    with collection.snapshot() as snapshot:
        items = snapshot.items([RED, NOBODY, BLUE])
    assert list(items) == [RED, BLUE]
    assert items[RED] == Item(
        RED, len(picture_bytes("red")), 32, 24, "PNG",
        occurrences=(Occurrence("photos", "red.png", "a red one", {}),),
    )  # fmt: skip


def test_more_ids_than_sqlite_takes_at_once_are_read(collection: Collection) -> None:
    many = [f"{number:032x}" for number in range(40_000)]
    with collection.snapshot() as snapshot:
        assert list(snapshot.items([*many, RED])) == [RED]


def test_an_embedding_comes_back_unscaled(collection: Collection) -> None:
    with collection.snapshot() as snapshot:
        embedding = snapshot.embeddings(RED)[snapshot.spaces[0]]
    np.testing.assert_allclose(embedding, [1, 0, 0, 16 / 255], atol=1e-3)
    assert embedding.dtype == np.float32


def test_a_thumbnail_is_a_webp_file(collection: Collection) -> None:
    with collection.snapshot() as snapshot:
        thumbnail = Image.open(io.BytesIO(snapshot.thumbnail(RED)))
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (32, 24))


@pytest.mark.parametrize("unknown", [NOBODY, "", "../../etc/passwd", RED[:31], RED.upper()])
def test_an_unknown_id_is_refused_everywhere(collection: Collection, unknown: str) -> None:
    with collection.snapshot() as snapshot:
        for read in (snapshot.item, snapshot.embeddings, snapshot.thumbnail, snapshot.original):
            with pytest.raises(UnknownItemError):
                read(unknown)


def test_the_statistics_count_what_there_is(tmp_path: Path, out: Path, photos: Path) -> None:
    save(photos, "red-too.png", "red")
    (photos / "bad.png").write_bytes(b"no picture")
    build(out, photos)
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        statistics = snapshot.statistics()
        assert snapshot.count == 2
        assert snapshot.spaces == ColourEncoder().spaces
    collection.close()
    assert (statistics.items, statistics.occurrences, statistics.failures) == (2, 3, 1)
    assert (statistics.generation, statistics.model) == (2, "colours")
    assert [space.name for space in statistics.spaces] == ["colours@0123456789abcdef/4"]
    assert statistics.sources == (Root("photos", photos),)
    assert statistics.vector_bytes == sum(f.stat().st_size for f in (out / "segments").iterdir())
    assert statistics.created_at <= statistics.updated_at


def test_a_collection_that_is_not_there_is_refused(tmp_path: Path, photos: Path) -> None:
    for path in (tmp_path / "nowhere", photos):
        with pytest.raises(CollectionError, match="no collection there"):
            Collection.open(path)


def test_a_catalogue_that_is_not_sqlites_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalogue.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(CollectionError, match="not a database"):
        Collection.open(tmp_path)


def test_a_catalogue_of_a_newer_format_is_refused(out: Path) -> None:
    execute(out, "UPDATE meta SET value = 99 WHERE key = 'format_version'")
    with pytest.raises(CollectionError, match="format_version is 99, this Pictor reads up to"):
        Collection.open(out)


@pytest.mark.parametrize("folder", ["segments", "indexes"])
def test_a_collection_that_lacks_a_file_is_refused(out: Path, folder: str) -> None:
    (file,) = (out / folder).iterdir()
    file.unlink()
    with pytest.raises(CollectionError, match=f"{file.name}: the file is missing"):
        Collection.open(out)


def test_an_index_of_other_segments_is_refused(out: Path) -> None:
    execute(out, "UPDATE segments SET checksum = ?", "00" * 32)
    with pytest.raises(CollectionError, match="of other segments"):
        Collection.open(out)


def test_a_closed_collection_gives_no_snapshots(out: Path) -> None:
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        collection.close()
        assert snapshot.item(RED).id == RED
    with pytest.raises(CollectionError, match="closed"), collection.snapshot():
        pass


def test_the_original_is_the_files_bytes(collection: Collection) -> None:
    with collection.snapshot() as snapshot:
        assert snapshot.original(RED) == picture_bytes("red")


def test_an_original_that_was_changed_or_removed_is_gone(
    collection: Collection, photos: Path
) -> None:
    same_length = bytes(len(picture_bytes("red")))
    with collection.snapshot() as snapshot:
        for content in (picture_bytes("green"), same_length, b""):
            (photos / "red.png").write_bytes(content)
            with pytest.raises(GoneError, match=r"photos/red\.png: changed since it was indexed"):
                snapshot.original(RED)
        (photos / "red.png").unlink()
        with pytest.raises(GoneError, match="No such file"):
            snapshot.original(RED)


def test_an_original_is_read_from_any_place_where_it_still_is(out: Path, photos: Path) -> None:
    save(photos, "z.png", "red")
    build(out, photos)
    (photos / "red.png").unlink()
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        assert snapshot.original(RED) == picture_bytes("red")
    collection.close()


def test_a_root_is_re_pointed_for_one_process(tmp_path: Path, out: Path, photos: Path) -> None:
    photos.rename(tmp_path / "moved")
    collection = Collection.open(out, {"photos": tmp_path / "moved"})
    with collection.snapshot() as snapshot:
        assert snapshot.original(RED) == picture_bytes("red")
        assert snapshot.statistics().sources == (Root("photos", tmp_path / "moved"),)
    collection.close()
    collection = Collection.open(out)
    with collection.snapshot() as snapshot, pytest.raises(GoneError):
        snapshot.original(RED)
    collection.close()


def test_re_pointing_a_root_that_is_not_there_is_refused(out: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no source 'holiday'; its sources: photos"):
        Collection.open(out, {"holiday": tmp_path})


def test_an_original_behind_a_link_out_of_its_root_is_not_served(
    tmp_path: Path, collection: Collection, photos: Path
) -> None:
    secret = save(tmp_path / "outside", "red.png", "red")
    (photos / "red.png").unlink()
    (photos / "red.png").symlink_to(secret)
    with (
        collection.snapshot() as snapshot,
        pytest.raises(GoneError, match="leads out of its source"),
    ):
        snapshot.original(RED)


@pytest.mark.parametrize("path", ["../outside/red.png", "/etc/hostname", "a\0b"])
def test_a_path_that_was_tampered_with_reaches_nothing_outside(
    tmp_path: Path, out: Path, path: str
) -> None:
    save(tmp_path / "outside", "red.png", "red")
    execute(out, "UPDATE occurrences SET path = ? WHERE item_id = ?", path, RED)
    collection = Collection.open(out)
    with collection.snapshot() as snapshot, pytest.raises(GoneError):
        snapshot.original(RED)
    collection.close()


def test_a_pipe_in_an_originals_place_keeps_nobody_waiting(
    collection: Collection, photos: Path
) -> None:
    (photos / "red.png").unlink()
    os.mkfifo(photos / "red.png")
    with collection.snapshot() as snapshot, pytest.raises(GoneError):
        snapshot.original(RED)


def test_a_snapshot_sees_one_generation_while_a_job_publishes_the_next(
    out: Path, photos: Path, collection: Collection
) -> None:
    (query,) = ColourEncoder().encode_texts(["red"])
    with collection.snapshot() as before:
        (photos / "red.png").unlink()
        save(photos, "green.png", "green")
        build(out, photos)
        hits = search(before, single(before.spaces[0], query)).hits
        assert (before.generation, before.count, hits[0].id) == (1, 2, RED)
        assert before.item(RED).caption == "a red one"
        assert before.statistics().generation == 1
        with collection.snapshot() as after:
            assert (after.generation, RED in after.items([RED])) == (2, False)
            assert search(after, single(after.spaces[0], query)).hits[0].id != RED
        with pytest.raises(GoneError, match="thumbnail"):
            before.thumbnail(RED)


def test_one_generation_is_loaded_once_for_everybody(collection: Collection) -> None:
    with collection.snapshot() as one, collection.snapshot() as two:
        assert one.gallery is two.gallery


def test_many_threads_see_whole_generations_while_jobs_publish(
    out: Path, photos: Path, collection: Collection
) -> None:
    published = threading.Event()
    (query,) = ColourEncoder().encode_texts(["red"])

    def read() -> set[int]:
        seen = set()
        while not published.is_set():
            with collection.snapshot() as snapshot:
                hits = search(snapshot, single(snapshot.spaces[0], query)).hits
                items = snapshot.items([hit.id for hit in hits])
                assert len(hits) == len(items) == snapshot.count
                assert snapshot.count == 2 + (snapshot.generation - 1) % 2
                seen.add(snapshot.generation)
        return seen

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(4)]
        try:
            for generation in range(2, 10):
                if generation % 2:
                    (photos / "green.png").unlink()
                else:
                    save(photos, "green.png", "green")
                assert build(out, photos).generation == generation
        finally:
            published.set()
    assert set.union(*(reader.result() for reader in readers)) <= set(range(1, 10))
