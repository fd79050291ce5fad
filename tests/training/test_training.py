"""A run learns, resumes to the same weights, and refuses what it cannot do."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from models.device import choose_placement
from models.errors import InputError
from models.load import load_encoder
from models.openclip import bpe_tokenizer
from tests.training import tiny
from training import clip, run
from training.bpe import learn_merges, write_merges
from training.config import Logging, TrainingConfig
from training.corpus import class_captions
from training.kinds import read_config as read_any_config
from training.loop import Losses, Pace, Stage, run_stage
from training.losses import clip_loss, composition_loss, distillation_loss, grouped_clip_loss
from training.state import Checkpoints, Learner, text_averaged, weight_groups
from training.views import cut_views, recoloured

CONFIG = """
name = "tiny"
seed = 3
data = "data"
out = "out"
vocabulary = 600
picture_px = 32
checkpoint_every = 2

[model]
embed_dim = 16
[model.vision_cfg]
layers = 1
width = 32
head_width = 16
patch_size = 16
image_size = 32
[model.text_cfg]
context_length = 48
width = 16
heads = 2
layers = 1

[[captions]]
folder = "images"
table = "captions.tsv"

[scenes]
seed = 5
count = 12

{teacher}

[image_stage]
steps = {steps}
batch = 6
scene_batch = 6
warmup_steps = 1
"""
TEACHER = """
[teacher]
features = "features.npy"
boxes = "boxes.npy"
files = "files.txt"
[text_stage]
steps = 4
batch = 6
class_batch = 2
"""
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 200, 30),
    "blue": (30, 30, 220),
    "grey": (99, 99, 99),
}


def write_run(folder: Path, steps: int = 4, teacher: bool = True) -> Path:
    images = folder / "data" / "images"
    images.mkdir(parents=True)
    rows, names = ["file\tsplit\tcaption"], []
    for colour, value in COLOURS.items():
        for shade in range(2):
            name = f"{colour}{shade}.png"
            Image.new("RGB", (40, 40), tuple(v - 20 * shade for v in value)).save(images / name)
            rows += [f"{name}\ttrain\ta {colour} picture", f"{name}\ttrain\tall {colour}"]
            names.append(f"images/{name}")
    (folder / "data" / "captions.tsv").write_text("\n".join(rows) + "\n")
    random = np.random.default_rng(0)
    features = random.normal(size=(len(names), 4, 8))
    features /= np.linalg.norm(features, axis=-1, keepdims=True)
    np.save(folder / "data" / "features.npy", np.round(features * 127).astype(np.int8))
    boxes = np.tile(np.array([0.1, 0.1, 0.9, 0.9], dtype=np.float32), (len(names), 2, 1))
    np.save(folder / "data" / "boxes.npy", boxes)
    (folder / "data" / "files.txt").write_text("\n".join(names) + "\n")
    config = folder / "tiny.toml"
    config.write_text(CONFIG.format(steps=steps, teacher=TEACHER if teacher else ""))
    return config


def read_config(path: Path) -> TrainingConfig:
    config = read_any_config(path)
    assert isinstance(config, TrainingConfig)
    return config


def train(config: TrainingConfig) -> Path:
    return run.train(config, choose_placement("cpu"), threads=1, report=lambda line: None)


@pytest.mark.parametrize("teacher", [True, False])
def test_a_run_ends_in_a_folder_that_model_takes(tmp_path: Path, teacher: bool) -> None:
    folder = train(read_config(write_run(tmp_path, teacher=teacher)))
    encoder = load_encoder(str(folder), choose_placement("cpu"), announce=print)
    assert encoder.encode_texts(["a red picture"]).shape == (1, 16)
    pixels = [encoder.prepare(Image.new("RGB", (50, 20)))]
    assert encoder.encode_images(pixels).shape == (1, 16)


def enriched(config: Path) -> Path:
    """With all that an image stage may be given."""
    more = (
        "rendered_batch = 4\nmixed_share = 0.5\ncolour_jitter = 0.2\nphotograph_jitter = 0.05\n"
        "compose_weight = 0.0\nema_decay = 0.5\n"
    )
    config.write_text(config.read_text() + more)
    return config


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


class Line(torch.nn.Module):
    """One weight to fit, beside the temperature that every model in training has."""

    def __init__(self) -> None:
        super().__init__()
        self.slope = torch.nn.Parameter(torch.zeros(1, 1))
        self.logit_scale = torch.nn.Parameter(torch.zeros(()))


def fit_a_line(
    folder: Path, kill_in_step: int | None = None, log_every: int = 50
) -> tuple[float, float]:
    """Six steps, each with its own target; the slope that they end at, and its average."""
    model, taken = Line(), 0

    def losses(random: np.random.Generator) -> Losses:
        nonlocal taken
        taken += 1
        if taken == kill_in_step:
            raise Killed
        return {"distance": (model.slope - float(random.normal())).square().sum()}

    groups = weight_groups(list(model.named_parameters()), rate=0.1, decay=0.01)
    stage = Stage("image", 6, 1, seed=1, losses=losses, groups=groups)
    learner = Learner(model, lambda texts: torch.zeros(0), None, torch.device("cpu"))
    learner.keep_average(0.5)
    run_stage(
        stage,
        learner,
        Checkpoints(folder, "line"),
        Pace(2, Logging(every=log_every)),
        report=lambda line: None,
    )
    return float(model.slope.detach()), float(learner.exported.slope.detach())


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    undisturbed = fit_a_line(tmp_path / "a")
    with pytest.raises(Killed):
        fit_a_line(tmp_path / "b", kill_in_step=4)
    assert fit_a_line(tmp_path / "b") == undisturbed


def test_a_runs_numbers_are_kept_step_by_step_and_go_on_behind_a_kill(tmp_path: Path) -> None:
    folder = tmp_path / "line"
    folder.mkdir()
    with pytest.raises(Killed):
        fit_a_line(folder, kill_in_step=6, log_every=1)
    fit_a_line(folder, log_every=1)
    lines = (folder / "log" / "image" / "metrics.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [entry["step"] for entry in entries] == [1, 2, 3, 4, 5, 6]
    assert all(entry["distance"] >= 0 and entry["steps_per_s"] > 0 for entry in entries)
    assert entries[0]["learning_rate"] > entries[-1]["learning_rate"]


def test_a_finished_run_is_exported_again_and_not_trained_again(tmp_path: Path) -> None:
    config = read_config(write_run(tmp_path))
    weights = train(config) / "open_clip_model.safetensors"
    before = weights.read_bytes()
    weights.unlink()
    assert (train(config) / weights.name).read_bytes() == before


def begun_with(folder: Path, tower_of: Path, changed: tuple[str, str] = ("", "")) -> TrainingConfig:
    """A run that learns nothing, from the image tower of that model."""
    config = write_run(folder)
    begun = f'image_tower_of = "{tower_of}"\n\n[model]\n'
    content = config.read_text().replace("[model]\n", begun, 1).replace(*changed)
    config.write_text(content.replace("[image_stage]", "[image_stage]\nlearning_rate = 0.0"))
    return read_config(config)


def test_a_run_may_begin_with_the_image_tower_of_another(tmp_path: Path) -> None:
    first = train(read_config(write_run(tmp_path / "first")))
    second = train(begun_with(tmp_path / "second", first))
    before, after = (
        load_file(folder / "open_clip_model.safetensors") for folder in (first, second)
    )
    visual = {name for name in before if name.startswith("visual.")}
    assert visual and all(bool((before[name] == after[name]).all()) for name in visual)
    assert any(not bool((before[name] == after[name]).all()) for name in set(before) - visual)


def test_an_image_tower_of_another_shape_is_refused(tmp_path: Path) -> None:
    first = train(read_config(write_run(tmp_path / "first")))
    config = begun_with(
        tmp_path / "second", first, ("layers = 1\nwidth = 32", "layers = 2\nwidth = 32")
    )
    with pytest.raises(InputError, match="image_tower_of"):
        train(config)


def test_another_configuration_does_not_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    train(read_config(path))
    path.write_text(path.read_text().replace("seed = 3", "seed = 4"))
    with pytest.raises(InputError, match="another configuration"):
        train(read_config(path))


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("seed = 3", "seed = 'x'", "seed"),
        ("steps = 4\nbatch = 6\nscene", "stepz = 4\nbatch = 6\nscene", "image_stage"),
        ("name =", "name", "tiny.toml"),
        ("context_length = 48", "", "context_length"),
        ("embed_dim = 16", "embed_dim = 'x'", "embed_dim"),
    ],
)
def test_a_wrong_configuration_is_refused_by_field(
    tmp_path: Path, was: str, becomes: str, named: str
) -> None:
    tiny.expect_refused(write_run(tmp_path), was, becomes, named)


def test_a_picture_that_is_listed_and_missing_ends_the_run_by_name(tmp_path: Path) -> None:
    config = read_config(write_run(tmp_path))
    (tmp_path / "data" / "images" / "red0.png").unlink()
    with pytest.raises(InputError, match=r"red0\.png"):
        train(config)


def test_a_split_that_nobody_is_in_is_refused(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    path.write_text(path.read_text().replace("table =", 'split = "trian"\ntable ='))
    with pytest.raises(InputError, match="no row of the split 'trian'"):
        train(read_config(path))


def test_a_teacher_with_too_few_rows_is_refused(tmp_path: Path) -> None:
    config = read_config(write_run(tmp_path))
    features = tmp_path / "data" / "features.npy"
    np.save(features, np.load(features)[:3])
    with pytest.raises(InputError, match="does not go with boxes"):
        train(config)


def test_of_the_text_tower_a_share_is_averaged_and_the_image_tower_is_the_later_one() -> None:
    earlier = {"ln_final.weight": torch.tensor([0.0, 4.0]), "visual.w": torch.tensor([3.0])}
    later = {"ln_final.weight": torch.tensor([10.0, 8.0]), "visual.w": torch.tensor([5.0])}
    mean = text_averaged(earlier, later, 0.75)
    assert mean["ln_final.weight"].tolist() == [7.5, 7.0] and mean["visual.w"].item() == 5


@pytest.mark.slow
def test_a_polished_run_holds_a_share_of_the_text_tower_before(tmp_path: Path) -> None:
    def weights(share: float, folder: Path) -> dict[str, torch.Tensor]:
        path = write_run(folder)
        polish = "[polish_stage]\nsteps = 3\nbatch = 6\nscene_batch = 6\n"
        path.write_text(f"polish_text_share = {share}\n" + path.read_text() + polish)
        return load_file(train(read_config(path)) / "open_clip_model.safetensors")

    half, whole = weights(0.5, tmp_path / "a"), weights(1.0, tmp_path / "b")
    name = "token_embedding.weight"
    before = torch.load(tmp_path / "a" / "out" / "before_polish.pt", weights_only=True)[name]
    expected = (before + whole[name].float()) / 2
    assert torch.allclose(half[name].float(), expected, atol=1e-3)
    assert not torch.allclose(half[name], whole[name], atol=1e-5)
    assert torch.equal(half["visual.conv1.weight"], whole["visual.conv1.weight"])


def test_merges_join_the_most_frequent_pairs_first(tmp_path: Path) -> None:
    merges = learn_merges(["ab ab ab ac"], vocabulary=516)
    assert merges == [("a", "b</w>"), ("a", "c</w>")]
    write_merges(tmp_path / "merges.txt.gz", merges)
    tokenizer = bpe_tokenizer(tmp_path / "merges.txt.gz", context_length=6)
    assert tokenizer.vocab_size == 516
    assert tokenizer(["ab ac"])[0].tolist() == [514, 512, 513, 515, 0, 0]


def test_one_class_may_have_several_names() -> None:
    assert "a photo of a rocker" in class_captions("rocking chair, rocker")
    assert "sea horse" in class_captions("sea_horse")


def test_the_clip_loss_of_a_perfect_batch_is_its_value_by_hand() -> None:
    rows = torch.eye(2)
    expected = np.log(1 + np.exp(-3.0))
    assert abs(float(clip_loss(rows, rows, 3.0)) - expected) < 1e-6


def test_rows_of_one_group_share_what_they_find() -> None:
    rows = torch.eye(3)
    apart, together = torch.tensor([0, 1, 2]), torch.tensor([5, 5, 2])
    assert torch.allclose(grouped_clip_loss(rows, rows, apart, 2.0), clip_loss(rows, rows, 2.0))
    # logits of row 0: 2, 0, 0, its targets 1/2, 1/2, 0; of row 2: 0, 0, 2 and 0, 0, 1
    total = float(np.log(np.exp(2) + 2))
    expected = (2 * (total - 1) + (total - 2)) / 3
    assert float(grouped_clip_loss(rows, rows, together, 2.0)) == pytest.approx(expected)


def test_a_view_that_is_recoloured_by_nothing_stays_as_it_is() -> None:
    views = torch.rand(2, 3, 4, 4)
    random = np.random.default_rng(0)
    assert torch.allclose(recoloured(views, 0.0, random), views, atol=1e-6)
    changed = recoloured(views, 0.3, random)
    assert changed.shape == views.shape and not torch.allclose(changed, views, atol=1e-2)


def test_what_is_exported_is_the_moving_average(tmp_path: Path) -> None:
    folder = train(read_config(enriched(write_run(tmp_path))))
    content = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    averaged, last = content["learner"]["average"], content["learner"]["model"]
    exported = load_file(folder / "open_clip_model.safetensors")
    name = "text_projection"
    assert torch.equal(exported[name], averaged[f"module.{name}"].half())
    assert not torch.equal(exported[name], last[name].half())


def test_distillation_adds_the_cosine_to_the_cross_entropy() -> None:
    rows = torch.eye(2)
    swapped = rows.flip(0)
    expected = 1.0 + np.log(1 + np.exp(2.0))
    assert abs(float(distillation_loss(rows, swapped, 0.5)) - expected) < 1e-6


def test_a_composed_querys_own_picture_is_a_negative() -> None:
    gallery = torch.eye(3)
    at_reference = composition_loss(gallery[:1], gallery, torch.tensor([1]), 5.0)
    at_target = composition_loss(gallery[1:2], gallery, torch.tensor([1]), 5.0)
    assert float(at_reference) > float(at_target) + 4.9


def test_a_mirrored_box_mirrors_the_view(tmp_path: Path) -> None:
    pixels = np.zeros((1, 32, 32, 3), dtype=np.uint8)
    pixels[:, :, :16] = 255
    config = read_config(write_run(tmp_path))
    preprocessing = clip.squashed_preprocessing(json.loads(json.dumps(config.model)))
    whole = cut_views(pixels, np.array([[0, 0, 1, 1]], dtype=np.float32), preprocessing)
    mirrored = cut_views(pixels, np.array([[1, 0, 0, 1]], dtype=np.float32), preprocessing)
    assert torch.allclose(whole.flip(-1), mirrored, atol=1e-4)
    assert whole[0, 0, 0, 0] > whole[0, 0, 0, -1]
