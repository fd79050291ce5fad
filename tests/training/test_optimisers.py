"""Which weights move, how fast, by which rule; and the average that is kept of them."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from models.errors import InputError
from training.averages import WeightAverage
from training.optimisers import Optimiser, optimiser_of, set_rates

Array = NDArray[np.float64]


def model() -> torch.nn.ModuleDict:
    """Two towers that were there before, and a head."""
    torch.manual_seed(1)
    return torch.nn.ModuleDict(
        {
            "clip": torch.nn.ModuleDict(
                {"visual": torch.nn.Linear(4, 3), "text": torch.nn.Linear(5, 3)}
            ),
            "head": torch.nn.Linear(3, 3),
        }
    )


def named(
    module: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, tuple[float, ...]]:
    """The rate and the decay of each parameter that the optimiser moves, by name."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }


def test_pretrained_weights_have_a_rate_of_their_own_and_biases_do_not_decay() -> None:
    module = model()
    how = Optimiser(
        learning_rate=2e-5,
        pretrained_learning_rate=2e-6,
        pretrained=("clip.",),
        weight_decay=0.1,
    )
    assert named(module, optimiser_of(module.named_parameters(), how)) == {
        "head.weight": (2e-5, 0.1),
        "head.bias": (2e-5, 0.0),
        "clip.visual.weight": (2e-6, 0.1),
        "clip.visual.bias": (2e-6, 0.0),
        "clip.text.weight": (2e-6, 0.1),
        "clip.text.bias": (2e-6, 0.0),
    }


def test_a_frozen_tower_is_not_moved_and_asks_for_no_gradients() -> None:
    module = model()
    how = Optimiser(learning_rate=1e-3, pretrained=("clip.",), frozen=("clip.visual.",))
    moved = named(module, optimiser_of(module.named_parameters(), how))
    assert sorted(moved) == ["clip.text.bias", "clip.text.weight", "head.bias", "head.weight"]
    asking = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    assert asking == set(moved)


@pytest.mark.parametrize("field", ["frozen", "pretrained"])
def test_a_prefix_of_nothing_is_refused_by_its_name(field: str) -> None:
    how = Optimiser.model_validate({"learning_rate": 1e-3, field: ("clip.", "vision.")})
    with pytest.raises(InputError, match=f"{field}: no parameter's name begins with 'vision.'"):
        optimiser_of(model().named_parameters(), how)


def test_a_run_in_which_nothing_learns_is_refused() -> None:
    with pytest.raises(InputError, match="all parameters are"):
        optimiser_of(model().named_parameters(), Optimiser(learning_rate=1e-3, frozen=("",)))


def test_a_rate_for_no_names_is_refused() -> None:
    with pytest.raises(ValidationError, match="expected names in pretrained"):
        Optimiser(learning_rate=1e-3, pretrained_learning_rate=1e-4)


def test_adamw_moves_by_its_rate_at_first() -> None:
    """Whatever the gradient's size, the first step of Adam is the rate, against its sign."""
    weight = torch.nn.Parameter(torch.zeros(2, 2))
    how = Optimiser(name="adamw", learning_rate=0.1, epsilon=1e-12)
    optimiser = optimiser_of([("weight", weight)], how)
    weight.grad = torch.tensor([[3.0, -0.2], [0.0, 1e-3]])
    optimiser.step()
    torch.testing.assert_close(weight.detach(), torch.tensor([[-0.1, 0.1], [0.0, -0.1]]))


def shazeer_and_stern(weight: Array, gradients: list[Array], rate: float) -> Array:
    """Algorithms 4 and 5 of the paper with its 1e-30 and 1e-3, and a rate in place of its own."""
    rows = columns = mean_squares = np.zeros(1)
    for step, gradient in enumerate(gradients, start=1):
        decay = 1 - step**-0.8
        squares = gradient**2 + 1e-30
        if gradient.ndim == 2:
            rows = decay * rows + (1 - decay) * squares.mean(axis=1)
            columns = decay * columns + (1 - decay) * squares.mean(axis=0)
            mean_squares = np.outer(rows, columns) / rows.mean()
        else:
            mean_squares = decay * mean_squares + (1 - decay) * squares
        update = gradient / np.sqrt(mean_squares)
        update /= max(1.0, float(np.sqrt((update**2).mean())))
        weight = weight - rate * max(1e-3, float(np.sqrt((weight**2).mean()))) * update
    return weight


@pytest.mark.parametrize("shape", [(6, 4), (6,)])
@pytest.mark.parametrize("size", [1.0, 1e-6])
def test_adafactor_is_the_papers(shape: tuple[int, ...], size: float) -> None:
    random = np.random.default_rng(1)
    start = random.standard_normal(shape)
    gradients = [size * random.standard_normal(shape) for _ in range(5)]
    weight = torch.nn.Parameter(torch.tensor(start, dtype=torch.float32))
    optimiser = optimiser_of([("w", weight)], Optimiser(name="adafactor", learning_rate=2e-2))
    for gradient in gradients:
        weight.grad = torch.tensor(gradient, dtype=torch.float32)
        optimiser.step()
    found = weight.detach().numpy()
    np.testing.assert_allclose(found, shazeer_and_stern(start, gradients, 2e-2), atol=1e-5)
    assert np.abs(found - start).min() > 1e-4


def test_adafactor_leaves_the_rows_of_words_that_nobody_said() -> None:
    weight = torch.nn.Parameter(torch.ones(4, 3))
    optimiser = optimiser_of([("w", weight)], Optimiser(name="adafactor", learning_rate=1e-2))
    weight.grad = torch.zeros(4, 3)
    weight.grad[1] = 1e-7
    optimiser.step()
    moved = (weight.detach() != 1).any(dim=1)
    assert moved.tolist() == [False, True, False, False]
    assert weight.isfinite().all()


SHARES = {
    # of ten steps, two to warm up: at steps 0, 1, 2, 6 and 9
    "cosine": [0.5, 1.0, 1.0, 0.5, (1 + np.cos(np.pi * 7 / 8)) / 2],
    "linear": [0.5, 1.0, 1.0, 0.5, 1 / 8],
    "constant": [0.5, 1.0, 1.0, 1.0, 1.0],
}


@pytest.mark.parametrize("schedule", SHARES)
def test_each_group_follows_the_schedule_from_its_own_peak(schedule: str) -> None:
    module = model()
    settings = {"schedule": schedule, "warmup_steps": 2, "learning_rate": 0.1}
    settings |= {"pretrained": ("clip.",), "pretrained_learning_rate": 0.01}
    how = Optimiser.model_validate(settings)
    optimiser = optimiser_of(module.named_parameters(), how)
    for step, share in zip((0, 1, 2, 6, 9), SHARES[schedule], strict=True):
        set_rates(optimiser, how, step, 10)
        rates = {name: rate for name, (rate, _) in named(module, optimiser).items()}
        assert rates["head.bias"] == pytest.approx(0.1 * share)
        assert rates["clip.text.weight"] == pytest.approx(0.01 * share)


@pytest.mark.parametrize("name", ["adamw", "adafactor"])
def test_a_resumed_optimiser_goes_on_to_the_same_weights(name: str) -> None:
    how = Optimiser.model_validate({"name": name, "learning_rate": 1e-2})
    one, other = model(), model()
    whole = optimiser_of(one.named_parameters(), how)
    first = optimiser_of(other.named_parameters(), how)
    step_by(one, whole, 1)
    step_by(other, first, 1)
    second = optimiser_of(other.named_parameters(), how)
    second.load_state_dict(first.state_dict())
    step_by(one, whole, 2)
    step_by(other, second, 2)
    for parameter, same in zip(one.parameters(), other.parameters(), strict=True):
        assert parameter.tolist() == same.tolist()


def step_by(module: torch.nn.Module, optimiser: torch.optim.Optimizer, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=random)
    optimiser.step()


class Masked(torch.nn.Module):
    """A weight, a statistic that moves, and a mask with infinity in it."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([weight]))
        self.register_buffer("seen", torch.tensor([weight]))
        self.register_buffer("mask", torch.full((2, 2), -torch.inf).triu(1), persistent=False)


def test_the_average_follows_weights_and_buffers_by_its_decay() -> None:
    """It starts with the first step, 2, then 0.75 * 2 + 0.25 * 6 = 3."""
    average = WeightAverage(Masked(0.0), 0.75)
    for weight in (2.0, 6.0):
        average.follow(Masked(weight))
    state = average.module.state_dict()
    assert (state["weight"].item(), state["seen"].item()) == (3.0, 3.0)
    assert not any(parameter.requires_grad for parameter in average.module.parameters())


def test_a_mask_of_infinity_stays_what_it_is_in_the_average() -> None:
    average = WeightAverage(Masked(0.0), 0.75)
    for weight in (2.0, 6.0, 1.0):
        average.follow(Masked(weight))
    mask = dict(average.module.named_buffers())["mask"]
    assert mask.tolist() == [[0.0, -float("inf")], [0.0, 0.0]]


def test_a_resumed_average_goes_on_to_the_same_weights() -> None:
    average, resumed = WeightAverage(Masked(0.0), 0.75), WeightAverage(Masked(9.0), 0.75)
    average.follow(Masked(2.0))
    resumed.load_state(average.state())
    for each in (average, resumed):
        each.follow(Masked(6.0))
    assert resumed.module.state_dict()["weight"].item() == 3.0
