"""A batch encoded chunk by chunk leaves the gradients of the whole batch encoded at once."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
import torch.nn.functional as F

from models.errors import InputError
from training.contrastive import (
    Contrastive,
    Embeddings,
    Labels,
    LearnedScale,
    Mixing,
    Shared,
    contrastive_loss,
)
from training.gradient_cache import Encode, GradientCache, LossOf, Tensors, chunked

ROWS = 7
WIDTH = 16
HOW = Contrastive(mined_negatives=Shared.ALL, mixing=Mixing(hardest=4, of_pairs=3, of_queries=2))
CHUNKS = [1, 3, ROWS]
Precision = Callable[[], AbstractContextManager[None]]


def bfloat16() -> AbstractContextManager[None]:
    context: AbstractContextManager[None] = torch.autocast("cpu", dtype=torch.bfloat16)
    return context


class Tower(torch.nn.Module):
    """A transformer's layer: (rows, 3, WIDTH) -> unit (rows, 8)."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.layer = torch.nn.TransformerEncoderLayer(WIDTH, 2, 32, dropout, batch_first=True)
        self.head = torch.nn.Linear(WIDTH, 8)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return F.normalize(self.head(self.layer(tokens).mean(dim=1)).float(), dim=-1)


class Learner(torch.nn.Module):
    """A tower with the loss's own temperature."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.tower = Tower(dropout)
        self.scale = LearnedScale(0.1)

    def encode(self, precision: Precision = nullcontext) -> Encode:
        def encode(chunk: Tensors) -> Tensors:
            queries, targets, pictures, negatives = chunk
            with precision():
                mined = self.tower(negatives.flatten(0, 1)).unflatten(0, (-1, 2))
                return self.tower(queries), self.tower(targets), self.tower(pictures), mined

        return encode

    @property
    def loss_of(self) -> LossOf:
        rows = torch.arange(ROWS)
        mined = torch.arange(100, 100 + 2 * ROWS).view(ROWS, 2)
        labels = Labels(rows, torch.tensor([0, 1, 2, 3, 4, 5, 0]), 50 + rows, mined)
        return lambda parts: contrastive_loss(Embeddings(*parts), labels, self.scale(), HOW, seed=3)

    def gradients(self) -> dict[str, torch.Tensor]:
        found = {name: p.grad for name, p in self.named_parameters() if p.grad is not None}
        assert found.keys() == dict(self.named_parameters()).keys()
        return found


def batch() -> Tensors:
    random = torch.Generator().manual_seed(2)
    queries, targets, pictures = (torch.randn(ROWS, 3, WIDTH, generator=random) for _ in range(3))
    return queries, targets, pictures, torch.randn(ROWS, 2, 3, WIDTH, generator=random)


def at_once(learner: Learner, encode: Encode, rows: int) -> torch.Tensor:
    """The loss in one graph, of all chunks; the gradients are left in the learner."""
    torch.manual_seed(5)
    parts = [encode(chunk) for chunk in chunked(batch(), rows)]
    loss = learner.loss_of(tuple(torch.cat(part) for part in zip(*parts, strict=True)))
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def expect_equal(
    found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor], atol: float, rtol: float
) -> None:
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=atol, rtol=rtol, msg=name)


@pytest.mark.parametrize("rows", CHUNKS)
def test_without_dropout_the_gradients_are_those_of_the_whole_batch(rows: int) -> None:
    whole, learner = Learner(), Learner()
    loss = at_once(whole, whole.encode(), ROWS)
    cached = GradientCache(learner, learner.encode(), rows).backward(batch(), learner.loss_of)
    assert float(cached) == pytest.approx(float(loss), abs=1e-6)
    expect_equal(learner.gradients(), whole.gradients(), 1e-5, 0)


@pytest.mark.parametrize("rows", CHUNKS)
@pytest.mark.parametrize("precision", [nullcontext, bfloat16])
def test_with_dropout_each_chunk_drops_again_what_it_dropped_at_first(
    rows: int, precision: Precision
) -> None:
    """Beside the same chunks in one graph; nothing but the order of additions differs."""
    whole, learner = Learner(dropout=0.3), Learner(dropout=0.3)
    loss = at_once(whole, whole.encode(precision), rows)
    torch.manual_seed(5)
    cache = GradientCache(learner, learner.encode(precision), rows)
    assert float(cache.backward(batch(), learner.loss_of)) == pytest.approx(float(loss), abs=1e-6)
    expect_equal(learner.gradients(), whole.gradients(), 1e-5, 0)


@pytest.mark.parametrize("rows", CHUNKS)
def test_under_autocast_a_whole_batch_differs_by_its_rounding_alone(rows: int) -> None:
    """bfloat16 keeps eight bits; a weight's gradient is rounded once a batch, or once a chunk."""
    whole, learner = Learner(), Learner()
    at_once(whole, whole.encode(bfloat16), ROWS)
    GradientCache(learner, learner.encode(bfloat16), rows).backward(batch(), learner.loss_of)
    expected = whole.gradients()
    largest = max(float(gradient.abs().max()) for gradient in expected.values())
    expect_equal(learner.gradients(), expected, 0.03 * largest, 0)


def test_gradients_add_up_over_batches() -> None:
    once, twice = Learner(), Learner()
    GradientCache(once, once.encode(), 3).backward(batch(), once.loss_of)
    for _ in range(2):
        GradientCache(twice, twice.encode(), 3).backward(batch(), twice.loss_of)
    expected = {name: 2 * gradient for name, gradient in once.gradients().items()}
    expect_equal(twice.gradients(), expected, 1e-5, 0)


def test_random_numbers_go_on_as_if_the_batch_had_been_encoded_once() -> None:
    whole, learner = Learner(dropout=0.3), Learner(dropout=0.3)
    at_once(whole, whole.encode(), 3)
    expected = torch.rand(3)
    torch.manual_seed(5)
    GradientCache(learner, learner.encode(), 3).backward(batch(), learner.loss_of)
    assert torch.rand(3).tolist() == expected.tolist()


class Counted(torch.nn.Module):
    """Notes how many rows are in the graph: from their encoding until they have gone backward."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(WIDTH, 8)
        self.encoded = self.held = self.most = 0

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.linear(rows)
        self.encoded += len(rows)
        if found.requires_grad:
            self.held += len(rows)
            self.most = max(self.most, self.held)
            found.register_hook(self._left)  # type: ignore[no-untyped-call]
        return found

    def _left(self, gradient: torch.Tensor) -> None:
        self.held -= len(gradient)


@pytest.mark.parametrize(("rows", "encoded"), [(1, 2 * ROWS), (3, 2 * ROWS), (ROWS, ROWS)])
def test_the_graph_holds_a_chunk_at_most(rows: int, encoded: int) -> None:
    module = Counted()
    cache = GradientCache(module, lambda chunk: (module(chunk[0]),), rows)
    cache.backward((torch.randn(ROWS, WIDTH),), lambda parts: parts[0].square().mean())
    assert (module.most, module.held) == (rows, 0)
    assert module.encoded == encoded


def test_a_frozen_part_beside_one_that_learns_gets_no_gradient() -> None:
    frozen, learning = torch.nn.Linear(WIDTH, 8).requires_grad_(False), torch.nn.Linear(WIDTH, 8)
    both = torch.nn.ModuleList([frozen, learning])
    cache = GradientCache(both, lambda chunk: (frozen(chunk[0]), learning(chunk[0])), 3)
    cache.backward((torch.randn(ROWS, WIDTH),), lambda parts: (parts[0] * parts[1]).mean())
    assert frozen.weight.grad is None
    assert learning.weight.grad is not None


def test_a_part_that_the_loss_does_not_look_at_changes_nothing() -> None:
    one, other = torch.nn.Linear(WIDTH, 8), torch.nn.Linear(WIDTH, 8)
    both = torch.nn.ModuleList([one, other])
    cache = GradientCache(both, lambda chunk: (one(chunk[0]), other(chunk[0])), 3)
    cache.backward((torch.randn(ROWS, WIDTH),), lambda parts: parts[0].mean())
    assert other.weight.grad is not None
    assert other.weight.grad.abs().max() == 0


def normalising() -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(WIDTH, 8), torch.nn.BatchNorm1d(8))


def test_a_norm_over_the_batch_is_refused_by_its_name() -> None:
    module = normalising()
    cache = GradientCache(module, lambda chunk: (module(chunk[0]),), 3)
    with pytest.raises(InputError, match="1: BatchNorm1d in training"):
        cache.backward((torch.randn(ROWS, WIDTH),), lambda parts: parts[0].mean())


def test_a_norm_by_what_it_has_seen_is_not_refused() -> None:
    module = normalising().eval()
    cache = GradientCache(module, lambda chunk: (module(chunk[0]),), 3)
    cache.backward((torch.randn(ROWS, WIDTH),), lambda parts: parts[0].mean())


def test_a_batch_of_uneven_parts_is_refused() -> None:
    with pytest.raises(InputError, match="hold 2, 3 rows"):
        chunked((torch.zeros(2), torch.zeros(3)), 1)
    with pytest.raises(InputError, match="hold nothing rows"):
        chunked((), 1)
    with pytest.raises(InputError, match="rows of a chunk: 0, expected 1 or more"):
        GradientCache(torch.nn.Linear(1, 1), lambda chunk: chunk, 0)
