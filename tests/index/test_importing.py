"""Vectors made elsewhere, from their files to hits."""

from pathlib import Path

import numpy as np
import pytest

from index.collection import Collection
from index.job import JobOptions, Report, build_collection
from index.search import search
from index.sources import open_source
from index.verifying.verify import verify
from models.errors import GoneError, InputError
from models.query import single
from tests.fakes import ColourEncoder, ShadeEncoder, picture_bytes
from tests.index.album import build, failures, save, source
from tests.index.sourcing.test_vectors import Rows, part

pytest.importorskip("pyarrow")

RED, BLUE = [1.0, 0, 0, 0.1], [0, 0, 1.0, 0.1]
ROWS: Rows = [
    {"key": "1", "image_path": "red.png", "url": None, "caption": "a red square", "stars": 4},
    {"key": "2", "url": "https://example.org/blue.png", "caption": "gone", "stars": 2},
]


def imported(out: Path, *folders: Path) -> Report:
    return build_collection(
        out,
        [open_source(f"made={folder}") for folder in folders],
        ColourEncoder(),
        model="colours",
        options=JobOptions(threads=1),
    )


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    """Two vectors, of which one's picture is there."""
    folder = tmp_path / "vectors"
    part(folder, "0", [RED, BLUE], ROWS)
    save(folder, "red.png", "red")
    return folder


def test_vectors_are_found_with_their_captions_files_and_thumbnails(
    vectors: Path, tmp_path: Path
) -> None:
    report = imported(tmp_path / "out", vectors)
    assert (report.items, report.imported, report.embedded) == (2, 2, 0)
    collection = Collection.open(tmp_path / "out")
    (red,) = ColourEncoder().encode_texts(["red"])
    with collection.snapshot() as snapshot:
        first, second = search(snapshot, single(snapshot.spaces[0], red)).hits
        item, other = snapshot.item(first.id), snapshot.item(second.id)
        assert (item.path, item.caption, item.metadata["stars"]) == ("red.png", "a red square", 4)
        assert (item.width, item.height) == (32, 24)
        assert snapshot.original(item.id) == picture_bytes("red")
        assert snapshot.thumbnail(item.id)
        assert (other.path, other.width) == ("https://example.org/blue.png", 0)
        with pytest.raises(GoneError):
            snapshot.original(other.id)
        embedding = snapshot.embeddings(item.id)[snapshot.spaces[0]]
        np.testing.assert_allclose(embedding, RED, atol=1e-3)
    collection.close()
    assert verify(tmp_path / "out") == ()


def test_a_picture_that_changed_since_is_not_given_out(vectors: Path, tmp_path: Path) -> None:
    imported(tmp_path / "out", vectors)
    data = (vectors / "red.png").read_bytes()
    (vectors / "red.png").write_bytes(data[:-1] + b"x")
    collection = Collection.open(tmp_path / "out")
    with collection.snapshot() as snapshot:
        red = snapshot.ids_by_path("made")["red.png"]
        with pytest.raises(GoneError, match="changed"):
            snapshot.original(red)
    collection.close()


def test_a_second_import_takes_what_is_new_and_leaves_out_what_left(
    vectors: Path, tmp_path: Path
) -> None:
    imported(tmp_path / "out", vectors)
    part(vectors, "0", [BLUE, [0, 1, 0, 0.1]], [ROWS[1], {"key": "3", "caption": "new"}])
    report = imported(tmp_path / "out", vectors)
    assert (report.items, report.imported, report.removed) == (2, 1, 1)
    assert verify(tmp_path / "out") == ()


def test_a_picture_that_cannot_be_read_is_a_failure_and_its_vector_stays(
    vectors: Path, tmp_path: Path
) -> None:
    (vectors / "red.png").write_bytes(b"no picture")
    assert imported(tmp_path / "out", vectors).items == 2
    assert [path for path, _ in failures(tmp_path / "out")] == ["red.png"]


def test_vectors_and_pictures_live_in_one_collection(vectors: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    save(tmp_path / "photos", "green.png", "green")
    sources = [open_source(f"made={vectors}"), source(tmp_path / "photos")]
    options = JobOptions(threads=1)
    report = build_collection(out, sources, ColourEncoder(), model="colours", options=options)
    assert (report.items, report.imported, report.embedded) == (3, 2, 1)
    assert build(out, tmp_path / "photos").items == 3
    assert verify(out) == ()


def test_vectors_of_another_dimension_are_refused_naming_both(
    vectors: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"made: vectors of 4 dimensions, .* has 6"):
        build_collection(
            tmp_path / "out",
            [open_source(f"made={vectors}")],
            ShadeEncoder(),
            model="shades",
            options=JobOptions(threads=1),
        )
