"""What is written for other programs: vectors with their metadata, and pictures that were found."""

import importlib
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.collection import Collection, Snapshot
from index.export.metadata_table import ParquetTable, Row, column_kinds, row_of
from index.export.pictures import Full, Wanted, best, everything, export_folder, export_shards
from index.export.vectors import export_vectors
from index.filtering.filters import parse
from index.items import Failure, Item, Occurrence
from index.search import search
from index.sources import FoundImage, SourceOptions, VectorSource, open_source
from models.errors import InputError
from models.query import single
from tests.fakes import ColourEncoder, ShadeEncoder
from tests.index.album import build, execute, save
from tests.index.galleries import query, random_vectors
from tests.index.galleries import snapshot_of as vectors_snapshot

REPOSITORY = Path(__file__).parents[2]

CONFINED_EXPORT = """
import resource, sys
from pathlib import Path
from index.collection import Collection
from index.export.vectors import export_vectors
from models.errors import CollectionError

collection = Collection.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with collection.snapshot() as snapshot:
    try:
        export_vectors(snapshot, Path(sys.argv[2]))
    except CollectionError as error:
        print(error)
"""


# pyarrow has no types
read_table: Any = importlib.import_module("pyarrow.parquet").read_table


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    save(folder, "sea/blue.jpg", "blue")
    (folder / "sea/blue.json").write_text(
        json.dumps({"caption": "the sea", "stars": 4, "wide": True, "key": "IMG_1", "url": 7})
    )
    save(folder, "red.png", "red")
    (folder / "red.json").write_text(json.dumps({"stars": 2.5}))
    save(folder, "green.png", "green")
    return folder


@contextmanager
def snapshot_of(collection: Path, album: Path) -> Iterator[Snapshot]:
    if not collection.exists():
        build(collection, album)
    opened = Collection.open(collection)
    with opened.snapshot() as snapshot:
        yield snapshot
    opened.close()


@pytest.fixture
def snapshot(tmp_path: Path, album: Path) -> Iterator[Snapshot]:
    with snapshot_of(tmp_path / "collection", album) as opened:
        yield opened


def never(failure: Failure) -> None:
    raise AssertionError(failure)


def ids_by_path(snapshot: Snapshot) -> dict[str, str]:
    return snapshot.ids_by_path("album")


def pictures_in(place: Path) -> list[FoundImage]:
    source = open_source(str(place))
    assert not isinstance(source, VectorSource)
    return [*source.walk()]


def files(out: Path) -> list[str]:
    return sorted(str(file.relative_to(out)) for file in out.rglob("*") if file.is_file())


def test_vectors_are_written_in_numbered_files_with_a_row_of_metadata_each(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    written = export_vectors(snapshot, tmp_path / "out", rows_a_file=2)
    assert (written.rows, written.files, written.space) == (3, 2, snapshot.spaces[0])
    assert files(tmp_path / "out") == [
        "img_emb/img_emb_0.npy",
        "img_emb/img_emb_1.npy",
        "metadata/metadata_0.parquet",
        "metadata/metadata_1.parquet",
    ]
    (space,) = snapshot.spaces
    keys: list[str] = []
    for number, count in ((0, 2), (1, 1)):
        vectors = np.load(tmp_path / f"out/img_emb/img_emb_{number}.npy")
        rows = read_table(tmp_path / f"out/metadata/metadata_{number}.parquet")
        assert vectors.dtype == np.float32 and len(vectors) == rows.num_rows == count
        for vector, key in zip(vectors, rows["key"].to_pylist(), strict=True):
            np.testing.assert_array_equal(vector, snapshot.embeddings(key)[space])
            keys.append(key)
    assert sorted(keys) == sorted(ids_by_path(snapshot).values())


def test_embeddings_are_as_long_as_the_model_made_them(snapshot: Snapshot, tmp_path: Path) -> None:
    export_vectors(snapshot, tmp_path / "out")
    rows = read_table(tmp_path / "out/metadata/metadata_0.parquet").to_pylist()
    at = [row["key"] for row in rows].index(ids_by_path(snapshot)["red.png"])
    vector = np.load(tmp_path / "out/img_emb/img_emb_0.npy")[at]
    np.testing.assert_allclose(vector, [1, 0, 0, 16 / 255], atol=2e-3)  # as the encoder has red


def test_metadata_has_typed_columns_and_keeps_what_is_called_as_one_of_them(
    snapshot: Snapshot, tmp_path: Path, album: Path
) -> None:
    export_vectors(snapshot, tmp_path / "out")
    table = read_table(tmp_path / "out/metadata/metadata_0.parquet")
    by_key = {row["key"]: row for row in table.to_pylist()}
    blue, red = (by_key[ids_by_path(snapshot)[path]] for path in ("sea/blue.jpg", "red.png"))
    assert blue == {
        "key": ids_by_path(snapshot)["sea/blue.jpg"],
        "image_path": str(album / "sea/blue.jpg"),
        "url": None,
        "caption": "the sea",
        "metadata.key": "IMG_1",
        "metadata.url": 7,
        "stars": 4.0,
        "wide": True,
    }
    assert (red["stars"], red["caption"], red["wide"]) == (2.5, None, None)


def test_an_address_is_an_url_and_a_source_without_a_place_has_the_path_alone() -> None:
    def found_at(path: str) -> Item:
        return Item("0" * 32, 1, 1, 1, "PNG", occurrences=(Occurrence("web", path, None, {}),))

    address = "https://example.org/a.png"
    assert row_of(found_at(address), {}) == {"key": "0" * 32, "url": address}
    assert row_of(found_at("a.png"), {}) == {"key": "0" * 32, "image_path": "a.png"}


def test_a_list_is_json_in_a_column_of_parquet(tmp_path: Path) -> None:
    rows: list[Row] = [{"key": "a", "tags": ["b", 1]}, {"key": "c", "tags": "d"}]
    table = ParquetTable(rows)
    with (tmp_path / "t.parquet").open("wb") as stream, table.filling(stream) as append:
        append(rows)
    written = read_table(tmp_path / "t.parquet").to_pylist()
    assert [row["tags"] for row in written] == ['["b", 1]', "d"]


def test_columns_of_mixed_types_are_numbers_or_else_text() -> None:
    kinds = column_kinds([{"a": 1, "b": 1, "c": True}, {"a": 0.5, "b": "x", "c": 1}])
    assert [kinds[name] for name in "abc"] == [float, str, str]


def test_names_without_end_are_refused_as_columns_and_written_as_json_lines(
    snapshot: Snapshot, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="JSON lines"):
        column_kinds({str(number): number} for number in range(2_000))
    export_vectors(snapshot, tmp_path / "out", form="jsonl")
    lines = (tmp_path / "out/metadata/metadata_0.jsonl").read_text().splitlines()
    rows = {row["key"]: row for row in map(json.loads, lines)}
    blue = rows[ids_by_path(snapshot)["sea/blue.jpg"]]
    assert (blue["caption"], blue["stars"], blue["metadata.key"]) == ("the sea", 4, "IMG_1")
    assert "caption" not in rows[ids_by_path(snapshot)["green.png"]]


def test_exported_vectors_are_read_back_as_a_source(
    snapshot: Snapshot, tmp_path: Path, album: Path
) -> None:
    export_vectors(snapshot, tmp_path / "out", rows_a_file=2)
    source = open_source(str(tmp_path / "out"), SourceOptions(pictures=album))
    assert isinstance(source, VectorSource)
    (space,) = snapshot.spaces
    found = {each.key: each for each in source.walk()}
    for path, id_ in ids_by_path(snapshot).items():
        np.testing.assert_array_equal(found[id_].embedding, snapshot.embeddings(id_)[space])
        assert found[id_].path == path and found[id_].content is not None
        assert found[id_].caption == snapshot.item(id_).caption
    assert found[ids_by_path(snapshot)["sea/blue.jpg"]].metadata["stars"] == 4


def test_the_space_may_be_named_and_is_else_that_of_texts(tmp_path: Path, album: Path) -> None:
    build(tmp_path / "two", album, encoder=ShadeEncoder())
    with snapshot_of(tmp_path / "two", album) as snapshot:
        colours, shades = snapshot.spaces
        assert export_vectors(snapshot, tmp_path / "a").space == colours
        assert export_vectors(snapshot, tmp_path / "b", space=shades.name).space == shades
        assert np.load(tmp_path / "b/img_emb/img_emb_0.npy").shape == (3, 2)
        with pytest.raises(InputError, match=r"colours@.* and shades@"):
            export_vectors(snapshot, tmp_path / "c", space="shapes")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("place", ["full", "file"])
def test_what_is_there_already_is_not_touched(
    snapshot: Snapshot, tmp_path: Path, place: str
) -> None:
    (tmp_path / "full").mkdir()
    for file in (tmp_path / "full/mine.txt", tmp_path / "file"):
        file.write_text("mine")
    out = tmp_path / place
    for export in (
        lambda: export_vectors(snapshot, out),
        lambda: export_folder(snapshot, everything(snapshot), out, never),
        lambda: export_shards(snapshot, everything(snapshot), out, never),
    ):
        with pytest.raises(InputError, match="empty"):
            export()
    assert (tmp_path / "file").read_text() == "mine" and files(tmp_path / "full") == ["mine.txt"]


def test_a_full_disk_is_told_and_leaves_no_part_of_a_file(
    snapshot: Snapshot, tmp_path: Path, album: Path
) -> None:
    # a table of more than the 1,000 bytes that may be written
    execute(tmp_path / "collection", "UPDATE occurrences SET caption = hex(randomblob(2000))")
    ran = subprocess.run(
        [sys.executable, "-c", CONFINED_EXPORT, tmp_path / "collection", tmp_path / "out"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "metadata_0.parquet: cannot be written: File too large" in ran.stdout
    assert files(tmp_path / "out") == []


def test_pictures_are_copied_in_order_with_sidecars_that_are_read_back(
    snapshot: Snapshot, tmp_path: Path, album: Path
) -> None:
    ids, out = ids_by_path(snapshot), tmp_path / "out"
    wanted = [Wanted(ids["sea/blue.jpg"], 0.5), Wanted(ids["red.png"], 0.25)]
    assert export_folder(snapshot, wanted, out, never) == 2
    assert files(out) == [
        "000001-blue.jpg",
        "000001-blue.json",
        "000002-red.json",
        "000002-red.png",
    ]
    assert (out / "000001-blue.jpg").read_bytes() == (album / "sea/blue.jpg").read_bytes()
    beside = json.loads((out / "000001-blue.json").read_text())
    assert beside["pictor"] == {
        "id": ids["sea/blue.jpg"],
        "source": "album",
        "path": "sea/blue.jpg",
        "score": 0.5,
    }
    blue, red = pictures_in(out)
    assert (blue.caption, blue.metadata["stars"]) == ("the sea", 4)
    assert (red.caption, red.metadata) == (None, {"stars": 2.5})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("../../etc/passwd", "000001-passwd.png"),
        ("a/..", "000001-picture.png"),
        ("CON: <x>|?*.PNG", "000001-CON_x.png"),
        (".hidden\n.png", "000001-hidden.png"),
        ("-rf.exe", "000001--rf.png"),
        ("沖縄 " + "長" * 300 + ".png", f"000001-沖縄_{'長' * 47}.png"),
        ("https://example.org/a/b.png?size=../../x.gif", "000001-b.png"),
    ],
)
def test_names_are_harmless_whatever_a_picture_was_called(
    snapshot: Snapshot, tmp_path: Path, album: Path, path: str, name: str
) -> None:
    red = ids_by_path(snapshot)["red.png"]
    execute(
        tmp_path / "collection",
        "INSERT INTO occurrences (source, path, item_id, metadata) VALUES ('a', ?, ?, '{}')",
        path,
        red,
    )
    with snapshot_of(tmp_path / "collection", album) as changed:
        assert changed.item(red).path == path
        export_folder(changed, [Wanted(red)], tmp_path / "in" / "out", never)
    assert name in files(tmp_path / "in" / "out")
    assert len(files(tmp_path / "in")) == 2


def test_shards_hold_samples_that_are_read_back(
    snapshot: Snapshot, tmp_path: Path, album: Path
) -> None:
    assert export_shards(snapshot, everything(snapshot), tmp_path / "out", never) == 3
    assert files(tmp_path / "out") == ["00000.tar"]
    with tarfile.open(tmp_path / "out/00000.tar") as archive:
        names = archive.getnames()
    assert len([name for name in names if name.endswith(".json")]) == 3
    assert len([name for name in names if name.endswith(".txt")]) == 1
    contents = {each.read(10**6): each for each in pictures_in(tmp_path / "out")}
    assert contents.keys() == {file.read_bytes() for file in album.rglob("*.*g")}
    blue = contents[(album / "sea/blue.jpg").read_bytes()]
    assert (blue.caption, blue.metadata["stars"]) == ("the sea", 4)


def test_a_shard_is_full_when_its_samples_or_bytes_are(snapshot: Snapshot, tmp_path: Path) -> None:
    for out, full in (("a", Full(samples=2)), ("b", Full(bytes=1))):
        assert export_shards(snapshot, everything(snapshot), tmp_path / out, never, full) == 3
    assert files(tmp_path / "a") == ["00000.tar", "00001.tar"]
    assert files(tmp_path / "b") == ["00000.tar", "00001.tar", "00002.tar"]
    with tarfile.open(tmp_path / "b/00002.tar") as archive:
        assert {name.split(".")[0] for name in archive.getnames()} == {"000000002"}


@pytest.mark.parametrize("export", [export_folder, export_shards])
def test_originals_that_are_gone_are_told_and_the_others_written(
    snapshot: Snapshot, tmp_path: Path, album: Path, export: Callable[..., int]
) -> None:
    (album / "red.png").write_bytes(b"another picture")
    (album / "green.png").unlink()
    told: list[Failure] = []
    assert export(snapshot, everything(snapshot), tmp_path / "out", told.append) == 1
    assert sorted((failure.source, failure.path) for failure in told) == [
        ("album", "green.png"),
        ("album", "red.png"),
    ]
    assert "changed since" in " ".join(failure.reason for failure in told)


def test_the_best_come_in_order_and_all_come_in_the_end(snapshot: Snapshot) -> None:
    question = single(snapshot.spaces[0], ColourEncoder().encode_texts(["red"])[0])
    first, second, third = best(snapshot, question)
    assert first.id == ids_by_path(snapshot)["red.png"]
    assert (first.score or 0) > (second.score or 1) >= (third.score or 1)


def test_more_than_a_page_of_the_best_is_gone_through() -> None:
    many = vectors_snapshot(random_vectors(np.random.default_rng(0), 2500, 8))
    asked = query([1.0] * 8)
    ids = [each.id for each in best(many, asked)]
    assert len(ids) == len(set(ids)) == 2500
    assert ids[:1000] == [hit.id for hit in search(many, asked, limit=1000).hits]


def test_a_filter_chooses_among_all_and_among_the_best(snapshot: Snapshot) -> None:
    starred = parse({"field": "stars", "gte": 1})
    ids = ids_by_path(snapshot)
    wanted = {ids["sea/blue.jpg"], ids["red.png"]}
    assert {each.id for each in everything(snapshot, starred)} == wanted
    question = single(snapshot.spaces[0], ColourEncoder().encode_texts(["green"])[0])
    assert {each.id for each in best(snapshot, question, starred)} == wanted
