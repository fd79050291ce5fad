"""Several processes train as one on the batch of all of them.

joined(environment, device, timeout_s) -> Processes, until the block ends: as torchrun says in RANK,
WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT, by nccl on CUDA (each process takes the device
of its local rank), by gloo on the CPU; where these are unset, the one process that there is.

What to do in a step, and why the gradients are those of one process on the whole batch:

1. each process encodes rows of its own, as many as every other one;
2. `gather`, or `whole_batch`, brings all rows to all processes, in the order of their ranks. Each
   takes the same loss of them. Backward, `gather` adds up what every process asks of a row, so a
   row's gradient is `count` times the loss's own;
3. `average` divides the sum of all processes' gradients by `count`: for the encoder's weights that
   is the sum over all rows, for what the loss itself learns (its temperature), which every process
   finds whole, the mean of equals.

A mean over the processes' own losses, each of its own queries, comes out right by the same rule.

A process that fails fails the others: what they wait for raises ProcessesError as soon as its
connection breaks, or after `timeout_s` where it is silent (on CUDA it may be nccl's watchdog, or
torchrun, that ends them). The timeout must outlast whatever one process does alone. Raises
InputError for an environment that makes no sense.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from models.errors import InputError, PictorError
from training.contrastive import Embeddings, Labels

NUMBERS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT")
VARIABLES = (*NUMBERS, "MASTER_ADDR")
BUCKET = 2**24  # numbers that are summed up at a time


class ProcessesError(PictorError):
    """Another process of this run failed, or was silent for too long."""


@dataclass(frozen=True)
class Processes:
    """This process among those of the run. Every method is called by all of them."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this process is the one that reports and writes."""
        return self.rank == 0

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, ...) here and everywhere -> (count * n, ...), by rank, with gradients."""
        if self.count == 1:
            return rows
        self._expect_equal(f"{tuple(rows.shape)} {rows.dtype}", "rows to gather")
        gathered: torch.Tensor = _Gather.apply(rows, self)
        return gathered

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """Of every process's; without gradients."""
        total = value.detach().clone()
        self._summed(total)
        return total / self.count

    def average(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Every process's gradients become their mean; where some have none, it counts as zero."""
        learning = [parameter for parameter in parameters if parameter.requires_grad]
        if self.count == 1 or not learning:
            return
        has = torch.tensor([p.grad is not None for p in learning], device=self.device).float()
        self._summed(has)
        shared = [p for p, found in zip(learning, has.tolist(), strict=True) if found]
        for parameter in shared:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        for bucket in _buckets([p.grad for p in shared if p.grad is not None]):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            self._summed(flat)
            parts = torch.split(flat / self.count, [gradient.numel() for gradient in bucket])
            for gradient, part in zip(bucket, parts, strict=True):
                gradient.copy_(part.view_as(gradient))

    def start_equal(self, module: torch.nn.Module) -> None:
        """Every process's weights and buffers become the first's."""
        if self.count == 1:
            return
        with _waiting(self), torch.no_grad():
            for tensor in (*module.parameters(), *module.buffers()):
                dist.broadcast(tensor.data, 0)

    def wait(self) -> None:
        """For all the others."""
        token = torch.zeros(1, device=self.device)
        self._summed(token)
        token.item()  # CUDA would go on without it

    def by_first(self, action: Callable[[], None]) -> None:
        """Done by the first process while the others wait; if it fails, all of them do."""
        failed = torch.ones(1, device=self.device)
        try:
            if self.first:
                action()
            failed.zero_()
        finally:
            self._summed(failed)
        if failed.item():
            raise ProcessesError(f"process {self.rank} of {self.count}: the first one failed")

    def _summed(self, tensor: torch.Tensor) -> None:
        if self.count > 1:
            with _waiting(self):
                dist.all_reduce(tensor)

    def _expect_equal(self, said: str, what: str) -> None:
        """That all processes say the same; where they do not, all of them raise."""
        digest = int.from_bytes(hashlib.sha256(said.encode()).digest()[:6])
        ends = torch.tensor([digest, -digest], device=self.device)
        with _waiting(self):
            dist.all_reduce(ends, dist.ReduceOp.MAX)
        if ends[0] != -ends[1]:
            raise InputError(
                f"process {self.rank} of {self.count}: {what}: {said}, and others differ; "
                "expected the same of every process"
            )


def whole_batch(
    embeddings: Embeddings, labels: Labels, processes: Processes
) -> tuple[Embeddings, Labels]:
    """The batch of all processes, in the order of their ranks."""

    def gathered(part: torch.Tensor | None) -> torch.Tensor | None:
        return None if part is None else processes.gather(part)

    positives = labels.positives + processes.rank * len(labels.targets)
    return (
        Embeddings(
            processes.gather(embeddings.queries),
            processes.gather(embeddings.targets),
            gathered(embeddings.pictures),
            gathered(embeddings.negatives),
        ),
        Labels(
            processes.gather(positives),
            processes.gather(labels.targets),
            gathered(labels.pictures),
            gathered(labels.negatives),
        ),
    )


@contextmanager
def joined(
    environment: Mapping[str, str], device: torch.device, timeout_s: float
) -> Iterator[Processes]:
    """All of the run's processes enter it; the device says where they compute."""
    ranks = _ranks(environment)
    if ranks is None:
        yield Processes(0, 1, device)
        return
    rank, count, local_rank = ranks
    processes = Processes(rank, count, _own_device(device, local_rank))
    try:
        with _waiting(processes):
            dist.init_process_group(
                "nccl" if device.type == "cuda" else "gloo",
                init_method=f"tcp://{environment['MASTER_ADDR']}:{environment['MASTER_PORT']}",
                rank=rank,
                world_size=count,
                timeout=timedelta(seconds=timeout_s),
            )
        yield processes
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: torch.Tensor, processes: Processes) -> torch.Tensor:  # noqa: ANN401
        ctx.processes, ctx.rows = processes, len(rows)
        found = [torch.empty_like(rows) for _ in range(processes.count)]
        with _waiting(processes):
            dist.all_gather(found, rows.contiguous())
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:  # noqa: ANN401
        total = gradients[0].contiguous().clone()
        with _waiting(ctx.processes):
            dist.all_reduce(total)
        start = ctx.processes.rank * ctx.rows
        return total[start : start + ctx.rows], None


@contextmanager
def _waiting(processes: Processes) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ProcessesError(
            f"process {processes.rank} of {processes.count}: "
            f"another one failed, or was silent for too long: {reason}"
        ) from error


def _ranks(environment: Mapping[str, str]) -> tuple[int, int, int] | None:
    """Rank, number of processes, and rank on this computer; None where there is one process."""
    found = {name: environment[name] for name in VARIABLES if name in environment}
    if "RANK" not in found and "WORLD_SIZE" not in found:
        return None
    if missing := [name for name in VARIABLES if name not in found]:
        raise InputError(f"{missing[0]} is unset beside {', '.join(found)}; expected all or none")
    try:
        rank, count, local, _ = (int(found[name]) for name in NUMBERS)
    except ValueError as error:
        raise InputError(f"{', '.join(NUMBERS)}: expected whole numbers: {error}") from error
    if not 0 <= local <= rank < count:
        raise InputError(
            f"RANK {rank}, WORLD_SIZE {count}, LOCAL_RANK {local}: "
            "expected 0 <= LOCAL_RANK <= RANK < WORLD_SIZE"
        )
    return (rank, count, local) if count > 1 else None


def _own_device(device: torch.device, local_rank: int) -> torch.device:
    if device.type != "cuda":
        return device
    if local_rank >= torch.cuda.device_count():
        raise InputError(
            f"LOCAL_RANK {local_rank}: this computer has {torch.cuda.device_count()} CUDA devices, "
            "expected one a process"
        )
    torch.cuda.set_device(local_rank)
    return torch.device("cuda", local_rank)


def _buckets(gradients: list[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Of one type each, and of BUCKET numbers or a little more."""
    for kind in sorted({gradient.dtype for gradient in gradients}, key=str):
        bucket: list[torch.Tensor] = []
        for gradient in (found for found in gradients if found.dtype == kind):
            bucket.append(gradient)
            if sum(found.numel() for found in bucket) >= BUCKET:
                yield bucket
                bucket = []
        if bucket:
            yield bucket
