"""How long a benchmark's questions take over a gallery of CIRCO's size.

    python -m benchmarks.ranking [--pictures 123403] [--questions 800] [--dimension 512]

Random unit vectors stand for the pictures and the questions; the evaluation's own examiner ranks
them, fifty deep, and CIRCO's mAP is counted. Printed: seconds, the seconds of one search a
question in the same run, and the process's memory at its peak, beside that of the vectors.
"""

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.benchmark import Picture, Question, Task
from evaluation.embedded import Embedded
from evaluation.examiner import Examiner
from evaluation.metrics import map_at_k
from index.search import search
from index.snapshot import Snapshot
from models.composers.composer import Asked
from models.encoders import Prompt
from models.query import Question as Query
from models.query import single
from models.space import Space
from models.vectors import Embeddings
from tests.fakes import ColourEncoder
from tests.index.galleries import numbered, snapshot_of

DEPTH = 50


@dataclass(frozen=True)
class Random:
    """A composer whose queries have nothing to do with what is asked."""

    space: Space
    name: str = "random"

    def prompts(self, asked: Asked) -> list[Prompt]:
        return []

    def compose(self, asked: Sequence[Asked], texts: Sequence[Embeddings]) -> list[Query]:
        seeds = [int(each.instructions[0]) for each in asked]
        generators = [np.random.default_rng(seed) for seed in seeds]
        vectors = [g.standard_normal(self.space.dimension, dtype=np.float32) for g in generators]
        return [single(self.space, vector) for vector in vectors]


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def random_gallery(pictures: int, dimension: int) -> Snapshot:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((pictures, dimension), dtype=np.float32)
    return snapshot_of(rows, rows_a_segment=16384)


def questions_of(count: int, pictures: int) -> tuple[Question, ...]:
    generator = np.random.default_rng(1)
    truths = generator.integers(0, pictures, (count, 5))
    return tuple(
        Question(frozenset(map(str, truths[at])), ((str(at),),), picture=str(at))
        for at in range(count)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=123_403)
    parser.add_argument("--questions", type=int, default=800)
    parser.add_argument("--dimension", type=int, default=512)
    options = parser.parse_args()
    snapshot = random_gallery(options.pictures, options.dimension)
    keys = [str(number) for number in range(options.pictures)]
    gallery = Embedded(
        snapshot,
        {key: Picture(key, Path(key)) for key in keys},
        dict(zip(keys, numbered(options.pictures), strict=True)),
    )
    (space,) = snapshot.spaces
    composer = Random(space)
    task = Task("composed", questions_of(options.questions, options.pictures), DEPTH)
    examiner = Examiner(gallery, ColourEncoder(), lambda key: snapshot.embeddings(gallery.ids[key]))
    started = time.monotonic()
    rankings = examiner.rankings(task, composer)
    found = map_at_k(rankings, [each.relevant for each in task.questions], DEPTH)
    seconds = time.monotonic() - started
    # float16 in the segments, float32 in the index
    vector_bytes = options.pictures * options.dimension * (2 + 4)
    print(
        f"{options.questions} questions over {options.pictures} pictures of {options.dimension}: "
        f"{seconds:.1f} s, peak memory {peak_bytes() / 2**20:.0f} MiB, of which vectors "
        f"{vector_bytes / 2**20:.0f}; mAP@{DEPTH} {found:.6f}"
    )
    alone = task.questions[:50]
    started = time.monotonic()
    for question in alone:
        (query,) = composer.compose([Asked({}, question.wordings[0])], [])
        search(snapshot, query, limit=DEPTH)
    one = (time.monotonic() - started) / len(alone)
    print(f"one search a question: {one * options.questions:.1f} s ({one * 1e3:.1f} ms each)")


if __name__ == "__main__":
    main()
