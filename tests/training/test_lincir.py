"""A network learns to put captions into words, resumes to the same weights, and is used as is."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.device import choose_placement
from models.encoders import Prompt
from models.errors import InputError, ModelError
from models.load import load_encoder, load_parts
from models.openclip_encoder import OpenClipEncoder
from models.phi import Mlp, read_phi
from tests.training import tiny
from training import lincir
from training.config import LincirConfig
from training.kinds import read_config
from training.lincir import (
    PUBLISHED,
    LincirStep,
    PhiLearner,
    TextTower,
    lengthened,
    noised,
    text_tower_of,
)
from training.loop import Losses, Pace, Stage, run_stage
from training.run import train
from training.state import Checkpoints, constant_share

pytest.importorskip("textblob")

CPU = torch.device("cpu")
CONFIG = """
kind = "lincir"
name = "tiny"
seed = 3
model = "gallery"
data = "data"
out = "out"
texts = ["captions.txt"]
steps = {steps}
batch = 8
learning_rate = 1e-2
dropout = 0.1
noise = 0.1
checkpoint_every = 2

[[captions]]
table = "captions.tsv"

[scenes]
seed = 5
count = 4
"""


def write_run(folder: Path, steps: int = 4, more: str = "") -> Path:
    tiny.gallery_model(folder / "gallery")
    (folder / "data").mkdir()
    (folder / "data" / "captions.txt").write_text("a red square\n\n  the sea \na red square\n")
    rows = ["file\tsplit\tcaption", "1.png\ttrain\ta blue dog", "2.png\tdev\ta cat"]
    (folder / "data" / "captions.tsv").write_text("\n".join(rows) + "\n")
    config = folder / "tiny.toml"
    config.write_text(more + CONFIG.format(steps=steps))
    return config


def config_of(path: Path) -> LincirConfig:
    config = read_config(path)
    assert isinstance(config, LincirConfig)
    return config


def run(path: Path, report: list[str] | None = None) -> Path:
    lines = [] if report is None else report
    return train(read_config(path), choose_placement("cpu"), threads=1, report=lines.append)


def tower_of(folder: Path) -> TextTower:
    name, loaded = load_parts(str(folder), announce=print)
    return text_tower_of(name, loaded.module, loaded.tokenizer, CPU)


def test_a_run_ends_in_a_network_for_the_models_space(tmp_path: Path) -> None:
    folder = run(write_run(tmp_path))
    phi = read_phi(folder)
    encoder = load_encoder(str(tmp_path / "gallery"), choose_placement("cpu"), announce=print)
    assert isinstance(encoder, OpenClipEncoder)
    assert phi.kind == "lincir" and phi.space == encoder.space and phi.width == tiny.WIDTH
    word = phi.words(np.ones((1, tiny.DIMENSION), dtype=np.float32))[0]
    composed = encoder.encode_prompts([Prompt("a photo of $ that is red", word)])
    assert composed.shape == (1, tiny.DIMENSION) and bool(np.isfinite(composed).all())


def test_the_distance_to_the_captions_own_embedding_falls(tmp_path: Path) -> None:
    report: list[str] = []
    run(write_run(tmp_path, steps=100), report)
    means = [float(line.split()[3]) for line in report if line.startswith("phi ")]
    assert len(means) == 2 and means[1] < 0.8 * means[0]


def test_the_encoder_is_left_as_it_is(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    tower = tower_of(tmp_path / "gallery")
    before = {name: tensor.clone() for name, tensor in tower.module.state_dict().items()}
    network = Mlp((tiny.DIMENSION, 8, 8, tiny.WIDTH))
    step = LincirStep(tower, network, lincir.gather_captions(config_of(path)), 4, noise=1.0)
    step(np.random.default_rng(0))["distance"].backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in tower.module.parameters())
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    assert all(torch.equal(before[n], t) for n, t in tower.module.state_dict().items())


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def fit(folder: Path, kill_in_step: int | None = None) -> dict[str, torch.Tensor]:
    """Six steps of a tiny network with dropout and noise; its averaged weights at their end."""
    tower, taken = tower_of(folder.parent / "gallery"), 0
    torch.manual_seed(0)
    network = Mlp((tiny.DIMENSION, 8, 8, tiny.WIDTH), dropout=0.5)
    learner = PhiLearner(network, CPU, ema_decay=0.9)
    step = LincirStep(tower, network, ["a red square", "the sea", "two dogs run"], 2, noise=1.0)

    def losses(random: np.random.Generator) -> Losses:
        nonlocal taken
        taken += 1
        if taken == kill_in_step:
            raise Killed
        return step(random)

    group = {"params": list(network.parameters()), "lr": 0.1, "peak": 0.1, "weight_decay": 0.01}
    stage = Stage("phi", 6, 0, seed=1, losses=losses, groups=[group], optimisation=PUBLISHED)
    folder.mkdir(exist_ok=True)
    run_stage(stage, learner, Checkpoints(folder, "fit"), Pace(2), report=lambda line: None)
    return learner.average.state_dict()


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    tiny.gallery_model(tmp_path / "gallery")
    undisturbed = fit(tmp_path / "a")
    with pytest.raises(Killed):
        fit(tmp_path / "b", kill_in_step=4)
    torch.rand(5)  # whatever else draws in between
    resumed = fit(tmp_path / "b")
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)


def test_another_models_checkpoint_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    run(path)
    path.write_text(path.read_text().replace('"gallery"', '"other"'))
    tiny.gallery_model(tmp_path / "other", layers=2)
    with pytest.raises(InputError, match="another configuration"):
        run(path)


def test_the_sources_captions_are_taken_once_each(tmp_path: Path) -> None:
    captions = lincir.gather_captions(config_of(write_run(tmp_path)))
    # each scene has a full wording and three shorter ones, some of which may be alike
    assert captions[:3] == ["a red square", "the sea", "a blue dog"]
    assert 3 + 4 < len(captions) <= 3 + 4 * 4 and len(set(captions)) == len(captions)
    assert "a cat" not in captions


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("captions.txt", b"\n \n", "a caption a line"),
        ("captions.txt", b"\xff\xff", r"captions\.txt"),
        ("captions.tsv", b"file\tsplit\tcaption\n1.png\tdev\ta cat\n", "split 'train'"),
    ],
)
def test_a_source_without_captions_is_refused_by_name(
    tmp_path: Path, file: str, content: bytes, named: str
) -> None:
    path = write_run(tmp_path)
    (tmp_path / "data" / file).write_bytes(content)
    with pytest.raises(InputError, match=named):
        run(path)


def test_a_tower_that_takes_no_words_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    tiny.gallery_model(tmp_path / "other", no_causal_mask=True, pool_type="last")
    path.write_text(path.read_text().replace('"gallery"', '"other"'))
    with pytest.raises(ModelError, match="takes no pseudo-words"):
        run(path)


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ('kind = "lincir"', 'kind = "lincor"', "expected one of clip, head"),
        ("noise = 0.1", "noise = -1", "noise"),
        ("dropout = 0.1", "dropout = 1", "dropout"),
        ("noise = 0.1", "scales = [2, 1]", "scales"),
        ("batch = 8", "bach = 8", "bach"),
        ('model = "gallery"', "", "model"),
    ],
)
def test_a_wrong_configuration_is_refused_by_field(
    tmp_path: Path, was: str, becomes: str, named: str
) -> None:
    tiny.expect_refused(write_run(tmp_path), was, becomes, named)


def test_without_captions_there_is_nothing_to_learn(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    head = path.read_text().split("[[captions]]")[0]
    path.write_text(head.replace('texts = ["captions.txt"]\n', ""))
    with pytest.raises(InputError, match="nothing to learn from"):
        read_config(path)


def test_a_model_beside_the_configuration_is_found_from_anywhere(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    assert config_of(path).model == str((tmp_path / "gallery").resolve())
    path.write_text(path.read_text().replace('"gallery"', '"ViT-B-32/weights.pt"'))
    assert config_of(path).model == "ViT-B-32/weights.pt"
    (tmp_path / "weights.pt").write_bytes(b"")
    assert config_of(path).model == f"ViT-B-32/{(tmp_path / 'weights.pt').resolve()}"


def test_a_word_takes_every_place_of_the_symbol(tmp_path: Path) -> None:
    tower = tower_of(tiny.gallery_model(tmp_path / "gallery"))
    word = tower.tokenizer(["red"])[0, 1]
    red = tower.module.token_embedding.weight[word][None]
    with torch.no_grad():
        composed = tower.embeddings_with(["a $ dog and a $ cat"], red)
    assert torch.allclose(composed, tower.embeddings(["a red dog and a red cat"]), atol=1e-6)


def test_a_symbol_that_is_cut_off_becomes_a_photo_of_it(tmp_path: Path) -> None:
    tower = tower_of(tiny.gallery_model(tmp_path / "gallery"))
    words = torch.ones(1, tiny.WIDTH)
    with torch.no_grad():
        lost = tower.embeddings_with(["by " * 40 + "$"], words)
        spare = tower.embeddings_with(["a photo of $"], words)
    assert torch.equal(lost, spare)


def test_noise_has_a_deviation_between_none_and_its_scale() -> None:
    torch.manual_seed(0)
    embeddings = torch.full((4000, 64), 5.0)
    deviations = (noised(embeddings, 2.0) - 5.0).std(dim=1)
    # u ~ U(0, 1) of 2: between 0 and 2, 1 in the mean
    assert deviations.min() < 0.05 and deviations.max() < 2.7
    assert abs(float(deviations.mean()) - 1.0) < 0.03
    assert torch.equal(noised(embeddings, 0.0), embeddings)


def test_lengths_lie_between_the_two_scales() -> None:
    torch.manual_seed(0)
    lengths = lengthened(torch.ones(1000, 4), (0.5, 2.0))[:, 0]
    assert 0.5 <= lengths.min() < 0.55 and 1.95 < lengths.max() <= 2.0
    assert torch.equal(lengthened(torch.ones(3, 4), (1.0, 1.0)), torch.ones(3, 4))


def test_without_a_decay_the_average_is_the_network_itself() -> None:
    network = Mlp((1, 1, 1, 1))
    learner = PhiLearner(network, CPU)
    with torch.no_grad():
        network.get_parameter("layers.0.weight").fill_(3.0)
    learner.settle()
    assert learner.average.get_parameter("layers.0.weight").item() == 3.0


def test_the_average_follows_closely_at_first() -> None:
    network = Mlp((1, 1, 1, 1))
    learner = PhiLearner(network, CPU, ema_decay=0.9999)
    with torch.no_grad():
        learner.average.get_parameter("layers.0.weight").fill_(0.0)
        network.get_parameter("layers.0.weight").fill_(11.0)
    learner.settle()
    # after the first step (1 + 1) / (10 + 1) of the average is kept
    assert abs(learner.average.get_parameter("layers.0.weight").item() - 9.0) < 1e-5


def test_a_constant_rate_is_warmed_up_to() -> None:
    assert [constant_share(step, 100, 4) for step in (0, 1, 3, 4, 99)] == [0.25, 0.5, 1, 1, 1]
    assert constant_share(0, 100, 0) == 1.0
