"""A job that is killed at any moment loses nothing and leaves no half of anything."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.collection import Collection
from index.verifying.verify import verify
from tests.index.album import contents, failures, save
from tests.index.compared import SAME, cosine, vectors
from tests.index.watched import points, run_job

REPOSITORY = Path(__file__).parents[2]
KILLS = {"begin": 4, "scan": 18, "stage": 8, "publish": 14, "tidy": 6}

Runner = Callable[[Path, Path, str, int], int]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """Runs a job, killed at a step of a phase; gives its exit status."""
    forks = subprocess.Popen(
        [sys.executable, "-m", "tests.index.watched"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def run(out: Path, photos: Path, phase: str, step: int) -> int:
        asked = {"out": str(out), "photos": str(photos), "phase": phase, "step": step}
        assert forks.stdin is not None and forks.stdout is not None
        forks.stdin.write(json.dumps(asked) + "\n")
        forks.stdin.flush()
        return int(forks.stdout.readline())

    with forks:
        yield run


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """What a first job has indexed to `base`, changed in every way since."""
    folder = tmp_path / "photos"
    for number in range(12):
        save(folder, f"old-{number:02}.png", (number, 80, 10))
    run_job(tmp_path / "base", folder)
    for number in range(12):
        save(folder, f"new-{number:02}.png", (200, number, 90))
    save(folder, "old-00.png", "red")
    save(folder, "old-01.png", "blue")
    (folder / "old-02.png").unlink()
    (folder / "old-03.png").rename(folder / "renamed.png")
    shutil.copy(folder / "old-04.png", folder / "copy.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    return folder


def generation(out: Path) -> int:
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        seen = snapshot.generation
    collection.close()
    return seen


@pytest.mark.slow
def test_a_job_killed_at_any_of_50_points_is_ended_by_the_next_as_if_it_had_not_been(
    tmp_path: Path, photos: Path, runner: Runner
) -> None:
    before = contents(tmp_path / "base")
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path / "base", whole)
    assert runner(whole, photos, "", 0) == 0
    after, expected = contents(whole), vectors(whole)
    counts = json.loads(whole.with_suffix(".steps").read_text())
    assert sum(KILLS.values()) == 50 and counts.keys() >= KILLS.keys()
    for number, (phase, step) in enumerate(points(counts, KILLS)):
        out = tmp_path / f"killed-{number}"
        shutil.copytree(tmp_path / "base", out)
        code = runner(out, photos, phase, step)
        # threads count a few steps more or less: the last of a phase may not come
        assert code == -signal.SIGKILL or (code == 0 and step > 0.9 * counts[phase]), phase
        assert verify(out) == ()
        assert contents(out) == (before if generation(out) == 1 else after)
        print(f"killed in {phase} at step {step}: generation {generation(out)}", end=", ")
        assert runner(out, photos, "", 0) == 0
        assert verify(out) == ()
        assert contents(out) == after
        assert failures(out) == failures(whole)
        found = vectors(out)
        for id_, vector in expected.items():
            assert cosine(vector, found[id_]) >= SAME
        assert not (out / ".pictor-staging").exists()
        print("mended")
        shutil.rmtree(out)


RECORDED_JOB = """
import os, sys
from pathlib import Path
from tests.index.watched import run_job

def note(*what):
    os.write(1, ("\\t".join(map(str, what)) + "\\n").encode())

def audited(event, arguments):
    if event == "os.rename":
        note("rename", arguments[0], arguments[1])

def profiled(frame, event, argument):
    if event == "return" and frame.f_code.co_name == "sync":
        note("sync", frame.f_locals["path"])
    if event == "call" and frame.f_code.co_name == "publish":
        note("publish")

import threading
sys.addaudithook(audited)
threading.setprofile(profiled)
sys.setprofile(profiled)
run_job(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def test_every_file_is_on_the_disk_under_its_name_before_the_catalogue_names_it(
    tmp_path: Path, photos: Path
) -> None:
    out = tmp_path / "out"
    job = subprocess.run(
        [sys.executable, "-c", RECORDED_JOB, out, photos],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    events = [tuple(line.split("\t")) for line in job.stdout.splitlines()]
    published = events.index(("publish",))
    staged = {new: (old, at) for at, (_, old, new) in _renames(events)}
    files = [
        file
        for kind in ("segments", "indexes", "layouts", "thumbnails")
        for file in (out / kind).rglob("*")
        if file.is_file()
    ]
    assert len(files) == 23 + 3  # a thumbnail a picture, a segment, an index, a layout
    for file in files:
        old, renamed = staged[str(file)]
        assert ("sync", old) in events[:renamed]
        assert ("sync", str(file.parent)) in events[renamed:published]


def _renames(events: list[tuple[str, ...]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    return ((at, event) for at, event in enumerate(events) if event[0] == "rename")


def test_a_decoder_does_not_outlive_its_job(tmp_path: Path, photos: Path, runner: Runner) -> None:
    out = tmp_path / "killed"
    assert runner(out, photos, "scan", 200) == -signal.SIGKILL
    # its lock is free at once, as no process of it holds the file any more
    run_job(out, photos)
    assert verify(out) == ()
