"""What a MagicLens run starts from: a MagicLens as it is, or a CLIP with a fresh fusion on it.

starting_point(config, report) -> the module, float32 on the CPU, in memory of its own, and how it
wants its pictures. A MagicLens brings its preprocessing; on a CLIP it is the CLIP's own, to which
its towers are used. Fresh matrices and the pooler's query are drawn by the run's seed with the
variance of one over their inputs, biases are zero, as in the published code (there the normal
distribution is truncated). Raises InputError for a `fusion` that is missing or of no use, and
ModelError for a CLIP that a MagicLens does not hold: one with other towers than OpenAI's, another
tokenizer, or another mean and deviation of its pictures.
Source: github.com/google-deepmind/magiclens, layers.py.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch

from models.errors import InputError, ModelError
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.load import expanded, load_parts
from models.magiclens.encoder import FoldedTokenizer
from models.magiclens.folder import is_magiclens_folder, read_folder
from models.magiclens.fusion import FusionEncoder, Pooler
from models.magiclens.module import MagicLens, with_weights, without_weights
from models.magiclens.sizes import MagicLensSizes
from models.openclip_encoder import LoadedModel
from models.preprocess import Preprocessing
from models.space import revision_of
from models.text_tower import encode_tokens
from training.magiclens_config import FusionSizes, MagicLensConfig
from training.state import Report

HEAD_WIDTH = 64  # open_clip's, where a tower does not say
PROBES = ["A photo of two dogs' toys, it's 10:30!", "Grüße: 犬 - a_b/c"]
PROBED_PICTURES = 2
TOLERANCE = 1e-4  # of a vector's length


@dataclass(frozen=True)
class Start:
    module: MagicLens
    preprocessing: Preprocessing
    revision: str  # of all that is not fresh


def starting_point(config: MagicLensConfig, report: Report) -> Start:
    folder = expanded(config.model)
    if not is_magiclens_folder(folder):
        if config.fusion is None:
            raise InputError(f"fusion: missing, and {config.model} is no MagicLens folder")
        name, loaded = load_parts(config.model, report)
        return on_clip(name, loaded, config.fusion, config.seed)
    if config.fusion is not None:
        raise InputError(f"fusion: {config.model} is a MagicLens and has one")
    module, card = read_folder(folder)
    settings = {**card.settings(), "preprocessing": card.preprocessing.settings()}
    revision = revision_of(module.state_dict(), settings)
    # its weights are the file's own pages
    return Start(copy.deepcopy(module), card.preprocessing, revision)


def on_clip(name: str, loaded: LoadedModel, fusion: FusionSizes, seed: int) -> Start:
    """The CLIP's weights are shared with `loaded`."""
    sizes = _sizes(name, loaded, fusion)
    clip = loaded.module.state_dict()
    weights = {f"clip.{key}": tensor.float() for key, tensor in clip.items()}
    fresh = _fresh(sizes, torch.Generator().manual_seed(seed))
    try:
        module = with_weights(without_weights(sizes), {**weights, **fresh.state_dict()})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{name}: its towers are not CLIP's: {reason}") from error
    _check_alike(name, loaded, module)
    settings = {**loaded.settings, "preprocessing": loaded.preprocessing.settings()}
    return Start(module, loaded.preprocessing, revision_of(clip, settings))


def _sizes(name: str, loaded: LoadedModel, fusion: FusionSizes) -> MagicLensSizes:
    settings = loaded.settings
    vision, text = settings["vision_cfg"], settings["text_cfg"]
    try:
        return MagicLensSizes(
            dimension=settings["embed_dim"],
            vision_width=vision["width"],
            vision_layers=vision["layers"],
            vision_heads=vision["width"] // vision.get("head_width", HEAD_WIDTH),
            patch=vision["patch_size"],
            resolution=vision["image_size"],
            text_width=text["width"],
            text_layers=text["layers"],
            text_heads=text["heads"],
            context=text["context_length"],
            vocabulary=text["vocab_size"],
            fusion_layers=fusion.layers,
            fusion_heads=fusion.heads,
            fusion_inner=fusion.inner,
            pooler_heads=fusion.heads,
        )
    except (KeyError, TypeError, ModelError) as error:
        raise ModelError(
            f"{name}: its towers are not CLIP's vision transformer's: {error}"
        ) from error


def _fresh(sizes: MagicLensSizes, random: torch.Generator) -> torch.nn.ModuleDict:
    """Under the names that they have in a MagicLens."""
    layers = FusionEncoder(
        sizes.dimension, sizes.fusion_inner, sizes.fusion_heads, sizes.fusion_layers
    )
    pooler = Pooler(sizes.dimension, sizes.pooler_heads)
    fresh = torch.nn.ModuleDict(
        {"multimodal_encoder": layers, "contrastive_multimodal_pooler": pooler}
    )
    for part in fresh.modules():
        if isinstance(part, torch.nn.Linear):
            torch.nn.init.kaiming_normal_(part.weight, nonlinearity="linear", generator=random)
            torch.nn.init.zeros_(part.bias)
    torch.nn.init.normal_(pooler.query, generator=random)
    return fresh


def _check_alike(name: str, loaded: LoadedModel, module: MagicLens) -> None:
    """That the towers, where a MagicLens holds them, give what they gave before."""
    preprocessing, sizes = loaded.preprocessing, module.sizes
    if (preprocessing.mean, preprocessing.std) != (CLIP_MEAN, CLIP_STD):
        raise ModelError(f"{name}: its pictures have another mean and deviation than CLIP's")
    tokenizer = FoldedTokenizer(sizes.vocabulary, sizes.context)
    tokens = tokenizer(PROBES)
    if not torch.equal(tokens, loaded.tokenizer(PROBES)):
        raise ModelError(f"{name}: its tokenizer is not CLIP's")
    shape = (PROBED_PICTURES, 3, sizes.resolution, sizes.resolution)
    pictures = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    clip: Any = loaded.module.eval()
    with torch.inference_mode():
        for what, before, after in (
            ("pictures", clip.encode_image(pictures), module.clip.encode_image(pictures)),
            ("texts", encode_tokens(clip, tokens), module.encode_tokens(tokens)),
        ):
            if not torch.allclose(before, after, rtol=0, atol=TOLERANCE * float(before.norm())):
                raise ModelError(
                    f"{name}: its embeddings of {what} are not those of OpenAI's CLIP of these "
                    "weights, as with another activation than QuickGELU"
                )
