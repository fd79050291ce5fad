"""The layout that a job makes, keeps, extends and publishes."""

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from index.overview.layouts import open_layout, write_layout
from index.overview.making import METHODS, Items, Making, MapOptions, Mapping
from index.overview.projection import Places
from index.overview.umap import LayoutError
from index.segments import ids_to_rows
from index.verifying.verify import verify
from models.errors import InputError
from tests.fakes import ColourEncoder, ShadeEncoder
from tests.index.album import contents, execute, save
from tests.index.galleries import random_vectors, segment
from tests.index.live import add, changes, id_of
from tests.index.overview.maps import layout_file, mapped, places, record, seen, shades

# what umap-learn is made of is compiled when it is first used
BOTH = ["pca", pytest.param("umap", marks=pytest.mark.slow)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    shades(tmp_path / "photos", 60)
    return tmp_path / "photos"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def apart(one: tuple[float, float], other: tuple[float, float]) -> float:
    return float(np.hypot(one[0] - other[0], one[1] - other[1]))


@pytest.mark.parametrize("method", BOTH)
def test_a_job_lays_out_what_it_publishes_and_says_how_far_it_is(
    out: Path, photos: Path, method: str
) -> None:
    told: list[Mapping] = []
    report = mapped(out, photos, method, told=told)
    assert (report.map, report.warnings) == (method, ())
    assert (told[0].placed, told[-1].placed, told[-1].items) == (0, 60, 60)
    found = seen(out)
    assert (found.method, found.inside, len(found.points)) == (method, 60, 60)
    assert verify(out) == ()


def test_nothing_changed_keeps_the_file_and_the_generation(out: Path, photos: Path) -> None:
    mapped(out, photos)
    file = layout_file(out)
    before = file.stat()
    told: list[Mapping] = []
    report = mapped(out, photos, told=told)
    assert (report.generation, told) == (1, [])
    after = layout_file(out).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("method", BOTH)
def test_what_comes_later_is_placed_beside_its_like_and_moves_nothing(
    out: Path, photos: Path, method: str
) -> None:
    mapped(out, photos, method)
    before = places(out)
    shades(photos, 6, first=60)
    (photos / "000.png").unlink()
    report = mapped(out, photos)
    assert (report.map, report.removed) == (method, 1)
    after = places(out)
    assert len(after) == 65
    assert all(after[id_] == before[id_] for id_ in after.keys() & before.keys())
    assert verify(out) == ()


@pytest.mark.parametrize("method", BOTH)
def test_one_that_is_added_live_lies_by_its_nearest_and_comes_back_to_its_place(
    out: Path, photos: Path, method: str
) -> None:
    mapped(out, photos, method)
    before, named = places(out), contents(out)
    add(out, (203, 23, 24))
    after = places(out)
    new = after[id_of((203, 23, 24))]
    assert {id_: after[id_] for id_ in before} == before
    is_red = {id_: int(Path(path).stem) % 3 == 0 for id_, (path,) in named.items()}
    reds = [place for id_, place in before.items() if is_red[id_]]
    others = [place for id_, place in before.items() if not is_red[id_]]
    assert min(apart(new, red) for red in reds) < min(apart(new, other) for other in others)
    mapped(out, photos)  # the job puts it where the server had it
    assert places(out)[id_of((203, 23, 24))] == pytest.approx(new, abs=1e-3)


@pytest.mark.slow
def test_one_that_was_deleted_and_is_added_again_has_its_place_again(
    out: Path, photos: Path
) -> None:
    save(photos, "red.png", "red")
    mapped(out, photos, "umap")
    before = places(out)
    changes(out).delete([id_of("red")])
    assert places(out).keys() == before.keys() - {id_of("red")}
    add(out, "red")
    assert places(out) == before


def test_where_it_has_doubled_it_is_made_anew_the_same_way_round(out: Path, photos: Path) -> None:
    mapped(out, photos, "pca")
    before = places(out)
    shades(photos, 70, first=60)
    mapped(out, photos)
    after = places(out)
    assert any(after[id_] != before[id_] for id_ in before)
    for axis in (0, 1):
        old, new = ([held[id_][axis] for id_ in before] for held in (before, after))
        assert np.corrcoef(old, new)[0, 1] > 0.9


@pytest.mark.slow
def test_umap_begins_anew_with_where_things_were(out: Path, photos: Path) -> None:
    mapped(out, photos, "umap")
    before = places(out)
    shades(photos, 70, first=60)
    starts: list[Places] = []

    def by_umap(units: NDArray[np.float16], start: Places) -> Places:
        starts.append(start)
        return start

    mapped(out, photos, by_umap=by_umap)
    after = places(out)
    assert len(starts[0]) == len(after) == 130
    assert {id_: after[id_] for id_ in before} == before


def test_what_umap_does_not_see_is_placed_between_what_it_does() -> None:
    """Three clusters in turn, of which it sees 40 of 90 rows."""
    generator = np.random.default_rng(6)
    centres = random_vectors(generator, 3, 16)
    vectors = np.tile(centres, (30, 1)) + 0.1 * random_vectors(generator, 90, 16)
    ids = [f"{number * 7919 % 1000:032x}" for number in range(90)]
    part = segment(vectors, ids)

    def by_umap(units: NDArray[np.float16], start: Places) -> Places:
        assert len(units) == 40
        nearest = (units.astype(np.float32) @ centres.T).argmax(axis=1)
        return np.stack([nearest / 2, np.zeros(40)], axis=1).astype(np.float32)

    options = MapOptions("umap", by_umap=by_umap, sample=40)
    layout, warnings = Making(Items([part]), "umap", None, options).layout()
    assert warnings == () and layout.fitted == len(layout) == 90
    at = layout.positions(part.ids)
    assert layout.places[at, 0] == pytest.approx([0, 0.5, 1] * 30, abs=1e-5)
    assert (layout.positions(ids_to_rows(["f" * 32])) == -1).all()


def test_the_method_is_remembered_until_another_is_asked_for(out: Path, photos: Path) -> None:
    methods = [mapped(out, photos, method).map for method in (None, "umap", None, "pca", None)]
    assert methods == ["pca", "umap", "umap", "pca", "pca"]
    assert seen(out).method == "pca"


def test_without_a_map_there_is_no_file_and_the_server_makes_its_own(
    out: Path, photos: Path
) -> None:
    mapped(out, photos, "pca")
    by_job = places(out)
    assert mapped(out, photos, "none").map == "none"
    assert list((out / "layouts").iterdir()) == []
    assert mapped(out, photos).map == "none"
    assert places(out) == by_job
    assert verify(out) == ()


def test_umap_that_fails_costs_a_warning(out: Path, photos: Path) -> None:
    def failing(units: NDArray[np.float16], start: Places) -> Places:
        raise LayoutError("no luck")

    report = mapped(out, photos, "umap", by_umap=failing)
    assert (report.items, report.generation) == (60, 1)
    (warning,) = report.warnings
    assert "no luck" in warning
    assert seen(out).method == "pca"
    assert mapped(out, photos).warnings == ()  # the next job tries again
    assert seen(out).method == "umap"


def test_of_hardly_any_pictures_umap_makes_no_more_than_their_components(
    out: Path, tmp_path: Path
) -> None:
    shades(tmp_path / "few", 3)
    assert mapped(out, tmp_path / "few", "umap").warnings == ()
    assert seen(out).method == "umap" and len(places(out)) == 3


def test_a_map_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match="pca, umap, none"):
        MapOptions("tsne")
    assert [MapOptions(method).method for method in METHODS] == [*METHODS]


@pytest.mark.parametrize("damage", ["missing", "cut off", "another's", "moved"])
def test_a_damaged_file_costs_the_map_alone_and_the_next_job_makes_it_anew(
    out: Path, photos: Path, damage: str
) -> None:
    mapped(out, photos, "umap")
    file = layout_file(out)
    data = file.read_bytes()
    file.unlink()
    if damage == "cut off":
        file.write_bytes(data[:100])
    elif damage == "another's":
        file.write_bytes(b"no layout at all, but long enough to have a header")
    elif damage == "moved":
        first = 8 + int.from_bytes(data[:8], "little")
        file.write_bytes(data[:first] + np.float32(7).tobytes() + data[first + 4 :])
    faults = verify(out)
    assert faults and all(file.name in fault for fault in faults)
    if damage == "moved":
        assert any("lies at 7.0" in fault for fault in faults)
    else:
        assert (seen(out).method, len(places(out))) == ("pca", 60)
    mapped(out, photos, "umap")
    assert verify(out) == ()
    assert seen(out).method == "umap"


def test_rows_without_a_place_are_a_fault(out: Path, photos: Path) -> None:
    mapped(out, photos)
    held = open_layout(out / "layouts", record(out))
    record_of_fewer = write_layout(
        out / "layouts", replace(held, ids=held.ids[:-2], places=held.places[:-2])
    )
    layout_file_of = "UPDATE layouts SET name = ?, rows = ?, bytes = ?, checksum = ?"
    execute(out, layout_file_of, *astuple(record_of_fewer)[:4])
    assert verify(out) == (f"layouts/{record_of_fewer.name}: 2 rows of segments have no place",)
    assert len(places(out)) == 60  # what has none is placed as what is added


def test_another_models_vectors_are_laid_out_anew(out: Path, photos: Path) -> None:
    mapped(out, photos)
    first = layout_file(out)
    mapped(out, photos, encoder=ColourEncoder("f" * 16))
    assert verify(out) == ()
    assert not first.exists() or layout_file(out) == first


def test_pictures_are_laid_out_by_the_space_that_they_are_compared_in(
    out: Path, tmp_path: Path
) -> None:
    """By their brightness alone, of which there is but one axis."""
    for number in range(40):
        save(tmp_path / "photos", f"{number}.png", (6 * number, 6 * number, 6 * number))
    mapped(out, tmp_path / "photos", encoder=ShadeEncoder())
    by_name = {Path(path).stem: id_ for id_, (path,) in contents(out).items()}
    held = places(out)
    across = [held[by_name[str(number)]][0] for number in range(40)]
    assert across in (sorted(across), sorted(across, reverse=True))


def test_what_an_earlier_pictor_has_made_has_none_until_a_job_makes_one(
    out: Path, photos: Path
) -> None:
    mapped(out, photos, "none")
    execute(out, "DROP TABLE layouts")
    execute(out, "DELETE FROM meta WHERE key = 'map'")
    execute(out, "UPDATE meta SET value = 5 WHERE key = 'format_version'")
    assert (seen(out).method, len(places(out))) == ("pca", 60)
    assert not layouts(out)
    assert mapped(out, photos).map == "pca"
    assert layouts(out) and verify(out) == ()


def layouts(out: Path) -> list[Path]:
    return list((out / "layouts").iterdir()) if (out / "layouts").exists() else []
