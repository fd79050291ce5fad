"""Join a benchmark with a model, through Pictor's own indexing and search.

The gallery becomes a collection in a temporary folder and every question a `Query`. A picture that
cannot be read fails the run and is named: nothing drops out of a metric. Scores are the search
kernel's; ties go by id. A light query encoder may ask in the model's place: the gallery stays the
model's, and the questions' texts and pictures are embedded by the light one. Raises SpaceError
where it is not of the model's spaces.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np

from evaluation.benchmark import Benchmark, Question, Task
from evaluation.metrics import map_at_k, recall_at_k
from index.collection import Collection, Snapshot
from index.items import item_id
from index.job import JobOptions, build_collection
from index.search import score, search
from index.sources import FoundImage, Listener, Root
from models.composers.composer import Asked, Composer, compose_now
from models.decode import decode
from models.encoders import DualEncoder, PictureEmbeddings, by_space
from models.errors import InputError, SpaceError
from models.query import Question as SearchQuestion
from models.query import single
from models.space import named
from models.vectors import Embeddings, unit

TEXT_BATCH = 256
COMPOSED_BATCH = 32
SOURCE = "gallery"
Announce = Callable[[str], None]
Pictures = Callable[[str], PictureEmbeddings]  # of a file of the benchmark
Composition = tuple[str, tuple[str, ...]]  # a picture, and what to change in it


@dataclass(frozen=True)
class Evaluation:
    benchmark: str
    model: str
    space: str
    composer: str
    counts: dict[str, int]  # pictures, and questions by task
    metrics: dict[str, float]  # TASK/R@k, TASK/mAP@k: between 0 and 1
    seconds: float


@dataclass(frozen=True)
class GallerySource:
    """Exactly the benchmark's files; the first that cannot be read ends the run."""

    root: Root
    files: Sequence[str]
    name: str = SOURCE

    def walk(self, failed: Listener | None = None) -> Iterator[FoundImage]:
        for file in self.files:
            yield FoundImage(self.name, file, self.root.path / file, None, {})


def evaluate(  # noqa: PLR0913
    benchmark: Benchmark,
    encoder: DualEncoder,
    composer: Composer,
    *,
    model: str,
    threads: int,
    announce: Announce,
    query_encoder: DualEncoder | None = None,
) -> Evaluation:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="pictor-evaluate-") as folder:
        announce(f"embedding {len(benchmark.files)} pictures")
        collection = _index(benchmark, encoder, Path(folder) / "gallery", model, threads)
        metrics: dict[str, float] = {}
        with collection.snapshot() as snapshot:
            ids = _ids(benchmark)
            pictures = _stored(snapshot, ids)
            if query_encoder is not None:
                pictures = _seen_by(query_encoder, snapshot, benchmark.folder)
            examiner = Examiner(snapshot, query_encoder or encoder, composer, ids, pictures)
            for task in benchmark.tasks:
                announce(f"{task.name}: {len(task.questions)} questions")
                metrics |= _measure(task, examiner)
        collection.close()
    return Evaluation(
        benchmark=benchmark.name,
        model=model,
        space=named(encoder.spaces),
        composer=composer.name,
        counts={"pictures": len(benchmark.files)}
        | {task.name: len(task.questions) for task in benchmark.tasks},
        metrics=metrics,
        seconds=time.monotonic() - started,
    )


def _index(
    benchmark: Benchmark, encoder: DualEncoder, out: Path, model: str, threads: int
) -> Collection:
    source = GallerySource(Root(SOURCE, benchmark.folder), benchmark.files)
    options = JobOptions(threads=threads)
    report = build_collection(out, [source], encoder, model=model, options=options)
    collection = Collection.open(out)
    if report.failed:
        with collection.snapshot() as snapshot:
            failure = next(iter(snapshot.failures()))
        collection.close()
        raise InputError(f"{benchmark.folder / failure.path}: {failure.reason}")
    return collection


def _ids(benchmark: Benchmark) -> dict[str, str]:
    """File -> item id: files with the same bytes are one item."""
    return {file: item_id((benchmark.folder / file).read_bytes()) for file in benchmark.files}


def _stored(snapshot: Snapshot, ids: Mapping[str, str]) -> Pictures:
    return lambda file: snapshot.embeddings(ids[file])


def _seen_by(encoder: DualEncoder, snapshot: Snapshot, folder: Path) -> Pictures:
    if encoder.spaces != snapshot.spaces:
        raise SpaceError(
            f"the query encoder is of {named(encoder.spaces)}, the gallery of "
            f"{named(snapshot.spaces)}"
        )

    @cache
    def embeddings(file: str) -> PictureEmbeddings:
        pixels = encoder.prepare(decode((folder / file).read_bytes()))
        return by_space(encoder.encode_images([pixels])[0], encoder.spaces)

    return embeddings


@dataclass(frozen=True)
class Examiner:
    """Asks one collection; rankings are item ids, or the keys of a task's texts."""

    snapshot: Snapshot
    encoder: DualEncoder
    composer: Composer
    id_of: dict[str, str]
    pictures: Pictures
    # several tasks may ask the same: all edits, and those of one kind
    _composed: dict[Composition, SearchQuestion] = field(default_factory=dict)

    def rankings(self, task: Task, depth: int) -> list[list[str]]:
        if task.texts:
            return self._text_rankings(task, depth)
        return [self._ranking(asked, left_out, depth) for asked, left_out in self._asked(task)]

    def relevant(self, task: Task) -> list[frozenset[str]]:
        if task.texts:
            return [question.relevant for question in task.questions]
        return [
            frozenset(self.id_of[file] for file in question.relevant) for question in task.questions
        ]

    def _ranking(self, question: SearchQuestion, left_out: frozenset[str], depth: int) -> list[str]:
        page = search(self.snapshot, question, limit=depth, without=left_out)
        return [hit.id for hit in page.hits]

    def _asked(self, task: Task) -> Iterator[tuple[SearchQuestion, frozenset[str]]]:
        """In the questions' order; a composed question leaves its picture out of its ranking."""
        texts = sorted({q.texts[0] for q in task.questions if q.picture is None})
        rows = dict(zip(texts, self._embed(texts), strict=True))
        self._compose([q for q in task.questions if q.picture and q.texts])
        for question in task.questions:
            if question.picture is None:
                yield single(self.encoder.space, rows[question.texts[0]]), frozenset()
                continue
            reference, space = self.id_of[question.picture], self.encoder.spaces[-1]
            if question.texts:
                composed = self._composed[question.picture, question.texts]
                yield composed, frozenset({reference})
            else:
                alike = single(space, self.pictures(question.picture)[space])
                yield alike, frozenset({reference})

    def _compose(self, questions: Sequence[Question]) -> None:
        wanted = dict.fromkeys((str(q.picture), q.texts) for q in questions)
        new = [each for each in wanted if each not in self._composed]
        for at in range(0, len(new), COMPOSED_BATCH):
            batch = new[at : at + COMPOSED_BATCH]
            asked = [Asked(self.pictures(picture), texts) for picture, texts in batch]
            made = compose_now(self.encoder, self.composer, asked)
            self._composed.update(zip(batch, made, strict=True))

    def _text_rankings(self, task: Task, depth: int) -> list[list[str]]:
        units = unit(self._embed([text for _, text in task.texts]))[0].astype(np.float16)
        keys = np.array([key for key, _ in task.texts])
        rankings = []
        for question in task.questions:
            space = self.encoder.space
            image = self.pictures(str(question.picture))[space]
            scores = score({space: units}, single(space, image))
            order = np.lexsort((keys, -scores))[:depth]
            rankings.append([str(key) for key in keys[order]])
        return rankings

    def _embed(self, texts: Sequence[str]) -> Embeddings:
        batches = [texts[at : at + TEXT_BATCH] for at in range(0, len(texts), TEXT_BATCH)]
        encoded = [self.encoder.encode_texts(batch) for batch in batches]
        return np.concatenate([self.encoder.encode_texts([]), *encoded])


def _measure(task: Task, examiner: Examiner) -> dict[str, float]:
    depth = max((*task.recall_at, *task.map_at))
    rankings, relevant = examiner.rankings(task, depth), examiner.relevant(task)
    recalls = {f"{task.name}/R@{k}": recall_at_k(rankings, relevant, k) for k in task.recall_at}
    maps = {f"{task.name}/mAP@{k}": map_at_k(rankings, relevant, k) for k in task.map_at}
    return recalls | maps
