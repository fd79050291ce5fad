"""What a job must never do to a collection, however it ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from index.collection import Collection
from index.job import Progress
from index.verifying.verify import verify
from models.errors import CollectionError, InputError
from models.preprocess import Pixels
from models.vectors import Embeddings
from tests.fakes import ColourEncoder
from tests.index.album import build, execute, save

REPOSITORY = Path(__file__).parents[2]

BLOCKED_JOB = """
import sys
from pathlib import Path
from tests.fakes import ColourEncoder
from tests.index.album import build

class Blocked(ColourEncoder):
    def encode_images(self, pixels):
        print("encoding", flush=True)
        sys.stdin.read()

build(Path(sys.argv[1]), Path(sys.argv[2]), encoder=Blocked())
"""

KILLED_JOB = """
import os, signal, sys
from pathlib import Path
from tests.index.album import build

fatal, left = sys.argv[3], int(sys.argv[4])

def kill_at(event, arguments):
    global left
    if event == fatal and sys.argv[1] in str(arguments):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill_at)
build(Path(sys.argv[1]), Path(sys.argv[2]))
"""

CONFINED_JOB = """
import resource, sys
from pathlib import Path
from models.errors import CollectionError
from tests.index.album import build

limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    build(Path(sys.argv[1]), Path(sys.argv[2]))
except CollectionError as error:
    print(error)
"""


def state(out: Path) -> tuple[int, int]:
    """(generation, items), read by a reader that comes now."""
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        seen = (snapshot.generation, snapshot.count)
    collection.close()
    return seen


def files(out: Path) -> set[str]:
    return {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}


def kill_in_mid_job(out: Path, photos: Path) -> None:
    job = subprocess.Popen(
        [sys.executable, "-c", BLOCKED_JOB, out, photos],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"encoding\n"
        job.send_signal(signal.SIGKILL)


def test_a_job_killed_in_its_middle_leaves_the_old_generation_and_the_next_one_mends_all(
    tmp_path: Path,
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    build(out, photos)
    before = files(out)
    save(photos, "blue.png", "blue")
    kill_in_mid_job(out, photos)
    assert files(out) > before
    assert state(out) == (1, 1)
    assert verify(out) == ()
    assert build(out, photos).items == 2
    assert not any(".pictor-staging" in name for name in files(out))
    assert verify(out) == ()


def test_a_first_job_killed_in_its_middle_leaves_no_collection_and_the_next_one_builds_it(
    tmp_path: Path,
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    kill_in_mid_job(out, photos)
    with pytest.raises(CollectionError, match="no collection there"):
        Collection.open(out)
    assert build(out, photos).items == 1


def test_files_of_a_job_killed_just_before_it_published_are_removed_by_the_next(
    tmp_path: Path,
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    build(out, photos)
    before = {name for name in files(out) if "/" in name}
    for name in ("segments/a.safetensors", "indexes/b.faiss", "thumbnails/ab/c.webp"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_bytes(b"left over")
    assert verify(out) == ()
    build(out, photos)
    assert {name for name in files(out) if "/" in name} == before


@pytest.mark.parametrize(
    ("event", "count", "generation"),
    [
        ("os.rename", 1, 1),  # the first staged file moves to its place
        ("os.rename", 3, 1),  # the last one does
        ("sqlite3.connect", 3, 1),  # everything is in its place, nothing is published
        ("os.remove", 1, 2),  # published; the first file of the staging folder goes
    ],
)
def test_a_job_killed_while_it_publishes_leaves_one_whole_generation_or_the_other(
    tmp_path: Path, event: str, count: int, generation: int
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    build(out, photos)
    save(photos, "red.png", "green")
    save(photos, "blue.png", "blue")
    job = [sys.executable, "-c", KILLED_JOB, str(out), str(photos), event, str(count)]
    assert subprocess.run(job, cwd=REPOSITORY, check=False).returncode == -signal.SIGKILL
    assert state(out) == (generation, generation)  # one item in the first, two in the second
    assert verify(out) == ()
    assert build(out, photos).items == 2
    assert len(files(out / "thumbnails")) == 2
    assert verify(out) == ()


class FailingEncoder(ColourEncoder):
    def __init__(self, failure: BaseException) -> None:
        super().__init__()
        self._failure = failure

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        raise self._failure


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), RuntimeError("out of memory")])
def test_an_interrupted_job_publishes_nothing_and_the_next_one_does_the_rest(
    tmp_path: Path, failure: BaseException
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    build(out, photos)
    before = files(out)
    for number in range(100):
        save(photos, f"{number}.png", (number, 9, 9))
    with pytest.raises(type(failure)):
        build(out, photos, encoder=FailingEncoder(failure))
    assert {name for name in files(out) if ".pictor-staging" not in name} == before
    assert state(out) == (1, 1)
    assert build(out, photos).items == 101
    assert verify(out) == ()


def test_a_second_job_is_refused_while_one_runs_and_does_no_harm(tmp_path: Path) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    refusals: list[str] = []

    def try_another(_: Progress) -> None:
        with pytest.raises(CollectionError) as refusal:
            build(out, photos)
        refusals.append(str(refusal.value))

    assert build(out, photos, progress=try_another).items == 1
    assert refusals == [f"{out}: another job is running on this collection"]
    assert verify(out) == ()


def test_the_lock_ends_with_its_job(tmp_path: Path) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    photos.mkdir()
    with pytest.raises(InputError):
        build(out, photos)
    save(photos, "red.png", "red")
    assert build(out, photos).items == 1


def test_a_model_of_another_space_embeds_every_picture_and_the_collection_switches_to_it(
    tmp_path: Path,
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    save(photos, "blue.png", "blue")
    build(out, photos, encoder=ColourEncoder("a" * 16))
    later = ColourEncoder("b" * 16)
    assert build(out, photos, encoder=later).embedded == 2
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        assert (snapshot.generation, snapshot.spaces) == (2, later.spaces)
    collection.close()
    assert verify(out) == ()


def test_a_model_of_another_space_is_refused_while_it_cannot_see_every_source(
    tmp_path: Path,
) -> None:
    out, photos, others = tmp_path / "out", tmp_path / "photos", tmp_path / "others"
    save(photos, "red.png", "red")
    save(others, "blue.png", "blue")
    build(out, photos, others, encoder=ColourEncoder("a" * 16))
    with pytest.raises(
        CollectionError, match=r"colours@a+/4.*colours@b+/4: 1 items.*another --out"
    ):
        build(out, photos, encoder=ColourEncoder("b" * 16))
    assert state(out) == (1, 2)


def test_a_folder_of_something_else_is_refused_and_not_touched(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    before = files(photos)
    with pytest.raises(CollectionError, match="neither empty nor a collection"):
        build(photos, photos)
    assert files(photos) == before


def test_an_empty_folder_and_a_folder_to_be_made_will_do(tmp_path: Path) -> None:
    save(tmp_path / "photos", "red.png", "red")
    (tmp_path / "empty").mkdir()
    assert build(tmp_path / "empty", tmp_path / "photos").items == 1
    assert build(tmp_path / "a" / "b" / "new", tmp_path / "photos").items == 1


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    file = save(tmp_path / "photos", "red.png", "red")
    for out in (file, file / "below"):
        with pytest.raises(CollectionError) as refusal:
            build(out, tmp_path / "photos")
        assert "\n" not in str(refusal.value)


def test_a_database_that_is_no_catalogue_is_refused_and_kept(tmp_path: Path) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    out.mkdir()
    execute(out, "CREATE TABLE mine (x)")
    before = (out / "catalogue.sqlite").read_bytes()
    with pytest.raises(CollectionError, match="not a collection's catalogue"):
        build(out, photos)
    assert (out / "catalogue.sqlite").read_bytes() == before


@pytest.mark.parametrize("bytes_a_file", [50, pytest.param(300, marks=pytest.mark.slow), 20_000])
def test_a_disk_that_fills_up_is_one_plain_line_and_the_old_generation_stays(
    tmp_path: Path, bytes_a_file: int
) -> None:
    out, photos = tmp_path / "out", tmp_path / "photos"
    save(photos, "red.png", "red")
    build(out, photos)
    for number in range(100):
        save(photos, f"{number}.png", (number, 9, 9))
    job = subprocess.run(
        [sys.executable, "-c", CONFINED_JOB, out, photos, str(bytes_a_file)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert job.stdout.startswith(str(out))
    assert job.stdout.count("\n") == 1
    assert state(out) == (1, 1)
    assert verify(out) == ()
    assert build(out, photos).items == 101


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "photos", "red.png", "red")
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(CollectionError, match="cannot be written"):
        build(tmp_path / "locked", tmp_path / "photos")
