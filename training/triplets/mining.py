"""Pairs of pictures that are related and not the same, out of groups of pictures.

mine(sources, encoder, config) -> pairs, query and target, in the order in which they were met, and
a report in which every drop is counted by its reason. As in MagicLens, pictures of one page are
grouped and cleaned, pairs scored and filtered. A pair is kept whose two pictures are alike within a
range of cosines, and where the target has a text, that fits the query's picture within another. Of
a group a few are drawn, by the seed and the group's name; of each band of similarity equally many,
as far as there are, by the seed. Others that are as related to the query go with a pair as its
negatives, as in MegaPairs. Memory holds one group and what the bands hold.
Sources: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024; Zhou et al., "MegaPairs: Massive Data Synthesis For Universal Multimodal Retrieval", ACL
2025.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.encoders import DualEncoder
from models.vectors import directed, unit
from training.triplets.cleaning import CleanGroup, Cleaning
from training.triplets.groups import GroupPicture, GroupSource
from training.triplets.mining_config import Mining

TOO_FAR = "pictures too far apart"
TOO_NEAR = "pictures too much alike"
TEXT_TOO_FAR = "text too far from the other picture"
TEXT_TOO_NEAR = "text fits the other picture too well"
GROUP_FULL = "more than enough of its group"
BAND_FULL = "more than enough of its band"

Similarities = NDArray[np.float32]  # (pictures, pictures): of a query, by row, and a target


@dataclass(frozen=True)
class Pair:
    query: GroupPicture
    target: GroupPicture
    group: str
    similarity: float  # cosine of the two pictures
    negatives: tuple[GroupPicture, ...] = ()  # as related to the query, the nearest first


@dataclass
class MiningReport:
    """Pictures are those dropped and those compared; pairs, those dropped and those kept."""

    groups: int = 0
    pictures: int = 0
    pairs: int = 0
    compared: int = 0
    bands: tuple[int, ...] = ()  # pairs kept, from the least alike on
    dropped_pictures: Counter[str] = field(default_factory=Counter)
    dropped_pairs: Counter[str] = field(default_factory=Counter)

    @property
    def kept(self) -> int:
        return sum(self.bands)

    def content(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "groups": self.groups,
            "pictures": {"there": self.pictures, "dropped": dict(self.dropped_pictures)},
            "pairs": {"there": self.pairs, "dropped": dict(self.dropped_pairs)},
            "kept": {"pairs": self.kept, "by band": list(self.bands)},
        }


@dataclass(frozen=True)
class Mined:
    pairs: list[Pair]
    report: MiningReport


@dataclass
class Reservoir:
    """A uniform draw of at most `room` pairs out of any number that are offered.

    Source: Vitter, "Random Sampling with a Reservoir", ACM TOMS 1985, algorithm R.
    """

    room: int
    random: np.random.Generator
    kept: list[tuple[int, Pair]] = field(default_factory=list)  # with their place in the order
    offered: int = 0

    def offer(self, place: int, pair: Pair) -> None:
        self.offered += 1
        if len(self.kept) < self.room:
            self.kept.append((place, pair))
            return
        at = int(self.random.integers(self.offered))
        if at < self.room:
            self.kept[at] = (place, pair)


def mine(sources: Sequence[GroupSource], encoder: DualEncoder, config: Mining) -> Mined:
    report, cleaning = MiningReport(), Cleaning(encoder, config)
    bands = [
        Reservoir(config.band_pairs, np.random.default_rng([config.seed, band]))
        for band in range(config.bands)
    ]
    met = 0
    for source in sources:
        for group in source.groups():
            report.groups += 1
            clean = cleaning.clean(group)
            for pair in _pairs_of(clean, encoder, config, report) if clean else ():
                bands[_band(pair, config)].offer(met, pair)
                met += 1
    _sum_up(report, sources, cleaning, bands)
    kept = sorted((each for band in bands for each in band.kept), key=itemgetter(0))
    return Mined([pair for _, pair in kept], report)


def _pairs_of(
    group: CleanGroup, encoder: DualEncoder, config: Mining, report: MiningReport
) -> list[Pair]:
    pictures = group.pictures
    report.compared += len(pictures)
    report.pairs += len(pictures) * (len(pictures) - 1)
    alike = np.clip(group.beside_pictures @ group.beside_pictures.T, -1, 1)
    chosen = _related(alike, _fits(group, encoder), config, report.dropped_pairs)
    name = pictures[0].group
    if len(chosen) > config.max_pairs:
        report.dropped_pairs[GROUP_FULL] += len(chosen) - config.max_pairs
        digest = hashlib.sha256(name.encode()).digest()
        random = np.random.default_rng([config.seed, int.from_bytes(digest[:8])])
        chosen = chosen[np.sort(random.choice(len(chosen), config.max_pairs, replace=False))]
    return [
        Pair(
            query=pictures[query],
            target=pictures[target],
            group=name,
            similarity=float(alike[query, target]),
            negatives=tuple(pictures[row] for row in _others(alike[query], query, target, config)),
        )
        for query, target in chosen
    ]


def _others(
    alike: NDArray[np.float32], query: int, target: int, config: Mining
) -> NDArray[np.int64]:
    """Rows within the range of the query, but for the two, the nearest first."""
    low, high = config.image_similarity
    rows = np.flatnonzero((alike >= low) & (alike <= high))
    rows = rows[(rows != query) & (rows != target)]
    nearest: NDArray[np.int64] = rows[np.argsort(-alike[rows], kind="stable")]
    return nearest[: config.negatives]


def _related(
    alike: Similarities, fits: Similarities, config: Mining, dropped: Counter[str]
) -> NDArray[np.int64]:
    """(pairs, 2): query and target, by row; nobody is paired with itself."""
    left = ~np.eye(len(alike), dtype=bool)
    for wrong, reason in (
        (alike < config.image_similarity[0], TOO_FAR),
        (alike > config.image_similarity[1], TOO_NEAR),
        # without a text neither comparison holds
        (fits < config.text_similarity[0], TEXT_TOO_FAR),
        (fits > config.text_similarity[1], TEXT_TOO_NEAR),
    ):
        dropped[reason] += int((left & wrong).sum())
        left &= ~wrong
    return np.argwhere(left)


def _fits(group: CleanGroup, encoder: DualEncoder) -> Similarities:
    """Cosines of the queries' pictures and the targets' texts; NaN where there is no text."""
    texts = [one.described.text or ", ".join(one.tags) for one in group.pictures]
    fits = np.full((len(texts), len(texts)), np.nan, dtype=np.float32)
    said = np.array([row for row, text in enumerate(texts) if text], dtype=np.int64)
    if len(said):
        embedded = encoder.encode_texts([texts[row] for row in said])
        usable = directed(embedded)
        units, _ = unit(embedded[usable])
        fits[:, said[usable]] = np.clip(group.beside_texts @ units.T, -1, 1)
    return fits


def _band(pair: Pair, config: Mining) -> int:
    low, high = config.image_similarity
    share = (pair.similarity - low) / (high - low)
    return min(max(int(share * config.bands), 0), config.bands - 1)


def _sum_up(
    report: MiningReport,
    sources: Sequence[GroupSource],
    cleaning: Cleaning,
    bands: Sequence[Reservoir],
) -> None:
    for dropped in (cleaning.dropped, *(source.dropped for source in sources)):
        report.dropped_pictures += dropped  # leaves out what is 0
    report.pictures = report.compared + report.dropped_pictures.total()
    report.dropped_pairs[BAND_FULL] += sum(band.offered - len(band.kept) for band in bands)
    report.dropped_pairs = +report.dropped_pairs
    report.bands = tuple(len(band.kept) for band in bands)
