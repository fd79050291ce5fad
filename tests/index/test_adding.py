"""Pictures join and leave a collection that is open, without a job."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from index.alike.duplicates import duplicates
from index.collection import Collection, Snapshot
from index.export.backup import copy_collection
from index.export.pictures import everything, export_folder
from index.export.vectors import export_vectors
from index.filtering.filters import parse
from index.search import search
from index.searching.hybrid import Extent, search_hybrid, search_words
from index.verifying.verify import verify
from models.errors import GoneError, InputError, SpaceError, UnknownItemError
from models.query import Query, single
from tests.fakes import COLOURS, ColourEncoder, ShadeEncoder, picture_bytes
from tests.index.album import build, contents, save
from tests.index.live import add, addition, changes, id_of

SPACE = ColourEncoder().space
PINK = (255, 100, 150)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for name in COLOURS:
        save(tmp_path / "photos", f"{name}.png", name)
    build(tmp_path / "out", tmp_path / "photos")
    return tmp_path / "out"


@pytest.fixture
def opened(out: Path) -> Iterator[Collection]:
    """As a server has it, before anything is added."""
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        search(snapshot, question("red"))
    yield collection
    collection.close()


def question(text: str) -> Query:
    return single(SPACE, ColourEncoder().encode_texts([text])[0])


def like(colour: tuple[int, int, int]) -> Query:
    return single(SPACE, addition(colour).embeddings[SPACE], "image")


def ids(snapshot: Snapshot, query: Query, **given: Any) -> list[str]:  # noqa: ANN401
    return [hit.id for hit in search(snapshot, query, **given).hits]


def where(field: str, **operators: object) -> Any:  # noqa: ANN401
    return parse({"field": field, **operators})


def test_what_is_added_is_found_by_the_next_snapshot_of_a_collection_that_is_open(
    out: Path, opened: Collection
) -> None:
    with opened.snapshot() as before:
        added = add(out, PINK, "trip/pink.png", caption="Our tent", metadata={"stars": 4})
        assert added.is_new and added.path == "trip/pink.png"
        assert added.id not in ids(before, like(PINK))  # a snapshot stays as it is
    with opened.snapshot() as snapshot:
        assert ids(snapshot, like(PINK))[0] == added.id == id_of(PINK)
        item = snapshot.item(added.id)
        assert (item.caption, item.metadata["stars"], item.path) == ("Our tent", 4, added.path)
        assert snapshot.original(added.id) == picture_bytes(PINK)
        assert snapshot.thumbnail(added.id)
        (embedding,) = snapshot.embeddings(added.id).values()
        assert np.allclose(embedding, addition(PINK).embeddings[SPACE], rtol=1e-3)
        assert snapshot.count == len(COLOURS) + 1
        assert snapshot.statistics().delta == 1
    assert verify(out) == ()


def test_words_filters_cursors_and_exclusions_see_it_like_any_other(
    out: Path, opened: Collection
) -> None:
    id_ = add(out, PINK, "trip/pink.png", caption="Our tent", metadata={"stars": 4}).id
    with opened.snapshot() as snapshot:
        assert [hit.id for hit in search_words(snapshot, "tent", Extent()).hits] == [id_]
        assert search_hybrid(snapshot, like(PINK), "tent", Extent()).hits[0].id == id_
        for wanted in (
            where("stars", gte=4),
            where("path", prefix="trip/"),
            where("source", eq="@uploads"),
            where("caption", exists=True),
        ):
            assert ids(snapshot, question("green"), where=wanted) == [id_]
        red = question("red")
        assert id_ not in ids(snapshot, red, where=parse({"not": {"field": "stars", "eq": 4}}))
        assert id_ not in ids(snapshot, red, without=frozenset({id_}))
        paged, cursor = [], None
        while True:
            page = search(snapshot, red, limit=2, cursor=cursor)
            paged += [hit.id for hit in page.hits]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert paged == ids(snapshot, red) and len(paged) == len(COLOURS) + 1


def test_exports_duplicates_and_backups_hold_it(
    out: Path, opened: Collection, tmp_path: Path
) -> None:
    id_ = add(out, PINK, "pink.png").id
    near = add(out, (255, 100, 151), "nearly pink.png").id
    with opened.snapshot() as snapshot:
        groups = [{p.id for p in group.pictures} for group in duplicates(snapshot, above=0.9999)]
        assert {id_, near} in groups
        assert export_folder(snapshot, everything(snapshot), tmp_path / "pictures", print) == 8
        assert export_vectors(snapshot, tmp_path / "vectors", form="jsonl").rows == 8
    rows = (tmp_path / "vectors" / "metadata" / "metadata_0.jsonl").read_text().splitlines()
    places = {row["key"]: Path(row["image_path"]) for row in map(json.loads, rows)}
    assert places[id_].read_bytes() == picture_bytes(PINK)
    copied = copy_collection(out, tmp_path / "copy")
    assert copied.items == len(COLOURS) + 2
    assert verify(tmp_path / "copy") == ()
    assert contents(tmp_path / "copy") == contents(out)
    copy = Collection.open(tmp_path / "copy")
    with copy.snapshot() as snapshot:
        assert snapshot.original(id_) == picture_bytes(PINK)
    copy.close()


def test_adding_the_same_bytes_again_changes_only_what_is_said_of_them(out: Path) -> None:
    first = add(out, PINK, "pink.png", caption="Our tent")
    again = add(out, PINK)
    assert (again.id, again.path, again.is_new) == (first.id, "pink.png", False)
    add(out, PINK, metadata={"stars": 5})
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        change, item = snapshot.gallery.change, snapshot.item(first.id)
        assert len(item.occurrences) == 1
        assert (item.caption, item.metadata) == ("Our tent", {"stars": 5})
    add(out, PINK, "pink.png", caption="Our tent", metadata={"stars": 5})
    with collection.snapshot() as snapshot:
        assert snapshot.gallery.change == change
    collection.close()
    assert verify(out) == ()


def test_a_picture_of_a_folder_that_is_added_has_one_more_occurrence_and_new_facts(
    out: Path, opened: Collection
) -> None:
    with opened.snapshot() as snapshot:  # makes the columns that a change then puts out of date
        for field in ("caption", "stars", "path"):
            ids(snapshot, question("red"), where=parse({"not": {"field": field, "eq": "x"}}))
    added = add(out, "red", "again.png", caption="A door", metadata={"stars": 1})
    assert not added.is_new
    with opened.snapshot() as snapshot:
        assert snapshot.item(added.id).paths == ("again.png", "red.png")
        assert ids(snapshot, question("blue"), where=where("stars", lt=2)) == [added.id]
        assert ids(snapshot, question("blue"), where=where("path", eq="again.png")) == [added.id]
        assert ids(snapshot, question("blue"), where=where("path", eq="red.png")) == [added.id]
        assert snapshot.count == len(COLOURS)
    assert verify(out) == ()


def test_two_pictures_of_one_name_both_stay(out: Path) -> None:
    one, other = add(out, PINK, "a/pink.png"), add(out, (1, 2, 3), "a/pink.png")
    assert one.path == "a/pink.png"
    assert other.path == f"a/pink-{other.id[:8]}.png"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "etc/passwd"),
        ("C:\\photos\\red.png", "C:/photos/red.png"),
        ("/abs/./red.png", "abs/red.png"),
        ("a\0b\n.png", "ab.png"),
        ("..", "picture"),
    ],
)
def test_a_name_is_only_shown_and_never_leads_anywhere(out: Path, given: str, shown: str) -> None:
    assert add(out, PINK, given).path == shown


def test_a_name_that_is_too_long_is_refused_and_nothing_is_left(out: Path) -> None:
    with pytest.raises(InputError):
        add(out, PINK, "x" * 2000)
    assert id_of(PINK) not in contents(out)
    assert [file for file in (out / "uploads").rglob("*") if file.is_file()] == []


def test_of_several_additions_all_are_taken_or_none(out: Path) -> None:
    with pytest.raises(InputError):
        changes(out).add([addition(PINK, "fine.png"), addition((9, 9, 9), "x" * 2000)])
    assert contents(out).keys() == {id_of(name) for name in COLOURS}
    both = changes(out).add([addition(PINK), addition(PINK), addition((9, 9, 9))])
    assert [added.is_new for added in both] == [True, False, True]
    assert verify(out) == ()


def test_vectors_of_another_space_are_refused(out: Path) -> None:
    with pytest.raises(SpaceError):
        add(out, PINK, encoder=ShadeEncoder())
    assert verify(out) == ()


def test_what_is_deleted_is_gone_for_the_next_snapshot_with_its_bytes(
    out: Path, opened: Collection
) -> None:
    id_ = add(out, PINK, "pink.png", caption="tent").id
    red, green = id_of("red"), id_of("green")
    with opened.snapshot() as before:
        assert changes(out).delete([id_, red]) == ["deleted", "deleted"]
        assert {id_, red} <= {*ids(before, question("red"))}  # it still sees them
        with pytest.raises(GoneError):
            before.thumbnail(id_)
    assert changes(out).delete([id_, green, "0" * 32]) == ["already deleted", "deleted", "unknown"]
    with opened.snapshot() as snapshot:
        left = {id_of(name) for name in ("blue", "yellow", "white", "black")}
        assert {*ids(snapshot, question("red"))} == left
        assert search_words(snapshot, "tent", Extent()).hits == ()
        assert {*ids(snapshot, question("red"), where=where("width", gt=0))} == left
        for gone in (id_, red):
            with pytest.raises(UnknownItemError):
                snapshot.item(gone)
            assert snapshot.gallery.row(gone) is None
        assert snapshot.count == 4 and snapshot.statistics().deleted == 3
    assert not list((out / "uploads").rglob(f"{id_}*"))
    assert not list((out / "thumbnails").rglob(f"{red}*"))
    assert verify(out) == ()


def test_a_deleted_picture_stays_away_from_a_folder_that_has_it_until_it_is_added(
    out: Path, tmp_path: Path
) -> None:
    red = id_of("red")
    changes(out).delete([red])
    for _ in range(2):
        build(out, tmp_path / "photos")
        assert red not in contents(out)
        assert verify(out) == ()
    assert (tmp_path / "photos" / "red.png").exists()
    assert add(out, "red", "mine.png").is_new
    assert contents(out)[red] == ("mine.png",)
    build(out, tmp_path / "photos")
    assert contents(out)[red] == ("mine.png", "red.png")
    assert verify(out) == ()


def test_deleting_and_adding_again_leaves_one_vector(out: Path, opened: Collection) -> None:
    for _ in range(3):
        changes(out).delete([id_of("red"), id_of(PINK)])
        add(out, "red")
        add(out, PINK)
        with opened.snapshot() as snapshot:
            assert len(set(ids(snapshot, like(PINK)))) == len(COLOURS) + 1
            assert snapshot.count == len(COLOURS) + 1
        assert verify(out) == ()
    add(out, "red", metadata={"n": 1})
    with opened.snapshot() as snapshot:
        assert ids(snapshot, question("red"), where=where("n", eq=1)) == [id_of("red")]


def test_a_deletion_that_was_killed_before_it_erased_is_ended_by_the_next_process(
    out: Path,
) -> None:
    id_ = add(out, PINK).id
    file = out / "uploads" / id_[:2] / id_
    with sqlite3.connect(out / "catalogue.sqlite") as connection:
        connection.execute("INSERT INTO erasures VALUES (?)", (id_,))
        connection.execute("INSERT INTO erasures VALUES (?)", ("ab" * 16,))
    connection.close()
    changes(out).finish_erasures()
    assert file.exists()  # it was added again
    changes(out).delete([id_])
    assert not file.exists()


def test_a_damaged_upload_is_a_fault(out: Path) -> None:
    id_ = add(out, PINK).id
    (out / "uploads" / id_[:2] / id_).write_bytes(b"other bytes")
    assert verify(out) == (f"uploads/{id_[:2]}/{id_}: damaged: not the bytes that were sent",)
