"""The pixels that a model reads are those that open_clip's own preprocessing makes."""

import io
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image, ImageCms

from models.decode import decode
from models.device import Placement
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.preprocess import Preprocessing, normalise
from models.vectors import unit

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def noise(width: int, height: int) -> Image.Image:
    samples = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(samples)


@pytest.mark.parametrize(
    "size", [(224, 224), (640, 427), (333, 1000), (50, 60), (225, 224), (1, 9)]
)
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_shortest_and_crop_is_torchvisions(size: tuple[int, int], interpolation: str) -> None:
    theirs = open_clip.image_transform(
        224, is_train=False, mean=MEAN, std=STD, interpolation=interpolation
    )
    ours = Preprocessing(224, 224, MEAN, STD, interpolation=interpolation)
    image = noise(*size)
    pixels = torch.from_numpy(ours.pixels(image)[None].copy())
    assert torch.allclose(normalise(pixels, ours, torch.float32)[0], theirs(image), atol=1e-5)


@pytest.mark.parametrize("size", [(300, 200), (20, 90)])
def test_squash_and_longest_are_open_clips(size: tuple[int, int]) -> None:
    image = noise(*size)
    for mode in ("squash", "longest"):
        theirs = open_clip.image_transform(64, is_train=False, mean=MEAN, std=STD, resize_mode=mode)
        ours = Preprocessing(64, 64, MEAN, STD, resize_mode=mode)
        pixels = torch.from_numpy(ours.pixels(image)[None].copy())
        mine, reference = normalise(pixels, ours, torch.float32)[0], theirs(image)
        assert (mine - reference).abs().mean() < 0.05, mode


def test_a_picture_of_one_pixels_height_is_not_scaled_whole() -> None:
    image = Image.new("RGB", (90_000, 1), (10, 200, 30))
    pixels = Preprocessing(224, 224, MEAN, STD).pixels(image)
    assert pixels.shape == (224, 224, 3)
    assert (pixels == [10, 200, 30]).all()


def shown_colours(image: Image.Image) -> Image.Image:
    """What a colour-managed viewer shows; open_clip itself takes every sample for sRGB."""
    profile = image.info.get("icc_profile")
    if profile and image.mode == "RGB":
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        managed = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"))
        if managed is not None:
            return managed
    return image.convert("RGB")


@pytest.mark.slow
def test_every_photo_embeds_as_with_open_clips_own_preprocessing(test_data: Path) -> None:
    torch.manual_seed(0)
    module = open_clip.create_model("ViT-B-32").eval()
    theirs = open_clip.image_transform(224, is_train=False)
    ours = Preprocessing(224, 224, tuple(module.visual.image_mean), tuple(module.visual.image_std))
    loaded = LoadedModel(module, open_clip.get_tokenizer("ViT-B-32"), ours, {})
    encoder = OpenClipEncoder("ViT-B-32", loaded, Placement(torch.device("cpu"), torch.float32))
    files = sorted((test_data / "photos").iterdir())
    assert len(files) == 200
    for at in range(0, len(files), 20):
        chunk = files[at : at + 20]
        mine = encoder.encode_images([encoder.prepare(decode(f.read_bytes())) for f in chunk])
        images = [theirs(shown_colours(Image.open(file))) for file in chunk]
        with torch.inference_mode():
            reference = module.encode_image(torch.stack(images)).numpy()
        cosines = (unit(mine)[0] * unit(reference)[0]).sum(axis=1)
        assert cosines.min() >= 0.999, chunk[int(cosines.argmin())].name
