"""Cut the views of a batch out of its pictures, all at once.

cut_views(pixels, boxes, preprocessing): uint8 (batch, side, side, 3) and boxes (batch, 4) of
left, top, right, bottom in 0..1 (left > right: mirrored) -> normalised float32 (batch, 3, px, px).
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from models.preprocess import Preprocessing, normalise


def cut_views(
    pixels: NDArray[np.uint8], boxes: NDArray[np.float32], preprocessing: Preprocessing
) -> torch.Tensor:
    images = normalise(torch.from_numpy(pixels), preprocessing, torch.float32)
    box = torch.from_numpy(boxes)
    left, top, right, bottom = box.unbind(dim=1)
    transform = torch.zeros(len(box), 2, 3)
    transform[:, 0, 0], transform[:, 0, 2] = right - left, left + right - 1
    transform[:, 1, 1], transform[:, 1, 2] = bottom - top, top + bottom - 1
    size = (len(box), 3, preprocessing.height, preprocessing.width)
    grid = F.affine_grid(transform, list(size), align_corners=False)
    views = F.grid_sample(
        images.contiguous(), grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return views.contiguous(memory_format=torch.channels_last)


def jittered(
    boxes: NDArray[np.float32], amount: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Each side of each box moved by up to `amount` of the picture's side, either way."""
    return boxes + random.uniform(-amount, amount, size=boxes.shape).astype(np.float32)


def recoloured(views: torch.Tensor, amount: float, random: np.random.Generator) -> torch.Tensor:
    """Brightness, contrast and saturation of each view (batch, 3, px, px), normalised, changed by a
    factor within 1 +- amount, brightness by as much of a standard deviation."""
    drawn = random.uniform(-amount, amount, size=(3, len(views))).astype(np.float32)
    brightness, contrast, saturation = torch.from_numpy(drawn)[..., None, None, None]
    mean = views.mean(dim=(1, 2, 3), keepdim=True)
    views = mean + (views - mean) * (1 + contrast) + brightness
    grey = views.mean(dim=1, keepdim=True)
    recoloured: torch.Tensor = grey + (views - grey) * (1 + saturation)
    return recoloured
