"""A batch that fits no memory, and the same gradients as if it did.

GradientCache(module, encode, rows).backward(batch, loss_of) -> the loss, and the gradients of all
that it depends on are added to `.grad`, as `loss.backward()` would on the whole batch:

1. encode `rows` of the batch at a time without a graph, noting the state of torch's generators;
2. take the loss of all embeddings, and its gradient with regard to them and to what the loss itself
   learns (its temperature);
3. encode again with a graph, a chunk at a time and as at first (the same dropout), and go backward
   from the noted gradient.

So the graph holds `rows` of the batch at most, for the price of a second forward pass; a batch of
no more than `rows` is encoded once. Embeddings reach the loss as float32 leaves. `encode` draws
from torch's generators alone, and keeps rows apart: train-mode BatchNorm, whose statistics are the
batch's, is refused with InputError by its name. `encode` opens the autocast that it wants, the step
itself runs in none; weights' gradients are then rounded chunk by chunk, and added unrounded.

Source: Gao et al., "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup",
RepL4NLP 2021.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from models.errors import InputError

Tensors = tuple[torch.Tensor, ...]
Encode = Callable[[Tensors], Tensors]  # (rows, ...) each -> (rows, ...) each
LossOf = Callable[[Tensors], torch.Tensor]  # the whole batch's embeddings -> ()


@dataclass(frozen=True)
class Generators:
    """The state of torch's random generators, on the CPU and on every CUDA device."""

    cpu: torch.Tensor
    cuda: list[torch.Tensor]

    @classmethod
    def now(cls) -> "Generators":
        started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
        cuda = torch.cuda.get_rng_state_all() if started else []
        return cls(torch.get_rng_state(), cuda)

    def set(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)


@dataclass(frozen=True)
class GradientCache:
    module: torch.nn.Module  # that encodes
    encode: Encode
    rows: int  # in the graph at a time

    def __post_init__(self) -> None:
        if self.rows < 1:
            raise InputError(f"rows of a chunk: {self.rows}, expected 1 or more")

    def backward(self, batch: Tensors, loss_of: LossOf) -> torch.Tensor:
        """Tensors of the batch's rows (n, ...) -> the loss (), without its graph."""
        chunks = chunked(batch, self.rows)
        if len(chunks) == 1:
            loss = loss_of(self._encoded(chunks[0]))
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach()
        refuse_batch_statistics(self.module)
        states, leaves = self._without_graph(chunks)
        loss = loss_of(leaves)
        loss.backward()  # type: ignore[no-untyped-call]
        with generators_kept():
            self._with_graph(chunks, states, chunked(tuple(map(gradient_of, leaves)), self.rows))
        return loss.detach()

    def _without_graph(self, chunks: list[Tensors]) -> tuple[list[Generators], Tensors]:
        states, found = [], []
        with torch.no_grad():
            for chunk in chunks:
                states.append(Generators.now())
                found.append(self._encoded(chunk))
        whole = (torch.cat(part) for part in zip(*found, strict=True))
        return states, tuple(part.requires_grad_() for part in whole)

    def _with_graph(
        self, chunks: list[Tensors], states: list[Generators], gradients: list[Tensors]
    ) -> None:
        for chunk, state, gradient in zip(chunks, states, gradients, strict=True):
            state.set()
            encoded = self._encoded(chunk)
            learning = [place for place, part in enumerate(encoded) if part.requires_grad]
            if learning:
                ends = [encoded[place] for place in learning]
                torch.autograd.backward(ends, [gradient[place] for place in learning])

    def _encoded(self, chunk: Tensors) -> Tensors:
        return tuple(part.float() for part in self.encode(chunk))


def gradient_of(leaf: torch.Tensor) -> torch.Tensor:
    """Zero where the loss did not look at it."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def chunked(batch: Tensors, rows: int) -> list[Tensors]:
    """Tensors of as many rows each, as chunks of `rows` of them; the last may be shorter."""
    lengths = {len(part) for part in batch}
    if len(lengths) != 1 or 0 in lengths:
        found = ", ".join(str(len(part)) for part in batch) or "nothing"
        raise InputError(f"a batch's tensors hold {found} rows, expected as many each, and some")
    return list(zip(*(torch.split(part, rows) for part in batch), strict=True))


def refuse_batch_statistics(module: torch.nn.Module) -> None:
    for name, part in module.named_modules():
        if isinstance(part, _BatchNorm) and (part.training or part.running_mean is None):
            raise InputError(
                f"{name or 'the module'}: {type(part).__name__} in training takes its statistics "
                "from the batch, which differ in chunks; expected it in eval mode, or another norm"
            )


@contextmanager
def generators_kept() -> Iterator[None]:
    """Go on with the random numbers that would have come next before."""
    state = Generators.now()
    try:
        yield
    finally:
        state.set()
