"""Two processes, each with half of the batch, learn what one process learns of the whole of it.

The processes are real ones: they run `act` and `stall` of this file, and talk on loopback.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from models.errors import InputError, PictorError
from tests.ports import free_port
from training.contrastive import (
    Contrastive,
    Embeddings,
    Labels,
    LearnedScale,
    Mixing,
    Shared,
    contrastive_loss,
)
from training.distributed import Processes, joined, whole_batch
from training.gradient_cache import GradientCache, Tensors, chunked

CPU = torch.device("cpu")
REPOSITORY = Path(__file__).parents[2]
ROWS, WIDTH = 8, 6
HOW = Contrastive(mined_negatives=Shared.ALL, mixing=Mixing(hardest=4, of_pairs=3, of_queries=2))
ENDS_S = 60


class Learner(torch.nn.Module):
    """A tower, a layer that a query alone goes through, and the loss's own temperature."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.tower = torch.nn.Linear(WIDTH, 4)
        self.unused = torch.nn.Linear(1, 1)
        self.scale = LearnedScale(0.1)

    def encode(self, chunk: Tensors) -> Tensors:
        return tuple(F.normalize(torch.tanh(self.tower(part)), dim=-1) for part in chunk)

    def step(self, batch: Tensors, labels: Labels, processes: Processes) -> torch.Tensor:
        def loss_of(parts: Tensors) -> torch.Tensor:
            everything = whole_batch(Embeddings(*parts), labels, processes)
            return contrastive_loss(*everything, self.scale(), HOW, seed=3)

        loss = GradientCache(self, self.encode, 2).backward(batch, loss_of)
        processes.average(self.parameters())
        return loss

    def gradients(self) -> dict[str, Any]:
        named = self.named_parameters()
        return {name: p.grad if p.grad is None else p.grad.tolist() for name, p in named}


def batch() -> Tensors:
    """Of queries, targets, pictures, and two mined negatives each."""
    random = torch.Generator().manual_seed(2)
    alone = (torch.randn(ROWS, WIDTH, generator=random) for _ in range(3))
    return (*alone, torch.randn(ROWS, 2, WIDTH, generator=random))


def labels_of(rows: torch.Tensor) -> Labels:
    """Of these rows of the batch; rows 1 and 6 want the same picture, each in another half."""
    wanted = torch.where(rows == 6, 1, rows)
    mined = 200 + 2 * rows[:, None] + torch.arange(2)
    return Labels(torch.arange(len(rows)), wanted, 100 + rows, mined)


def act(processes: Processes) -> dict[str, Any]:
    """What each of two processes finds."""
    learner = Learner(seed=1 + processes.rank)
    processes.start_equal(learner)
    half = ROWS // processes.count
    part, rows = (chunked(each, half)[processes.rank] for each in (batch(), (torch.arange(ROWS),)))
    loss = learner.step(part, labels_of(rows[0]), processes)
    return {
        "rank": processes.rank,
        "first": processes.first,
        "loss": loss.item(),
        "gradients": learner.gradients(),
        "mean": processes.mean(torch.tensor(float(processes.rank))).item(),
        "uneven": refusal(lambda: processes.gather(torch.zeros(2 + processes.rank, 3))),
        "first failed": refusal(lambda: processes.by_first(fail)),
        "written by": written_by(processes),
    }


def refusal(action: Any) -> str:  # noqa: ANN401
    try:
        action()
    except PictorError as error:
        return f"{type(error).__name__}: {error}"
    return "none"


def fail() -> None:
    raise InputError("the disk is full")


def written_by(processes: Processes) -> list[int]:
    writers: list[int] = []
    processes.by_first(lambda: writers.append(processes.rank))
    processes.wait()
    return writers


def stall(processes: Processes) -> dict[str, Any]:
    """The second says nothing until its input ends, and the first waits for it."""
    if not processes.first:
        sys.stdin.read()
    return {"rank": processes.rank, "refusal": refusal(processes.wait)}


def say(line: str) -> None:
    """In one write, so that two processes which share a pipe do not cut into each other's lines."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run(action: str, timeout_s: float) -> None:
    """One process's life: it says that it is there, is told to go on, and prints what it found."""
    say("ready")
    sys.stdin.readline()
    with joined(os.environ, CPU, timeout_s) as processes:
        found = globals()[action](processes)
    say(json.dumps(found))


def start(action: str, timeout_s: float, environment: Mapping[str, str]) -> subprocess.Popen[str]:
    code = f"from tests.training.test_distributed import run; run({action!r}, {timeout_s})"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, **environment, **on_loopback()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_two(action: str, timeout_s: float) -> list[subprocess.Popen[str]]:
    """They go on together: the timeout is of their talk, and not of Python's start."""
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    ranks = ({"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2))
    processes = [start(action, timeout_s, {**place, **rank}) for rank in ranks]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return processes


def found_by(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Its input ends, and it soon does."""
    try:
        found: dict[str, Any] = json.loads(process.communicate(timeout=ENDS_S)[0])
    finally:
        process.kill()
    return found


def on_loopback() -> dict[str, str]:
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    return {"GLOO_SOCKET_IFNAME": loopback, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def two() -> list[dict[str, Any]]:
    return [found_by(process) for process in start_two("act", ENDS_S)]


@pytest.fixture(scope="module")
def one() -> dict[str, Any]:
    learner = Learner(seed=1)
    loss = learner.step(batch(), labels_of(torch.arange(ROWS)), Processes(0, 1, CPU))
    return {"loss": loss.item(), "gradients": learner.gradients()}


def test_two_processes_find_the_loss_of_one(one: dict[str, Any], two: list[dict[str, Any]]) -> None:
    assert [found["rank"] for found in two] == [0, 1]
    for found in two:
        assert found["loss"] == pytest.approx(one["loss"], abs=1e-6)


def test_two_processes_find_the_gradients_of_one(
    one: dict[str, Any], two: list[dict[str, Any]]
) -> None:
    """Of the tower, which each ran on its half, and of the temperature, which both took whole."""
    for found in two:
        for name in ("tower.weight", "tower.bias", "scale.logarithm"):
            expected = torch.tensor(one["gradients"][name])
            assert expected.abs().max() > 1e-3
            given = torch.tensor(found["gradients"][name])
            torch.testing.assert_close(given, expected, atol=1e-6, rtol=0)


def test_what_no_process_used_stays_without_a_gradient(two: list[dict[str, Any]]) -> None:
    assert [found["gradients"]["unused.weight"] for found in two] == [None, None]


def test_a_mean_is_of_all_processes(two: list[dict[str, Any]]) -> None:
    assert [found["mean"] for found in two] == [0.5, 0.5]


def test_only_the_first_writes(two: list[dict[str, Any]]) -> None:
    assert [found["first"] for found in two] == [True, False]
    assert [found["written by"] for found in two] == [[0], []]


def test_the_first_ones_failure_is_everybodys(two: list[dict[str, Any]]) -> None:
    assert [found["first failed"] for found in two] == [
        "InputError: the disk is full",
        "ProcessesError: process 1 of 2: the first one failed",
    ]


def test_rows_of_another_shape_are_refused_by_all(two: list[dict[str, Any]]) -> None:
    for found, rows in zip(two, (2, 3), strict=True):
        assert f"rows to gather: ({rows}, 3) torch.float32, and others differ" in found["uneven"]


@pytest.mark.slow
def test_a_silent_process_fails_the_waiting_one_and_a_failed_one_the_other() -> None:
    first, second = start_two("stall", 5)
    waited = "process 0 of 2: another one failed, or was silent for too long"
    assert waited in found_by(first)["refusal"]
    assert "process 1 of 2: another one failed" in found_by(second)["refusal"]


@pytest.mark.slow
def test_torchrun_starts_them_and_says_who_they_are(one: dict[str, Any]) -> None:
    code = f"from tests.training.test_distributed import run; run('act', {ENDS_S})"
    place = ["--master-addr", "127.0.0.1", "--master-port", str(free_port())]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", *place]
    done = subprocess.run(
        [*command, "--no-python", sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, **on_loopback()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=ENDS_S,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line != "ready"]
    assert sorted(each["rank"] for each in found) == [0, 1]
    assert found[1]["loss"] == pytest.approx(one["loss"], abs=1e-6)


def test_without_the_variables_there_is_one_process() -> None:
    with joined({"PATH": "/bin"}, CPU, 1) as processes:
        assert (processes.rank, processes.count, processes.device) == (0, 1, CPU)
        assert processes.gather(torch.ones(2, 3)).tolist() == torch.ones(2, 3).tolist()
        assert written_by(processes) == [0]
        with pytest.raises(InputError, match="the disk is full"):
            processes.by_first(fail)


ALONE = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
ADDRESS = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}


def test_one_process_under_torchrun_is_one_process() -> None:
    with joined({**ALONE, **ADDRESS}, CPU, 1) as processes:
        assert processes.count == 1


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        (ALONE, "MASTER_PORT is unset beside RANK, WORLD_SIZE, LOCAL_RANK"),
        ({**ALONE, **ADDRESS, "RANK": "first"}, "expected whole numbers"),
        ({**ALONE, **ADDRESS, "RANK": "1"}, "expected 0 <= LOCAL_RANK <= RANK < WORLD_SIZE"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(
    environment: dict[str, str], named: str
) -> None:
    with pytest.raises(InputError, match=named), joined(environment, CPU, 1):
        pass
