"""The loss that teaches composed queries to find their targets, over all the pictures of a batch.

contrastive_loss(embeddings, labels, scale, how, seed) -> (): the mean over the queries of

    -log( exp(s q.t) / (exp(s q.t) + sum over the negatives c of q of exp(s q.c)) )

Rows are unit vectors, of any float type; the loss is computed in float32, outside of autocast.
Negatives of a query are all the targets of the batch; the pictures that were asked with, embedded
with the empty instruction, its own or everybody's (`query_negatives`); and mined pictures, its own
or everybody's (`mined_negatives`). A picture with the label of the query's target answers the
query, wherever it stands, and is none of its negatives.

MagicLens (Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024): query_negatives "all", mined_negatives "none", a learned temperature; whether the other
queries' pictures count there could not be checked in the paper. MegaPairs (Zhou et al.,
"MegaPairs: Massive Data Synthesis for Universal Multimodal Retrieval", ACL 2025, equation 4 and
table 4): both "all", as it sums over all candidates in the batch, and a fixed temperature of 0.02.

Hard-negative mixing (Kalantidis et al., "Hard Negative Mixing for Contrastive Learning", NeurIPS
2020): further negatives, drawn by the seed from each query's hardest ones. As there they are
constants: no gradient goes into what they are made of, which is never the target.

Raises InputError for parts that do not fit together, or that the options need and that are missing.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Self

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator

from models.errors import InputError
from training.config import Section
from training.state import MAX_LOGIT_SCALE

ABSENT = -1  # the label of an unused place, where a query has fewer mined negatives than others
HALF = 0.5  # the largest share of the query in a negative that is mixed with it


class Shared(StrEnum):
    """Whose negatives count for a query."""

    NONE = "none"
    OWN = "own"
    ALL = "all"  # of every query of the batch


class Mixing(Section):
    """How many are synthesised a query, and of how many."""

    hardest: int = Field(default=64, ge=1)  # of a query's negatives
    of_pairs: int = Field(default=32, ge=0)  # each of two of the hardest
    of_queries: int = Field(default=16, ge=0)  # each of one, and less than half the query


class Contrastive(Section):
    temperature: float = Field(default=0.07, gt=0)  # the first, where it is learned
    temperature_is: Literal["learned", "fixed"] = "learned"
    query_negatives: Shared = Shared.ALL
    mined_negatives: Shared = Shared.NONE
    mixing: Mixing | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        coldest = math.exp(-MAX_LOGIT_SCALE)
        if self.temperature_is == "learned" and not coldest <= self.temperature <= 1:
            raise ValueError(f"temperature: expected {coldest:.2f} to 1 where it is learned")
        return self


class LearnedScale(torch.nn.Module):
    """1 / temperature, learned as a logarithm and kept between 1 and 100, as CLIP's."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.logarithm = torch.nn.Parameter(torch.tensor(-math.log(temperature)))

    def forward(self) -> torch.Tensor:
        return self.logarithm.float().exp()

    def settle(self) -> None:
        """What follows each step of the optimiser."""
        with torch.no_grad():
            self.logarithm.clamp_(0, MAX_LOGIT_SCALE)


class FixedScale(torch.nn.Module):
    """1 / temperature."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.scale: torch.Tensor
        self.register_buffer("scale", torch.tensor(1 / temperature), persistent=False)

    def forward(self) -> torch.Tensor:
        return self.scale

    def settle(self) -> None:
        """Nothing moves."""


def scale_of(how: Contrastive) -> LearnedScale | FixedScale:
    if how.temperature_is == "learned":
        return LearnedScale(how.temperature)
    return FixedScale(how.temperature)


@dataclass(frozen=True)
class Embeddings:
    """Unit rows of one batch."""

    queries: torch.Tensor  # (n, dim): a picture with its instruction
    targets: torch.Tensor  # (m, dim)
    pictures: torch.Tensor | None = None  # (n, dim): each query's, with the empty instruction
    negatives: torch.Tensor | None = None  # (n, h, dim): each query's mined ones


@dataclass(frozen=True)
class Labels:
    """Which picture each row is, int64: equal labels are one picture. Beside `Embeddings`."""

    positives: torch.Tensor  # (n,): each query's row of the targets
    targets: torch.Tensor  # (m,)
    pictures: torch.Tensor | None = None  # (n,)
    negatives: torch.Tensor | None = None  # (n, h)


def picture_labels(ids: Sequence[str]) -> torch.Tensor:
    """(n,) int64, the same for the same id in every process, and never ABSENT."""
    digests = (hashlib.sha256(id_.encode()).digest() for id_ in ids)
    return torch.tensor([int.from_bytes(digest[:8]) >> 1 for digest in digests], dtype=torch.int64)


def contrastive_loss(
    embeddings: Embeddings, labels: Labels, scale: torch.Tensor, how: Contrastive, seed: int = 0
) -> torch.Tensor:
    _check(embeddings, labels, how)
    with torch.autocast(embeddings.queries.device.type, enabled=False):
        queries = embeddings.queries.float()  # (n, dim)
        candidates = _candidates(embeddings, labels, how)
        logits = scale * queries @ candidates.table.T  # (n, k)
        own = F.one_hot(labels.positives, len(candidates.table)).bool()
        logits = logits.masked_fill(~(candidates.negative | own), -torch.inf)
        if how.mixing:
            mixed = mixed_negatives(queries, candidates, how.mixing, seed)
            further = scale * torch.einsum("nd,nsd->ns", queries, mixed.rows)
            logits = torch.cat([logits, further.masked_fill(~mixed.negative, -torch.inf)], dim=1)
        return F.cross_entropy(logits, labels.positives)


@dataclass(frozen=True)
class Candidates:
    """All that a query may be compared with; the targets come first."""

    table: torch.Tensor  # (k, dim)
    negative: torch.Tensor  # (n, k): whether a row is a negative of a query


@dataclass(frozen=True)
class Mixed:
    rows: torch.Tensor  # (n, s, dim): of unit length
    negative: torch.Tensor  # (n, s): False where there was too little to mix


def mixed_negatives(
    queries: torch.Tensor, candidates: Candidates, mixing: Mixing, seed: int
) -> Mixed:
    """The published mixtures, drawn on the CPU: the same by a seed, whatever the device."""
    queries, table = queries.detach(), candidates.table.detach()
    similarities = (queries @ table.T).masked_fill(~candidates.negative, -torch.inf)
    hardest = similarities.topk(min(mixing.hardest, len(table)), dim=1).indices  # (n, N)
    found = candidates.negative.sum(dim=1).clamp(max=hardest.shape[1])[:, None]  # (n, 1)
    random = torch.Generator().manual_seed(seed)

    def drawn(count: int) -> torch.Tensor:
        shape = (len(queries), count)
        return torch.rand(shape, generator=random, dtype=torch.float64).to(queries.device)

    def among(shares: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
        counts = counts.clamp(min=1)
        return (shares * counts).long().minimum(counts - 1)  # a product may round up

    first = among(drawn(mixing.of_pairs), found)
    second = (first + 1 + among(drawn(mixing.of_pairs), found - 1)) % found.clamp(min=1)
    one, other = (table[hardest.gather(1, places)] for places in (first, second))  # (n, s, dim)
    pairs = torch.lerp(other, one, drawn(mixing.of_pairs).float()[:, :, None])
    alone = table[hardest.gather(1, among(drawn(mixing.of_queries), found))]
    share = HALF * drawn(mixing.of_queries).float()[:, :, None]
    near = torch.lerp(alone, queries[:, None].expand_as(alone), share)
    enough = [(found > 1).expand_as(first), (found > 0).expand(-1, mixing.of_queries)]
    return Mixed(F.normalize(torch.cat([pairs, near], dim=1), dim=-1), torch.cat(enough, dim=1))


def _candidates(embeddings: Embeddings, labels: Labels, how: Contrastive) -> Candidates:
    """One table for all queries; what counts for its own query alone is masked for the others."""
    count, targets = len(embeddings.queries), len(embeddings.targets)
    rows, names = [embeddings.targets.float()], [labels.targets]
    counting = [torch.ones(count, targets, dtype=torch.bool, device=labels.targets.device)]
    for shared, vectors, their in (
        (how.query_negatives, embeddings.pictures, labels.pictures),
        (how.mined_negatives, embeddings.negatives, labels.negatives),
    ):
        if shared != Shared.NONE and vectors is not None and their is not None:
            rows.append(vectors.float().flatten(0, -2))
            names.append(their.flatten())
            counting.append(_counting(shared, count, their.numel() // count, their.device))
    known = torch.cat(names)  # (k,)
    wanted = labels.targets[labels.positives][:, None]  # (n, 1)
    negative = torch.cat(counting, dim=1) & (known != wanted) & (known != ABSENT)
    return Candidates(torch.cat(rows), negative)


def _counting(shared: Shared, count: int, each: int, device: torch.device) -> torch.Tensor:
    """(count, count * each): whether a query has a row of `each` a query as a negative."""
    if shared == Shared.ALL:
        return torch.ones(count, count * each, dtype=torch.bool, device=device)
    own = torch.eye(count, dtype=torch.bool, device=device)
    return own.repeat_interleave(each, dim=1)


def _check(embeddings: Embeddings, labels: Labels, how: Contrastive) -> None:
    _check_part("queries", embeddings.queries, labels.positives, (-1, -1))
    count, dimension = embeddings.queries.shape
    if not count:
        raise InputError("queries: none, expected one or more")
    _check_part("targets", embeddings.targets, labels.targets, (-1, dimension))
    if how.query_negatives != Shared.NONE:
        _check_part("pictures", embeddings.pictures, labels.pictures, (count, dimension))
    if how.mined_negatives != Shared.NONE:
        _check_part("negatives", embeddings.negatives, labels.negatives, (count, -1, dimension))


def _check_part(
    name: str,
    vectors: torch.Tensor | None,
    labels: torch.Tensor | None,
    expected: tuple[int, ...],
) -> None:
    """-1 in what is expected stands for any length."""
    if vectors is None or labels is None:
        raise InputError(f"{name}: missing, and the loss is to count them; expected {expected}")
    fits = len(vectors.shape) == len(expected) and all(
        length in (-1, found) for length, found in zip(expected, vectors.shape, strict=True)
    )
    if not fits:
        raise InputError(f"{name}: the shape {tuple(vectors.shape)}, expected {expected}")
    if labels.shape != vectors.shape[:-1]:
        raise InputError(
            f"{name}: labels of the shape {tuple(labels.shape)}, "
            f"expected {tuple(vectors.shape[:-1])}"
        )
