"""Folders of classes, as Caltech-101 comes: which pictures are of the same class as this one.

DATA/CLASS/PICTURE: every folder that holds pictures is a class. Each picture asks for the others of
its class, among all others and itself left out; one that is alone in its class has no answer: it
asks nothing, and stays among the others. mAP over whole rankings (AP = sum of the precision at each
hit / number of relevant pictures), R-precision, P@1 and P@10. There are no splits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.benchmark import Picture, Question, Rankings, Task, no_split, whole
from evaluation.metrics import map_at_k, precision_at_k, r_precision
from index.found import is_utf8
from models.decode import EXTENSIONS
from models.errors import InputError

TASK = "image"
PRECISION_AT = (1, 10)


@dataclass(frozen=True)
class ClassesBenchmark:
    folder: Path
    files: tuple[str, ...]
    tasks: tuple[Task, ...]
    split: None = None
    name: str = "classes"

    def pictures(self) -> Sequence[Picture]:
        return whole([Picture(file, self.folder / file) for file in self.files])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        if TASK not in rankings:
            return {}
        ranked, (task,) = rankings[TASK], self.tasks
        relevant = [question.relevant for question in task.questions]
        precisions = {f"P@{k}": precision_at_k(ranked, relevant, k) for k in PRECISION_AT}
        means = {"mAP": map_at_k(ranked, relevant), "R-precision": r_precision(ranked, relevant)}
        return means | precisions


def classes_benchmark(data: Path, split: str | None = None) -> ClassesBenchmark:
    no_split("classes", split)
    by_class = classes_in(data)
    if all(len(names) < 2 for names in by_class.values()):
        raise InputError(f"{data}: has no folder with two pictures or more")
    keyed = [[f"{name}/{file}" for file in files] for name, files in by_class.items()]
    questions = tuple(
        Question(frozenset(keys) - {key}, picture=key, ignored=frozenset({key}))
        for keys in keyed
        if len(keys) > 1
        for key in keys
    )
    every = tuple(key for keys in keyed for key in keys)
    return ClassesBenchmark(data, every, (Task(TASK, questions, depth=None),))


def classes_in(folder: Path) -> Mapping[str, Sequence[str]]:
    """The names of pictures by that of their folder, both in order; what is hidden or is no picture
    is passed over. Raises InputError for a picture or a folder on the wrong level."""
    by_class = {}
    for entry in visible(folder):
        if entry.is_dir():
            inside = visible(entry)
            if deeper := next((each for each in inside if each.is_dir()), None):
                raise InputError(f"{deeper}: a folder, where the pictures of a class are expected")
            if names := [each.name for each in inside if is_picture(each)]:
                by_class[entry.name] = names
        elif is_picture(entry):
            raise InputError(f"{entry}: a picture, where a folder of a class is expected")
    return by_class


def visible(folder: Path) -> list[Path]:
    try:
        entries = sorted(each for each in folder.iterdir() if not each.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder}: cannot be listed: {error.strerror}") from error
    for entry in entries:
        if not is_utf8(entry.name):
            raise InputError(f"{folder}: {entry.name!r}: its name is not UTF-8")
    return entries


def is_picture(file: Path) -> bool:
    return file.suffix.lower() in EXTENSIONS
