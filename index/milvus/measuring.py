"""How many of the true nearest an index of Milvus's finds, measured as it is published.

recalls(snapshot, generation, index) -> one a space: of QUERIES pictures of the folder's collection,
spread over it, the share of the 10 nearest in its order that Milvus gives. 1 of an exact index.
"""

import numpy as np

from index.milvus.forms import FLAT
from index.milvus.gallery import effort_of
from index.milvus.generation import Generation
from index.milvus.records import vectors
from index.search import search_many
from index.snapshot import Snapshot
from models.query import single

QUERIES = 64
DEPTH = 10


def recalls(snapshot: Snapshot, generation: Generation, index: str) -> list[float]:
    if index == FLAT.name or not snapshot.count:
        return [1.0 for _ in snapshot.spaces]
    positions = range(len(snapshot.spaces))
    return [_recall(snapshot, generation, index, position) for position in positions]


def _recall(snapshot: Snapshot, generation: Generation, index: str, position: int) -> float:
    space, gallery = snapshot.spaces[position], snapshot.gallery
    rows = gallery.rows[:: max(1, gallery.count // QUERIES)][:QUERIES]
    asked = gallery.units(rows, space).astype(np.float32)
    questions = [single(space, vector) for vector in asked]
    none: list[frozenset[str]] = [frozenset() for _ in questions]
    truth = search_many(snapshot, questions, limit=DEPTH, without=none)
    found = generation.client.nearest(
        generation.name,
        vectors(generation.spaces)[position],
        asked,
        DEPTH,
        where="",
        columns=["partial"],
        effort=effort_of(index, DEPTH),
    )
    shares = [
        len({hit.id for hit in true} & {row["id"] for row in near}) / max(1, len(true))
        for true, near in zip(truth, found, strict=True)
    ]
    return float(np.mean(shares))
