"""Each query finds its target among the targets, the pictures asked with, and mined negatives."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import ValidationError

from models.errors import InputError
from training.contrastive import (
    ABSENT,
    Candidates,
    Contrastive,
    Embeddings,
    FixedScale,
    Labels,
    LearnedScale,
    Mixing,
    Shared,
    contrastive_loss,
    mixed_negatives,
    picture_labels,
    scale_of,
)

TEN = torch.tensor(10.0)
TARGETS_ALONE = Contrastive(query_negatives=Shared.NONE)


def unit(*shape: int, seed: int) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(*shape, generator=random), dim=-1)


def axes(*places: int) -> torch.Tensor:
    """Rows along the axes of a space of eight dimensions."""
    return torch.eye(8)[list(places)]


def batch() -> tuple[Embeddings, Labels]:
    """Five queries, their targets in another order, two mined negatives each; all pictures differ,
    but for two targets and one query's picture, and one query has one negative only."""
    embeddings = Embeddings(
        unit(5, 8, seed=1), unit(6, 8, seed=2), unit(5, 8, seed=3), unit(5, 2, 8, seed=4)
    )
    negatives = torch.arange(20, 30).view(5, 2)
    negatives[3, 1] = ABSENT
    labels = Labels(
        positives=torch.tensor([3, 0, 5, 1, 2]),
        targets=torch.tensor([0, 1, 2, 1, 4, 5]),
        pictures=torch.tensor([10, 11, 5, 13, 14]),
        negatives=negatives,
    )
    return embeddings, labels


def restated(embeddings: Embeddings, labels: Labels, scale: float, how: Contrastive) -> float:
    """The definition, a query and a candidate at a time."""
    assert embeddings.pictures is not None
    assert embeddings.negatives is not None
    assert labels.pictures is not None
    assert labels.negatives is not None
    losses = []
    for query, positive in enumerate(labels.positives.tolist()):
        wanted = int(labels.targets[positive])
        found = [
            (embeddings.targets[t], int(labels.targets[t])) for t in range(len(labels.targets))
        ]
        for other in range(len(labels.positives)):
            if how.query_negatives == "all" or (how.query_negatives == "own" and other == query):
                found.append((embeddings.pictures[other], int(labels.pictures[other])))
            if how.mined_negatives == "all" or (how.mined_negatives == "own" and other == query):
                mined = zip(
                    embeddings.negatives[other], labels.negatives[other].tolist(), strict=True
                )
                found += mined
        rows = [row.numpy() for row, label in found if label not in (wanted, ABSENT)]
        asked: NDArray[np.float32] = embeddings.queries[query].numpy()
        right = math.exp(scale * float(asked @ embeddings.targets[positive].numpy()))
        wrong = sum(math.exp(scale * float(asked @ row)) for row in rows)
        losses.append(-math.log(right / (right + wrong)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("query_negatives", list(Shared))
@pytest.mark.parametrize("mined_negatives", list(Shared))
def test_the_loss_is_what_its_definition_says(
    query_negatives: Shared, mined_negatives: Shared
) -> None:
    how = Contrastive(query_negatives=query_negatives, mined_negatives=mined_negatives)
    embeddings, labels = batch()
    found = contrastive_loss(embeddings, labels, TEN, how)
    assert float(found) == pytest.approx(restated(embeddings, labels, 10, how), abs=1e-5)


def test_a_query_as_near_to_two_targets_finds_its_own_in_one_of_two_cases() -> None:
    embeddings = Embeddings(axes(0, 0), axes(1, 2))
    labels = Labels(torch.tensor([0, 1]), torch.tensor([7, 8]))
    found = contrastive_loss(embeddings, labels, TEN, TARGETS_ALONE)
    assert float(found) == pytest.approx(math.log(2))


def test_a_query_that_is_its_own_picture_is_told_so() -> None:
    """The target is at a right angle, the picture the query itself: log(1 + e^s)."""
    embeddings = Embeddings(axes(0), axes(1), pictures=axes(0))
    labels = Labels(torch.tensor([0]), torch.tensor([1]), torch.tensor([0]))
    own = Contrastive(query_negatives=Shared.OWN)
    found = contrastive_loss(embeddings, labels, TEN, own)
    assert float(found) == pytest.approx(math.log(1 + math.exp(10)))


def test_another_querys_picture_counts_only_where_all_of_them_do() -> None:
    embeddings = Embeddings(axes(0, 1), axes(2, 3), pictures=axes(4, 5))
    labels = Labels(torch.tensor([0, 1]), torch.tensor([2, 3]), torch.tensor([4, 5]))
    sums = {Shared.NONE: 2, Shared.OWN: 3, Shared.ALL: 4}  # candidates, all at a right angle
    for shared, candidates in sums.items():
        found = contrastive_loss(embeddings, labels, TEN, Contrastive(query_negatives=shared))
        assert float(found) == pytest.approx(math.log(candidates))


def test_a_batch_of_one_without_a_negative_has_nothing_to_learn() -> None:
    queries = unit(1, 8, seed=1).requires_grad_()
    labels = Labels(torch.tensor([0]), torch.tensor([7]))
    how = Contrastive(query_negatives=Shared.NONE, mixing=Mixing())
    loss = contrastive_loss(Embeddings(queries, unit(1, 8, seed=2)), labels, TEN, how)
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0
    assert queries.grad is not None
    assert queries.grad.abs().max() == 0


def test_the_target_again_is_no_negative_wherever_it_stands() -> None:
    """As another query's target, as its picture, and as a mined negative."""
    how = Contrastive(query_negatives=Shared.ALL, mined_negatives=Shared.ALL)
    embeddings = Embeddings(axes(0, 0), axes(1, 1), axes(2, 1), axes(1, 3)[:, None])
    labels = Labels(
        torch.tensor([0, 1]), torch.tensor([1, 1]), torch.tensor([2, 1]), torch.tensor([[1], [3]])
    )
    found = contrastive_loss(embeddings, labels, TEN, how)
    assert float(found) == pytest.approx(math.log(3))  # the target, axis 2 and axis 3


def test_no_gradient_reaches_what_is_masked() -> None:
    targets = unit(2, 8, seed=2).requires_grad_()
    labels = Labels(torch.tensor([0]), torch.tensor([1, 1]))
    further = Embeddings(unit(1, 8, seed=1), targets, pictures=unit(1, 8, seed=3))
    labels = Labels(labels.positives, labels.targets, torch.tensor([9]))
    contrastive_loss(further, labels, TEN, Contrastive()).backward()  # type: ignore[no-untyped-call]
    assert targets.grad is not None
    assert targets.grad[0].abs().max() > 0
    assert targets.grad[1].abs().max() == 0


def test_a_part_that_the_options_need_is_asked_for_by_its_name() -> None:
    embeddings, labels = batch()
    without = Embeddings(embeddings.queries, embeddings.targets)
    with pytest.raises(InputError, match="pictures: missing"):
        contrastive_loss(without, labels, TEN, Contrastive())
    misshapen = Embeddings(embeddings.queries, embeddings.targets[:, :7])
    with pytest.raises(InputError, match=r"targets: the shape \(6, 7\), expected \(-1, 8\)"):
        contrastive_loss(misshapen, labels, TEN, TARGETS_ALONE)
    short = Labels(labels.positives[:4], labels.targets)
    with pytest.raises(InputError, match=r"queries: labels of the shape \(4,\), expected \(5,\)"):
        contrastive_loss(embeddings, short, TEN, TARGETS_ALONE)


def test_under_autocast_the_loss_stays_float32() -> None:
    how = Contrastive(mined_negatives=Shared.OWN, mixing=Mixing(hardest=4))
    embeddings, labels = batch()
    outside = contrastive_loss(embeddings, labels, TEN, how)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = contrastive_loss(embeddings, labels, TEN, how)
    assert inside.dtype == torch.float32
    assert inside == outside


def test_embeddings_of_half_the_precision_are_taken() -> None:
    embeddings, labels = batch()
    halved = Embeddings(embeddings.queries.bfloat16(), embeddings.targets.bfloat16())
    found = contrastive_loss(halved, labels, TEN, TARGETS_ALONE)
    exact = contrastive_loss(embeddings, labels, TEN, TARGETS_ALONE)
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(float(exact), rel=0.02)


def test_pictures_have_the_same_label_by_the_same_id() -> None:
    labels = picture_labels(["a", "b", "a"])
    assert labels[0] == labels[2] != labels[1]
    assert labels.min() >= 0
    # the first eight bytes of SHA-256("a"), halved
    assert int(labels[0]) == 0xCA978112CA1BBDCA >> 1


def test_a_learned_temperature_learns_and_keeps_its_bounds() -> None:
    scale = scale_of(Contrastive(temperature=0.05))
    assert isinstance(scale, LearnedScale)
    assert float(scale().detach()) == pytest.approx(20)
    embeddings, labels = batch()
    contrastive_loss(embeddings, labels, scale(), Contrastive()).backward()  # type: ignore[no-untyped-call]
    assert scale.logarithm.grad is not None
    for moved, kept in ((9.0, 100.0), (-1.0, 1.0)):
        with torch.no_grad():
            scale.logarithm.fill_(moved)
        scale.settle()
        assert float(scale().detach()) == pytest.approx(kept, rel=1e-4)


def test_a_fixed_temperature_has_nothing_to_learn() -> None:
    scale = scale_of(Contrastive(temperature=0.02, temperature_is="fixed"))
    assert isinstance(scale, FixedScale)
    scale.settle()
    assert float(scale()) == pytest.approx(50)
    assert list(scale.parameters()) == []


def test_a_learned_temperature_starts_within_its_bounds() -> None:
    with pytest.raises(ValidationError, match=r"expected 0\.01 to 1"):
        Contrastive(temperature=0.001)
    Contrastive(temperature=0.001, temperature_is="fixed")


def negatives_of(queries: torch.Tensor, table: torch.Tensor, *positives: int) -> Candidates:
    """Every row of the table but the query's own."""
    negative = torch.ones(len(queries), len(table), dtype=torch.bool)
    negative[torch.arange(len(queries)), list(positives)] = False
    return Candidates(table, negative)


def test_mixtures_lie_between_two_of_the_hardest_and_never_hold_the_target() -> None:
    """The target is axis 0, nearest to the query; axes 1 and 2 are hardest, axis 3 is not."""
    queries = F.normalize(axes(0) + 0.5 * axes(1) + 0.4 * axes(2) + 0.1 * axes(3), dim=-1)
    mixing = Mixing(hardest=2, of_pairs=200, of_queries=0)
    mixed = mixed_negatives(queries, negatives_of(queries, axes(0, 1, 2, 3), 0), mixing, seed=1)
    assert mixed.negative.all()
    assert mixed.rows.shape == (1, 200, 8)
    assert mixed.rows[..., [0, 3, 4, 5, 6, 7]].abs().max() == 0
    torch.testing.assert_close(mixed.rows.norm(dim=-1), torch.ones(1, 200))
    share = mixed.rows[0, :, 1] / (mixed.rows[0, :, 1] + mixed.rows[0, :, 2])
    assert share.min() < 0.1
    assert share.max() > 0.9


def test_mixtures_with_the_query_are_less_than_half_the_query() -> None:
    queries = axes(0)
    mixing = Mixing(hardest=1, of_pairs=0, of_queries=200)
    mixed = mixed_negatives(queries, negatives_of(queries, axes(1, 2), 0), mixing, seed=1)
    share = mixed.rows[0, :, 0] / (
        mixed.rows[0, :, 0] + mixed.rows[0, :, 2]
    )  # axis 1 is the target
    assert mixed.rows[0, :, 1].abs().max() == 0
    assert 0 <= share.min() < 0.05
    assert 0.45 < share.max() < 0.5


def test_the_target_under_another_name_is_not_mixed_either() -> None:
    """Two rows of the target's label, and one true negative: all mixtures are of that one."""
    how = Contrastive(mixing=Mixing(hardest=5, of_pairs=3, of_queries=0))
    embeddings = Embeddings(axes(0, 0), axes(1, 1), pictures=axes(2, 2))
    labels = Labels(torch.tensor([0, 1]), torch.tensor([1, 1]), torch.tensor([2, 3]))
    found = contrastive_loss(embeddings, labels, TEN, how)
    assert float(found) == pytest.approx(math.log(1 + 2 + 3))  # all at a right angle


def test_one_negative_makes_no_pair() -> None:
    queries = axes(0)
    mixing = Mixing(hardest=4, of_pairs=3, of_queries=2)
    mixed = mixed_negatives(queries, negatives_of(queries, axes(1, 2), 0), mixing, seed=1)
    assert mixed.negative.tolist() == [[False] * 3 + [True] * 2]


def test_mixtures_are_the_seeds_and_constants() -> None:
    how = Contrastive(mixing=Mixing(hardest=4))
    embeddings, labels = batch()
    losses = [float(contrastive_loss(embeddings, labels, TEN, how, seed)) for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    assert losses[0] > float(contrastive_loss(embeddings, labels, TEN, Contrastive()))
    table = unit(4, 8, seed=2).requires_grad_()
    candidates = negatives_of(embeddings.queries, table, 0, 1, 2, 3, 0)
    assert not mixed_negatives(embeddings.queries, candidates, Mixing(), seed=1).rows.requires_grad
