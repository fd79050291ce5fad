"""The same classes in several domains: from a sketch to photographs, and any other way.

Reads DATA/DOMAIN/CLASS/PICTURE, as PACS comes, and TU-Berlin and Sketchy can be laid out. Every
ordered pair of domains that share a class is measured, as `sketch-to-photo`; a picture whose class
the other domain lacks has no answer there and asks nothing. Means are over pairs, each counting
once. There are no splits. Two halves, of which the option `task` takes one:

images: by the picture alone, among all of the other domain: mAP@all, mAP@200, P@100, P@200.
conversion: by the picture and "as a photo", among the whole collection without the picture itself:
mAP@50, R@1, 5, 10, 50; beside it the same by one half of the question, picture or text.

AP@k = sum of the precision at each hit among the first k / min(number of relevant pictures, k). At
k = all that is what sketch-based retrieval reports (Dutta & Akata, "Semantically Tied Paired Cycle
Consistency for Zero-Shot Sketch-Based Image Retrieval", CVPR 2019). At 200 publications differ:
there the sum is divided by the number of hits; Liu et al., "Semantic-Aware Knowledge Preservation
for Zero-Shot Sketch-Based Image Retrieval", ICCV 2019, divide as here, but raise each precision to
the best one further down. P@k divides by k, even where a domain has fewer pictures.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path

from evaluation.annotations import refuse_twice
from evaluation.benchmark import (
    Picture,
    Question,
    Ranking,
    Rankings,
    Task,
    no_split,
    whole,
)
from evaluation.benchmarks.classes import classes_in, is_picture, visible
from evaluation.metrics import map_at_k, precision_at_k, recall_at_k
from models.errors import InputError

CONVERSION = "conversion"
IMAGES = "images"
HALVES = {"all": (IMAGES, CONVERSION), IMAGES: (IMAGES,), CONVERSION: (CONVERSION,)}
BASELINES = ("image", "text")
DEPTH = 50

Measure = Callable[[Sequence[Ranking], Sequence[Collection[str]]], float]
Domains = Mapping[str, Mapping[str, Sequence[str]]]  # domain -> class -> keys
Pair = tuple[str, str]  # domains: of what is asked with, of what is looked for

OF_IMAGES: dict[str, Measure] = {
    "mAP@all": map_at_k,
    "mAP@200": partial(map_at_k, k=200),
    "P@100": partial(precision_at_k, k=100),
    "P@200": partial(precision_at_k, k=200),
}
OF_CONVERSION: dict[str, Measure] = {
    f"mAP@{DEPTH}": partial(map_at_k, k=DEPTH),
    **{f"R@{k}": partial(recall_at_k, k=k) for k in (1, 5, 10, DEPTH)},
}


@dataclass(frozen=True)
class DomainsBenchmark:
    folder: Path
    files: tuple[str, ...]
    images: tuple[Task, ...]  # one a pair
    conversion: tuple[Task, ...]  # one a pair, asked as one task
    split: None = None
    name: str = "domains"

    @property
    def tasks(self) -> tuple[Task, ...]:
        if not self.conversion:
            return self.images
        together = tuple(question for task in self.conversion for question in task.questions)
        return (*self.images, Task(CONVERSION, together, depth=DEPTH, baselines=BASELINES))

    def pictures(self) -> Sequence[Picture]:
        return whole([Picture(file, self.folder / file) for file in self.files])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        there = [task for task in self.images if task.name in rankings]
        found = {task.name: _measured(task, rankings[task.name], OF_IMAGES) for task in there}
        metrics = _named("", found, len(self.images))
        for name in (CONVERSION, *(f"{CONVERSION}.{baseline}" for baseline in BASELINES)):
            if name in rankings:
                found = {
                    task.name: _measured(task, ranked, OF_CONVERSION)
                    for task, ranked in self._by_pair(rankings[name])
                }
                metrics |= _named(f"{name}/", found, len(self.conversion))
        return metrics

    def _by_pair(self, ranked: Sequence[Ranking]) -> Iterator[tuple[Task, Sequence[Ranking]]]:
        asked = sum(len(task.questions) for task in self.conversion)
        if len(ranked) != asked:
            raise InputError(f"{len(ranked)} rankings for {asked} queries")
        at = 0
        for task in self.conversion:
            yield task, ranked[at : at + len(task.questions)]
            at += len(task.questions)


def _measured(
    task: Task, ranked: Sequence[Ranking], measures: Mapping[str, Measure]
) -> dict[str, float]:
    relevant = [question.relevant for question in task.questions]
    return {name: measure(ranked, relevant) for name, measure in measures.items()}


def _named(prefix: str, by_pair: Mapping[str, Mapping[str, float]], pairs: int) -> dict[str, float]:
    """With their means, where every pair is there."""
    metrics = {
        f"{prefix}{pair}/{name}": value
        for pair, found in by_pair.items()
        for name, value in found.items()
    }
    if pairs and len(by_pair) == pairs:
        for name in next(iter(by_pair.values())):
            metrics[f"{prefix}mean/{name}"] = sum(each[name] for each in by_pair.values()) / pairs
    return metrics


def domains_benchmark(
    data: Path, split: str | None = None, *, task: str = "all"
) -> DomainsBenchmark:
    """`task` is "all", or one half of it: "images" or "conversion"."""
    no_split("domains", split)
    if task not in HALVES:
        raise InputError(f"task {task!r}: expected one of {', '.join(HALVES)}")
    domains = _domains(data)
    pairs = [
        (asked, wanted)
        for asked, wanted in permutations(domains, 2)
        if domains[asked].keys() & domains[wanted].keys()
    ]
    if not pairs:
        raise InputError(f"{data}: has no two domains (DOMAIN/CLASS/PICTURE) that share a class")
    refuse_twice(f"{data}: pairs of domains", map(_name, pairs))
    return DomainsBenchmark(
        data,
        tuple(key for domain in domains.values() for keys in domain.values() for key in keys),
        tuple(_images(domains, pair) for pair in pairs if IMAGES in HALVES[task]),
        tuple(_conversion(domains, pair) for pair in pairs if CONVERSION in HALVES[task]),
    )


def _domains(data: Path) -> Domains:
    domains = {}
    for entry in visible(data):
        if entry.is_dir():
            domains[entry.name] = {
                name: [f"{entry.name}/{name}/{file}" for file in files]
                for name, files in classes_in(entry).items()
            }
        elif is_picture(entry):
            raise InputError(f"{entry}: a picture, where a folder of a domain is expected")
    return domains


def _images(domains: Domains, pair: Pair) -> Task:
    asked = [Question(relevant, picture=key) for key, relevant in _answered(domains, pair)]
    gallery = tuple(key for keys in domains[pair[1]].values() for key in keys)
    return Task(_name(pair), tuple(asked), depth=None, gallery=gallery)


def _conversion(domains: Domains, pair: Pair) -> Task:
    wordings = ((as_a(pair[1]),),)
    asked = [
        Question(relevant, wordings, key, ignored=frozenset({key}))
        for key, relevant in _answered(domains, pair)
    ]
    return Task(_name(pair), tuple(asked), depth=DEPTH)


def _answered(domains: Domains, pair: Pair) -> Iterator[tuple[str, frozenset[str]]]:
    """The pictures of the first domain that have an answer in the second, with it."""
    asked, wanted = (domains[name] for name in pair)
    for name, keys in asked.items():
        if name in wanted:
            relevant = frozenset(wanted[name])
            yield from ((key, relevant) for key in keys)


def as_a(domain: str) -> str:
    """The instruction that a folder's name stands for: `art_painting` -> "as an art painting"."""
    words = domain.replace("_", " ").strip().lower()
    return f"as {'an' if words[:1] in set('aeiou') else 'a'} {words}"


def _name(pair: Pair) -> str:
    """Such that a shell takes it as one word."""
    asked, wanted = (re.sub(r"[^\w.-]+", "_", domain) for domain in pair)
    return f"{asked}-to-{wanted}"
