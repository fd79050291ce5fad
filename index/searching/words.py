"""Items by words: SQLite's FTS5 over captions and paths, ranked by its BM25.

A word is what stands between spaces, without regard to case or accents; one with marks inside it
("IMG_2041") is its parts next to each other. First come the items of which one occurrence has all
the words, then those with any of them; within each, by BM25 of the best occurrence, a caption
counting CAPTION times as much as a path, and by id. Among `any`, a word does not count that more
than COMMON occurrences have: it tells little, and costs most.

score = 1 + b / (1 + b) of all the words, b / (1 + b) of any: over 1, and below it.
BM25 as in https://www.sqlite.org/fts5.html#the_bm25_function, with its sign turned.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.filtering.facts import Database
from index.gallery import Gallery
from index.vectors.neighbours import Rows

MAX_WORDS = 64  # of one text; those after them do not count
COMMON = 20_000
CAPTION, PATH = 2.0, 1.0

FOUND = f"""SELECT o.item_id, -bm25(words, {CAPTION}, {PATH})
    FROM words CROSS JOIN occurrences AS o ON o.key = words.rowid WHERE words MATCH ?"""
COUNTED = """SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"""


@dataclass(frozen=True)
class Ranked:
    """Best first, ties by id, no row twice."""

    rows: Rows  # (m,)
    scores: NDArray[np.float64]  # (m,)


def words_of(text: str) -> list[str]:
    """Each once, in their order."""
    # half of a character, which no catalogue holds, becomes a mark
    sound = text.encode(errors="replace").decode()
    return list(dict.fromkeys(sound.replace("\0", " ").split()))


def tiers(
    database: Database, gallery: Gallery, text: str, common: int = COMMON
) -> Iterator[Ranked]:
    """The items with all the words, then the others with any of them; every score of the first is
    above every one of the second, which is not looked for unless it is asked for."""
    words = [_quoted(word) for word in words_of(text)[:MAX_WORDS]]
    having_all = _ranked(gallery, _found(database, words, " "), 1.0)
    yield having_all
    telling = [word for word in words if _count(database, word, common + 1) <= common]
    having_any = _ranked(gallery, _found(database, telling, " OR "), 0.0)
    new = ~np.isin(having_any.rows, having_all.rows)
    yield Ranked(having_any.rows[new], having_any.scores[new])


def _quoted(word: str) -> str:
    """A string of FTS5's language: nothing in it is an operator, and marks that are no part of any
    word leave it."""
    return '"' + word.replace('"', '""') + '"'


def _found(database: Database, words: Sequence[str], join: str) -> list[tuple[str, float]]:
    """(id, BM25) of every occurrence that has them."""
    return list(database.rows(FOUND, (join.join(words),))) if words else []


def _count(database: Database, word: str, most: int) -> int:
    """How many occurrences have it; not counted any further than `most`."""
    ((count,),) = database.rows(COUNTED, (word, most))
    return int(count)


def _ranked(gallery: Gallery, found: Sequence[tuple[str, float]], base: float) -> Ranked:
    rows = gallery.rows_of([id_ for id_, _ in found])
    bm25 = np.array([score for _, score in found], dtype=np.float64)
    rows, bm25 = rows[rows >= 0], bm25[rows >= 0]
    keys = gallery.id_keys(rows)
    order = np.lexsort((keys[:, 1], keys[:, 0], -bm25))
    _, best = np.unique(rows[order], return_index=True)  # the first of each row is its best
    kept = order[np.sort(best)]
    return Ranked(rows[kept], base + bm25[kept] / (1 + bm25[kept]))
