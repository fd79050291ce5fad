"""The set of vectors that may be compared.

A space is named by the encoder that fills the gallery. Its revision is a hash over the weights, the
architecture's settings and the preprocessing, so that two checkpoints of one name never mix; the
model's name is for people and takes no part in comparing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

REVISION_HEX = 16


@dataclass(frozen=True)
class Space:
    model: str = field(compare=False)
    revision: str
    dimension: int

    @property
    def name(self) -> str:
        return f"{self.model}@{self.revision}/{self.dimension}"

    def __str__(self) -> str:
        return self.name


def named(spaces: Iterable[Space]) -> str:
    return " and ".join(map(str, spaces))


def revision_of(weights: Mapping[str, torch.Tensor], settings: Mapping[str, Any]) -> str:
    """16 hex digits of the SHA-256 over every weight (as float32) and the settings (as JSON).

    One checkpoint has one revision, whichever precision it runs in later; call it before casting.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name in sorted(weights):
        tensor = weights[name].detach().cpu().contiguous()
        if tensor.is_floating_point():
            tensor = tensor.float()
        digest.update(f"{name}{tuple(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:REVISION_HEX]
