"""Which source a path is."""

import json
from pathlib import Path

import numpy as np
import pytest

from index.sources import (
    FolderSource,
    Root,
    SourceOptions,
    TableColumns,
    VectorSource,
    open_source,
    parse_place,
)
from index.sourcing.shards import ShardSource
from index.sourcing.table_source import TableSource
from index.sourcing.zips import ZipSource
from models.errors import ImageError, InputError
from tests.index.album import save
from tests.index.picture_server import picture_server
from tests.index.sourcing.archives import BLUE, RED, contents, tar_of, walked, zip_of


def test_a_folder_is_a_folder_of_pictures(tmp_path: Path) -> None:
    assert open_source(str(tmp_path)) == FolderSource(Root(tmp_path.name, tmp_path))
    assert open_source(f"s={tmp_path}") == FolderSource(Root("s", tmp_path))


def test_a_folder_of_archives_alone_is_one_of_shards(tmp_path: Path) -> None:
    tar_of(tmp_path / "0.tar", {"1.png": RED})
    (tmp_path / "0.parquet").touch()
    (tmp_path / "_tmp").mkdir()
    assert open_source(f"s={tmp_path}") == ShardSource(Root("s", tmp_path), "*.tar")


@pytest.mark.parametrize("name", ["a.png", "trip/a.png"])
def test_archives_beside_pictures_or_folders_are_passed_over(tmp_path: Path, name: str) -> None:
    tar_of(tmp_path / "backup.tar", {"1.png": RED})
    save(tmp_path, name, "red")
    source = open_source(str(tmp_path))
    assert isinstance(source, FolderSource)
    assert [found.path for found in walked(source)[0]] == [name]


def test_shards_may_be_written_out_whatever_else_is_there(tmp_path: Path) -> None:
    for number in range(3):
        tar_of(tmp_path / "shards" / f"{number:05}.tar", {"1.png": RED})
    save(tmp_path / "shards", "a.png", "red")
    for pattern in ("{00001..00002}.tar", "0000[12].tar"):
        source = open_source(f"{tmp_path}/shards/{pattern}")
        assert isinstance(source, ShardSource)
        assert source.name == "shards"
        assert sorted(contents(walked(source)[0])) == ["00001.tar/1.png", "00002.tar/1.png"]


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "{1..2}.tar", {"1.png": RED})
    assert open_source(f"s={path}") == ShardSource(Root("s", path))


def test_an_archive_is_named_by_its_file(tmp_path: Path) -> None:
    tar, zipped = tar_of(tmp_path / "a.b.TAR", {}), zip_of(tmp_path / "c.Zip", {})
    assert open_source(str(tar)) == ShardSource(Root("a.b", tar))
    assert open_source(str(zipped)) == ZipSource(Root("c", zipped))


def test_an_archive_that_is_a_link_is_read(tmp_path: Path) -> None:
    """As in the cache of a hub, whose files have no suffix."""
    zip_of(tmp_path / "blob", {"1.png": RED})
    (tmp_path / "photos.zip").symlink_to("blob")
    source = open_source(str(tmp_path / "photos.zip"))
    assert not isinstance(source, VectorSource)
    assert contents(walked(source)[0]) == {"1.png": RED}


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.JSONL", "t.ndjson"])
def test_a_table_is_known_by_its_suffix(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(json.dumps({"path": "a.png"}))
    source = open_source(str(tmp_path / name))
    assert isinstance(source, TableSource)
    assert (source.root, source.table) == (Root("t", tmp_path), tmp_path / name)


def test_the_options_reach_a_table(tmp_path: Path) -> None:
    with picture_server() as server:
        (tmp_path / "t.jsonl").write_text(json.dumps({"photo": server.url(host="127.0.0.1")}))
        columns = TableColumns(picture="photo")
        for allowed in (frozenset({"LOCALHOST", "127.0.0.1"}), frozenset[str]()):
            options = SourceOptions(columns, allowed)
            source = open_source(str(tmp_path / "t.jsonl"), options)
            assert not isinstance(source, VectorSource)
            (found,), _ = walked(source)
            if allowed:
                assert found.read(1000) == b"picture"
            else:
                with pytest.raises(ImageError, match="not public"):
                    found.read(1000)


def test_a_folder_of_vectors_is_known_by_its_files(tmp_path: Path) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    save(tmp_path / "pictures", "a.png", "red")
    for folder in ("img_emb", "metadata"):
        (tmp_path / "made" / folder).mkdir(parents=True)
    np.save(tmp_path / "made" / "img_emb" / "img_emb_0.npy", np.ones((1, 2), np.float16))
    table = arrow.Table.from_pylist([{"image_path": "a.png"}])
    parquet.write_table(table, tmp_path / "made" / "metadata" / "metadata_0.parquet")
    source = open_source(str(tmp_path / "made"), SourceOptions(pictures=tmp_path / "pictures"))
    assert isinstance(source, VectorSource)
    assert source.root == Root("made", tmp_path / "pictures")
    (found,) = source.walk()
    assert found.content is not None


def test_an_address_is_another_file_system(tmp_path: Path) -> None:
    files = pytest.importorskip("fsspec").filesystem("memory")
    files.pipe(f"{tmp_path}/k=v/a.png", BLUE)
    source = open_source(f"s=memory:/{tmp_path}/k=v")
    assert not isinstance(source, VectorSource)
    assert contents(walked(source)[0]) == {"a.png": BLUE}
    with pytest.raises(InputError, match="'k=v' will not do as a source's name"):
        open_source(f"memory:/{tmp_path}/k=v")
    files.rm(str(tmp_path), recursive=True)


@pytest.mark.parametrize("text", ["", "=", "s=", "nowhere", "s=nowhere", "nowhere/{0..9}.tar", "/"])
def test_what_is_not_there_is_the_users_mistake(text: str) -> None:
    with pytest.raises(InputError):
        open_source(text)


def test_an_address_on_the_web_belongs_into_a_table() -> None:
    with pytest.raises(InputError, match="listed in a table"):
        open_source("s=https://example.com/photos/")


@pytest.mark.parametrize("name", ["a.tar.gz", "a.rar", "a.png", "a"])
def test_a_file_of_another_kind_is_refused_with_the_kinds_there_are(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"expected a folder, or one of \.tar, \.zip, \.parquet"):
        open_source(str(tmp_path / name))


def test_originals_may_be_in_an_archive(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", {})
    assert parse_place(f"s={path}") == Root("s", path)
    assert parse_place(str(path)) == Root("a", path)
    assert parse_place(f"s={tmp_path}") == Root("s", tmp_path)
    with pytest.raises(InputError):
        parse_place(str(save(tmp_path, "a.png", "red")))
