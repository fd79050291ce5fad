"""How well a user's own collection is searched: its index, its captions, its near-duplicates, its
speed, and, where a file of queries says what they should find, its answers.

Up to `sample` pictures and captions are drawn, the same for one seed. Text queries are those of the
file, or else the captions; image queries those of the file, or else the pictures. Whether a caption
finds its own picture among those that look most like it judges the caption; whether among all
pictures, caption and model together.

Near-duplicates are pictures whose nearest other one has a cosine of 0.97 or more in the space in
which pictures are compared. What lies there depends on the model: copies that were scaled or saved
again do, and few others; crops and mirrored pictures may lie below.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from evaluation.collection.exact import index_recall
from evaluation.collection.findings import (
    Answers,
    Captions,
    CollectionReport,
    Duplicates,
    IndexRecall,
    Latency,
)
from evaluation.collection.measures import (
    answers,
    judged_captions,
    latency,
    near_duplicates,
    stored,
)
from evaluation.collection.queries import (
    Asked,
    Probes,
    embedded_texts,
    picture_probes,
    read_queries,
    text_probes,
)
from index.collection import Collection, Snapshot
from index.items import Item
from index.search import search
from models.encoders import DualEncoder
from models.errors import InputError, SpaceError
from models.query import single
from models.space import named
from models.vectors import Embeddings

INDEX_RECALL_AT = (10, 100)
TIMED = 200  # queries
HITS = 20  # of each
AT_ONCE = 4096  # items that are looked through

T = TypeVar("T")
Announce = Callable[[str], None]
Call = Callable[[], object]


@dataclass(frozen=True)
class Drawn:
    """A sample, and of how many."""

    items: int
    captioned: int
    pictures: tuple[str, ...]  # ids
    captions: tuple[Item, ...]


def report_on(  # noqa: PLR0913
    collection: Collection,
    encoder: DualEncoder,
    *,
    queries: Path | None,
    sample: int = 1000,
    seed: int = 0,
    announce: Announce,
) -> CollectionReport:
    """Raises InputError for a file of queries that does not fit, SpaceError for an encoder of
    other spaces than the collection's."""
    with collection.snapshot() as snapshot:
        if encoder.spaces != snapshot.spaces:
            held = named(snapshot.spaces)
            raise SpaceError(f"the model is of {named(encoder.spaces)}, the collection of {held}")
        asked = [] if queries is None else read_queries(queries, snapshot)
        drawn = draw(snapshot, sample, seed)
        announce(f"{drawn.items} pictures, {drawn.captioned} with a caption")
        return Reporter(snapshot, encoder, drawn, announce).report(asked)


@dataclass(frozen=True)
class Reporter:
    snapshot: Snapshot
    encoder: DualEncoder
    drawn: Drawn
    announce: Announce

    def report(self, asked: Sequence[Asked]) -> CollectionReport:
        started = time.monotonic()
        captions = [str(item.caption) for item in self.drawn.captions]
        self.announce("embedding the queries")
        of_captions = embedded_texts(self.encoder, captions)
        texts, pictures = text_probes(self.encoder, asked), picture_probes(self.encoder, asked)
        by_text = texts.vectors if texts.asked else of_captions
        by_picture = pictures.vectors if pictures.asked else self._stored()
        calls = self._by_text([each.shown for each in texts.asked] or captions)
        self.announce("measuring the index, captions, near-duplicates and latency")
        return CollectionReport(
            model=self.snapshot.model,
            space=named(self.snapshot.spaces),
            counts=self._counts(len(asked)),
            index=self._index({"text": by_text, "image": by_picture}),
            captions=self._captions(captions, of_captions),
            duplicates=self._duplicates(),
            latency=_latency({"text": calls, "image": self._by_picture(by_picture)}),
            answers=self._answers({"text": texts, "image": pictures}),
            seconds=time.monotonic() - started,
        )

    def _counts(self, queries: int) -> dict[str, int]:
        return {
            "pictures": self.drawn.items,
            "captioned": self.drawn.captioned,
            "failures": self.snapshot.statistics().failures,
            "drawn_pictures": len(self.drawn.pictures),
            "drawn_captions": len(self.drawn.captions),
            "queries": queries,
        }

    def _stored(self) -> Embeddings:
        return stored(self.snapshot.gallery, self.snapshot.spaces[-1], self.drawn.pictures)[1]

    def _index(self, queries: Mapping[str, Embeddings]) -> dict[str, IndexRecall]:
        spaces = {"text": self.snapshot.spaces[0], "image": self.snapshot.spaces[-1]}
        found = {}
        for kind, vectors in queries.items():
            if len(vectors) and self.drawn.items:
                recall = index_recall(self.snapshot.gallery, spaces[kind], vectors, INDEX_RECALL_AT)
                by_name = {f"R@{k}": share for k, share in recall.items()}
                found[kind] = IndexRecall(len(vectors), by_name)
        return found

    def _captions(self, texts: Sequence[str], vectors: Embeddings) -> Captions | None:
        if not texts:
            return None
        too_long = sum(self.encoder.overlong(texts))
        return judged_captions(self.snapshot, self.drawn.captions, vectors, too_long)

    def _duplicates(self) -> Duplicates | None:
        if not self.drawn.pictures:
            return None
        return near_duplicates(self.snapshot, self.drawn.pictures)

    def _by_text(self, texts: Sequence[str]) -> list[Call]:
        """From the words, as a user asks."""

        def search_for(text: str) -> None:
            (embedding,) = self.encoder.encode_texts([text])
            search(self.snapshot, single(self.encoder.space, embedding), limit=HITS)

        return [partial(search_for, text) for text in texts[:TIMED]]

    def _by_picture(self, vectors: Embeddings) -> list[Call]:
        queries = [single(self.snapshot.spaces[-1], vector) for vector in vectors[:TIMED]]
        return [partial(search, self.snapshot, query, limit=HITS) for query in queries]

    def _answers(self, probes: Mapping[str, Probes]) -> dict[str, Answers]:
        expecting = {kind: each.expecting() for kind, each in probes.items()}
        return {
            kind: answers(self.snapshot, each) for kind, each in expecting.items() if each.asked
        }


def _latency(calls: Mapping[str, Sequence[Call]]) -> dict[str, Latency]:
    return {kind: latency(each) for kind, each in calls.items() if each}


def draw(snapshot: Snapshot, sample: int, seed: int) -> Drawn:
    """By id, so that the order in which items were added makes no difference."""
    if sample < 1:
        raise InputError(f"sample is {sample}, expected 1 or more")
    gallery = snapshot.gallery
    ids = sorted(gallery.ids(gallery.rows))
    captioned: list[str] = []
    for first in range(0, len(ids), AT_ONCE):
        items = snapshot.items(ids[first : first + AT_ONCE])
        captioned += [id_ for id_, item in items.items() if (item.caption or "").strip()]
    captions = snapshot.items(_some(captioned, sample, seed))
    return Drawn(
        len(ids), len(captioned), tuple(_some(ids, sample, seed)), tuple(captions.values())
    )


def _some(values: Sequence[T], count: int, seed: int) -> list[T]:
    if len(values) <= count:
        return list(values)
    picked = np.random.default_rng(seed).choice(len(values), count, replace=False)
    return [values[at] for at in np.sort(picked)]
