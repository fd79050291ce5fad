"""A light query encoder learns a gallery's own embeddings, and is searched with in its space."""

import io
import math
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.device import choose_placement
from models.errors import InputError, ModelError
from models.load import load_encoder, load_parts
from models.openclip_encoder import OpenClipEncoder
from models.pinned import read_pin
from models.preprocess import Preprocessing
from tests.training import tiny
from training.config import IsaConfig
from training.isa import (
    contrastive_distillation,
    copy_merges,
    direct_distance,
    light_model,
    light_preprocessing,
)
from training.kinds import read_config
from training.loop import Losses, Pace, Stage, run_stage
from training.run import train
from training.state import Checkpoints, Learning, Report
from training.unlabelled import build_view_corpus, crop_boxes, gather_pictures

CONFIG = """
kind = "isa"
name = "light"
seed = 3
model = "gallery"
data = "data"
out = "out"
picture_px = 32
steps = {steps}
batch = 8
learning_rate = 1e-2
warmup_steps = 1
checkpoint_every = 2

[vision]
layers = 1
width = 16
head_width = 8
patch_size = 8
image_size = 16

[[pictures]]
path = "images"

[[pictures]]
path = "more.tar"

[scenes]
seed = 5
count = 3
"""
COLOURS = [(220, 30, 30), (30, 200, 30), (30, 30, 220), (99, 99, 99), (250, 250, 0), (0, 0, 0)]


def picture(colour: tuple[int, int, int]) -> Image.Image:
    """Its left half is of that colour, its right half white."""
    image = Image.new("RGB", (40, 40), (255, 255, 255))
    image.paste(colour, (0, 0, 20, 40))
    return image


def write_run(folder: Path, steps: int = 4) -> Path:
    tiny.gallery_model(folder / "gallery")
    images = folder / "data" / "images"
    (images / "deeper").mkdir(parents=True)
    for index, colour in enumerate(COLOURS):
        picture(colour).save(images / ("deeper" if index % 2 else ".") / f"{index}.png")
    (images / "notes.txt").write_text("no picture")
    with tarfile.open(folder / "data" / "more.tar", "w") as archive:
        for index, colour in enumerate(COLOURS[:2]):
            stream = io.BytesIO()
            picture(colour[::-1]).save(stream, "PNG")
            member = tarfile.TarInfo(f"more/{index}.png")
            member.size = len(stream.getvalue())
            archive.addfile(member, io.BytesIO(stream.getvalue()))
    config = folder / "light.toml"
    config.write_text(CONFIG.format(steps=steps))
    return config


def config_of(path: Path) -> IsaConfig:
    config = read_config(path)
    assert isinstance(config, IsaConfig)
    return config


def run(path: Path, report: list[str] | None = None) -> Path:
    lines = [] if report is None else report
    return train(read_config(path), choose_placement("cpu"), threads=1, report=lines.append)


def encoder_of(folder: Path) -> OpenClipEncoder:
    encoder = load_encoder(str(folder), choose_placement("cpu"), announce=print)
    assert isinstance(encoder, OpenClipEncoder)
    return encoder


def test_a_run_ends_in_a_query_encoder_for_the_gallerys_space(tmp_path: Path) -> None:
    folder = run(write_run(tmp_path))
    gallery, light = encoder_of(tmp_path / "gallery"), encoder_of(folder)
    assert read_pin(folder) == gallery.space and light.space == gallery.space
    assert not light.fills_galleries and gallery.fills_galleries
    pixels = light.prepare(picture(COLOURS[0]))
    assert pixels.shape == (16, 16, 3)
    assert light.encode_images([pixels]).shape == (1, tiny.DIMENSION)


def test_its_texts_are_the_gallery_models_own(tmp_path: Path) -> None:
    folder = run(write_run(tmp_path))
    texts = ["A red square's field", "grey rain: two circles!"]
    ours, theirs = encoder_of(folder), encoder_of(tmp_path / "gallery")
    assert (ours.encode_texts(texts) == theirs.encode_texts(texts)).all()
    merges = [p / "merges.txt.gz" for p in (folder, tmp_path / "gallery")]
    assert merges[0].read_bytes() == merges[1].read_bytes()


def test_the_distance_to_the_gallerys_embeddings_falls(tmp_path: Path) -> None:
    report: list[str] = []
    run(write_run(tmp_path, steps=100), report)
    lines = [line.split() for line in report if line.startswith("isa ")]
    direct = [float(line[line.index("direct") + 1]) for line in lines]
    assert len(direct) == 2 and direct[1] < 0.8 * direct[0]


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


def killed_in_the_fourth_step(
    stage: Stage, learner: Learning, checkpoints: Checkpoints, pace: Pace, report: Report
) -> None:
    taken = 0

    def losses(random: np.random.Generator) -> Losses:
        nonlocal taken
        taken += 1
        if taken == 4:
            raise Killed
        return stage.losses(random)

    run_stage(replace(stage, losses=losses), learner, checkpoints, pace, report)


def test_a_killed_run_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed = run(write_run(tmp_path / "a", steps=6))
    path = write_run(tmp_path / "b", steps=6)
    with monkeypatch.context() as patched:
        patched.setattr("training.isa.run_stage", killed_in_the_fourth_step)
        with pytest.raises(Killed):
            run(path)
    resumed = run(path)
    weights = "open_clip_model.safetensors"
    assert (resumed / weights).read_bytes() == (undisturbed / weights).read_bytes()


def test_another_gallery_model_does_not_go_on_from_a_checkpoint(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    run(path)
    path.write_text(path.read_text().replace('"gallery"', '"other"'))
    tiny.gallery_model(tmp_path / "other", layers=2)
    with pytest.raises(InputError, match="another configuration"):
        run(path)


def test_every_view_is_seen_once_and_its_mirror_image_too(tmp_path: Path) -> None:
    config = config_of(write_run(tmp_path))
    config.out.mkdir()
    gallery = encoder_of(tmp_path / "gallery")
    light = light_preprocessing(config, gallery.preprocessing)
    pictures = gather_pictures(config, 1)
    corpus = build_view_corpus(config, pictures, gallery, light, report=print)
    # six files, two in the tar, three scenes; the whole and one crop of each
    assert corpus.pixels.shape == (11, 2, 16, 16, 3)
    assert corpus.targets.shape == (11, 2, 2, tiny.DIMENSION)
    red = pictures[0].image()
    mirror = red.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    both = gallery.encode_images([gallery.prepare(red), gallery.prepare(mirror)])
    assert np.allclose(corpus.targets[0, 0], both, atol=1e-4)
    assert (corpus.pixels[0, 0] == light.pixels(red)).all()
    assert np.array_equal(
        np.unique(corpus.pixels[0, 0, :, :6].reshape(-1, 3), axis=0), [[220, 30, 30]]
    )


def test_the_gallerys_embeddings_are_computed_once(tmp_path: Path) -> None:
    config = config_of(write_run(tmp_path))
    config.out.mkdir()
    gallery = encoder_of(tmp_path / "gallery")
    light = light_preprocessing(config, gallery.preprocessing)
    pictures = gather_pictures(config, 1)
    first = build_view_corpus(config, pictures, gallery, light, report=print)
    (file,) = config.out.glob("gallery-*.npy")
    np.save(file, np.zeros_like(first.targets))
    again = build_view_corpus(config, pictures, gallery, light, report=print)
    assert not again.targets.any() and (again.pixels == first.pixels).all()
    other = build_view_corpus(config, pictures[:-1], gallery, light, report=print)
    assert (other.targets == first.targets[:-1]).all()


def test_crops_are_drawn_by_seed_and_picture_within_the_picture() -> None:
    boxes = crop_boxes(1, 0, 200, smallest=0.5)
    assert boxes == crop_boxes(1, 0, 200, smallest=0.5) != crop_boxes(1, 1, 200, smallest=0.5)
    for left, top, right, bottom in boxes:
        assert left >= 0 and top >= 0 and right <= 1 and bottom <= 1
        assert right - left >= 0.5 and bottom - top >= 0.5
    assert crop_boxes(1, 0, 1, smallest=1.0) == [(0.0, 0.0, 1.0, 1.0)]


def test_a_table_says_which_pictures_are_seen(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    rows = ["file\tsplit\tcaption", "0.png\ttrain\ta", "0.png\ttrain\tb", "2.png\tdev\tc"]
    (tmp_path / "data" / "table.tsv").write_text("\n".join(rows) + "\n")
    text = path.read_text().replace('path = "images"', 'path = "images"\ntable = "table.tsv"')
    path.write_text(text)
    (tmp_path / "out").mkdir()
    names = [Path(one.name).name for one in gather_pictures(config_of(path), 1)[:-5]]
    assert names == ["0.png"]
    (tmp_path / "data" / "images" / "0.png").unlink()
    with pytest.raises(InputError, match=r"expected 1 pictures of table\.tsv, found 0"):
        run(path)


@pytest.mark.parametrize(
    ("file", "content", "named"),
    [
        ("images/0.png", b"no picture", r"0\.png"),
        ("more.tar", b"no tar", r"more\.tar"),
    ],
)
def test_what_cannot_be_read_ends_the_run_by_name(
    tmp_path: Path, file: str, content: bytes, named: str
) -> None:
    path = write_run(tmp_path)
    (tmp_path / "data" / file).write_bytes(content)
    with pytest.raises(InputError, match=named):
        run(path)


def test_a_folder_without_pictures_is_refused_by_name(tmp_path: Path) -> None:
    path = write_run(tmp_path)
    path.write_text(path.read_text().replace('path = "images"', 'path = "pictures"'))
    with pytest.raises(InputError, match="expected pictures, found 0"):
        run(path)


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("image_size = 16", "", "image_size"),
        ("batch = 8", "batch = 1", "batch"),
        ("steps = 4", "steps = 4\ntemperature = 0", "temperature"),
    ],
)
def test_a_wrong_configuration_is_refused_by_field(
    tmp_path: Path, was: str, becomes: str, named: str
) -> None:
    tiny.expect_refused(write_run(tmp_path), was, becomes, named)


def test_only_the_light_image_tower_learns(tmp_path: Path) -> None:
    config = config_of(write_run(tmp_path))
    name, loaded = load_parts(config.model, announce=print)
    student, settings = light_model(config, name, loaded)
    learning = {key.split(".")[0] for key, p in student.named_parameters() if p.requires_grad}
    assert learning == {"visual"} and settings["vision_cfg"]["image_size"] == 16
    assert torch.equal(
        student.get_parameter("positional_embedding"),
        loaded.module.get_parameter("positional_embedding"),
    )


def test_a_light_tower_sees_the_part_that_the_gallery_model_sees(tmp_path: Path) -> None:
    config = config_of(write_run(tmp_path))
    gallery = Preprocessing(224, 224, (0.1, 0.2, 0.3), (1, 1, 1), "bilinear", resize_to=224)
    light = light_preprocessing(config, gallery)
    assert light == Preprocessing(16, 16, (0.1, 0.2, 0.3), (1, 1, 1), "bilinear")


def test_a_tokenizer_that_has_no_merges_cannot_be_copied(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be copied"):
        copy_merges(tmp_path, "other", lambda texts: torch.zeros(len(texts), 16).long(), 16)


def test_a_perfect_light_tower_loses_nothing() -> None:
    heavy = torch.tensor([[3.0, 0.0], [0.0, 2.0]])
    assert abs(float(contrastive_distillation(heavy, heavy, 0.1, 0.1))) < 1e-6
    assert float(direct_distance(heavy, heavy)) == 0


def test_the_contrastive_distillation_is_its_value_by_hand() -> None:
    heavy = torch.tensor([[2.0, 0.0], [0.0, 5.0]])
    swapped = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    # each row: wanted softmax(1 / 0.5, 0), given softmax(0, 1 / 0.25); lengths play no part
    p = 1 / (1 + math.exp(-2))
    q = 1 / (1 + math.exp(4))
    expected = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
    found = contrastive_distillation(swapped, heavy, temperature=0.25, gallery_temperature=0.5)
    assert abs(float(found) - expected) < 1e-5


def test_the_direct_distance_is_a_share_of_the_norm_by_hand() -> None:
    heavy = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    light = torch.tensor([[3.0, 0.0], [0.0, 1.0]])
    # 16 / 25 and 1 / 4
    assert abs(float(direct_distance(light, heavy)) - (0.64 + 0.25) / 2) < 1e-6
