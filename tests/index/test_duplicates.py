"""Near-duplicates are the connected components of the exact graph, whatever finds them faster."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from numpy.typing import ArrayLike, NDArray

from index.alike.duplicates import Group, StoredVectors, duplicates, near_groups
from index.alike.outlines import AXES, LEAF
from index.collection import Collection
from models.encoders import ImageEncoder
from models.errors import CollectionError, InputError
from tests.fakes import ShadeEncoder
from tests.index.album import build, save
from tests.index.galleries import numbered, random_vectors, snapshot_of


def vectors_of(vectors: ArrayLike, rows_a_segment: int = 1000) -> StoredVectors:
    snapshot = snapshot_of(vectors, rows_a_segment=rows_a_segment)
    return StoredVectors(snapshot.gallery, snapshot.spaces[-1])


def near(vectors: StoredVectors, above: float, threads: int = 1) -> list[list[int]]:
    """Groups of positions."""
    groups = near_groups(vectors, above=above, threads=threads, progress=lambda compared: None)
    return [group.tolist() for group in groups]


def at_angles(*degrees: float) -> NDArray[np.float64]:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def components(vectors: StoredVectors, above: float) -> list[list[int]]:
    """By all cosines, from neighbour to neighbour."""
    units = vectors.units(np.arange(len(vectors.rows)))
    joined, left = units @ units.T >= above, np.ones(len(units), dtype=np.bool_)
    groups = []
    for start in range(len(units)):
        group = np.zeros(len(units), dtype=np.bool_)
        reached = np.array([start])[left[[start]]]
        while len(reached):
            group[reached] = True
            reached = np.flatnonzero(joined[reached].any(axis=0) & ~group)
        left &= ~group
        groups.append(np.flatnonzero(group).tolist())
    return sorted((group for group in groups if len(group) > 1), key=lambda g: (-len(g), g[0]))


def families(generator: np.random.Generator, count: int, dimension: int) -> NDArray[np.float32]:
    """Vectors of which some have near ones, some nearer than others."""
    heads = random_vectors(generator, count // 4, dimension)
    spread = generator.uniform(0.0, 0.6, (count, 1)).astype(np.float32)
    members = heads[generator.integers(0, len(heads), count)]
    return members + spread * random_vectors(generator, count, dimension)


def cosine(vectors: StoredVectors, first: int, second: int) -> float:
    one, other = vectors.units(np.array([first, second]))
    return float(np.sum(one * other))


def test_near_vectors_are_a_group_and_others_in_none() -> None:
    assert near(vectors_of(at_angles(0, 10, 90)), above=0.98) == [[0, 1]]  # cos 10 deg = 0.985


def test_a_chain_of_near_vectors_is_one_group_though_its_ends_are_apart() -> None:
    assert near(vectors_of(at_angles(0, 15, 30)), above=0.95) == [[0, 1, 2]]  # cos 30 deg = 0.87


@pytest.mark.parametrize("dimension", [3, AXES, 256])
def test_the_last_bit_of_a_cosine_decides(dimension: int) -> None:
    vectors = vectors_of(1 + random_vectors(np.random.default_rng(1), 2, dimension) / 4)
    threshold = cosine(vectors, 0, 1)
    assert 0.9 < threshold < 1
    assert near(vectors, above=threshold) == [[0, 1]]
    assert near(vectors, above=float(np.nextafter(threshold, 2))) == []


@pytest.mark.parametrize("above", [0.7, 0.95, 0.99])
@pytest.mark.parametrize("dimension", [8, AXES + 1, 200])
def test_groups_are_those_of_all_cosines(dimension: int, above: float) -> None:
    count = 2 * LEAF + 500  # several leaves, of which one is not full
    vectors = vectors_of(families(np.random.default_rng(2), count, dimension))
    expected = components(vectors, above)
    assert expected
    assert near(vectors, above) == expected
    assert near(vectors, above, threads=3) == expected


def test_a_crowd_whose_cosines_lie_around_the_threshold_falls_apart_as_all_cosines_say() -> None:
    generator = np.random.default_rng(3)
    apart = np.eye(512, dtype=np.float32)[1:401]  # cosines of 0.95, but for what is added
    crowd = np.sqrt(np.float32(0.05)) * (apart + 1e-4 * random_vectors(generator, 400, 512))
    crowd[:, 0] = np.sqrt(0.95)
    vectors = vectors_of(crowd)
    units = vectors.units(np.arange(400))
    cosines = (units @ units.T)[np.triu_indices(400, 1)]
    assert np.ptp(cosines) < 1e-4  # a float32 product cannot tell
    threshold = float(np.sort(cosines)[-100])
    expected = components(vectors, threshold)
    assert 2 < len(expected[0]) < 400
    assert near(vectors, threshold) == expected


def test_equal_vectors_are_one_group_and_are_compared_as_one() -> None:
    vectors = vectors_of(np.tile(at_angles(0, 90), (5000, 1)), rows_a_segment=3000)
    told: list[int] = []
    groups = near_groups(vectors, above=1.0, threads=1, progress=told.append)
    assert [group.tolist() for group in groups] == [[*range(0, 10000, 2)], [*range(1, 10000, 2)]]
    assert told == [2]


def test_what_is_one_already_is_not_compared_again() -> None:
    generator = np.random.default_rng(4)
    crowd = vectors_of(1 + 0.01 * random_vectors(generator, 20 * LEAF, 4))

    class Counting(StoredVectors):
        asked = 0

        def units(self, positions: NDArray[np.int64]) -> NDArray[np.float64]:
            self.asked += len(positions)
            return super().units(positions)

    counting = Counting(crowd.gallery, crowd.space)
    assert len(near(counting, above=0.99)) == 1
    # axes, outlines, each leaf with itself and the first with each; not each with each
    assert counting.asked < 5 * 20 * LEAF


def test_larger_groups_come_first_and_then_smaller_ids_wherever_rows_lie() -> None:
    angles = (0, 40, 80, 81, 1, 82, 41)
    assert near(vectors_of(at_angles(*angles)), above=0.99) == [[2, 3, 5], [0, 4], [1, 6]]
    ids = numbered(7)
    shuffled = (3, 0, 6, 5, 2, 4, 1)
    snapshot = snapshot_of(
        at_angles(*(angles[at] for at in shuffled)),
        [ids[at] for at in shuffled],
        rows_a_segment=2,
    )
    vectors = StoredVectors(snapshot.gallery, snapshot.spaces[-1])
    assert near(vectors, above=0.99) == [[2, 3, 5], [0, 4], [1, 6]]
    assert vectors.ids(np.array([2, 3, 5])) == [ids[2], ids[3], ids[5]]


def test_nothing_and_one_vector_have_no_groups() -> None:
    assert near(vectors_of(np.empty((0, 3))), above=0.9) == []
    assert near(vectors_of([[1.0, 0.0]]), above=0.9) == []


def found(tmp_path: Path, above: float = 0.95, encoder: ImageEncoder | None = None) -> list[Group]:
    build(tmp_path / "collection", tmp_path / "album", encoder=encoder)
    collection = Collection.open(tmp_path / "collection")
    with collection.snapshot() as snapshot:
        groups = [*duplicates(snapshot, above=above)]
    collection.close()
    return groups


def test_the_largest_picture_of_a_group_is_first_and_the_others_are_compared_with_it(
    tmp_path: Path,
) -> None:
    album = tmp_path / "album"
    save(album, "small.png", "red", (8, 8))
    save(album, "large.png", (255, 20, 0), (64, 64))
    save(album, "copies/large.png", (255, 20, 0), (64, 64))
    save(album, "other.png", "blue")
    (group,) = found(tmp_path)
    assert [picture.paths for picture in group.pictures] == [
        ("copies/large.png", "large.png"),
        ("small.png",),
    ]
    assert (group.pictures[0].width, group.pictures[1].height) == (64, 8)
    # (255, 20, 0, 16) and (255, 0, 0, 16), as the encoder has it
    assert group.similarities == pytest.approx((1, 65281 / np.sqrt(65681 * 65281)), abs=1e-3)


def test_pictures_are_compared_in_the_space_in_which_pictures_are_compared(tmp_path: Path) -> None:
    for place in ("by colour", "by shade"):
        save(tmp_path / place / "album", "red.png", "red")
        save(tmp_path / place / "album", "blue.png", "blue")
    assert found(tmp_path / "by colour") == []
    (group,) = found(tmp_path / "by shade", encoder=ShadeEncoder())  # equally bright
    assert len(group.pictures) == 2


@pytest.mark.parametrize("above", [0, -1, 1.01, float("nan")])
def test_a_threshold_that_is_no_cosine_of_near_pictures_is_refused(above: float) -> None:
    with pytest.raises(InputError, match="above"):
        duplicates(snapshot_of(at_angles(0, 90)), above=above)


def test_a_vector_that_is_not_of_unit_length_is_a_damaged_collection(tmp_path: Path) -> None:
    save(tmp_path / "album", "red.png", "red")
    save(tmp_path / "album", "blue.png", "blue")
    build(tmp_path / "collection", tmp_path / "album")
    (segment,) = (tmp_path / "collection" / "segments").iterdir()
    tensors = safetensors.numpy.load_file(segment)
    tensors["units"][1] *= np.float16(1.1)
    segment.write_bytes(safetensors.numpy.save(tensors))
    collection = Collection.open(tmp_path / "collection")
    with (
        collection.snapshot() as snapshot,
        pytest.raises(CollectionError, match=r"length 1\.\d+, expected 1: .*verify"),
    ):
        duplicates(snapshot)
    collection.close()
