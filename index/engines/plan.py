"""How a job's workers are laid out on a cluster, by what its machines have.

Where there are GPUs each of them has one embedding worker, with a core, and the other cores read
and decode. Elsewhere a core is shared by a worker that decodes and by a thread of one that embeds,
so that it does whatever there is to do, whichever of the two a model costs more. By Ray's count the
workers take half of the cores, so that those of a machine that dies find room on the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.errors import EngineError

CORES_A_MODEL = 4  # at most: so many threads share a copy
ON_CPU_SHARE, BESIDE_GPU_SHARE = 0.25, 0.5  # of a core, by Ray's count, of what keeps one busy
ON_CPU, ON_GPU = 128, 1024  # pictures that an embedding worker is given at once
BATCHES = 4  # or so many batches, where their size was asked for


@dataclass(frozen=True)
class Node:
    cpus: float
    gpus: float = 0


@dataclass(frozen=True)
class Workers:
    """Of one stage; cores and GPUs are each one's."""

    count: int
    cpus: float
    gpus: float = 0
    retries: int = 1  # of what a worker died on; by one that may never find room it would wait


@dataclass(frozen=True)
class Plan:
    read: Workers
    embed: Workers
    device: str
    threads: int  # of an embedding worker
    rows: int  # that it is given at once


def plan(nodes: Sequence[Node], device: str | None, batch_size: int | None) -> Plan:
    """Raises EngineError where the device that was asked for, or any core, is not there."""
    gpus = 0 if device == "cpu" else int(sum(int(node.gpus) for node in nodes))
    if device is not None and device != "cpu" and not gpus:
        raise EngineError(f"--device {device}: no machine of the cluster has a GPU")
    cores = [int(node.cpus) for node in nodes if node.cpus >= 1]
    if not cores:
        raise EngineError("the cluster has no CPU to work with: start its nodes with --num-cpus")
    rows = BATCHES * batch_size if batch_size else ON_GPU if gpus else ON_CPU
    if gpus:
        readers = Workers(max(1, sum(cores) - gpus), cpus=BESIDE_GPU_SHARE)
        return Plan(
            readers,
            Workers(gpus, cpus=BESIDE_GPU_SHARE, gpus=1, retries=0),
            "cuda",
            threads=1,
            rows=rows,
        )
    threads = min(CORES_A_MODEL, *cores)
    models = sum(each // threads for each in cores)
    read = Workers(sum(cores), cpus=ON_CPU_SHARE)
    return Plan(read, Workers(models, cpus=ON_CPU_SHARE * threads), "cpu", threads, rows)
