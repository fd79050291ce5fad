"""The indexes that benchmarks.search compares, each built, kept in a folder, opened and searched.

FaissEngine is Pictor's own index, or any other kind of FAISS's, tuned and with its candidates
scored exactly, as Pictor searches. UsearchEngine is usearch's HNSW over float16, mapped, its search
widened until the first queries of each kind reach the target; it needs the package usearch.
"""

import importlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.ground import DEPTH, KINDS, Ground, Rows
from index.faiss import Among, FaissIndex
from index.vectors.choosing import Budget, choose
from index.vectors.effort import Effort, parse_tuning
from index.vectors.tuning import tune
from index.vectors.units import StackedUnits, inner_products
from models.errors import InputError
from models.vectors import Vector

TARGET = 0.97
EXACT_ROWS = 10_000  # a filter that lets no more through is scanned
WIDENED = (10, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
TUNED_ON = 200  # queries of each kind

Search = Callable[[Vector], Rows]  # (dim,) -> the ten nearest rows, nearest first


class Opened(Protocol):
    def searching(self, kind: str) -> Search: ...

    def searching_among(self, kind: str, among: Among) -> Search | None:
        """None of an engine that cannot."""
        ...

    @property
    def said(self) -> str:
        """What it was tuned to."""
        ...


class Engine(Protocol):
    @property
    def name(self) -> str: ...

    def build(self, ground: Ground, folder: Path) -> None: ...

    def open(self, ground: Ground, folder: Path) -> Opened: ...


@dataclass(frozen=True)
class FaissEngine:
    name: str
    factory: str = ""  # what Pictor chooses

    def build(self, ground: Ground, folder: Path) -> None:
        units = ground.units
        dimension = ground.queries("image").shape[1]
        factory = self.factory or choose(len(units), dimension, Budget(recall=TARGET))
        index = FaissIndex.build(factory, dimension, units)
        index.write(folder / "index.faiss")
        tuning = tune(index, units, target=TARGET)
        (folder / "tuning.json").write_text(tuning.to_json())

    def open(self, ground: Ground, folder: Path) -> Opened:
        file = folder / "index.faiss"
        dimension = ground.queries("image").shape[1]
        index = FaissIndex.open(file, dimension, file.stat().st_size)
        tuning = parse_tuning((folder / "tuning.json").read_text())
        efforts = {"image": tuning.image.effort, "text": tuning.text.effort}
        return OpenedFaiss(ground.units, index, efforts)


@dataclass(frozen=True)
class OpenedFaiss:
    units: StackedUnits
    index: FaissIndex
    efforts: dict[str, Effort]

    @property
    def said(self) -> str:
        return ", ".join(
            f"{kind}: breadth {effort.breadth} of {self.index.widest}, {effort.proposed} scored"
            for kind, effort in self.efforts.items()
        )

    def searching(self, kind: str) -> Search:
        effort = self.efforts[kind]
        return lambda vector: self._nearest(vector, self._proposed(vector, effort, None))

    def searching_among(self, kind: str, among: Among) -> Search | None:
        marked = np.flatnonzero(among)
        if len(marked) <= EXACT_ROWS:
            return lambda vector: self._nearest(vector, marked)
        if not self.index.takes_selector:
            return None
        effort = self.efforts[kind].among(len(marked) / len(among))
        return lambda vector: self._nearest(vector, self._proposed(vector, effort, among))

    def _proposed(self, vector: Vector, effort: Effort, among: Among | None) -> Rows:
        ((_, rows),) = self.index.search(vector[None], effort.proposed, effort=effort, among=among)
        return rows

    def _nearest(self, vector: Vector, rows: Rows) -> Rows:
        scores = inner_products(self.units.take(rows), vector)
        return rows[np.argsort(-scores)[:DEPTH]]


@dataclass(frozen=True)
class UsearchEngine:
    name: str = "usearch HNSW, float16"

    def build(self, ground: Ground, folder: Path) -> None:
        usearch = _usearch()
        dimension = ground.queries("image").shape[1]
        index = usearch.Index(ndim=dimension, metric="ip", dtype="f16")
        first = 0
        for chunk in ground.units.chunks():
            index.add(np.arange(first, first + len(chunk)), chunk)
            first += len(chunk)
        index.save(str(folder / "index.usearch"))
        expansions = {kind: _widened(index, ground, kind) for kind in KINDS}
        (folder / "expansions.json").write_text(json.dumps(expansions))

    def open(self, ground: Ground, folder: Path) -> Opened:
        index = _usearch().Index.restore(str(folder / "index.usearch"), view=True)
        return OpenedUsearch(index, json.loads((folder / "expansions.json").read_text()))


@dataclass(frozen=True)
class OpenedUsearch:
    index: Any
    expansions: dict[str, int]

    @property
    def said(self) -> str:
        return ", ".join(f"{kind}: expansion {each}" for kind, each in self.expansions.items())

    def searching(self, kind: str) -> Search:
        self.index.expansion_search = self.expansions[kind]
        return lambda vector: self.index.search(vector, DEPTH).keys.astype(np.int64)

    def searching_among(self, kind: str, among: Among) -> Search | None:
        return None


def _widened(index: Any, ground: Ground, kind: str) -> int:  # noqa: ANN401
    for expansion in WIDENED:
        index.expansion_search = expansion
        vectors = ground.queries(kind)[:TUNED_ON]
        found = [index.search(vector, DEPTH).keys.astype(np.int64) for vector in vectors]
        if ground.recall(kind, 1.0, found) >= TARGET:
            return expansion
    return WIDENED[-1]


def _usearch() -> Any:  # noqa: ANN401
    try:
        return importlib.import_module("usearch.index")
    except ImportError as error:
        raise InputError("usearch is not installed: pip install usearch") from error
