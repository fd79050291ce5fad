"""Files that a job cannot take: each is counted and named, and none is fatal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from index.collection import Collection, Failure
from index.job import JobOptions, build_collection
from index.sources import FileContent, FoundImage, Listener, stop_at
from index.verifying.verify import verify
from models.decode import DecodeLimits
from models.errors import CollectionError, InputError, ModelError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import ColourEncoder
from tests.index.album import build, failures, save


def test_bad_files_are_counted_and_named_and_the_rest_is_indexed(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    whole = save(photos, "good.jpg", "red", (400, 300)).read_bytes()
    (photos / "corrupt.png").write_bytes(b"no picture at all")
    (photos / "empty.gif").write_bytes(b"")
    (photos / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    report = build(tmp_path / "out", photos)
    assert (report.items, report.failed) == (1, 3)
    assert [path for path, _ in failures(tmp_path / "out")] == [
        "corrupt.png",
        "empty.gif",
        "truncated.jpg",
    ]
    assert all(reason for _, reason in failures(tmp_path / "out"))


def test_every_copy_of_a_bad_file_is_named(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "good.png", "red")
    for name in ("bad1.png", "bad2.png", "bad3.png"):
        (photos / name).write_bytes(b"no picture")
    assert build(tmp_path / "out", photos).failed == 3
    assert [path for path, _ in failures(tmp_path / "out")] == ["bad1.png", "bad2.png", "bad3.png"]


def test_a_picture_over_a_limit_is_a_failure_and_is_not_decoded(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "good.png", "red")
    save(photos, "wide.png", "red", (2000, 1))
    (photos / "heavy.png").write_bytes(b"x" * 5000)
    limits = DecodeLimits(max_bytes=4999, max_pixels=1999)
    assert build(tmp_path / "out", photos, limits=limits).items == 1
    assert failures(tmp_path / "out") == [
        ("heavy.png", "over 4999 bytes"),
        ("wide.png", "picture has 2000 x 1 pixels, the limit is 1999"),
    ]


def test_a_failure_that_was_mended_is_forgotten(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    (photos / "blue.png").write_bytes(b"not yet")
    build(tmp_path / "out", photos)
    save(photos, "blue.png", "blue")
    assert build(tmp_path / "out", photos).failed == 0
    assert failures(tmp_path / "out") == []


class VanishingSource:
    """A picture that is found, one that is gone before it is read."""

    name = "s"
    root = None

    def __init__(self, file: Path) -> None:
        self._file = file

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        failed(Failure("s", "locked/", "folder cannot be listed"))
        yield FoundImage("s", "there.png", None, {}, FileContent(self._file))
        gone = FileContent(self._file.parent / "gone.png")
        yield FoundImage("s", "gone.png", None, {}, gone)


def test_a_file_that_vanishes_before_it_is_read_is_a_failure(tmp_path: Path) -> None:
    report = build_collection(
        tmp_path / "out",
        [VanishingSource(save(tmp_path, "there.png", "red"))],
        ColourEncoder(),
        model="colours",
        options=JobOptions(threads=1),
    )
    assert (report.items, report.failed) == (1, 2)
    assert failures(tmp_path / "out") == [
        ("gone.png", "cannot be read: No such file or directory"),
        ("locked/", "folder cannot be listed"),
    ]


@pytest.mark.parametrize("bad", [False, True])
def test_nothing_readable_is_the_users_mistake_and_publishes_nothing(
    tmp_path: Path, bad: bool
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    if bad:
        (photos / "bad.png").write_bytes(b"no picture")
    expected = r"1 failed, the first was bad\.png" if bad else "none was found"
    with pytest.raises(InputError, match=f"no picture could be read in photos: {expected}"):
        build(tmp_path / "out", photos)
    with pytest.raises(CollectionError):
        Collection.open(tmp_path / "out")


class NumberlessEncoder(ColourEncoder):
    """Gives no direction to dark pictures."""

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        embeddings = super().encode_images(pixels)
        embeddings[[p.max() == 0 for p in pixels]] = 0
        embeddings[[p.max() == 1 for p in pixels]] = np.nan
        return embeddings


def test_a_picture_without_direction_is_a_failure_of_its_own(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "black.png", "black")
    save(photos, "dark.png", (1, 1, 1))
    save(photos, "red.png", "red")
    report = build(tmp_path / "out", photos, encoder=NumberlessEncoder())
    assert (report.items, report.failed) == (1, 2)
    reason = "the model's embedding of it has no direction"
    assert failures(tmp_path / "out") == [("black.png", reason), ("dark.png", reason)]
    assert verify(tmp_path / "out") == ()


class WrongShapeEncoder(ColourEncoder):
    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        return super().encode_images(pixels)[:, :3]


def test_embeddings_of_another_shape_stop_the_job(tmp_path: Path) -> None:
    save(tmp_path / "photos", "red.png", "red")
    with pytest.raises(ModelError, match=r"\(1, 3\), expected \(1, 4\)"):
        build(tmp_path / "out", tmp_path / "photos", encoder=WrongShapeEncoder())
