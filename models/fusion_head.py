"""A dual encoder's own MagicLens head: a picture and an instruction to a query in the same space.

fuse: raw embeddings of pictures and texts, (n, dim) each -> queries (n, dim), not of unit length,
to be compared with the pictures' own embeddings, so that a gallery needs no second space. The two
unit vectors go through MagicLens's fusion and pooler; what comes out is added to their sum, each
part by a learned weight. A model's folder holds `fusion.safetensors` (float16) and, written last,
`fusion.json`, which names the revision of the towers that it was trained on. Raises ModelError for
a head that cannot be read or is of other towers.

Source of the fusion: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended
Instructions", ICML 2024. There a gallery's pictures go through it too, with the text "".
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

from models.cards import read_card, write_card
from models.errors import ModelError
from models.files import write_whole
from models.magiclens.fusion import FusionEncoder, Pooler

HEAD_FILE = "fusion.json"
WEIGHTS_FILE = "fusion.safetensors"
FORMAT = "pictor-fusion"
VERSION = 1
LARGEST = {"dimension": 4096, "inner": 16384, "heads": 64, "layers": 48}
FIRST_SHARE = 0.1  # of the pooled token, before anything is learned


@dataclass(frozen=True)
class HeadSizes:
    dimension: int
    inner: int  # of the feed-forward layers
    heads: int
    layers: int


class FusionHead(torch.nn.Module):
    def __init__(self, sizes: HeadSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.encoder = FusionEncoder(sizes.dimension, sizes.inner, sizes.heads, sizes.layers)
        self.pooler = Pooler(sizes.dimension, sizes.heads)
        # of the picture, the text, and what the fusion makes of both
        self.shares = torch.nn.Parameter(torch.tensor([1.0, 1.0, FIRST_SHARE]))

    def forward(self, pictures: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
        """(n, dim) twice -> (n, dim)."""
        pair = F.normalize(torch.stack([pictures, texts], dim=1), dim=-1)  # (n, 2, dim)
        scale = self.sizes.dimension**0.5  # so that a token's values are about 1
        pooled = self.pooler(self.encoder(scale * pair)) / scale
        picture, text, fused = self.shares
        result: torch.Tensor = picture * pair[:, 0] + text * pair[:, 1] + fused * pooled
        return result


@dataclass(frozen=True)
class PinnedHead:
    module: FusionHead
    revision: str  # of the towers' space
    origin: Mapping[str, Any]  # how it was trained


def write_head(folder: Path, head: PinnedHead) -> None:
    """Weights first; `fusion.json` names their digest."""
    weights = {
        name: tensor.half().contiguous() for name, tensor in head.module.state_dict().items()
    }
    data = save_safetensors(weights, metadata={"format": "pt"})
    write_whole(folder / WEIGHTS_FILE, data)
    content = {
        "format": FORMAT,
        "version": VERSION,
        "sizes": asdict(head.module.sizes),
        "revision": head.revision,
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "origin": dict(head.origin),
    }
    write_card(folder / HEAD_FILE, content)


def read_head(folder: Path) -> PinnedHead | None:
    """The head in a model's folder; None where it has none."""
    if not (folder / HEAD_FILE).exists():
        return None
    card = read_card(folder / HEAD_FILE, FORMAT, VERSION)
    try:
        data = (folder / WEIGHTS_FILE).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder / WEIGHTS_FILE}: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != card.get("weights_sha256"):
        raise ModelError(f"{folder / WEIGHTS_FILE}: is not what {HEAD_FILE} was written for")
    with torch.device("meta"):  # nothing is allocated for sizes that the weights do not have
        module = FusionHead(_sizes(folder / HEAD_FILE, card.get("sizes")))
    try:
        weights = {name: tensor.float() for name, tensor in load_safetensors(data).items()}
        module.load_state_dict(weights, strict=True, assign=True)
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(f"{folder / WEIGHTS_FILE}: not the weights of {HEAD_FILE}") from error
    return PinnedHead(module.eval(), str(card.get("revision")), dict(card.get("origin") or {}))


def _sizes(file: Path, content: object) -> HeadSizes:
    names = [field.name for field in fields(HeadSizes)]
    if not isinstance(content, dict) or sorted(content) != sorted(names):
        raise ModelError(f"{file}: sizes: expected {', '.join(names)}")
    for name in names:
        if type(content[name]) is not int or not 1 <= content[name] <= LARGEST[name]:
            raise ModelError(f"{file}: sizes: {name} is {content[name]!r}")
    if content["dimension"] % content["heads"]:
        raise ModelError(f"{file}: sizes: {content['heads']} heads do not share its dimension")
    return HeadSizes(**content)
