"""How much of BASIC's ranking its shortlist holds.

    python -m benchmarks.shortlist COLLECTION [--queries 200]

BASIC scores candidates from two probes. For pictures of the collection and instructions drawn from
its list of styles: recall@10 of the union of each probe's nearest n, exactly scored, against a scan
of every vector; and in how many queries the search can prove its first ten without such a scan
(where it cannot, it scans, so that what it answers is exact either way).
"""

import argparse
from pathlib import Path

import numpy as np

from index.collection import Collection
from index.gallery import Gallery
from index.search import score
from index.searching.view import View
from models.composers.basic import read_corpus
from models.composers.composer import Asked, compose_now
from models.composers.registry import Composers
from models.device import choose_placement
from models.load import Encoder, load_encoder
from models.query import Pending, Query

SHORTLISTS = (50, 100, 250, 500, 1000)
TOP = 10
BATCH = 8


def queries(gallery: Gallery, encoder: Encoder, count: int) -> list[Query]:
    generator = np.random.default_rng(0)
    rows = generator.choice(len(gallery), count, replace=False)
    styles = generator.choice(read_corpus("styles"), count)
    composer, made = Composers(encoder).named("basic"), []
    for at in range(0, count, BATCH):
        batch = rows[at : at + BATCH]
        pictures = [{s: gallery.embedding(int(r), s) for s in gallery.spaces} for r in batch]
        asked = [Asked(p, (str(s),)) for p, s in zip(pictures, styles[at:], strict=False)]
        for row, question in zip(batch, compose_now(encoder, composer, asked), strict=True):
            view = View(gallery, np.array([row]))
            made.append(question.finish(view) if isinstance(question, Pending) else question)
    return made


def measure(gallery: Gallery, query: Query) -> tuple[list[float], list[bool]]:
    """Of each shortlist: the recall@10, and whether its bound proves the first ten."""
    space = query.probes[0].space
    everything = np.arange(len(gallery))
    scores = score({space: gallery.units(everything, space)}, query)
    best = set(np.argsort(-scores, kind="stable")[:TOP].tolist())
    recalls, proven = [], []
    for size in SHORTLISTS:
        found = [gallery.nearest(space, probe.vector[None], size)[0] for probe in query.probes]
        candidates = np.unique(np.concatenate([rows for _, rows in found]))
        ranked = candidates[np.argsort(-scores[candidates], kind="stable")][:TOP]
        recalls.append(len(best & set(ranked.tolist())) / TOP)
        bound = query.at_most([float(similarities[-1]) for similarities, _ in found])
        proven.append(bool(scores[ranked[-1]] > bound))
    return recalls, proven


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("collection", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    options = parser.parse_args()
    collection = Collection.open(options.collection)
    with collection.snapshot() as snapshot:
        encoder = load_encoder(snapshot.model, choose_placement(), print)
        measured = [
            measure(snapshot.gallery, query)
            for query in queries(snapshot.gallery, encoder, options.queries)
        ]
        print(f"{len(measured)} queries over {snapshot.count} pictures, {encoder.space.model}")
    collection.close()
    recalls, proven = (np.mean([each[part] for each in measured], axis=0) for part in (0, 1))
    for size, recall, sure in zip(SHORTLISTS, recalls, proven, strict=True):
        print(f"shortlist {size:>5} a probe: recall@{TOP} {recall:.4f}, proven {sure:.3f}")


if __name__ == "__main__":
    main()
