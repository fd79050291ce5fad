"""Zips, tables and vectors in another file system: they give what the same files give on disk."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest

from index.items import Failure
from index.sources import SourceOptions, open_source
from index.sourcing.remote.store import RemoteFile
from index.sourcing.remote.tables import REMEMBERED, RemotePictures, RemoteTableSource
from index.sourcing.remote.zips import RemoteZipSource
from index.sourcing.vectors import FoundVector, VectorSource
from models.errors import ImageError, InputError
from tests.index.sourcing.archives import BLUE, LONG_AGO, RED, contents, walked, zip_of
from tests.index.sourcing.buckets import Bucket, Store, file, folder, opened, opened_vectors

COUNT = 2000  # pictures of a zip whose directory takes more than one request


def as_on_disk(bucket: Bucket, folder: Path, name: str) -> None:
    """The same pictures, captions, metadata and failures."""
    bucket.put_folder(folder)
    here, failures = walked(opened(str(folder / name)))
    there, failures_there = walked(opened(f"{bucket.address}/{name}"))
    assert [(each.path, each.caption, each.metadata) for each in there] == [
        (each.path, each.caption, each.metadata) for each in here
    ]
    assert contents(there) == contents(here)
    assert [each.path for each in failures_there] == [each.path for each in failures]
    assert here
    assert failures


def test_a_zip(bucket: Bucket, tmp_path: Path) -> None:
    files = {"a.png": RED, "b/c.png": BLUE, "b/c.txt": b"blue", "b/c.json": b'{"stars": 5}'}
    zip_of(tmp_path / "all.zip", {**files, "../out.png": RED})
    as_on_disk(bucket, tmp_path, "all.zip")
    source = opened(f"{bucket.address}/all.zip")
    assert (source.name, source.root) == ("all", None)


def test_a_long_zip_is_read_by_a_request_a_picture(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {f"{'x' * 200}{number}.png": RED for number in range(COUNT)}
    zip_of(tmp_path / "all.zip", pictures)
    bucket.put_folder(tmp_path)
    found, _ = walked(opened(f"{bucket.address}/all.zip"))
    assert len(found) == COUNT
    asked = []
    cat_file = type(bucket.files).cat_file

    def counted(files: object, place: str, start: int, end: int) -> object:
        asked.append(end - start)
        return cat_file(files, place, start=start, end=end)

    monkeypatch.setattr(type(bucket.files), "cat_file", counted)
    assert {found[0].read(len(RED)), found[-1].read(len(RED))} == {RED}
    assert len(asked) == 2
    assert max(asked) < 2 * len(RED) + 2048


def test_a_member_with_a_long_header_is_read_whole(bucket: Bucket, tmp_path: Path) -> None:
    name = f"{'/'.join(['x' * 200] * 5)}.png"
    zip_of(tmp_path / "all.zip", {name: RED, "b.png": BLUE}, method=0)
    bucket.put_folder(tmp_path)
    found, _ = walked(opened(f"{bucket.address}/all.zip"))
    assert contents(found) == {name: RED, "b.png": BLUE}


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x05\x06"])
def test_what_is_no_zip_is_a_failure(bucket: Bucket, data: bytes) -> None:
    bucket.put({"all.zip": data})
    found, (failure,) = walked(opened(f"{bucket.address}/all.zip"))
    assert (found, failure.path) == ([], ".")
    assert "all.zip: cannot be read as a zip" in failure.reason


def test_a_zip_that_has_gone_is_a_failure(bucket: Bucket, tmp_path: Path) -> None:
    zip_of(tmp_path / "all.zip", {"a.png": RED})
    bucket.put_folder(tmp_path)
    source = opened(f"{bucket.address}/all.zip")
    ((found,), _) = walked(source)
    bucket.files.rm(f"{bucket.folder}/all.zip")
    with pytest.raises(ImageError, match="cannot be read"):
        found.read(1000)
    _, (failure,) = walked(source)
    reason = "all.zip: cannot be read: No such file or directory"
    assert failure == Failure("all", ".", reason)


def test_a_zips_stamp_is_the_stores_mark_and_the_member(tmp_path: Path) -> None:
    data = zip_of(tmp_path / "a.zip", {"a.png": RED}).read_bytes()

    class Holding(Store):
        def cat_file(self, place: str, start: int, end: int) -> bytes:
            return data[start:end]

    for mark, begins in (({"ETag": "abc"}, f"{len(data)}-abc-0-"), ({}, None)):
        store = Holding({"b": [file("b/a.zip", **{**mark, "size": len(data)})]})
        ((found,), _) = walked(RemoteZipSource("s", RemoteFile(store, "b/a.zip")))
        assert (found.stamp or "").startswith(begins or "")
        assert (found.stamp is None) == (begins is None)


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table(bucket: Bucket, tmp_path: Path, kind: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.png").write_bytes(RED)
    (tmp_path / "sub/b.png").write_bytes(BLUE)
    rows = [
        {"path": "a.png", "caption": "red", "stars": 5},
        {"path": "./sub//b.png", "caption": "blue", "stars": 4},
        {"path": "gone.png", "caption": "gone", "stars": 3},
        {"path": "sub/../../a.png", "caption": "out", "stars": 2},
        {"path": "sub", "caption": "a folder", "stars": 1},
    ]
    table = tmp_path / f"table{kind}"
    if kind == ".parquet":
        arrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(arrow.Table.from_pylist(rows), table)
    elif kind == ".jsonl":
        table.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        cells = [list(rows[0]), *(map(str, row.values()) for row in rows)]
        table.write_text(
            "".join({".csv": ",", ".tsv": "\t"}[kind].join(row) + "\n" for row in cells)
        )
    as_on_disk(bucket, tmp_path, table.name)


def test_a_tables_mistakes_name_its_place_there(bucket: Bucket) -> None:
    bucket.put({"table.csv": b"a,b\n1,2\n"})
    with pytest.raises(InputError, match=r"photos/table\.csv: no column names its pictures"):
        list(opened(f"{bucket.address}/table.csv").walk())


@pytest.mark.parametrize("place", ["../a.png", "/etc/passwd", "x/../../a.png", "a\0.png", ".."])
def test_a_path_that_leads_out_of_the_tables_folder_is_a_failure(place: str) -> None:
    pictures = RemotePictures(Store({"b": [file("b/a.png")]}), "b")
    with pytest.raises(InputError, match="leads out of its folder"):
        pictures.at(place)


def test_a_tables_pictures_have_the_stores_marks_and_a_folder_is_listed_once() -> None:
    store = Store({"b/x": [file("b/x/a.png", ETag="1"), file("b/x/c.png", ETag="2")]})
    pictures = RemotePictures(store, "b", clock=lambda: LONG_AGO)
    assert [pictures.at(f"x/{name}.png").stamp for name in "ac"] == ["5-1", "5-2"]
    store.listed.clear()
    assert [pictures.at(f"x/{name}.png").stamp for name in "ac"] == ["5-1", "5-2"]


def test_a_folder_that_is_not_there_is_asked_for_twice_and_no_more() -> None:
    class Counting(Store):
        def ls(self, folder: str, detail: bool) -> object:
            asked.append(folder)
            raise FileNotFoundError(folder)

    asked: list[str] = []
    pictures = RemotePictures(Counting({}), "b")
    for number in range(10):
        with pytest.raises(InputError, match="No such file or directory"):
            pictures.at(f"x/{number}.png")
    assert asked == ["b/x", "b/x"]


def test_no_more_listings_are_remembered_than_some() -> None:
    names = [f"{number:03d}" for number in range(3 * REMEMBERED)]
    store = Store({f"b/{name}": [file(f"b/{name}/a.png", ETag=name)] for name in names})
    pictures = RemotePictures(store, "b")
    for name in names:
        assert [pictures.at(f"{name}/a.png").stamp for _ in range(3)] == [f"5-{name}"] * 3
    for name in names:
        del store.listed[f"b/{name}"]
    there = 0
    for name in names:
        with contextlib.suppress(InputError):
            there += pictures.at(f"{name}/a.png").path == f"{name}/a.png"
    assert there == REMEMBERED


def test_a_folder_that_cannot_be_listed_costs_its_rows() -> None:
    table = b"path\nx/a.png\nb.png\n"

    class Holding(Store):
        def cat_file(self, place: str, start: int, end: int) -> bytes:
            return table[start:end]

    of_table = file("b/t.csv", size=len(table))
    store = Holding({"b": [of_table, file("b/b.png")], "b/x": PermissionError("Access\nDenied")})
    found, failures = walked(RemoteTableSource("s", RemoteFile(store, "b/t.csv")))
    assert [each.path for each in found] == ["b.png"]
    reason = "'x/a.png': Access Denied"
    assert failures == [Failure("s", "t.csv, line 2", reason)]


def vectors(folder: Path) -> Path:
    """Of three rows in two files; the picture of one is there."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"key": "1", "image_path": "pictures/a.png", "caption": "red"}, {"key": "2"}]
    for number, part in enumerate((rows, [{"key": "3", "caption": "three"}])):
        for kind in ("img_emb", "metadata"):
            (folder / kind).mkdir(parents=True, exist_ok=True)
        units = np.eye(4, dtype=np.float16)[number : number + len(part)]
        np.save(folder / f"img_emb/img_emb_{number}.npy", units)
        table = arrow.Table.from_pylist(part)
        parquet.write_table(table, folder / f"metadata/metadata_{number}.parquet")
    (folder / "pictures").mkdir()
    (folder / "pictures/a.png").write_bytes(RED)
    return folder


def said(source: VectorSource) -> list[tuple[object, ...]]:
    def one(found: FoundVector) -> tuple[object, ...]:
        picture = found.content and found.content.read(1000)
        return found.key, found.path, found.caption, found.embedding.tolist(), picture

    return [one(found) for found in source.walk()]


def test_vectors(bucket: Bucket, tmp_path: Path) -> None:
    folder = vectors(tmp_path / "made")
    bucket.put_folder(folder)
    there = opened_vectors(f"mine={bucket.address}")
    assert (there.name, there.root, there.dimension, there.count) == ("mine", None, 4, 3)
    assert said(there) == said(opened_vectors(f"mine={folder}"))
    assert said(there)[0][-1] == RED


def test_vectors_whose_pictures_are_on_disk(bucket: Bucket, tmp_path: Path) -> None:
    folder = vectors(tmp_path / "made")
    (folder / "pictures").rename(tmp_path / "pictures")
    bucket.put_folder(folder)
    options = SourceOptions(pictures=tmp_path)
    there = opened_vectors(f"mine={bucket.address}", options)
    assert there.root is not None
    assert (there.root.name, there.root.path) == ("mine", tmp_path)
    assert said(there)[0][-1] == RED


def test_vectors_beside_one_another_in_a_folder(bucket: Bucket, tmp_path: Path) -> None:
    folder = vectors(tmp_path / "made")
    for kind in ("img_emb", "metadata"):
        for each in (folder / kind).iterdir():
            each.rename(folder / each.name)
        (folder / kind).rmdir()
    bucket.put_folder(folder)
    assert [row[0] for row in said(opened_vectors(bucket.address))] == ["1", "2", "3"]


def test_a_file_of_vectors_without_its_metadata_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put_folder(vectors(tmp_path / "made"))
    bucket.files.rm(f"{bucket.folder}/metadata/metadata_1.parquet")
    with pytest.raises(InputError, match="2 files of vectors, 1 of metadata"):
        open_source(bucket.address)


def test_shards_alone_in_a_folder_are_its_pictures(bucket: Bucket) -> None:
    bucket.put({"0.tar": b"no archive", ".hidden.png": RED, "0.json": b"{}"})
    _, (failure,) = walked(opened(bucket.address))
    assert failure.path == "0.tar/"
    bucket.put({"sub/a.png": RED})
    assert [each.path for each in walked(opened(bucket.address))[0]] == ["sub/a.png"]


def test_a_store_that_fails_in_the_middle_says_so_in_a_line() -> None:
    store = Store(
        {"b": [file("b/a.zip", size=100), folder("b/x")]}, RuntimeError("no\ncredentials")
    )
    _, (failure,) = walked(RemoteZipSource("s", RemoteFile(store, "b/a.zip")))
    assert failure.reason.endswith("no credentials")
    with pytest.raises(OSError, match="does not tell its size"):
        RemoteFile(Store({"b": [{"name": "b/a", "type": "file"}]}), "b/a").open("rb")
