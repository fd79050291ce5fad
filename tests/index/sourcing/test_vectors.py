"""Vectors made elsewhere, in the layout of clip-retrieval."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, DTypeLike

from index.items import Failure
from index.sources import Root
from index.sourcing.vectors import FoundVector, VectorSource, holds_vectors, open_vectors
from models.errors import InputError
from tests.fakes import picture_bytes
from tests.index.album import save

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

Rows = Sequence[Mapping[str, Any]]


def part(
    folder: Path, number: str, vectors: ArrayLike, rows: Rows, dtype: DTypeLike = np.float16
) -> None:
    for kind in ("img_emb", "metadata"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    np.save(folder / "img_emb" / f"img_emb_{number}.npy", np.asarray(vectors, dtype))
    table = arrow.Table.from_pylist(list(rows))
    parquet.write_table(table, folder / "metadata" / f"metadata_{number}.parquet")


def opened(folder: Path) -> VectorSource:
    return open_vectors(Root("s", folder), folder)


def walked(source: VectorSource) -> tuple[list[FoundVector], list[Failure]]:
    failures: list[Failure] = []
    return list(source.walk(failures.append)), failures


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_a_row_is_a_vector_with_its_key_caption_and_typed_metadata(
    tmp_path: Path, dtype: DTypeLike
) -> None:
    row = {"image_path": "000001", "caption": "red", "key": "000001", "url": "https://x.test/1.jpg"}
    part(tmp_path, "0", [[1, -2.5]], [{**row, "width": 32, "nsfw": 0.5}], dtype)
    source = opened(tmp_path)
    (found,), failures = walked(source)
    assert (source.name, source.dimension, source.count) == ("s", 2, 1)
    assert (found.source, found.key, found.caption) == ("s", "000001", "red")
    assert found.path == "https://x.test/1.jpg"
    assert found.metadata == {
        "key": "000001",
        "url": "https://x.test/1.jpg",
        "width": 32,
        "nsfw": 0.5,
    }
    assert (found.content, found.stamp) == (None, None)
    assert found.embedding.dtype == np.float32
    assert found.embedding.tolist() == [1, -2.5]
    assert failures == []


def test_an_id_is_of_the_source_and_the_key(tmp_path: Path) -> None:
    part(tmp_path, "0", [[1, 0]], [{"key": "7"}])
    (found,), _ = walked(opened(tmp_path))
    assert found.id == hashlib.sha256(b"s\x007").hexdigest()[:32]


def test_parts_come_in_order_and_rows_stay_beside_their_vectors(tmp_path: Path) -> None:
    for number in ("00", "01", "10"):
        rows = [{"key": f"{number}-{row}"} for row in range(3000)]
        part(tmp_path, number, [[int(number) + 1, row] for row in range(3000)], rows, np.float32)
    source = opened(tmp_path)
    found, _ = walked(source)
    assert len(found) == source.count == 9000
    assert [each.key for each in found] == [
        f"{int(each.embedding[0]) - 1:02}-{int(each.embedding[1])}" for each in found
    ]
    assert [each.key for each in found] == sorted(
        (each.key for each in found), key=lambda key: (key[:2], int(key[3:]))
    )


def test_all_files_may_lie_in_one_folder(tmp_path: Path) -> None:
    part(tmp_path / "made", "0", [[1, 0]], [{"key": "7"}])
    for file in (tmp_path / "made").rglob("*.*"):
        file.rename(tmp_path / file.name)
    assert holds_vectors(tmp_path)
    assert [found.key for found in walked(opened(tmp_path))[0]] == ["7"]
    assert not holds_vectors(tmp_path / "made")


def test_a_path_that_still_leads_to_a_file_below_the_root_is_its_picture(tmp_path: Path) -> None:
    pictures, folder = tmp_path / "pictures", tmp_path / "made"
    red, secret = save(pictures, "a/red.png", "red"), save(tmp_path, "secret.png", "red")
    os.utime(red, (5, 5))
    (pictures / "link.png").symlink_to(secret)
    places = ["a/red.png", str(red), "gone.png", str(secret), "../secret.png", "link.png", "a"]
    rows = [{"image_path": place, "n": n} for n, place in enumerate(places)]
    part(folder, "0", np.ones((len(rows), 2)), rows)
    found, failures = walked(open_vectors(Root("s", pictures), folder))
    assert [each.path for each in found] == ["a/red.png", "a/red.png", *places[2:]]
    assert [each.content is not None for each in found] == [True, True, *[False] * 5]
    assert found[0].content is not None
    assert found[0].content.read(1000) == picture_bytes("red")
    assert found[0].stamp == f"{red.stat().st_size}-5000000000-{red.stat().st_ino}"
    assert [each.key for each in found] == places
    assert failures == []


def test_rows_without_a_column_of_keys_are_named_by_their_place(tmp_path: Path) -> None:
    part(tmp_path, "0", [[1, 0], [0, 1]], [{"caption": "red"}, {"caption": "blue"}])
    found, _ = walked(opened(tmp_path))
    assert [each.key for each in found] == ["img_emb_0.npy/0", "img_emb_0.npy/1"]


def test_a_vector_without_a_direction_or_a_key_is_a_failure(tmp_path: Path) -> None:
    vectors: list[list[float]] = [[1, 0], [0, 0], [np.nan, 1], [np.inf, 1], [1e300, 1], [0, 1]]
    rows = [{"key": key} for key in ("ok", "zero", "nan", "inf", "huge", None)]
    part(tmp_path, "0", vectors, rows, np.float64)
    found, failures = walked(opened(tmp_path))
    assert [each.key for each in found] == ["ok"]
    assert failures == [
        *(
            Failure("s", key, "its vector has no direction")
            for key in ("zero", "nan", "inf", "huge")
        ),
        Failure("s", "metadata_0.parquet, row 6", "has no key"),
    ]


def test_metadata_that_cannot_be_written_is_a_failure_and_the_vector_is_taken(
    tmp_path: Path,
) -> None:
    part(tmp_path, "0", [[1, 0]], [{"key": "7", "caption": 5}])
    (found,), failures = walked(opened(tmp_path))
    assert (found.caption, found.metadata) == (None, {})
    assert failures == [Failure("s", "7", "caption and metadata: caption: expected a string")]


@pytest.mark.parametrize("rows", [1, 3])
def test_unequal_rows_are_refused(tmp_path: Path, rows: int) -> None:
    part(tmp_path, "0", np.ones((2, 2)), [{"key": str(row)} for row in range(rows)])
    with pytest.raises(InputError, match=rf"img_emb_0\.npy: has 2 rows, .*_0\.parquet {rows}"):
        opened(tmp_path)


def test_unequal_dimensions_are_refused(tmp_path: Path) -> None:
    part(tmp_path, "0", [[1, 0]], [{"key": "0"}])
    part(tmp_path, "1", [[1, 0, 0]], [{"key": "1"}])
    with pytest.raises(InputError, match=r"img_emb_1\.npy: has 3 dimensions, others 2"):
        opened(tmp_path)


@pytest.mark.parametrize("gone", ["img_emb/img_emb_1.npy", "metadata/metadata_1.parquet"])
def test_files_that_do_not_pair_up_are_refused(tmp_path: Path, gone: str) -> None:
    for number in ("0", "1"):
        part(tmp_path, number, [[1, 0]], [{"key": number}])
    (tmp_path / gone).unlink()
    with pytest.raises(InputError, match="expected one beside the other, but '1' is alone"):
        opened(tmp_path)


@pytest.mark.parametrize(
    "content",
    [np.ones(2), np.ones((2, 2, 2)), np.ones((2, 2), int), np.asfortranarray(np.eye(2) + 1)],
)
def test_other_arrays_are_refused(tmp_path: Path, content: np.ndarray[Any, Any]) -> None:
    part(tmp_path, "0", np.ones((2, 2)), [{"key": "0"}, {"key": "1"}])
    np.save(tmp_path / "img_emb" / "img_emb_0.npy", content)
    with pytest.raises(InputError, match=r"img_emb_0\.npy: expected rows of floating-point"):
        opened(tmp_path)


@pytest.mark.parametrize("length", [0, 10, 100, -1])
def test_a_file_of_vectors_that_is_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    part(tmp_path, "0", [[1, 0]], [{"key": "0"}])
    file = tmp_path / "img_emb" / "img_emb_0.npy"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InputError, match=r"img_emb_0\.npy: (cannot be read as \.npy|is cut off)"):
        opened(tmp_path)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    part(tmp_path, "0", [[1, 0]], [{"key": "0"}])
    objects = np.array([[print, print]], dtype=object)
    np.save(tmp_path / "img_emb" / "img_emb_0.npy", objects, allow_pickle=True)
    with pytest.raises(InputError, match="expected rows of floating-point numbers, got object"):
        opened(tmp_path)


def test_a_file_that_shrinks_while_it_is_read_costs_its_rest(tmp_path: Path) -> None:
    for number in ("0", "1"):
        rows = [{"key": f"{number}-{row}"} for row in range(2000)]
        part(tmp_path, number, np.ones((2000, 2)), rows)
    failures: list[Failure] = []
    walk = opened(tmp_path).walk(failures.append)
    assert next(walk).key == "0-0"
    file = tmp_path / "img_emb" / "img_emb_0.npy"
    file.write_bytes(file.read_bytes()[:5000])
    keys = [found.key for found in walk]
    assert keys[-1] == "1-1999"
    assert len(keys) < 4000
    ((path, reason),) = [(failure.path, failure.reason) for failure in failures]
    assert (path, "img_emb_0.npy: ends before its row 2000" in reason) == (".", True)


def test_files_that_were_replaced_since_are_paired_and_checked_again(tmp_path: Path) -> None:
    part(tmp_path, "0", [[1, 0], [0, 1]], [{"key": "a"}, {"key": "b"}])
    source = opened(tmp_path)
    part(tmp_path, "0", [[0, 1]], [{"key": "c"}], np.float32)
    part(tmp_path, "1", [[1, 0]], [{"key": "d"}])
    found, failures = walked(source)
    assert [(each.key, each.embedding.tolist()) for each in found] == [
        ("c", [0, 1]),
        ("d", [1, 0]),
    ]
    assert failures == []
    part(tmp_path, "0", [[1, 0, 0]], [{"key": "e"}])
    found, (failure,) = walked(source)
    assert [each.key for each in found] == ["d"]
    assert (failure.path, "has 3 dimensions, others 2" in failure.reason) == (".", True)
