"""What the published MagicLens code computes, number by number, through a converted folder.

The reference was made by running that code on random weights and inputs; another folder of the same
three kinds of file, of any sizes, can be named by PICTOR_MAGICLENS_REFERENCE.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from models.magiclens.folder import convert, read_folder
from models.magiclens.module import MagicLens

OUTPUTS = ("clip_image_embed", "clip_text_embed", "multimodal_embed_norm")

Outputs = dict[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def converted(magiclens_reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    (checkpoint,) = magiclens_reference.glob("*.pkl")
    folder = tmp_path_factory.mktemp("converted")
    convert(checkpoint, folder)
    return folder


def published(reference: Path) -> Outputs:
    with np.load(reference / "inputs_outputs.npz") as file:
        return dict(file)


def computed(model: MagicLens, inputs: Outputs) -> Outputs:
    """What the model makes of the reference's inputs, under the published names."""
    captions = torch.from_numpy(inputs["ids"]).long()  # (n, captions, context), or without captions
    ids = captions.view(len(captions), -1, captions.shape[-1])[:, 0]
    with torch.inference_mode():
        images = model.encode_images(torch.from_numpy(inputs["image"]))
        texts = model.encode_tokens(ids)
        fused = model.fuse(images, texts)
    outputs = {
        "clip_image_embed": images,
        "clip_text_embed": texts,
        "multimodal_embed_norm": torch.nn.functional.normalize(fused.float(), dim=-1),
    }
    return {name: output.float().numpy() for name, output in outputs.items()}


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_converted_magiclens_is_at_parity_with_the_published_code(
    magiclens_reference: Path, converted: Path, output: str
) -> None:
    model, _ = read_folder(converted)
    expected = published(magiclens_reference)
    assert np.abs(computed(model, expected)[output] - expected[output]).max() <= 1e-5
