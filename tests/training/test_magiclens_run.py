"""A MagicLens learns from triplets in shards, in one process or two, at once or resumed, to the
same weights; and becomes a folder that composes."""

import json
import os
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from models.composers.registry import Composers
from models.device import choose_placement
from models.errors import InputError
from models.load import load_encoder
from tests.ports import free_port
from tests.training.coloured import BARS, NAMES, coloured, triplets, write_lens, write_triplets
from tests.training.test_distributed import on_loopback
from training.magiclens_config import read_magiclens_config
from training.magiclens_run import train_magiclens

REPOSITORY = Path(__file__).parents[2]
ENDS_S = 120
CONFIG = """
kind = "magiclens"
name = "tiny"
seed = 3
data = "data"
out = "{out}"
model = "lens"
shards = ["shards"]
steps = {steps}
batch = {batch}
chunk = {chunk}
checkpoint_every = {checkpoint_every}
timeout_s = 60
"""
NUMBERS = {"steps": 5, "batch": 12, "chunk": 4, "checkpoint_every": 2}
# nearly all that a run can be told
MUCH = """
negatives = 1
buffer = 10
precision = "bfloat16"

[log]
every = 1

[loss]
temperature = 0.1
mined_negatives = "all"
mixing = {hardest = 4, of_pairs = 2, of_queries = 2}

[optimiser]
name = "adafactor"
learning_rate = 1e-2
pretrained_learning_rate = 1e-3
pretrained = ["clip."]
gradient_limit = 1.0
ema_decay = 0.5
"""
PLAIN = """
precision = "float32"

[log]
every = 1

[optimiser]
learning_rate = 1e-3
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    write_lens(folder / "lens")
    write_triplets(folder / "data" / "shards", negatives=1)
    return folder


def config_file(folder: Path, out: str, rest: str, **numbers: int) -> Path:
    file = folder / f"{out}.toml"
    file.write_text(CONFIG.format(out=out, **{**NUMBERS, **numbers}) + rest)
    return file


def train(file: Path, report: Any = lambda line: None) -> Path:  # noqa: ANN401
    config = read_magiclens_config(file)
    return train_magiclens(config, choose_placement("cpu"), threads=1, report=report)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def entries(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def losses(out: Path) -> list[float]:
    return [entry["loss"] for entry in entries(out) if "loss" in entry]


@pytest.fixture(scope="module")
def undisturbed(folder: Path) -> Path:
    return train(config_file(folder, "undisturbed", MUCH))


@pytest.fixture(scope="module")
def alone(folder: Path) -> Path:
    return train(config_file(folder, "alone", PLAIN))


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def test_a_killed_run_goes_on_to_the_same_losses_and_weights(
    folder: Path, undisturbed: Path
) -> None:
    """The kill comes after the fourth step and before its checkpoint: it goes on behind the
    second."""

    def kill(line: str) -> None:
        if line.startswith("tiny 4/5"):
            raise Killed

    file = config_file(folder, "killed", MUCH)
    with pytest.raises(Killed):
        train(file, kill)
    resumed: list[str] = []
    again = train(file, resumed.append)
    assert [line.split()[1] for line in resumed] == ["3/5", "4/5", "5/5"]
    expected = weights(undisturbed)
    for name, found in weights(again).items():
        assert torch.equal(found, expected[name]), name
    assert losses(again.parent) == losses(undisturbed.parent)


def test_a_finished_run_does_not_train_again(folder: Path, undisturbed: Path) -> None:
    expected, said = weights(undisturbed), list[str]()
    again = train(folder / "undisturbed.toml", said.append)
    assert (again, said) == (undisturbed, [])
    assert all(torch.equal(found, expected[name]) for name, found in weights(again).items())


def test_a_run_of_another_configuration_is_refused(folder: Path, alone: Path) -> None:
    with pytest.raises(InputError, match=r"checkpoint\.pt: written by a run of another config"):
        train(config_file(folder, "alone", PLAIN.replace("1e-3", "1e-4")))


def test_a_batch_in_one_graph_has_the_losses_of_a_batch_in_chunks(
    folder: Path, alone: Path
) -> None:
    whole = train(config_file(folder, "whole", PLAIN, chunk=12))
    assert losses(whole.parent) == pytest.approx(losses(alone.parent), abs=1e-4)


def act(file: str) -> None:
    """What each of several processes does."""
    train(Path(file))


@pytest.mark.slow
def test_two_processes_find_the_losses_of_one_and_write_once(folder: Path, alone: Path) -> None:
    file = config_file(folder, "two", PLAIN, chunk=2)
    code = f"from tests.training.test_magiclens_run import act; act({str(file)!r})"
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            env={**os.environ, **place, **on_loopback(), "RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in ("0", "1")
    ]
    try:
        assert [process.wait(ENDS_S) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    assert losses(folder / "two") == pytest.approx(losses(alone.parent), abs=1e-5)
    expected = weights(alone)
    for name, found in weights(folder / "two" / "model").items():
        torch.testing.assert_close(found, expected[name], atol=5e-4, rtol=0)


def write_benchmark(folder: Path) -> None:
    """All that the triplets say, as edits of scenes; of each colour there are three."""
    folder.mkdir(parents=True)
    lines = ["file\tkind\tcaption"]
    for colour, bar in product(NAMES, BARS):
        coloured(colour, bar).save(folder / f"{colour} {bar}.png")
        lines.append(f"{colour} {bar}.png\tfull\t{colour} beside {bar}")
    edits = [
        {
            "reference": f"{each.ids[0]}.png",
            "instruction": each.instruction,
            "kind": "colour",
            "target": f"{each.ids[1]}.png",
        }
        for each in triplets()
    ]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n")
    (folder / "edits.jsonl").write_text("\n".join(map(json.dumps, edits)) + "\n")


LEARNING = """
precision = "float32"

[log]
every = 10

[loss]
temperature = 0.1

[optimiser]
learning_rate = 2e-3
warmup_steps = 10

[validation]
benchmark = "scenes"
data = "scenes"
metric = "composed/R@5"
every = 50
"""


@pytest.mark.slow
def test_it_learns_to_compose_and_its_best_moment_is_kept(tmp_path: Path) -> None:
    write_lens(tmp_path / "lens")
    write_triplets(tmp_path / "data" / "shards")
    write_benchmark(tmp_path / "data" / "scenes")
    numbers = {"steps": 100, "batch": 36, "chunk": 36, "checkpoint_every": 50}
    made = train(config_file(tmp_path, "out", LEARNING, **numbers))
    found = losses(tmp_path / "out")
    assert found[-1] < found[0] - 1
    validated = [each for each in entries(tmp_path / "out") if "validation/composed/R@5" in each]
    scores = {each["step"]: each["validation/composed/R@5"] for each in validated}
    assert list(scores) == [0, 50, 100]
    assert max(scores.values()) > scores[0] + 0.3
    record = json.loads((tmp_path / "out" / "best" / "validation.json").read_text())
    assert scores[record["step"]] == max(scores.values())
    for place in (made, tmp_path / "out" / "best"):
        encoder = load_encoder(str(place), choose_placement("cpu"), print)
        assert Composers(encoder).default == "magiclens"


def test_a_frozen_tower_stays_as_it_was(folder: Path) -> None:
    rest = PLAIN.replace("1e-3", '1e-2\nfrozen = ["clip.visual."]')
    made = weights(train(config_file(folder, "frozen", rest, steps=1)))
    begun = weights(folder / "lens")
    for name, tensor in made.items():
        if name.startswith("clip.visual."):
            assert torch.equal(tensor, begun[name]), name
    assert not torch.equal(made["clip.text_projection"], begun["clip.text_projection"])


def test_a_loss_that_is_no_number_ends_the_run(folder: Path) -> None:
    with pytest.raises(InputError, match="the loss is nan by step 2: try a lower learning rate"):
        train(config_file(folder, "wild", PLAIN.replace("1e-3", "1e30")))
