"""What a model knew is held by the distributions of its similarities, where it was right."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.mod_x import old_similarities_loss

Matrix = NDArray[np.float64]
ALONE = torch.eye(2, dtype=torch.bool)
HALF_LN3 = math.log(3) / 2  # over a temperature of 0.5: odds of three to one

# of a row that was (3/4, 1/4) and has become (1/2, 1/2)
FORGOTTEN = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)


def softmax(rows: Matrix) -> Matrix:
    powers: Matrix = np.exp(rows)
    shares: Matrix = powers / powers.sum(axis=1, keepdims=True)
    return shares


def published(new: Matrix, old: Matrix) -> float:
    """One direction as the paper has it: where the old row's largest entry is not on the diagonal
    the new row stands in for it, then the divergence of all rows together."""
    selected = np.stack(
        [
            was if int(was.argmax()) == number else now
            for number, (was, now) in enumerate(zip(old, new, strict=True))
        ]
    )
    wanted, given = softmax(selected), softmax(new)
    return float((wanted * (np.log(wanted) - np.log(given))).sum())


def random_cosines(seed: int, count: int = 24) -> tuple[Matrix, Matrix]:
    """The new model's and the old one's: the old one right in some rows and columns, not in all."""
    random = np.random.default_rng(seed)
    old = random.normal(0, 0.15, size=(count, count)) + 0.25 * np.eye(count)
    return old + random.normal(0, 0.05, size=old.shape), old


@pytest.mark.parametrize("seed", range(4))
def test_the_loss_is_the_published_one(seed: int) -> None:
    new, old = random_cosines(seed)
    right = sum(int(row.argmax()) == number for number, row in enumerate(old))
    assert 0 < right < len(old)
    expected = (published(new, old) + published(new.T, old.T)) / 2
    same = torch.eye(len(old), dtype=torch.bool)
    found = old_similarities_loss(torch.from_numpy(new), torch.from_numpy(old), same, 1.0)
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_a_model_that_has_not_changed_loses_nothing() -> None:
    _, old = random_cosines(seed=1)
    cosines = torch.from_numpy(old)
    same = torch.eye(len(old), dtype=torch.bool)
    assert float(old_similarities_loss(cosines, cosines, same, 0.1)) == 0


def test_the_divergence_of_each_row_is_its_value_by_hand() -> None:
    old = torch.eye(2) * HALF_LN3
    # both rows of both directions were (3/4, 1/4) and are (1/2, 1/2): two rows, a mean of two
    found = old_similarities_loss(torch.zeros(2, 2), old, ALONE, temperature=0.5)
    assert float(found) == pytest.approx(2 * FORGOTTEN)


def test_what_the_old_model_got_wrong_is_not_held() -> None:
    new = torch.zeros(2, 2, requires_grad=True)
    swapped = torch.eye(2).flip(0) * HALF_LN3
    loss = old_similarities_loss(new, swapped, ALONE, temperature=0.5)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0 and new.grad is not None and not new.grad.any()


def test_each_direction_asks_for_itself_whether_the_old_model_was_right() -> None:
    # both pictures take text 0 for theirs: picture 0 is right, and so is text 0 alone
    old = torch.tensor([[HALF_LN3, 0.0], [HALF_LN3 / 2, 0.0]])
    right = old_similarities_loss(torch.zeros(2, 2), old, ALONE, temperature=0.5)
    three, root = 0.75, 3**0.5
    text = root / (1 + root)  # text 0: exp(ln 3) against exp(ln 3 / 2)
    picture = three * math.log(2 * three) + (1 - three) * math.log(2 * (1 - three))
    of_text = text * math.log(2 * text) + (1 - text) * math.log(2 * (1 - text))
    assert float(right) == pytest.approx((picture + of_text) / 2)


def test_any_picture_of_the_same_class_is_right() -> None:
    swapped = torch.eye(2).flip(0) * HALF_LN3
    together = torch.ones(2, 2, dtype=torch.bool)
    found = old_similarities_loss(torch.zeros(2, 2), swapped, together, temperature=0.5)
    assert float(found) == pytest.approx(2 * FORGOTTEN)


def test_a_row_that_is_higher_throughout_is_distributed_as_before() -> None:
    old = torch.eye(3) * 0.4
    same = torch.eye(3, dtype=torch.bool)
    assert float(old_similarities_loss(old + 0.2, old, same, 0.1)) == pytest.approx(0, abs=1e-6)


def test_the_old_model_learns_nothing() -> None:
    new = (torch.eye(2) * 0.3).requires_grad_()
    old = (torch.eye(2) * 0.5).requires_grad_()
    old_similarities_loss(new, old, ALONE, 1.0).backward()  # type: ignore[no-untyped-call]
    assert old.grad is None and new.grad is not None and new.grad.any()
