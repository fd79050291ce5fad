"""A collection whose model fills two spaces: colours, which texts are compared in, and shades."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from index.collection import Collection
from index.folder import checksum
from index.migrations import MIGRATIONS, upgrade
from index.search import search
from index.verifying.verify import verify
from models.errors import CollectionError
from models.query import Excluded, Probe, Query, excluding, single
from tests.fakes import ColourEncoder, ShadeEncoder, f32
from tests.index.album import build, execute, save
from tests.index.galleries import random_vectors

COLOURS, SHADES = ShadeEncoder().spaces
PICTURES = {"red": (255, 0, 0), "dark": (40, 0, 0), "green": (0, 255, 0), "white": (255, 255, 255)}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for name, colour in PICTURES.items():
        save(tmp_path / "photos", f"{name}.png", colour)
    build(tmp_path / "out", tmp_path / "photos", encoder=ShadeEncoder())
    return tmp_path / "out"


def ranking(out: Path, query: Query) -> list[str]:
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        hits = search(snapshot, query).hits
        items = snapshot.items([hit.id for hit in hits])
        names = [Path(items[hit.id].path).stem for hit in hits]
    collection.close()
    return names


def test_each_space_is_searched_by_its_own_vectors(out: Path) -> None:
    green = ShadeEncoder().encode_texts(["green"])[0]
    assert ranking(out, single(COLOURS, green))[0] == "green"
    # red and green are equally bright, a third of white
    by_shade = ranking(out, single(SHADES, f32([0.05, 1])))
    assert by_shade[0] == "dark" and by_shade[-1] == "white"


def test_a_query_may_reach_into_both_spaces_at_once(out: Path) -> None:
    red = ShadeEncoder().encode_texts(["red"])[0]
    dark = excluding(single(COLOURS, red), [Excluded(SHADES, f32([1, 0]), 0.9)])
    assert isinstance(dark, Query)
    assert ranking(out, single(COLOURS, red))[0] == "red"
    assert ranking(out, dark)[0] == "dark"


def test_an_item_gives_its_embedding_in_every_space(out: Path) -> None:
    encoder = ShadeEncoder()
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        assert snapshot.spaces == encoder.spaces
        found = search(snapshot, single(COLOURS, encoder.encode_texts(["white"])[0])).hits[0]
        embeddings = snapshot.embeddings(found.id)
    collection.close()
    np.testing.assert_allclose(embeddings[COLOURS], [1, 1, 1, 16 / 255], atol=2e-3)
    np.testing.assert_allclose(embeddings[SHADES], [1, 1], atol=2e-3)


def test_pages_across_two_spaces_are_what_brute_force_finds(tmp_path: Path) -> None:
    generator = np.random.default_rng(3)
    for number, colour in enumerate(generator.integers(1, 255, (300, 3))):
        save(tmp_path / "many", f"{number}.png", (int(colour[0]), int(colour[1]), int(colour[2])))
    build(tmp_path / "out", tmp_path / "many", encoder=ShadeEncoder())
    probes = [
        Probe(space, vector / np.linalg.norm(vector), weight)
        for space, weight in ((COLOURS, 1.0), (SHADES, -0.7))
        for vector in random_vectors(generator, 1, space.dimension)
    ]
    query = Query(tuple(probes))
    collection = Collection.open(tmp_path / "out")
    with collection.snapshot() as snapshot:
        hits = search(snapshot, query, limit=50).hits
        rows = np.arange(snapshot.count)
        scores = sum(
            probe.weight * (snapshot.gallery.units(rows, probe.space) @ probe.vector)
            for probe in probes
        )
        ids = snapshot.gallery.ids(rows)
    collection.close()
    expected = sorted(zip(-np.asarray(scores, dtype=np.float32), ids, strict=True))[:50]
    assert [hit.id for hit in hits] == [id_ for _, id_ in expected]


def test_a_second_run_embeds_nothing_and_keeps_both_spaces(out: Path, tmp_path: Path) -> None:
    report = build(out, tmp_path / "photos", encoder=ShadeEncoder())
    assert (report.embedded, report.reused) == (0, len(PICTURES))
    assert verify(out) == ()


def test_a_model_of_one_of_the_spaces_is_another_and_the_collection_switches(
    out: Path, tmp_path: Path
) -> None:
    report = build(out, tmp_path / "photos", encoder=ColourEncoder())
    assert report.embedded == len(PICTURES)
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        assert snapshot.spaces == ColourEncoder().spaces
    collection.close()
    assert verify(out) == ()


def test_verify_looks_into_every_space(out: Path) -> None:
    assert verify(out) == ()
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        first, second = snapshot._catalogue.indexes()
    collection.close()
    # the index of the shades in the place of that of the colours
    place = out / "indexes" / first.name
    place.write_bytes((out / "indexes" / second.name).read_bytes())
    execute(out, "UPDATE indexes SET checksum = ? WHERE space = 0", checksum(place))
    (fault,) = verify(out)
    assert "bytes, expected" in fault


def test_a_missing_index_of_a_space_is_a_fault_of_the_catalogue(out: Path) -> None:
    execute(out, "DELETE FROM indexes WHERE space = 1")
    with pytest.raises(CollectionError, match="expected one for each of its 2 spaces"):
        Collection.open(out)


def test_a_catalogue_of_the_first_format_becomes_one_of_one_space() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as old:
        for statement in MIGRATIONS[0]:
            old.execute(statement)
        meta = {
            "format_version": 1,
            "space_model": "colours",
            "space_revision": "0123456789abcdef",
            "space_dimension": 4,
            "model": "colours",
        }
        old.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        old.execute("INSERT INTO indexes VALUES ('a.faiss', 3, 9, 'aa')")
        assert upgrade(old) == 1
        assert old.execute("SELECT * FROM spaces").fetchall() == [
            (0, "colours", "0123456789abcdef", 4)
        ]
        assert old.execute("SELECT name, space FROM indexes").fetchall() == [("a.faiss", 0)]
        left = {key for (key,) in old.execute("SELECT key FROM meta")}
    assert left == {"format_version", "model", "changes", "folded"}
