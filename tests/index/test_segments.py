import hashlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from index.segments import (
    SegmentRecord,
    SegmentWriter,
    ids_to_rows,
    open_segment,
    rows_to_ids,
    write_segment,
)
from models.errors import CollectionError
from tests.index.galleries import numbered, random_vectors, segment


def written(folder: Path, rows: int = 5, dimension: int = 4) -> SegmentRecord:
    vectors = random_vectors(np.random.default_rng(0), rows, dimension)
    return write_segment(folder, segment(vectors, numbered(rows)))


def test_ids_survive_the_round_trip() -> None:
    ids = ["00" * 16, "0123456789abcdef" * 2, "ff" * 16]
    assert rows_to_ids(ids_to_rows(ids)) == ids


def test_what_was_written_is_mapped_as_it_was(tmp_path: Path) -> None:
    vectors = random_vectors(np.random.default_rng(0), 5, 3)
    made = segment(vectors, numbered(5))
    record = write_segment(tmp_path, made)
    mapped = open_segment(tmp_path / record.name, 5, [3])
    assert rows_to_ids(mapped.ids) == numbered(5)
    np.testing.assert_array_equal(mapped.vectors[0].units, made.vectors[0].units)
    np.testing.assert_array_equal(mapped.vectors[0].norms, made.vectors[0].norms)
    np.testing.assert_allclose(
        mapped.vectors[0].units * mapped.vectors[0].norms[:, None], vectors, rtol=2e-3, atol=1e-3
    )


def test_a_mapped_segment_cannot_be_changed(tmp_path: Path) -> None:
    mapped = open_segment(tmp_path / written(tmp_path).name, 5, [4])
    with pytest.raises(ValueError, match="read-only"):
        mapped.vectors[0].units[0, 0] = 0


def test_the_safetensors_library_reads_the_same(tmp_path: Path) -> None:
    name = written(tmp_path).name
    tensors, mapped = load_file(tmp_path / name), open_segment(tmp_path / name, 5, [4])
    for theirs, ours in [
        ("ids", mapped.ids),
        ("units", mapped.vectors[0].units),
        ("norms", mapped.vectors[0].norms),
    ]:
        np.testing.assert_array_equal(tensors[theirs], ours)


def test_a_segment_is_named_by_its_content(tmp_path: Path) -> None:
    record = written(tmp_path)
    data = (tmp_path / record.name).read_bytes()
    assert record.checksum == hashlib.sha256(data).hexdigest()
    assert record.name == record.checksum[:32] + ".safetensors"
    assert (record.rows, record.bytes) == (5, len(data))


@pytest.mark.parametrize(("rows", "dimension"), [(4, 4), (5, 3)])
def test_a_segment_of_other_shapes_is_refused(tmp_path: Path, rows: int, dimension: int) -> None:
    with pytest.raises(CollectionError, match="damaged segment"):
        open_segment(tmp_path / written(tmp_path).name, rows, [dimension])


@pytest.mark.parametrize("kept", [0, 4, 8, 60, 300])
def test_a_truncated_segment_is_refused(tmp_path: Path, kept: int) -> None:
    file = tmp_path / written(tmp_path).name
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(CollectionError, match="damaged segment"):
        open_segment(file, 5, [4])


@pytest.mark.parametrize("header", [b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", b"\0" * 8])
def test_a_segment_with_a_damaged_header_is_refused(tmp_path: Path, header: bytes) -> None:
    file = tmp_path / written(tmp_path).name
    file.write_bytes(header + file.read_bytes()[len(header) :])
    with pytest.raises(CollectionError, match="damaged segment"):
        open_segment(file, 5, [4])


@pytest.mark.parametrize("appended", [1, 2, 3, 4, 5, 12])
def test_a_writer_keeps_rows_in_order_in_segments_of_bounded_size(
    tmp_path: Path, appended: int
) -> None:
    ids = numbered(12)
    vectors = random_vectors(np.random.default_rng(0), 12, 4)
    writer = SegmentWriter(tmp_path, rows=5)
    for first in range(0, 12, appended):
        part = slice(first, first + appended)
        writer.append(segment(vectors[part], ids[part]))
    records = writer.close()
    kept = [
        id_
        for record in records
        for id_ in rows_to_ids(open_segment(tmp_path / record.name, record.rows, [4]).ids)
    ]
    assert kept == ids
    assert all(record.rows <= 5 for record in records)


def test_a_writer_without_rows_writes_nothing(tmp_path: Path) -> None:
    assert SegmentWriter(tmp_path).close() == ()
    assert list(tmp_path.iterdir()) == []
