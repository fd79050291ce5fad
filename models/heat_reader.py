"""Pictures and texts to heat maps, by one model's image tower on its device.

Whether the tower has a map is found by trying it, once, when that is first asked.
"""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from models.device import Placement, batch_memory, to_device, to_numpy
from models.errors import NoHeatError
from models.heat import HeatAsked, Looks, Map, joined, looks_of
from models.heat_towers import HeatTower, tower_of
from models.preprocess import Preprocessing, normalise


class HeatReader:
    def __init__(
        self,
        name: str,
        visual: Any,  # noqa: ANN401
        preprocessing: Preprocessing,
        placement: Placement,
    ) -> None:
        self._name = name
        self._visual = visual
        self._preprocessing = preprocessing
        self._placement = placement
        self._trying = threading.Lock()
        self._tried: tuple[HeatTower | None] | None = None

    @property
    def tower(self) -> HeatTower | None:
        with self._trying:
            if self._tried is None:
                self._tried = (self._try(),)
            return self._tried[0]

    def looks(self, image: Image.Image) -> Looks:
        return looks_of(image, self._preprocessing, self._tower().scale)

    def heat(self, asked: Sequence[HeatAsked]) -> list[Map]:
        if not asked:
            return []
        tower, device = self._tower(), self._placement.device
        looks = [(n, look) for n, each in enumerate(asked) for look in each.looks.looks]
        texts = np.stack([asked[n].text for n, _ in looks])
        with batch_memory(device), torch.inference_mode():
            batch = to_device(np.stack([look.pixels for _, look in looks]), device)
            images = normalise(batch, self._preprocessing, self._placement.dtype)
            maps = to_numpy(tower.maps(images, torch.from_numpy(texts).to(device)))
        held: list[list[Map]] = [[] for _ in asked]
        for (n, _), each in zip(looks, maps, strict=True):
            held[n].append(each)
        return [joined(each.looks, its) for each, its in zip(asked, held, strict=True)]

    def _tower(self) -> HeatTower:
        if self.tower is None:
            raise NoHeatError(
                f"{self._name}: its image tower gives no map that texts can be compared with"
            )
        return self.tower

    def _try(self) -> HeatTower | None:
        shape = (1, 3, self._preprocessing.height, self._preprocessing.width)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        placed = noise.to(self._placement.device, self._placement.dtype)
        with torch.inference_mode():
            return tower_of(self._visual, placed)
