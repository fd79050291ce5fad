"""Which other pictures show this landmark: Revisited Oxford and Paris, and Google Landmarks v2.

roxford5k, rparis6k: `gnd_SPLIT.pkl` (imlist, qimlist, gnd of bbx, easy, hard, junk), read without
being unpickled. A query is the part of its picture that `bbx` names; it is not in the gallery.
`easy` counts the easy pictures and ignores the hard ones, `hard` the other way round, `medium`
counts both; junk always leaves the ranking, and a query without a picture to be found is not
counted. mAP by trapezoids over whole rankings, and mP@1, mP@5, mP@10. Source: Radenovic et al.,
"Revisiting Oxford and Paris: Large-Scale Image Retrieval Benchmarking", CVPR 2018.

gldv2: see google_landmarks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.annotations import Kinds, fields, listed, refuse_twice
from evaluation.benchmark import (
    Picture,
    Question,
    Ranking,
    Rankings,
    Task,
    chosen_split,
    first_there,
    whole,
)
from evaluation.benchmarks.google_landmarks import (
    SOLUTION,
    GoogleLandmarksBenchmark,
    google_landmarks,
)
from evaluation.benchmarks.safe_pickle import read_plain_pickle
from evaluation.crops import Crop
from evaluation.metrics import precision_at_reached_k, trapezoidal_map
from models.errors import InputError

PRECISION_AT = (1, 5, 10)
GOOGLE = "gldv2"
ANNOTATIONS = {
    **{
        name: (f"{name}/gnd_{name}.pkl", f"gnd_{name}.pkl", f"datasets/{name}/gnd_{name}.pkl")
        for name in ("roxford5k", "rparis6k")
    },
    GOOGLE: (SOLUTION, *(f"{folder}/{SOLUTION}" for folder in ("test", "ground_truth"))),
}
GROUND_TRUTH: Kinds = {"imlist": list, "qimlist": list, "gnd": list}
LABELS = ("easy", "hard", "junk")
LABELLED: Kinds = {"bbx": (list, tuple), **dict.fromkeys(LABELS, list)}
# what a protocol looks for, and what it ignores besides junk
PROTOCOLS = {
    "easy": (("easy",), ("hard",)),
    "medium": (("easy", "hard"), ()),
    "hard": (("hard",), ("easy",)),
}


@dataclass(frozen=True)
class Query:
    name: str
    crop: Crop
    labelled: Mapping[str, frozenset[str]]  # gallery pictures by label

    def of(self, *labels: str) -> frozenset[str]:
        return frozenset().union(*(self.labelled[label] for label in labels))


@dataclass(frozen=True)
class RevisitedBenchmark:
    folder: Path
    split: str
    gallery: tuple[str, ...]
    queries: tuple[Query, ...]
    name: str = "landmarks"

    @property
    def tasks(self) -> tuple[Task, ...]:
        """One ranking a query serves the three protocols."""
        questions = tuple(
            Question(query.of("easy", "hard"), picture=query.name) for query in self.queries
        )
        return (Task("image", questions, depth=None, gallery=self.gallery),)

    def pictures(self) -> Sequence[Picture]:
        jpg = first_there(self.folder, f"{self.split}/jpg", "jpg", f"datasets/{self.split}/jpg")
        gallery = [Picture(name, jpg / f"{name}.jpg") for name in self.gallery]
        cut = [Picture(each.name, jpg / f"{each.name}.jpg", each.crop) for each in self.queries]
        return whole([*gallery, *cut])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        found: dict[str, float] = {}
        for protocol in PROTOCOLS if "image" in rankings else ():
            ranked, relevant = self._without_ignored(rankings["image"], protocol)
            if ranked:
                found[f"{protocol}/mAP"] = trapezoidal_map(ranked, relevant)
                found |= {
                    f"{protocol}/mP@{k}": precision_at_reached_k(ranked, relevant, k)
                    for k in PRECISION_AT
                }
        return found

    def _without_ignored(
        self, rankings: Sequence[Ranking], protocol: str
    ) -> tuple[list[Ranking], list[frozenset[str]]]:
        """Of the queries for which the protocol has something to be found."""
        if len(rankings) != len(self.queries):
            raise InputError(f"{len(rankings)} rankings for {len(self.queries)} queries")
        wanted, others = PROTOCOLS[protocol]
        ranked: list[Ranking] = []
        relevant = []
        for query, ranking in zip(self.queries, rankings, strict=True):
            ignored = query.of("junk", *others)
            if query.of(*wanted):
                ranked.append([key for key in ranking if key not in ignored])
                relevant.append(query.of(*wanted))
        return ranked, relevant


def landmarks_benchmark(
    data: Path, split: str | None = None
) -> RevisitedBenchmark | GoogleLandmarksBenchmark:
    """The split that is asked for, else the first whose annotations are there."""
    chosen = chosen_split(split, tuple(ANNOTATIONS), data)
    if split is None:
        there = [n for n, files in ANNOTATIONS.items() if any((data / f).exists() for f in files)]
        chosen = next(iter(there), chosen)
    annotations = first_there(data, *ANNOTATIONS[chosen])
    return (google_landmarks if chosen == GOOGLE else _revisited)(data, chosen, annotations)


def _revisited(data: Path, split: str, path: Path) -> RevisitedBenchmark:
    content = fields(str(path), read_plain_pickle(path), GROUND_TRUTH)
    gallery = listed(f"{path}: 'imlist'", content["imlist"], str)
    names = listed(f"{path}: 'qimlist'", content["qimlist"], str)
    refuse_twice(f"{path}: 'imlist' and 'qimlist'", [*gallery, *names])
    if len(content["gnd"]) != len(names):
        raise InputError(f"{path}: 'gnd' has {len(content['gnd'])} entries for {len(names)} names")
    queries = tuple(
        _query(f"{path}: 'gnd' entry {at}", name, entry, gallery)
        for at, (name, entry) in enumerate(zip(names, content["gnd"], strict=True))
    )
    return RevisitedBenchmark(data, split, tuple(gallery), queries)


def _query(where: str, name: str, entry: object, gallery: Sequence[str]) -> Query:
    read = fields(where, entry, LABELLED)
    labelled = {
        label: listed(f"{where}, {label!r}", read[label], int, at_least=0) for label in LABELS
    }
    every = [row for label in LABELS for row in labelled[label]]
    for row in every:
        if not 0 <= row < len(gallery):
            raise InputError(f"{where}: {row} is not a row of 'imlist'")
    refuse_twice(f"{where}: {', '.join(map(repr, LABELS))}", every)
    pictures = {label: frozenset(gallery[row] for row in labelled[label]) for label in LABELS}
    return Query(name, _crop(f"{where}: 'bbx'", read["bbx"]), pictures)


def _crop(where: str, box: Sequence[Any]) -> Crop:
    """Left, top, right, bottom, rounded as Pillow rounds a crop's edges."""
    numbers = [each for each in box if type(each) in (int, float) and math.isfinite(each)]
    if len(box) != 4 or len(numbers) != 4:
        raise InputError(f"{where} is not four numbers: left, top, right, bottom")
    left, top, right, bottom = map(round, numbers)
    try:
        return Crop((left, top, right, bottom))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
