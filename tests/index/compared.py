"""Two collections beside each other."""

from pathlib import Path

import numpy as np

from index.collection import Collection
from index.verifying.verify import verify
from models.vectors import Vector
from tests.index.album import contents, failures

SAME = 0.9999


def vectors(out: Path) -> dict[str, Vector]:
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        gallery = snapshot.gallery
        ids = gallery.ids(gallery.rows)
        found = dict(zip(ids, gallery.units(gallery.rows, snapshot.spaces[0]), strict=True))
        assert len(found) == len(ids)  # none twice
    collection.close()
    return found


def cosine(one: Vector, other: Vector) -> float:
    a, b = one.astype(np.float64), other.astype(np.float64)
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def thumbnails(out: Path) -> set[str]:
    folder = out / "thumbnails"
    return {str(file.relative_to(folder)) for file in folder.rglob("*.webp")}


def assert_same(out: Path, expected: Path) -> None:
    """The same items under the same paths, each once, with the same vectors and failures."""
    assert verify(out) == ()
    assert contents(out) == contents(expected)
    assert sorted(failures(out)) == sorted(failures(expected))
    assert thumbnails(out) == thumbnails(expected)
    found = vectors(out)
    assert len(found) == len(contents(out))
    for id_, vector in vectors(expected).items():
        assert cosine(vector, found[id_]) >= SAME
