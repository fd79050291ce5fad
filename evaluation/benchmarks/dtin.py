"""Domain transfer ImageNet: from a photograph to its class as a cartoon, origami, a toy or a
sculpture.

Reads Pic2Word's `imgnet_real_query.txt` and `imgnet_targets.txt`, lines of a path and a label. A
query's label is its class; a target's is 1000 x its domain + its class, where domains beyond the
fourth are photographs that no query looks for: all the queries are among them, and stay in the
gallery. Pictures are ImageNet's validation set and ImageNet-R. There are no splits.

`cartoon/R@10` is the share of queries with a picture of their class and that domain among the first
10, as MagicLens counts (Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended
Instructions", ICML 2024); `cartoon/R_share@10` is the share of all such pictures that are among the
first 10, as Pic2Word counts (Saito et al., "Pic2Word: Mapping Pictures to Words for Zero-shot
Composed Image Retrieval", CVPR 2023), but for the 1e-5 that its code adds to their number. In both
a query whose class has no picture in the domain is a miss. Likewise at 50, and as means over the
domains; a domain without a single answer is not asked for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.benchmark import (
    Picture,
    Question,
    Rankings,
    Task,
    first_there,
    listed_file,
    no_split,
    whole,
)
from evaluation.metrics import recall_at_k, share_at_k
from models.composers.templates import instruction
from models.errors import InputError

DOMAINS = ("cartoon", "origami", "toy", "sculpture")
CLASSES = 1000
LABELS = 7 * CLASSES  # of targets; the photographs are the last thousand
RECALL_AT = (10, 50)
FOLDERS = ("", "imgnet/", "dtin/")
QUERIES, TARGETS = "imgnet_real_query.txt", "imgnet_targets.txt"
LABEL = re.compile(r"[0-9]{1,4}")


@dataclass(frozen=True)
class DtinBenchmark:
    folder: Path
    queries: int  # with those that have no answer in a domain
    files: tuple[str, ...]  # as the lists name them
    tasks: tuple[Task, ...]
    split: None = None
    name: str = "dtin"

    def pictures(self) -> Sequence[Picture]:
        return whole([Picture(file, listed_file(self.folder, file)) for file in self.files])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        found = {}
        for task in self.tasks:
            if task.name in rankings:
                ranked = rankings[task.name]
                relevant = [question.relevant for question in task.questions]
                answerable = len(relevant) / self.queries
                for k in RECALL_AT:
                    recall = recall_at_k(ranked, relevant, k)
                    found[f"{task.name}/R@{k}"] = answerable * recall
                    share = share_at_k(ranked, relevant, k)
                    found[f"{task.name}/R_share@{k}"] = answerable * share
        if any(task.name not in rankings for task in self.tasks):
            return found
        for name in [f"{counted}@{k}" for k in RECALL_AT for counted in ("R", "R_share")]:
            values = [found[f"{task.name}/{name}"] for task in self.tasks]
            found[f"mean/{name}"] = sum(values) / len(values)
        return found


def dtin_benchmark(data: Path, split: str | None = None) -> DtinBenchmark:
    no_split("dtin", split)
    listing = first_there(data, *(folder + TARGETS for folder in FOLDERS))
    queries = _labels(first_there(data, *(folder + QUERIES for folder in FOLDERS)), CLASSES)
    targets = _labels(listing, LABELS)
    # what is asked of all pictures goes through one search for many questions
    gallery = None if queries.keys() <= targets.keys() else tuple(targets)
    asked = {
        domain: _questions(domain, queries, _by_class(targets, at))
        for at, domain in enumerate(DOMAINS)
    }
    tasks = tuple(
        Task(domain, questions, depth=max(RECALL_AT), gallery=gallery)
        for domain, questions in asked.items()
        if questions
    )
    if not tasks:
        raise InputError(f"{listing}: has no answer to any query")
    return DtinBenchmark(data, len(queries), tuple({**targets, **queries}), tasks)


def _labels(path: Path, labels: int) -> dict[str, int]:
    """By listed path."""
    try:
        lines = path.read_text(encoding="utf-8").rstrip().split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    read: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        where, cells = f"{path}, line {number}", line.split()
        if len(cells) != 2 or not LABEL.fullmatch(cells[1]):
            raise InputError(f"{where}: expected a path and a label")
        if int(cells[1]) >= labels:
            raise InputError(f"{where}: the label {cells[1]}, expected one below {labels}")
        if cells[0] in read:
            raise InputError(f"{where}: {cells[0]!r} is there twice")
        read[cells[0]] = int(cells[1])
    return read


def _by_class(targets: Mapping[str, int], domain: int) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for file, label in targets.items():
        if label // CLASSES == domain:
            found.setdefault(label % CLASSES, set()).add(file)
    return {of_class: frozenset(files) for of_class, files in found.items()}


def _questions(
    domain: str, queries: Mapping[str, int], answers: Mapping[int, frozenset[str]]
) -> tuple[Question, ...]:
    wordings = ((instruction("dtin", domain=domain),),)
    return tuple(
        Question(answers[of_class], wordings, picture=file)
        for file, of_class in queries.items()
        if of_class in answers
    )
