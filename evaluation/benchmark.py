"""What a benchmark says: which pictures there are, what is asked of which gallery, and how rankings
are counted.

A benchmark knows no model; `evaluation/runner.py` joins it with one. It reads its annotations when
it is opened, and the list of its gallery only when `pictures` is asked for: ready-made rankings are
counted from the annotations alone. Everything goes by keys, the names that the benchmark itself
gives to its pictures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol, runtime_checkable

from evaluation.crops import Crop
from models.errors import InputError

Ranking = Sequence[str]  # keys, best first
Rankings = Mapping[str, Sequence[Ranking]]  # by task, in the order of its questions


@dataclass(frozen=True)
class Picture:
    """A file of the benchmark, or a part of one, by the name that its annotations use."""

    key: str
    file: Path
    crop: Crop | None = None


@dataclass(frozen=True)
class Question:
    """One query: a text, a picture, or a picture and instructions.

    Of several wordings of the instructions the scores are averaged, picture by picture.
    """

    relevant: frozenset[str]
    wordings: tuple[tuple[str, ...], ...] = ()  # each is the instructions, in turn
    picture: str | None = None
    ignored: frozenset[str] = frozenset()  # keys that leave the ranking
    among: tuple[str, ...] | None = None  # a gallery of its own, in which ties go against relevant


@dataclass(frozen=True)
class Task:
    """Questions with one gallery: keys of pictures (None: all), or texts where there are some."""

    name: str
    questions: tuple[Question, ...]
    depth: int | None  # how many of a ranking are counted; None: all
    gallery: tuple[str, ...] | None = None
    texts: tuple[tuple[str, str], ...] = ()  # (key, text)
    # besides the composer that is measured, those that use one half of the question
    baselines: tuple[str, ...] = ()


class Benchmark(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def split(self) -> str | None: ...

    @property
    def folder(self) -> Path: ...

    @property
    def tasks(self) -> Sequence[Task]: ...

    def pictures(self) -> Sequence[Picture]:
        """Those of the galleries and of the questions, each key once; raises InputError naming
        the first file that is not there."""
        ...

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        """Of the tasks that are there: a task with baselines comes once by its name, and as
        `TASK.BASELINE` for each."""
        ...


@runtime_checkable
class Submittable(Protocol):
    """A benchmark whose rankings have a file format of their own."""

    def read_predictions(self, files: Sequence[Path]) -> Rankings:
        """Raises InputError, naming file and query, for one that is missing or ranks an id twice.

        An id that no annotation has is kept: it is a miss.
        """
        ...

    def submission(self, rankings: Rankings) -> dict[str, str]:
        """File contents by the suffix of their names, "" where there is one file."""
        ...


def first_there(data: Path, *places: str) -> Path:
    """The first of these places below `data` that exists; raises InputError naming them all."""
    for place in places:
        if (data / place).exists():
            return data / place
    raise InputError(f"{data}: has none of {', '.join(places)}")


def listed_file(data: Path, listed: str) -> Path:
    """Where a listed path is below `data`: as it stands, or without its first folders, of which
    the last is always kept, so that a list of another machine's paths serves too. Where there is
    none, the first of these places."""
    parts = [part for part in PurePosixPath(listed).parts if part != "/"]
    places = [data.joinpath(*parts[at:]) for at in range(max(1, len(parts) - 1))]
    return next((place for place in places if place.is_file()), places[0])


def whole(pictures: Sequence[Picture]) -> Sequence[Picture]:
    """A benchmark is whole or it is refused: raises InputError naming the first file not there, or
    a key that stands for two pictures."""
    known: dict[str, Picture] = {}
    for picture in pictures:
        if known.setdefault(picture.key, picture) is not picture:
            raise InputError(f"{picture.file}: the picture {picture.key!r} is there twice")
        if not picture.file.is_file():
            raise InputError(f"{picture.file}: named by the benchmark, but not there")
    return pictures


def no_split(name: str, split: str | None) -> None:
    if split is not None:
        raise InputError(f"--split {split}: the {name} benchmark has no splits")


def chosen_split(split: str | None, splits: Sequence[str], where: str | Path) -> str:
    """The one that was asked for; else `val`, `dev`, or the first. Raises InputError for one that
    is not there."""
    if not splits:
        raise InputError(f"{where}: has no entries")
    preferred = [name for name in ("val", "dev") if name in splits]
    chosen = split or [*preferred, *splits][0]
    if chosen not in splits:
        raise InputError(f"{where}: --split {chosen}: expected one of {', '.join(splits)}")
    return chosen
