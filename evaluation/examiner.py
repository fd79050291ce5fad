"""Ask a collection a benchmark's questions: rankings of keys, best first.

Scores are the search kernel's. What is asked of all pictures goes through `search` itself; what
has a gallery of its own, a whole ranking, or several wordings has every candidate scored. Equal
scores go by the gallery's order (by id in a search), and in a question's own gallery against what
is relevant. A light query encoder may ask in the model's place: the gallery stays the model's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evaluation.benchmark import Question, Ranking, Task
from evaluation.embedded import Embedded, read_picture
from index.gallery import Rows
from index.search import MAX_LIMIT, score, scores_of, search_many
from models.composers.composer import Asked, Composer, compose_now
from models.decode import decode
from models.encoders import DualEncoder, PictureEmbeddings, by_space, encode_texts_by
from models.errors import ImageError, InputError, SpaceError
from models.query import Question as SearchQuestion
from models.query import single
from models.space import named
from models.vectors import unit

BATCH = 32

Pictures = Callable[[str], PictureEmbeddings]  # by key


@dataclass(frozen=True)
class Candidates:
    """A gallery's pictures: their keys, and the rows of their vectors."""

    keys: NDArray[np.object_]  # (m,)
    rows: Rows  # (m,)


@dataclass(frozen=True)
class Examiner:
    gallery: Embedded
    encoder: DualEncoder  # of the questions
    pictures: Pictures

    def rankings(self, task: Task, composer: Composer) -> list[Ranking]:
        """One a question, in order."""
        if task.texts:
            return self._text_rankings(task)
        searched = _is_searched(task)
        own = None if task.gallery is None else self._candidates(task.gallery)
        ranked: list[Ranking] = []
        for at in range(0, len(task.questions), BATCH):
            questions = task.questions[at : at + BATCH]
            asked = list(self._asked(questions, composer))
            if searched:
                ranked += self._found(questions, [each for (each,) in asked], task.depth or 0)
                continue
            for question, queries in zip(questions, asked, strict=True):
                scored = self._scored(question, queries, own or self._everything)
                ranked.append(scored[: task.depth])
        return ranked

    def _found(
        self, questions: Sequence[Question], asked: Sequence[SearchQuestion], depth: int
    ) -> list[list[str]]:
        # an item that is not left out has a key that counts
        without = [self._left_out(question) for question in questions]
        pages = search_many(self.gallery.snapshot, asked, limit=depth, without=without)
        rankings = []
        for question, hits in zip(questions, pages, strict=True):
            keys = (key for hit in hits for key in self._keys_of[hit.id])
            rankings.append([key for key in keys if key not in question.ignored][:depth])
        return rankings

    def _scored(
        self, question: Question, asked: Sequence[SearchQuestion], candidates: Candidates
    ) -> list[str]:
        """Every candidate, by its mean score over the wordings."""
        if question.among is not None:
            candidates = self._candidates(question.among)
        left_out = [self._rows_by_id[id_] for id_ in self._left_out(question)]
        without = np.array(left_out, dtype=np.int64)
        snapshot = self.gallery.snapshot
        each = [scores_of(snapshot, query, candidates.rows, without) for query in asked]
        scores = np.mean(each, axis=0)
        tied = np.arange(len(scores))
        if question.among is not None:
            tied = np.array([key in question.relevant for key in candidates.keys])
        keys: list[str] = candidates.keys[np.lexsort((tied, -scores))].tolist()
        if not question.ignored:
            return keys
        return [key for key in keys if key not in question.ignored]

    def _left_out(self, question: Question) -> frozenset[str]:
        """Items all of whose keys leave the ranking."""
        ids = {self.gallery.ids[key] for key in question.ignored if key in self.gallery.ids}
        return frozenset(id_ for id_ in ids if question.ignored.issuperset(self._keys_of[id_]))

    def _asked(
        self, questions: Sequence[Question], composer: Composer
    ) -> Iterator[list[SearchQuestion]]:
        """For each question one query a wording."""
        texts = [" ".join(w) for q in questions if q.picture is None for w in q.wordings]
        by_text = iter(encode_texts_by(self.encoder, texts, BATCH))
        composed = [
            Asked(self.pictures(q.picture), wording)
            for q in questions
            if q.picture is not None
            for wording in q.wordings
        ]
        by_composition = iter(compose_now(self.encoder, composer, composed) if composed else [])
        for question in questions:
            if question.picture is None:
                yield [single(self.encoder.space, next(by_text)) for _ in question.wordings]
            elif question.wordings:
                yield [next(by_composition) for _ in question.wordings]
            else:
                space = self.encoder.spaces[-1]
                yield [single(space, self.pictures(question.picture)[space], "image")]

    def _text_rankings(self, task: Task) -> list[Ranking]:
        texts = [text for _, text in task.texts]
        units = unit(encode_texts_by(self.encoder, texts, BATCH))[0].astype(np.float16)
        keys = np.array([key for key, _ in task.texts])
        space, rankings = self.encoder.space, list[Ranking]()
        for question in task.questions:
            image = self.pictures(str(question.picture))[space]
            scores = score({space: units}, single(space, image))
            order = np.lexsort((keys, -scores))[: task.depth]
            rankings.append(keys[order].tolist())
        return rankings

    def _candidates(self, keys: Sequence[str]) -> Candidates:
        rows = [self._rows_by_id[self.gallery.ids[key]] for key in keys]
        return Candidates(np.array(keys, dtype=object), np.array(rows, dtype=np.int64))

    @cached_property
    def _everything(self) -> Candidates:
        return self._candidates(list(self.gallery.pictures))

    @cached_property
    def _keys_of(self) -> dict[str, list[str]]:
        """By item id, in the benchmark's order."""
        keys: dict[str, list[str]] = {}
        for key in self.gallery.pictures:
            keys.setdefault(self.gallery.ids[key], []).append(key)
        return keys

    @cached_property
    def _rows_by_id(self) -> dict[str, int]:
        gallery = self.gallery.snapshot.gallery
        ids = gallery.ids(gallery.rows)
        return dict(zip(ids, gallery.rows.tolist(), strict=True))


def _is_searched(task: Task) -> bool:
    """Asked once of all pictures, and no deeper than a search goes."""
    if task.gallery is not None or task.depth is None or task.depth > MAX_LIMIT:
        return False
    return all(each.among is None and len(each.wordings) <= 1 for each in task.questions)


def examiner(
    gallery: Embedded, encoder: DualEncoder, query_encoder: DualEncoder | None
) -> Examiner:
    """Raises SpaceError where the query encoder is not of the gallery's spaces."""
    if query_encoder is None:
        snapshot = gallery.snapshot
        return Examiner(gallery, encoder, lambda key: snapshot.embeddings(gallery.ids[key]))
    if query_encoder.spaces != gallery.snapshot.spaces:
        raise SpaceError(
            f"the query encoder is of {named(query_encoder.spaces)}, the gallery of "
            f"{named(gallery.snapshot.spaces)}"
        )
    return Examiner(gallery, query_encoder, _seen_by(query_encoder, gallery))


def _seen_by(encoder: DualEncoder, gallery: Embedded) -> Pictures:
    seen: dict[str, PictureEmbeddings] = {}

    def embeddings(key: str) -> PictureEmbeddings:
        if key not in seen:
            picture = gallery.pictures[key]
            try:
                pixels = encoder.prepare(decode(read_picture(picture)))
            except ImageError as error:
                raise InputError(f"{picture.file}: {error}") from error
            seen[key] = by_space(encoder.encode_images([pixels])[0], encoder.spaces)
        return seen[key]

    return embeddings
