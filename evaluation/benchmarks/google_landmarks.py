"""Google Landmarks v2, retrieval: which pictures of the index show the landmark of a test picture.

Reads `retrieval_solution_v2.1.csv` (id, images, Usage); the gallery is what `index.csv` or
`index_image_to_landmark.csv` lists, in folders of the first three letters of an id. mAP@100 over
the Public and over the Private queries; those that are Ignored are not asked. Rankings are a CSV
file of id, images. Source: Weyand et al., "Google Landmarks Dataset v2: A Large-Scale Benchmark for
Instance-Level Recognition and Retrieval", CVPR 2020.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.annotations import listed, refuse_twice
from evaluation.benchmark import Picture, Question, Rankings, Task, first_there, whole
from evaluation.metrics import map_at_k
from models.errors import InputError

DEPTH = 100
SOLUTION = "retrieval_solution_v2.1.csv"
INDEX_LISTS = tuple(
    folder + name
    for name in ("index.csv", "index_image_to_landmark.csv")
    for folder in ("", "index/", "metadata/")
)
USAGES = {"Public": "public", "Private": "private", "Ignored": None}  # to the task's name


@dataclass(frozen=True)
class GoogleLandmarksBenchmark:
    folder: Path
    split: str
    tasks: tuple[Task, ...]
    passed_over: frozenset[str]  # queries that are there to be ignored
    name: str = "landmarks"

    def pictures(self) -> Sequence[Picture]:
        index = first_there(self.folder, *INDEX_LISTS)
        gallery = _ids(index, _rows(index, ("id",)))
        known = frozenset(gallery)
        questions = [question for task in self.tasks for question in task.questions]
        for question in questions:
            if missing := question.relevant - known:
                raise InputError(f"{index}: has no {min(missing)}, which {SOLUTION} names")
        asked = [str(question.picture) for question in questions]
        return whole(
            [Picture(id_, _place(self.folder / "index", id_)) for id_ in gallery]
            + [Picture(id_, _place(self.folder / "test", id_)) for id_ in asked]
        )

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        return {
            f"{task.name}/mAP@{DEPTH}": map_at_k(
                rankings[task.name], [each.relevant for each in task.questions], DEPTH
            )
            for task in self.tasks
            if task.name in rankings
        }

    def read_predictions(self, files: Sequence[Path]) -> Rankings:
        if len(files) != 1:
            raise InputError(f"{len(files)} files of rankings, expected one")
        ranked = _ranked(files[0])
        asked = {str(q.picture) for task in self.tasks for q in task.questions}
        if missing := asked - ranked.keys():
            raise InputError(f"{files[0]}: ranks nothing for the query {min(missing)}")
        if unknown := ranked.keys() - asked - self.passed_over:
            raise InputError(f"{files[0]}: {min(unknown)} is not a query of {SOLUTION}")
        return {
            task.name: [ranked[str(question.picture)] for question in task.questions]
            for task in self.tasks
        }

    def submission(self, rankings: Rankings) -> dict[str, str]:
        lines = [
            f"{question.picture},{' '.join(ranking[:DEPTH])}"
            for task in self.tasks
            if task.name in rankings
            for question, ranking in zip(task.questions, rankings[task.name], strict=True)
        ]
        return {"": "\n".join(["id,images", *lines]) + "\n"}


def google_landmarks(data: Path, split: str, path: Path) -> GoogleLandmarksBenchmark:
    rows = list(_rows(path, ("id", "images", "Usage")))
    every = frozenset(_ids(path, rows))
    relevant: dict[str, dict[str, frozenset[str]]] = {"public": {}, "private": {}}
    for row in rows:
        where = f"{path}, {row['id']}"
        if row["Usage"] not in USAGES:
            raise InputError(f"{where}: 'Usage' is {row['Usage']!r}, expected {', '.join(USAGES)}")
        if usage := USAGES[row["Usage"]]:
            found = listed(f"{where}: 'images'", row["images"].split(), str)
            relevant[usage][row["id"]] = frozenset(found)
    asked = frozenset(id_ for queries in relevant.values() for id_ in queries)
    if not asked:
        raise InputError(f"{path}: has neither Public nor Private queries")
    tasks = tuple(
        Task(usage, _questions(queries, asked), depth=DEPTH)
        for usage, queries in relevant.items()
        if queries
    )
    return GoogleLandmarksBenchmark(data, split, tasks, every - asked)


def _questions(
    relevant: Mapping[str, frozenset[str]], asked: frozenset[str]
) -> tuple[Question, ...]:
    """What is asked with is not in the gallery."""
    return tuple(Question(found, picture=id_, ignored=asked) for id_, found in relevant.items())


def _ids(path: Path, rows: Iterable[dict[str, str]]) -> list[str]:
    """Each once, and such that a folder can be named by its first three letters."""
    ids = [row["id"] for row in rows]
    for id_ in ids:
        if not (id_.isalnum() and len(id_) > 3):
            raise InputError(f"{path}: 'id' is {id_!r}, expected letters and digits")
    refuse_twice(f"{path}: 'id'", ids)
    return ids


def _place(folder: Path, id_: str) -> Path:
    return folder.joinpath(*id_[:3], f"{id_}.jpg")


def _ranked(path: Path) -> dict[str, list[str]]:
    ranked: dict[str, list[str]] = {}
    for row in _rows(path, ("id", "images")):
        if row["id"] in ranked:
            raise InputError(f"{path}: the query {row['id']} is there twice")
        ranked[row["id"]] = row["images"].split()
        refuse_twice(f"{path}, query {row['id']}", ranked[row["id"]])
    return ranked


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Of a CSV table with a header."""
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
                raise InputError(f"{path}: has no column {missing[0]!r}")
            for row in rows:
                if any(row[column] is None for column in columns):
                    raise InputError(f"{path}, line {rows.line_num}: fewer cells than columns")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
