"""A job and live changes on one collection at once: neither loses what the other does."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from index.changes.adding import LiveChanges
from index.changes.delta import STEP
from index.collection import Collection
from index.folder import CollectionFolder
from index.job import JobOptions, build_collection
from index.jobs.building import IndexOptions
from index.migrations import FORMAT_VERSION, MIGRATIONS
from index.search import search
from index.sources import open_source
from index.verifying.verify import verify
from models.errors import CollectionError, InputError, SpaceError
from models.preprocess import Pixels
from models.query import single
from models.vectors import Embeddings
from tests.fakes import COLOURS, ColourEncoder, ShadeEncoder
from tests.index.album import build, contents, save, source
from tests.index.live import add, addition, changes, id_of

SPACE = ColourEncoder().space
PINK = (255, 100, 150)
GREY = (90, 90, 90)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in COLOURS:
        save(tmp_path / "photos", f"{name}.png", name)
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path: Path, photos: Path) -> Path:
    build(tmp_path / "out", photos)
    return tmp_path / "out"


def delta(out: Path) -> int:
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        count = snapshot.statistics().delta
    collection.close()
    return count


class Interrupted(ColourEncoder):
    """Does something as a job embeds its first pictures."""

    def __init__(self, meanwhile: Callable[[], object], revision: str = "0123456789abcdef") -> None:
        super().__init__(revision)
        self._meanwhile: Callable[[], object] | None = meanwhile

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        meanwhile, self._meanwhile = self._meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().encode_images(pixels)


def test_a_job_folds_what_was_added_and_deleted_into_segments(out: Path, photos: Path) -> None:
    add(out, PINK, "pink.png", caption="tent")
    changes(out).delete([id_of("red")])
    before = contents(out)
    report = build(out, photos)
    assert (report.embedded, report.removed, report.items) == (0, 0, len(COLOURS))
    assert contents(out) == before
    assert delta(out) == 0
    assert verify(out) == ()
    assert build(out, photos).generation == report.generation  # nothing to do any more


def test_what_was_sent_outlives_jobs_whatever_they_scan(out: Path, photos: Path) -> None:
    add(out, PINK, "pink.png")
    for _ in range(2):
        shutil.rmtree(photos)
        save(photos, "grey.png", GREY)
        build(out, photos)
        assert contents(out) == {id_of(GREY): ("grey.png",), id_of(PINK): ("pink.png",)}
        assert verify(out) == ()


def test_changes_made_while_a_job_runs_survive_its_publication(out: Path, photos: Path) -> None:
    add(out, PINK, "pink.png")
    save(photos, "grey.png", GREY)
    save(photos, "dark.png", (10, 0, 0))

    def meanwhile() -> None:
        add(out, GREY, "sent.png")  # which the job is embedding
        add(out, (1, 2, 3), "late.png")
        changes(out).delete([id_of("red"), id_of(PINK), id_of("green")])
        add(out, "green", "back.png")

    report = build(out, photos, encoder=Interrupted(meanwhile))
    held = contents(out)
    assert report.items == len(held) == len(COLOURS) - 1 + 3
    assert {id_of("red"), id_of(PINK)}.isdisjoint(held)
    assert held[id_of(GREY)] == ("sent.png", "grey.png")
    assert held[id_of((1, 2, 3))] == ("late.png",)
    assert held[id_of("green")] == ("back.png", "green.png")
    assert verify(out) == ()
    build(out, photos)
    assert contents(out) == held
    assert verify(out) == ()


def test_a_picture_that_is_deleted_while_a_job_embeds_it_does_not_come_back(
    out: Path, photos: Path
) -> None:
    save(photos, "grey.png", GREY)

    def meanwhile() -> None:
        add(out, GREY)
        changes(out).delete([id_of(GREY)])

    build(out, photos, encoder=Interrupted(meanwhile))
    assert id_of(GREY) not in contents(out)
    assert verify(out) == ()


@dataclass(frozen=True)
class Late(IndexOptions):
    """Does something once a job has written its segments, before it publishes them."""

    meanwhile: Callable[[], object] = list

    def wants(self, settings: str) -> bool:
        self.meanwhile()
        return super().wants(settings)


def test_changes_between_staging_and_publishing_survive(out: Path, photos: Path) -> None:
    add(out, PINK, "pink.png")
    add(out, GREY, "grey.png")

    def meanwhile() -> None:
        changes(out).delete([id_of("red"), id_of(GREY)])
        add(out, "red", "back.png")
        add(out, (1, 2, 3), "late.png")

    options = JobOptions(threads=2, index=Late(meanwhile=meanwhile))
    report = build_collection(
        out, [source(photos)], ColourEncoder(), model="colours", options=options
    )
    held = contents(out)
    assert report.items == len(held) == len(COLOURS) + 2
    assert held[id_of("red")] == ("back.png", "red.png")
    assert {id_of(PINK), id_of((1, 2, 3))} <= held.keys()
    assert id_of(GREY) not in held
    assert verify(out) == ()


def test_another_models_job_embeds_what_was_sent_in_its_spaces(out: Path, photos: Path) -> None:
    add(out, PINK, "pink.png")
    build(out, photos)
    add(out, GREY, "grey.png")
    encoder = ShadeEncoder()
    report = build(out, photos, encoder=encoder)
    assert report.items == len(COLOURS) + 2 and report.embedded == report.items
    assert verify(out) == ()
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        assert snapshot.spaces == encoder.spaces
        found = search(snapshot, single(encoder.spaces[0], addition(PINK).embeddings[SPACE]))
        assert found.hits[0].id == id_of(PINK)
        assert snapshot.item(id_of(PINK)).paths == ("pink.png",)
    collection.close()
    with pytest.raises(SpaceError):
        add(out, (5, 5, 5))  # of a server that still runs the model before


def test_what_is_sent_while_another_models_job_runs_is_embedded_before_it_publishes(
    out: Path, photos: Path
) -> None:
    add(out, PINK, "pink.png")

    def meanwhile() -> None:
        add(out, GREY, "grey.png")
        add(out, "red", "sent.png")
        changes(out).delete([id_of(PINK), id_of("blue")])

    build(out, photos, encoder=Interrupted(meanwhile, "f" * 16))
    held = contents(out)
    assert held[id_of(GREY)] == ("grey.png",)
    assert held[id_of("red")] == ("sent.png", "red.png")
    assert {id_of(PINK), id_of("blue")}.isdisjoint(held)
    assert delta(out) == 1
    assert verify(out) == ()
    build(out, photos, encoder=ColourEncoder("f" * 16))
    assert contents(out) == held and delta(out) == 0
    assert verify(out) == ()


def test_a_picture_that_left_its_folder_and_was_sent_late_gets_its_vector_too(
    out: Path, photos: Path
) -> None:
    def meanwhile() -> None:
        (photos / "red.png").unlink(missing_ok=True)
        add(out, "white", "sent.png")

    (photos / "white.png").unlink()
    build(out, photos, encoder=Interrupted(meanwhile, "f" * 16))
    assert contents(out)[id_of("white")] == ("sent.png",)
    assert verify(out) == ()


def test_sent_bytes_that_cannot_be_read_keep_another_model_out_until_they_are_deleted(
    out: Path, photos: Path
) -> None:
    add(out, PINK, "pink.png")
    file = out / "uploads" / id_of(PINK)[:2] / id_of(PINK)
    file.write_bytes(b"lost")
    with pytest.raises(CollectionError, match=id_of(PINK)):
        build(out, photos, encoder=ColourEncoder("f" * 16))
    assert id_of(PINK) in contents(out)
    changes(out).delete([id_of(PINK)])
    build(out, photos, encoder=ColourEncoder("f" * 16))
    assert verify(out) == ()


def test_a_damaged_segment_is_made_again_with_what_was_sent(out: Path, photos: Path) -> None:
    add(out, PINK, "pink.png")
    build(out, photos)
    add(out, GREY, "grey.png")
    held = contents(out)
    for segment in (out / "segments").iterdir():
        data = bytearray(segment.read_bytes())
        data[-3] ^= 0xFF
        segment.write_bytes(data)
    assert verify(out) != ()
    build(out, photos)
    assert contents(out) == held
    assert verify(out) == ()


@dataclass
class Watcher:
    """Searches without end, and remembers whatever goes wrong."""

    collection: Collection
    sent: Callable[[], frozenset[str]]
    deleted: Callable[[], frozenset[str]]
    faults: list[str] = field(default_factory=list)
    searches: int = 0
    states: set[tuple[int, int]] = field(default_factory=set)

    def run(self, stop: threading.Event) -> None:
        query = single(SPACE, ColourEncoder().encode_texts(["red"])[0])
        while not stop.is_set():
            wanted, gone = self.sent(), self.deleted()
            try:
                with self.collection.snapshot() as snapshot:
                    hits = [hit.id for hit in search(snapshot, query, limit=1000).hits]
                    self.states.add((snapshot.generation, snapshot.gallery.change))
                    if snapshot.items(hits).keys() != set(hits) or len(set(hits)) != len(hits):
                        self.faults.append("hits and items are of two states")
                    if len(hits) != snapshot.statistics().items:
                        self.faults.append("not everything was found")
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault
                self.faults.append(repr(error))
                continue
            if not wanted <= set(hits):
                self.faults.append("what was added was not found")
            if gone & set(hits):
                self.faults.append("what was deleted was found")
            self.searches += 1


def test_searches_never_fail_or_mix_states_while_pictures_are_added_deleted_and_published(
    out: Path, photos: Path
) -> None:
    sent, deleted = set[str](), set[str]()
    collection, stop = Collection.open(out), threading.Event()
    watcher = Watcher(collection, lambda: frozenset(sent), lambda: frozenset(deleted))
    watching = threading.Thread(target=watcher.run, args=(stop,))
    watching.start()
    live = LiveChanges(CollectionFolder(out))

    def change() -> None:
        for number in range(30):
            (added,) = live.add([addition((number, 7, 77), f"{number}.png")])
            sent.add(added.id)
            if number % 5 == 4:
                sent.discard(added.id)
                live.delete([added.id])
                deleted.add(added.id)

    changing = threading.Thread(target=change)
    changing.start()
    jobs = 0
    while changing.is_alive() or jobs < 3:
        save(photos, f"new-{jobs}.png", (200, jobs, 0))
        build(out, photos)
        jobs += 1
    changing.join()
    stop.set()
    watching.join()
    collection.close()
    assert watcher.faults == []
    assert watcher.searches > 0 and jobs >= 3
    held = contents(out)
    assert sent <= held.keys() and len(sent) == 24 and deleted.isdisjoint(held)
    assert len(held) == len(COLOURS) + jobs + len(sent)
    assert verify(out) == ()
    print(f"{watcher.searches} searches of {len(watcher.states)} states, {jobs} jobs")


def test_search_over_segments_and_delta_is_what_comparing_all_of_them_gives(
    tmp_path: Path,
) -> None:
    generator = np.random.default_rng(7)

    def colours(count: int) -> list[tuple[int, int, int]]:
        return [tuple(c) for c in generator.integers(0, 256, (count, 3)).tolist()]

    published, added = colours(120), colours(80)
    for number, colour in enumerate(published):
        save(tmp_path / "photos", f"{number}.png", colour)
    build(tmp_path / "out", tmp_path / "photos")
    out = tmp_path / "out"
    live = changes(out)
    for first in range(0, 80, 20):
        live.add([addition(colour) for colour in added[first : first + 20]])
    gone = [id_of(colour) for colour in (*published[::9], *added[::9])]
    live.delete(gone)
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        vectors = {id_of(c): np.append(np.array(c) / 255, 16 / 255) for c in (*published, *added)}
        for id_ in gone:
            vectors.pop(id_, None)
        assert snapshot.count == len(vectors)
        for target in colours(25):
            asked = np.append(np.array(target) / 255, 16 / 255)
            cosines = {
                id_: float(v @ asked / np.linalg.norm(v) / np.linalg.norm(asked))
                for id_, v in vectors.items()
            }
            hits = search(snapshot, single(SPACE, asked.astype(np.float32)), limit=10).hits
            best = sorted(cosines.values(), reverse=True)[:10]
            assert [hit.score for hit in hits] == pytest.approx(best, abs=1e-3)
            assert all(cosines[hit.id] == pytest.approx(hit.score, abs=1e-3) for hit in hits)
    collection.close()


def test_a_collection_of_the_format_before_live_changes_takes_them_once_it_is_opened(
    out: Path, photos: Path
) -> None:
    with closing(sqlite3.connect(out / "catalogue.sqlite")) as connection, connection:
        for table in ("delta", "touched", "deleted", "erasures", "layouts"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("DELETE FROM meta WHERE key IN ('changes', 'folded', 'map')")
        version = MIGRATIONS.index(STEP)
        connection.execute("UPDATE meta SET value = ? WHERE key = 'format_version'", (version,))
    assert version + 1 < FORMAT_VERSION
    held = contents(out)
    assert len(held) == len(COLOURS)
    add(out, PINK, "pink.png")
    assert verify(out) == ()
    build(out, photos)
    assert contents(out) == held | {id_of(PINK): ("pink.png",)}


def test_a_collection_that_is_kept_to_its_spaces_gives_the_last_state_of_them(
    out: Path, photos: Path
) -> None:
    collection = Collection.open(out)
    collection.keep_to((SPACE,))
    add(out, PINK, "pink.png")
    query = single(SPACE, addition(PINK).embeddings[SPACE], "image")
    with collection.snapshot() as snapshot:
        assert search(snapshot, query).hits[0].id == id_of(PINK)
    (photos / "red.png").unlink()
    for revision in ("e" * 16, "f" * 16):
        build(out, photos, encoder=ColourEncoder(revision))
        for _ in range(2):
            with collection.snapshot() as snapshot:
                hits = [hit.id for hit in search(snapshot, query).hits]
                assert hits[0] == id_of(PINK) and id_of("red") in hits
                assert snapshot.items(hits).keys() == set(hits)
                assert snapshot.spaces == (SPACE,)
    build(out, photos)  # and back again
    with collection.snapshot() as snapshot:
        assert {hit.id for hit in search(snapshot, query).hits} == contents(out).keys()
    collection.close()


def test_no_source_bears_the_name_of_what_was_sent(photos: Path) -> None:
    with pytest.raises(InputError, match="@uploads"):
        open_source(f"@uploads={photos}")


def test_a_job_without_a_source_makes_an_empty_collection_and_folds_what_was_added(
    tmp_path: Path,
) -> None:
    out, options = tmp_path / "empty", JobOptions(threads=1)

    def fold() -> int:
        return build_collection(out, [], ColourEncoder(), model="colours", options=options).items

    assert fold() == 0
    add(out, PINK, "pink.png")
    changes(out).delete([add(out, GREY).id])
    assert (delta(out), fold(), delta(out)) == (1, 1, 0)
    assert contents(out) == {id_of(PINK): ("pink.png",)}
    assert verify(out) == ()
