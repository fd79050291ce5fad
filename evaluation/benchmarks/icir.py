"""i-CIR: this very thing, changed as a text says, among pictures that are hard to tell from it.

Reads `query_files.csv` and `database_files.csv`, without a header: picture, text, instance. A query
is asked of its instance's own database; right are the pictures there that have its text. There are
no splits.

mAP: over all queries; mmAP: the mean over instances of the mean over their queries; minmAP: the
mean over instances of their worst query. AP is the area under the precision-recall curve by
trapezoids, as the official code has it but for the 1e-5 that it adds to the number of right
pictures: of n, its AP is n / (n + 1e-5) of this one. Source: Psomas et al., "Instance-Level
Composed Image Retrieval", NeurIPS 2025, and its evaluation code.
"""

import csv
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
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
from evaluation.metrics import trapezoidal_map
from models.errors import InputError

TASK = "composed"
FOLDERS = ("", "annotations/")
QUERIES, DATABASE = "query_files.csv", "database_files.csv"
COLUMNS = ("picture", "text", "instance")

Databases = Mapping[str, Mapping[str, str]]  # instance -> picture -> text


@dataclass(frozen=True)
class Row:
    picture: str
    text: str
    instance: str
    where: str = field(compare=False)  # file and line


@dataclass(frozen=True)
class IcirBenchmark:
    folder: Path
    files: tuple[str, ...]  # as the tables name them
    instances: tuple[str, ...]  # of the questions, in their order
    tasks: tuple[Task, ...]
    split: None = None
    name: str = "icir"

    def pictures(self) -> Sequence[Picture]:
        return whole([Picture(file, listed_file(self.folder, file)) for file in self.files])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        if TASK not in rankings:
            return {}
        ranked, (task,) = rankings[TASK], self.tasks
        relevant = [question.relevant for question in task.questions]
        mean = trapezoidal_map(ranked, relevant)
        by_instance: dict[str, list[float]] = {}
        for instance, ranking, wanted in zip(self.instances, ranked, relevant, strict=True):
            ap = trapezoidal_map([ranking], [wanted])
            by_instance.setdefault(instance, []).append(ap)
        return {
            "mAP": mean,
            "mmAP": _over_instances(by_instance.values(), lambda aps: sum(aps) / len(aps)),
            "minmAP": _over_instances(by_instance.values(), min),
        }


def icir_benchmark(data: Path, split: str | None = None) -> IcirBenchmark:
    no_split("icir", split)
    listing = first_there(data, *(folder + DATABASE for folder in FOLDERS))
    databases = _databases(listing)
    asked = _asked(first_there(data, *(folder + QUERIES for folder in FOLDERS)), databases, listing)
    pictures = [picture for database in databases.values() for picture in database]
    return IcirBenchmark(
        data,
        tuple(dict.fromkeys([*pictures, *(row.picture for row in asked)])),
        tuple(row.instance for row in asked),
        (Task(TASK, tuple(asked.values()), depth=None),),
    )


def _asked(path: Path, databases: Databases, listing: Path) -> dict[Row, Question]:
    galleries = {instance: tuple(database) for instance, database in databases.items()}
    asked: dict[Row, Question] = {}
    for row in _rows(path):
        right = [p for p, text in databases.get(row.instance, {}).items() if text == row.text]
        if not right:
            raise InputError(
                f"{row.where}: {listing} has no picture of {row.instance!r} for {row.text!r}"
            )
        if row in asked:
            raise InputError(f"{row.where}: this query is there twice")
        among = galleries[row.instance]
        asked[row] = Question(frozenset(right), ((row.text,),), row.picture, among=among)
    if not asked:
        raise InputError(f"{path}: has no query")
    return asked


def _databases(listing: Path) -> Databases:
    databases: dict[str, dict[str, str]] = {}
    for row in _rows(listing, may_lack=("text",)):
        database = databases.setdefault(row.instance, {})
        if row.picture in database:
            raise InputError(f"{row.where}: {row.picture!r} is there twice for {row.instance!r}")
        database[row.picture] = row.text
    return databases


def _rows(path: Path, may_lack: Sequence[str] = ()) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            table = csv.reader(lines)
            for cells in table:
                yield _row(f"{path}, line {table.line_num}", cells, may_lack)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error


def _row(where: str, cells: Sequence[str], may_lack: Sequence[str]) -> Row:
    if len(cells) != len(COLUMNS):
        raise InputError(f"{where}: {len(cells)} cells, expected {', '.join(COLUMNS)}")
    picture, text, instance = stripped = [cell.strip() for cell in cells]
    for column, cell in zip(COLUMNS, stripped, strict=True):
        if not cell and column not in may_lack:
            raise InputError(f"{where}: has no {column!r}")
    return Row(picture, text, instance, where)


def _over_instances(
    aps: Collection[Sequence[float]], of_one: Callable[[Sequence[float]], float]
) -> float:
    return sum(map(of_one, aps)) / len(aps)
