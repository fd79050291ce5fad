"""What a benchmark says: which pictures are the gallery, what is asked, and which metrics count.

A benchmark knows no model; `evaluation/runner.py` joins it with one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from models.errors import InputError


@dataclass(frozen=True)
class Question:
    """One query: texts, a picture of the gallery, or a picture and instructions."""

    relevant: frozenset[str]  # gallery keys
    texts: tuple[str, ...] = ()
    picture: str | None = (
        None  # a file of the gallery; a composed query leaves it out of its ranking
    )


@dataclass(frozen=True)
class Task:
    """Questions with one gallery: the pictures, or, where `texts` is given, those texts by key."""

    name: str
    questions: tuple[Question, ...]
    recall_at: tuple[int, ...] = ()
    map_at: tuple[int, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()  # (key, text)


class Benchmark(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def folder(self) -> Path:
        """Where the gallery's files lie."""
        ...

    @property
    def files(self) -> Sequence[str]:
        """The gallery, paths below the folder; they are also its keys."""
        ...

    @property
    def tasks(self) -> Sequence[Task]: ...


def picture_folder(data: Path) -> Path:
    """`data/images` where there is one, else `data`; raises InputError where neither is a
    folder."""
    if not data.is_dir():
        raise InputError(f"{data}: not an existing folder")
    images = data / "images"
    return images if images.is_dir() else data


def check_files(folder: Path, files: Sequence[str]) -> None:
    """A benchmark is whole or it is refused: raises InputError naming the first file not there."""
    for file in files:
        if not (folder / file).is_file():
            raise InputError(f"{folder / file}: named by the benchmark, but not there")
