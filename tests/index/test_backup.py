"""A copy of a collection is one generation of it, whole, whatever happens to it meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from index.export.backup import copy_collection
from index.folder import CollectionFolder
from index.jobs.lock import job_lock
from index.verifying.verify import verify
from models.errors import CollectionError, InputError
from tests.index.album import build, contents, execute, save

REPOSITORY = Path(__file__).parents[2]

CONFINED_COPY = """
import resource, sys
from pathlib import Path
from index.export.backup import copy_collection
from models.errors import CollectionError

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    copy_collection(Path(sys.argv[1]), Path(sys.argv[2]))
except CollectionError as error:
    print(error)
"""


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue"):
        save(tmp_path / "album", f"{colour}.png", colour)
    return tmp_path / "album"


@pytest.fixture
def collection(tmp_path: Path, album: Path) -> Path:
    build(tmp_path / "collection", album)
    return tmp_path / "collection"


def test_a_copy_holds_the_same_and_is_sound(collection: Path, tmp_path: Path) -> None:
    copied = copy_collection(collection, tmp_path / "copy")
    # a segment, an index, a layout, three thumbnails
    assert (copied.generation, copied.items, copied.files) == (1, 3, 6)
    assert contents(tmp_path / "copy") == contents(collection)
    assert verify(tmp_path / "copy") == ()


def test_a_copy_is_a_collection_that_jobs_go_on_from(
    collection: Path, tmp_path: Path, album: Path
) -> None:
    copy_collection(collection, tmp_path / "copy")
    save(album, "white.png", "white")
    report = build(tmp_path / "copy", album)
    assert (report.embedded, report.items, report.generation) == (1, 4, 2)
    assert len(contents(collection)) == 3


def test_a_job_that_runs_is_not_in_the_way(collection: Path, tmp_path: Path) -> None:
    with job_lock(CollectionFolder(collection)):
        copy_collection(collection, tmp_path / "copy")
    assert verify(tmp_path / "copy") == ()
    assert not (tmp_path / "copy" / ".pictor-lock").exists()


@pytest.mark.parametrize("at", [1, 2, 3])  # the segment is copied; so is the index; the layout
def test_a_job_that_publishes_meanwhile_makes_a_copy_of_either_generation_whole(
    collection: Path, tmp_path: Path, album: Path, at: int
) -> None:
    save(album, "white.png", "white")
    (album / "red.png").unlink()

    def publish(files: int) -> None:
        if files == at:
            build(collection, album)

    copied = copy_collection(collection, tmp_path / "copy", publish)
    assert verify(tmp_path / "copy") == ()
    assert copied.generation == 2
    assert contents(tmp_path / "copy") == contents(collection)
    # nothing is left of what was copied in vain
    for kind in ("segments", "indexes", "layouts"):
        left, held = (
            sorted(f.name for f in (c / kind).iterdir()) for c in (tmp_path / "copy", collection)
        )
        assert left == held


def test_a_collection_without_thumbnails_is_copied_without_them(
    collection: Path, tmp_path: Path
) -> None:
    for file in (collection / "thumbnails").rglob("*.webp"):
        file.unlink()
    assert copy_collection(collection, tmp_path / "copy").files == 3
    assert contents(tmp_path / "copy") == contents(collection)


def test_a_damaged_file_is_not_copied_as_if_it_were_sound(collection: Path, tmp_path: Path) -> None:
    (segment,) = (collection / "segments").iterdir()
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    with pytest.raises(CollectionError, match="checksum"):
        copy_collection(collection, tmp_path / "copy")
    assert not (tmp_path / "copy" / "catalogue.sqlite").exists()


def test_a_missing_file_is_named(collection: Path, tmp_path: Path) -> None:
    (segment,) = (collection / "segments").iterdir()
    segment.unlink()
    with pytest.raises(CollectionError, match=rf"{segment.name}: the file is missing"):
        copy_collection(collection, tmp_path / "copy")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE segments SET name = '../../escaped'",
        "UPDATE indexes SET name = '/tmp/escaped'",
        "UPDATE layouts SET name = '../escaped'",
        "UPDATE items SET id = 'ab/../../../escaped' WHERE id = (SELECT min(id) FROM items)",
    ],
)
def test_a_catalogue_that_names_files_elsewhere_is_refused(
    collection: Path, tmp_path: Path, statement: str
) -> None:
    execute(collection, statement.rsplit("; ", maxsplit=1)[-1])
    with pytest.raises(CollectionError, match="escaped"):
        copy_collection(collection, tmp_path / "copy")
    assert not list(tmp_path.glob("escaped*"))


def test_nothing_is_made_where_there_is_no_collection(tmp_path: Path) -> None:
    with pytest.raises(CollectionError, match="no collection"):
        copy_collection(tmp_path / "nothing", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_folder_that_holds_anything_is_not_touched(collection: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="empty"):
        copy_collection(collection, tmp_path / "mine")
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("kind", ["catalogue", "thumbnails"])
def test_a_full_disk_is_told_and_leaves_no_collection(
    collection: Path, tmp_path: Path, kind: str
) -> None:
    if kind == "catalogue":
        execute(collection, "UPDATE occurrences SET caption = hex(zeroblob(200000))")
    else:
        (first, *_) = (collection / "thumbnails").rglob("*.webp")
        first.write_bytes(bytes(300_000))
    # more than the 32 KiB that SQLite keeps beside a catalogue to read it
    ran = subprocess.run(
        [sys.executable, "-c", CONFINED_COPY, collection, tmp_path / "copy", "280000"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"{tmp_path / 'copy' / kind}" in ran.stdout and len(ran.stdout.splitlines()) == 1
    assert not (tmp_path / "copy" / "catalogue.sqlite").exists()
