"""What a second job does, and what it need not do."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from index.collection import Collection
from index.items import Failure
from index.job import JobOptions, Progress, Report, build_collection
from index.search import search
from index.sources import FolderSource, FoundImage, Listener, Root, stop_at
from index.sourcing.zips import ZipSource
from index.verifying.verify import verify
from models.query import single
from tests.fakes import ColourEncoder, picture_bytes
from tests.index.album import build, contents, execute, save, source
from tests.index.sourcing.archives import zip_of

LONG_AGO = 1_600_000_000


def aged(file: Path) -> Path:
    """As if written long ago, so that its time tells whether it was changed."""
    os.utime(file, (LONG_AGO, LONG_AGO))
    return file


def album(tmp_path: Path, count: int) -> Path:
    for number in range(count):
        aged(save(tmp_path / "photos", f"{number:03}.png", (number, 40, 200 - number)))
    return tmp_path / "photos"


def segments(out: Path) -> set[str]:
    return {file.name for file in (out / "segments").iterdir()}


def test_a_second_run_over_the_same_files_reads_none_and_makes_no_generation(
    tmp_path: Path,
) -> None:
    photos, out = album(tmp_path, 5), tmp_path / "out"
    first = build(out, photos)
    before = segments(out)
    for file in photos.iterdir():
        data = file.read_bytes()
        file.write_bytes(b"x" * len(data))  # which nobody finds out, as the time is the same
        aged(file)
    second = build(out, photos)
    assert (second.embedded, second.reused, second.failed) == (0, 5, 0)
    assert (second.generation, segments(out)) == (first.generation, before)


def test_a_touched_file_is_read_again_and_an_unchanged_one_is_not_embedded(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 3), tmp_path / "out"
    build(out, photos)
    os.utime(photos / "000.png", (LONG_AGO + 9, LONG_AGO + 9))
    aged(save(photos, "001.png", "red", (32, 25)))
    report = build(out, photos)
    assert (report.embedded, report.reused, report.removed) == (1, 2, 1)
    assert verify(out) == ()


def test_a_rename_costs_no_forward_pass(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 4), tmp_path / "out"
    build(out, photos)
    held = set(contents(out))
    (photos / "trip").mkdir()
    for file in list(photos.glob("*.png")):
        file.rename(photos / "trip" / f"new-{file.name}")
    report = build(out, photos)
    assert (report.embedded, report.reused, report.removed) == (0, 4, 0)
    assert set(contents(out)) == held
    assert {path[0][:9] for path in contents(out).values()} == {"trip/new-"}


def test_what_is_new_becomes_a_further_segment_and_the_others_stay(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 4), tmp_path / "out"
    build(out, photos)
    before = segments(out)
    save(photos, "new.png", "red")
    build(out, photos)
    assert before < segments(out)
    assert len(segments(out)) == 2
    assert verify(out) == ()


def test_small_segments_are_written_together_again(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 4), tmp_path / "out"
    for number in range(6):
        save(photos, f"new-{number}.png", (255, number, 0))
        build(out, photos)
    assert len(segments(out)) == 2  # the one that the index covers, and the rest
    assert verify(out) == ()


def test_a_file_that_left_is_found_no_more_and_its_row_stays_until_many_have_left(
    tmp_path: Path,
) -> None:
    photos, out = album(tmp_path, 10), tmp_path / "out"
    build(out, photos)
    before = segments(out)
    (photos / "004.png").unlink()
    assert build(out, photos).removed == 1
    assert segments(out) == before
    assert (len(contents(out)), verify(out)) == (9, ())
    for number in (1, 2):
        (photos / f"00{number}.png").unlink()
        build(out, photos)
    save(photos, "new.png", "red")
    build(out, photos)  # 3 of 10 have left
    assert not segments(out) & before
    assert (len(contents(out)), verify(out)) == (8, ())


def test_what_left_comes_back_and_is_found_again(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 10), tmp_path / "out"
    build(out, photos)
    data = (photos / "004.png").read_bytes()
    (photos / "004.png").unlink()
    build(out, photos)
    (photos / "004.png").write_bytes(data)
    assert build(out, photos).embedded == 1
    assert (len(contents(out)), verify(out)) == (10, ())


def test_a_search_beside_the_index_and_among_the_dead_is_that_of_a_new_collection(
    tmp_path: Path,
) -> None:
    photos, out = album(tmp_path, 30), tmp_path / "out"
    build(out, photos)
    for number in (3, 4, 28):
        (photos / f"0{number:02}.png").unlink()
    for number in range(20):
        save(photos, f"new-{number:02}.png", (number, 45, 190 - number))
    build(out, photos)
    build(tmp_path / "anew", photos)
    assert hits(out) == hits(tmp_path / "anew")


def hits(out: Path) -> list[tuple[str, float]]:
    (row,) = ColourEncoder().encode_texts(["blue"])
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        page = search(snapshot, single(snapshot.spaces[0], row), limit=40)
        rows = snapshot.gallery.rows
        ((_, near),) = snapshot.gallery.nearest(snapshot.spaces[0], row[None], 10)
        assert np.isin(near, rows).all()
    collection.close()
    return [(hit.id, hit.score) for hit in page.hits]


@dataclass(frozen=True)
class Flaky:
    """A folder of which one folder cannot be listed now."""

    folder: FolderSource
    lost: str

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def root(self) -> Root | None:
        return self.folder.root

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        failed(Failure(self.name, self.lost, "folder cannot be listed: Input/output error"))
        return (found for found in self.folder.walk() if not found.path.startswith(self.lost))


def test_what_is_in_a_folder_that_cannot_be_listed_now_stays(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 3), tmp_path / "out"
    save(photos, "trip/red.png", "red")
    save(photos, "trips.png", "blue")
    build(out, photos)
    (photos / "trips.png").unlink()
    report = build_collection(
        out,
        [Flaky(source(photos), "trip/")],
        ColourEncoder(),
        model="colours",
        options=JobOptions(threads=1),
    )
    assert (report.items, report.removed, report.failed) == (4, 1, 1)
    assert ("trip/red.png",) in contents(out).values()
    assert verify(out) == ()


def test_what_is_in_a_source_that_cannot_be_read_now_stays(tmp_path: Path) -> None:
    """A zip that is being written again, say; once it is whole, what it no longer has leaves."""
    photos, out, archive = album(tmp_path, 1), tmp_path / "out", tmp_path / "all.zip"
    red, blue = picture_bytes("red"), picture_bytes("blue")

    def run() -> Report:
        return build_collection(
            out,
            [source(photos), ZipSource(Root("all", archive))],
            ColourEncoder(),
            model="colours",
            options=JobOptions(threads=1),
        )

    zip_of(archive, {"red.png": red, "blue.png": blue})
    run()
    archive.write_bytes(archive.read_bytes()[:-30])
    report = run()
    assert (report.items, report.removed, report.failed) == (3, 0, 1)
    zip_of(archive, {"red.png": red})
    report = run()
    assert (report.items, report.removed, report.failed) == (2, 1, 0)
    assert verify(out) == ()


class StoppingError(Exception):
    """As a job that is killed."""


def stopping(at: int) -> Callable[[Progress], None]:
    def progress(seen: Progress) -> None:
        if seen.done == at:
            raise StoppingError

    return progress


def run(out: Path, photos: Path, progress: Callable[[Progress], None] | None = None) -> Report:
    options = JobOptions(threads=1, batch_size=1, checkpoint_rows=4)
    return build_collection(
        out,
        [source(photos)],
        ColourEncoder(),
        model="colours",
        options=options,
        progress=progress,
    )


def test_a_job_goes_on_from_the_last_checkpoint_of_one_that_stopped(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 20), tmp_path / "out"
    with pytest.raises(StoppingError):
        run(out, photos, stopping(at=11))
    report = run(out, photos)
    assert (report.items, report.embedded, report.reused) == (20, 12, 8)
    assert verify(out) == ()


def test_what_a_stopped_job_had_made_of_files_that_are_gone_is_left_out(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 8), tmp_path / "out"
    with pytest.raises(StoppingError):
        run(out, photos, stopping(at=6))
    (photos / "000.png").unlink()
    assert (run(out, photos).items, verify(out)) == (7, ())
    assert len(list((out / "thumbnails").rglob("*.webp"))) == 7


def test_a_damaged_part_of_a_stopped_job_is_made_again(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 8), tmp_path / "out"
    with pytest.raises(StoppingError):
        run(out, photos, stopping(at=6))
    (part,) = (out / ".pictor-staging" / "parts").iterdir()
    part.write_bytes(part.read_bytes()[:-1])
    assert (run(out, photos).embedded, verify(out)) == (8, ())


def test_a_journal_that_is_no_database_is_begun_anew(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 3), tmp_path / "out"
    with pytest.raises(StoppingError):
        run(out, photos, stopping(at=2))
    (out / ".pictor-staging" / "journal.sqlite").write_bytes(b"no database" * 99)
    assert (run(out, photos).items, verify(out)) == (3, ())


def test_a_picture_that_was_deleted_while_a_job_ran_stays_deleted(tmp_path: Path) -> None:
    photos, out = album(tmp_path, 3), tmp_path / "out"
    build(out, photos)
    held = contents(out)
    deleted = next(id_ for id_, paths in held.items() if paths == ("001.png",))

    def delete(seen: Progress) -> None:
        if seen.done == 3:
            execute(out, "DELETE FROM occurrences WHERE item_id = ?", deleted)
            execute(out, "DELETE FROM items WHERE id = ?", deleted)
            execute(out, "INSERT INTO dead SELECT name, 1 FROM segments")

    build(out, photos, progress=delete)
    assert (set(contents(out)), verify(out)) == (set(held) - {deleted}, ())
