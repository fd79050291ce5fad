"""Memory of the device that a model runs on."""

from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch

from models.device import Placement, batch_memory, to_device
from models.errors import ModelMemoryError
from models.magiclens.encoder import MagicLensEncoder
from models.magiclens.folder import convert, read_folder
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.preprocess import Preprocessing

CHECKPOINT = Path(__file__).parents[1] / "data" / "magiclens" / "magic_lens_tiny.pkl"
CPU = torch.device("cpu")
TOO_MUCH = 1 << 60  # bytes, which no machine has


def test_torchs_own_word_for_too_little_memory_is_ours() -> None:
    with pytest.raises(ModelMemoryError, match="cpu: a batch does not fit"), batch_memory(CPU):
        torch.empty(TOO_MUCH, dtype=torch.uint8)


def test_numpys_is_too() -> None:
    with pytest.raises(ModelMemoryError), batch_memory(CPU):
        np.empty(TOO_MUCH, dtype=np.uint8)


def test_so_is_a_cards() -> None:
    with pytest.raises(ModelMemoryError), batch_memory(CPU):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shape"), batch_memory(CPU):
        torch.ones(2, 3) @ torch.ones(2, 3)


def more_than_two(module: torch.nn.Module, images: tuple[torch.Tensor]) -> None:
    """A hook before an image tower: it has memory for two pictures."""
    if len(images[0]) > 2:
        torch.empty(TOO_MUCH, dtype=torch.uint8)


def test_open_clips_encoder_says_that_a_batch_is_too_large() -> None:
    module = open_clip.create_model("ViT-S-32-alt")
    preprocessing = Preprocessing(224, 224, (0.5,) * 3, (0.5,) * 3)
    loaded = LoadedModel(module, open_clip.get_tokenizer("ViT-S-32-alt"), preprocessing, {})
    encoder = OpenClipEncoder("small", loaded, Placement(CPU, torch.float32))
    module.visual.register_forward_pre_hook(more_than_two)
    pixels = [np.zeros((224, 224, 3), dtype=np.uint8)] * 3
    assert len(encoder.encode_images(pixels[:2])) == 2
    with pytest.raises(ModelMemoryError):
        encoder.encode_images(pixels)


def test_magiclenss_encoder_says_so_too(tmp_path: Path) -> None:
    convert(CHECKPOINT, tmp_path / "tiny")
    module, card = read_folder(tmp_path / "tiny")
    encoder = MagicLensEncoder("tiny", module, card, Placement(CPU, torch.float32))
    module.clip.visual.register_forward_pre_hook(more_than_two)
    side = card.preprocessing
    pixels = [np.zeros((side.height, side.width, 3), dtype=np.uint8)] * 3
    assert len(encoder.encode_images(pixels[:2])) == 2
    with pytest.raises(ModelMemoryError):
        encoder.encode_images(pixels)


def test_pixels_are_on_the_device_as_they_were() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
    assert np.array_equal(to_device(pixels, CPU).numpy(), pixels)
