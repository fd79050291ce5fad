"""What a report on a collection says, in figures and in words that a person can act on.

Shares are between 0 and 1; `recall` is by name, as R@10. `metrics` gives every share by one name,
`lines` the whole report.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LISTED = 10  # of what a report in words lists; its figures list more
SHORT = 80  # characters of a caption


@dataclass(frozen=True)
class IndexRecall:
    """Of the truly nearest pictures, those that the index finds."""

    queries: int
    recall: dict[str, float]

    def lines(self, kind: str) -> Iterator[str]:
        shares = " and ".join(f"{share:.1%} ({name})" for name, share in self.recall.items())
        yield f"Index, {self.queries} {kind} queries: finds {shares} of the truly nearest pictures."
        if min(self.recall.values()) < 0.95:
            yield "  Answers miss pictures that an exact search finds: index anew, or exactly."


@dataclass(frozen=True)
class Ranks:
    recall: dict[str, float]
    median: float


@dataclass(frozen=True)
class PoorCaption:
    id: str
    path: str
    caption: str
    rank: int  # of its own picture among all
    rank_among_alike: int


@dataclass(frozen=True)
class Captions:
    """Whether a caption finds its own picture; pictures of equal score come before it."""

    captions: int
    too_long: int  # for the model, which cuts them
    among_all: Ranks
    among_alike: Ranks  # those that look most like it
    alike: int  # at most so many
    worst: tuple[PoorCaption, ...]

    def lines(self) -> Iterator[str]:
        yield f"Captions, {self.captions} of them, asked as queries:"
        yield f"  among all pictures, {_found(self.among_all)};"
        yield f"  among the {self.alike} that look most like it, {_found(self.among_alike)}."
        if self.too_long:
            yield f"  {self.too_long} are longer than the model reads: their ends do not count."
        if self.worst:
            yield "  Read these: they tell of something else, or too little to be told apart."
        for each in self.worst[:LISTED]:
            yield (
                f"  rank {each.rank}, {each.rank_among_alike} among those alike: {each.path}: "
                f"{each.caption[:SHORT]!r}"
            )


@dataclass(frozen=True)
class Pair:
    cosine: float
    ids: tuple[str, str]
    paths: tuple[str, str]


@dataclass(frozen=True)
class Duplicates:
    """Pictures to which another is so alike that a person may take them for one."""

    pictures: int
    cosine: float  # from which on they count
    share: float
    pairs: tuple[Pair, ...]

    def lines(self) -> Iterator[str]:
        yield (
            f"Near-duplicates: {self.share:.1%} of {self.pictures} pictures have another at a "
            f"cosine of {self.cosine} or more."
        )
        if self.pairs:
            yield "  Look whether both are wanted:"
        for pair in self.pairs[:LISTED]:
            yield f"  {pair.cosine:.4f}  {pair.paths[0]}  {pair.paths[1]}"


@dataclass(frozen=True)
class Latency:
    """Of one query after another; of a text's, its embedding is a part."""

    queries: int
    p50_ms: float
    p99_ms: float

    def lines(self, kind: str) -> Iterator[str]:
        yield (
            f"Latency, {kind}: half of {self.queries} queries within {self.p50_ms:.1f} ms, 99% "
            f"within {self.p99_ms:.1f} ms."
        )


@dataclass(frozen=True)
class Missed:
    line: int  # of the file of queries
    query: str
    rank: int | None  # of the first that was expected; None: not found at all


@dataclass(frozen=True)
class Answers:
    """Queries that say what they should find."""

    queries: int
    metrics: dict[str, float]
    missed: tuple[Missed, ...]  # nothing of it on the first page

    def lines(self, kind: str) -> Iterator[str]:
        shares = ", ".join(f"{name} {value:.3f}" for name, value in self.metrics.items())
        yield f"Expected answers, {self.queries} {kind} queries: {shares}."
        for each in self.missed[:LISTED]:
            rank = "not found" if each.rank is None else f"rank {each.rank}"
            yield f"  {rank}: line {each.line}: {each.query[:SHORT]!r}"


@dataclass(frozen=True)
class CollectionReport:
    """`index`, `latency` and `answers` are by kind of query, text and image; what could not be
    measured is not there."""

    model: str
    space: str
    counts: dict[str, int]
    index: dict[str, IndexRecall]
    captions: Captions | None
    duplicates: Duplicates | None
    latency: dict[str, Latency]
    answers: dict[str, Answers]
    seconds: float

    def metrics(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for kind, index in self.index.items():
            found |= _named(f"index.{kind}", index.recall)
        if self.captions is not None:
            found |= _named("captions", self.captions.among_all.recall)
            found |= _named("captions.alike", self.captions.among_alike.recall)
        if self.duplicates is not None:
            found["near_duplicates"] = self.duplicates.share
        for kind, answers in self.answers.items():
            found |= _named(kind, answers.metrics)
        return found

    def lines(self) -> list[str]:
        return [*self._lines()]

    def _lines(self) -> Iterator[str]:
        counts = {name: f"{count:,}" for name, count in self.counts.items()}
        yield (
            f"{self.model} ({self.space}): {counts['pictures']} pictures, {counts['captioned']} of "
            f"them with a caption; {counts['failures']} files could not be taken."
        )
        yield (
            f"Drawn from them: {counts['drawn_pictures']} pictures, {counts['drawn_captions']} "
            "captions."
        )
        for kind, index in self.index.items():
            yield from index.lines(kind)
        if self.captions is not None:
            yield from self.captions.lines()
        else:
            yield "Captions: no picture has one."
        if self.duplicates is not None:
            yield from self.duplicates.lines()
        for kind, latency in self.latency.items():
            yield from latency.lines(kind)
        for kind, answers in self.answers.items():
            yield from answers.lines(kind)


def _found(ranks: Ranks) -> str:
    shares = ", ".join(f"{share:.1%} ({name})" for name, share in ranks.recall.items())
    return f"find their own picture: {shares}, median rank {ranks.median:g}"


def _named(group: str, figures: Mapping[str, float]) -> dict[str, float]:
    return {f"{group}/{name}": value for name, value in figures.items()}
