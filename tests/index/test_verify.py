from pathlib import Path

import numpy as np
import pytest

from index.faiss import FaissIndex, exact_index
from index.folder import checksum
from index.items import item_id
from index.segments import Segment, Vectors, open_segment, write_segment
from index.vectors.choosing import EXACT
from index.vectors.indexes import index_name, settings_of
from index.verifying.verify import verify
from models.errors import CollectionError
from tests.fakes import picture_bytes
from tests.index.album import build, execute, save

DIMENSION = 4


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A sound collection of a red and a blue picture."""
    for colour in ("red", "blue"):
        save(tmp_path / "photos", f"{colour}.png", colour)
    build(tmp_path / "out", tmp_path / "photos")
    return tmp_path / "out"


def only(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def held(out: Path) -> Segment:
    """The vectors of a collection, as copies that can be changed."""
    mapped = open_segment(only(out / "segments"), 2, [DIMENSION])
    (vectors,) = mapped.vectors
    return Segment(mapped.ids.copy(), (Vectors(vectors.units.copy(), vectors.norms.copy()),))


def publish(out: Path, segment: Segment, index: FaissIndex | None = None) -> None:
    """Make these the collection's vectors, with every name and checksum right."""
    only(out / "segments").unlink()
    only(out / "indexes").unlink()
    record = write_segment(out / "segments", segment)
    file = out / "indexes" / index_name([record], settings=settings_of(EXACT, None))
    (index or exact_index(DIMENSION, [segment.vectors[0].units])).write(file)
    execute(
        out,
        "UPDATE segments SET name = ?, rows = ?, checksum = ?",
        *(record.name, record.rows, record.checksum),
    )
    execute(
        out,
        "UPDATE indexes SET name = ?, rows = ?, bytes = ?, checksum = ?",
        *(file.name, record.rows, file.stat().st_size, checksum(file)),
    )


def test_a_sound_collection_has_no_faults(out: Path) -> None:
    assert verify(out) == ()
    publish(out, held(out))
    assert verify(out) == ()


def test_originals_that_are_gone_are_no_faults(out: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    assert verify(out) == ()


def test_where_there_is_no_collection_there_is_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="no collection there"):
        verify(tmp_path)


def test_a_byte_changed_in_a_segment_is_a_fault(out: Path) -> None:
    file = only(out / "segments")
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    assert f"segments/{file.name}: its checksum is not the catalogue's" in verify(out)


def test_a_truncated_segment_is_a_fault(out: Path) -> None:
    file = only(out / "segments")
    file.write_bytes(file.read_bytes()[:-1])
    faults = verify(out)
    assert f"segments/{file.name}: its checksum is not the catalogue's" in faults
    assert any("damaged segment" in fault for fault in faults)


def test_a_missing_segment_is_a_fault(out: Path) -> None:
    file = only(out / "segments")
    file.unlink()
    faults = verify(out)
    assert f"segments/{file.name}: missing" in faults
    assert f"item {item_id(picture_bytes('red'))}: has 0 vectors, expected 1" in faults


def test_an_item_with_two_vectors_is_a_fault(out: Path) -> None:
    segment = held(out)
    twice = Segment(segment.ids[[0, 0]], segment.vectors)
    publish(out, twice)
    first, second = (row.tobytes().hex() for row in segment.ids)
    assert set(verify(out)) == {
        f"item {first}: has 2 vectors, expected 1",
        f"item {second}: has 0 vectors, expected 1",
    }


def test_a_vector_without_an_item_is_a_fault(out: Path) -> None:
    red = item_id(picture_bytes("red"))
    execute(out, "DELETE FROM occurrences WHERE item_id = ?", red)
    execute(out, "DELETE FROM items WHERE id = ?", red)
    assert verify(out) == (f"item {red}: has a vector, but is not in the catalogue",)


def test_an_item_without_an_occurrence_is_a_fault(out: Path) -> None:
    red = item_id(picture_bytes("red"))
    execute(out, "DELETE FROM occurrences WHERE item_id = ?", red)
    assert verify(out) == (f"item {red}: has no occurrence",)


def test_an_occurrence_without_an_item_is_a_fault(out: Path) -> None:
    execute(
        out,
        "INSERT INTO occurrences (source, path, item_id, metadata) "
        "VALUES ('photos', 'x.png', 'nobody', '{}')",
    )
    assert verify(out) == ("catalogue.sqlite: table occurrences refers to a missing row of items",)


@pytest.mark.parametrize("norm", [0, -1, np.nan, np.inf])
def test_a_norm_that_is_not_positive_is_a_fault(out: Path, norm: float) -> None:
    segment = held(out)
    segment.vectors[0].norms[1] = norm
    publish(out, segment)
    (fault,) = verify(out)
    assert "row 1: norm" in fault


@pytest.mark.parametrize("scale", [0, 0.9, 1.1, np.nan])
def test_a_vector_that_is_not_of_unit_length_is_a_fault(out: Path, scale: float) -> None:
    segment = held(out)
    segment.vectors[0].units[1] *= np.float16(scale)
    publish(out, segment, exact_index(DIMENSION, [np.nan_to_num(segment.vectors[0].units)]))
    assert any("row 1: vector of length" in fault for fault in verify(out))


def test_an_index_that_holds_other_vectors_is_a_fault(out: Path) -> None:
    segment = held(out)
    publish(out, segment, exact_index(DIMENSION, [segment.vectors[0].units[::-1]]))
    faults = verify(out)
    assert [fault.split(": ")[1] for fault in faults] == [
        "row 0 is not the segment's vector",
        "row 1 is not the segment's vector",
    ]


def test_an_index_with_a_row_too_few_is_a_fault(out: Path) -> None:
    segment = held(out)
    publish(out, segment, exact_index(DIMENSION, [segment.vectors[0].units[:1]]))
    (fault,) = verify(out)
    assert fault.endswith("holds 1 rows, its segments 2")


@pytest.mark.parametrize("content", [None, b"", b"IxFI"])
def test_an_index_that_cannot_be_read_is_a_fault(out: Path, content: bytes | None) -> None:
    file = only(out / "indexes")
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    assert any(file.name in fault for fault in verify(out))


def test_an_index_of_other_segments_is_a_fault(out: Path) -> None:
    execute(out, "UPDATE indexes SET name = 'other.faiss'")
    only(out / "indexes").rename(out / "indexes" / "other.faiss")
    assert verify(out) == (
        "indexes/other.faiss: was made of other segments than the catalogue names",
    )


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_a_thumbnail_that_cannot_be_read_is_a_fault(out: Path, content: bytes | None) -> None:
    red = item_id(picture_bytes("red"))
    file = out / "thumbnails" / red[:2] / f"{red}.webp"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    (fault,) = verify(out)
    assert fault.startswith(f"item {red}: its thumbnail cannot be read")


def test_a_damaged_catalogue_is_a_fault(out: Path) -> None:
    file = out / "catalogue.sqlite"
    data = bytearray(file.read_bytes())
    data[8192:] = bytes(len(data) - 8192)
    file.write_bytes(data)
    assert verify(out) != ()


def test_a_catalogue_that_is_no_database_is_a_fault(out: Path) -> None:
    (out / "catalogue.sqlite").write_bytes(b"not a database" * 1000)
    (fault,) = verify(out)
    assert "not a database" in fault
