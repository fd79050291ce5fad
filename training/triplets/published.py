"""Triplets that others have published, read from the layouts in which they come.

cirr_triplets, fashioniq_triplets and megapairs_triplets -> triplets, one after the other; a
dataset's pictures are all there, or its first missing one is refused. Raises InputError, naming
file, entry and what is wrong, also for a split that names no targets.

MegaPairs: a table of `q_img` and `t_img`, paths of pictures, `q_text`, a list of instructions of
which one is drawn, and `hns`, a list of paths of negatives. The first of those is the query's own
picture, which is left out here: any query's picture is a negative of it.
Formats: as in `evaluation/benchmarks/cirr.py` and `fashioniq.py`; MegaPairs' is in
https://github.com/VectorSpaceLab/MegaPairs, Zhou et al., "MegaPairs: Massive Data Synthesis For
Universal Multimodal Retrieval", ACL 2025.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from evaluation.annotations import Entry, Kinds, fields, listed
from evaluation.benchmarks.cirr import cirr_benchmark
from evaluation.benchmarks.fashioniq import fashioniq_benchmark
from index.found import FileContent, is_utf8
from index.sourcing.tables import read_rows
from models.decode import DecodeLimits
from models.errors import ImageError, InputError
from training.triplets.triplet import Triplet

MEGAPAIRS: Kinds = {"q_img": str, "q_text": list, "t_img": str, "hns": list}
MEGAPAIRS_NEGATIVES = 4  # that the paper trains with, the query's own picture among them


def cirr_triplets(data: Path, split: str = "train") -> Iterator[Triplet]:
    benchmark = cirr_benchmark(data, split)
    files = {picture.key: picture.file for picture in benchmark.pictures()}
    for pair in benchmark.pairs:
        ids = (pair.reference, _named(data, split, pair.target))
        yield _triplet(files, ids, pair.caption, f"cirr/{split}")


def fashioniq_triplets(data: Path, split: str = "train") -> Iterator[Triplet]:
    """Both captions are one instruction, joined as MagicLens joins them."""
    benchmark = fashioniq_benchmark(data, split)
    files = {picture.key: picture.file for picture in benchmark.pictures()}
    for category, queries in benchmark.queries.items():
        for query in queries:
            ids = (query.candidate, _named(data, split, query.target))
            instruction = " and ".join(query.captions)
            yield _triplet(files, ids, instruction, f"fashioniq/{split}/{category}")


def megapairs_triplets(
    table: Path, pictures: Path, *, seed: int = 0, most_negatives: int = MEGAPAIRS_NEGATIVES - 1
) -> Iterator[Triplet]:
    """`pictures` is the folder that the table's paths are relative to."""
    folder = Path(os.path.realpath(pictures))
    for row, (where, entry) in enumerate(read_rows(table, tuple(MEGAPAIRS))):
        fields(where, entry, MEGAPAIRS)
        query, target = entry["q_img"], entry["t_img"]
        texts = listed(f"{where}, 'q_text'", entry["q_text"], str)
        negatives = _mined(where, entry)[:most_negatives]
        yield Triplet(
            query=_below(where, folder, query),
            target=_below(where, folder, target),
            instruction=texts[np.random.default_rng([seed, row]).integers(len(texts))],
            ids=(query, target),
            source="megapairs",
            negatives=tuple(_below(where, folder, path) for path in negatives),
        )


def _mined(where: str, entry: Entry) -> list[str]:
    negatives = listed(f"{where}, 'hns'", entry["hns"], str, at_least=0)
    if entry["t_img"] in (entry["q_img"], *negatives):
        raise InputError(f"{where}: 't_img' {entry['t_img']!r} is its own query or negative")
    return [path for path in negatives if path != entry["q_img"]]


def _named(data: Path, split: str, target: str | None) -> str:
    if target is None:
        raise InputError(f"{data}: the {split} split names no targets, which triplets need")
    return target


def _triplet(
    files: Mapping[str, Path], ids: tuple[str, str], instruction: str, source: str
) -> Triplet:
    query, target = ids
    return Triplet(_bytes(files[query]), _bytes(files[target]), instruction, ids, source)


def _below(where: str, folder: Path, path: str) -> bytes:
    if "\0" in path or not is_utf8(path):
        raise InputError(f"{where}: {path!a} is no path")
    file = Path(os.path.realpath(folder / path))
    if not file.is_relative_to(folder):
        raise InputError(f"{where}: {path!r} leads out of {folder}")
    return _bytes(file)


def _bytes(file: Path) -> bytes:
    try:
        return FileContent(file).read(DecodeLimits().max_bytes)
    except ImageError as error:
        raise InputError(f"{file}: {error}") from error
