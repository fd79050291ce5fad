"""Any dual encoder that open_clip can build, as our two encoder seams; the only file that imports
it.

Three ways in, one class out: an architecture and pretrained tag that open_clip lists, a folder in
open_clip's own layout (`open_clip_config.json` beside the weights), and a folder in the
transformers layout (see models/huggingface.py). Raises ModelError for whatever cannot be built or
loaded.
"""

import gzip
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.tokenizer import SimpleTokenizer
from PIL import Image

from models import huggingface
from models.device import Placement
from models.errors import InputError, ModelError
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.preprocess import Pixels, Preprocessing, normalise
from models.space import Space, revision_of
from models.vectors import Embeddings

CONFIG_FILE = "open_clip_config.json"
MAX_REASON = 300
PREPROCESSING_TAGS = ("mean", "std", "interpolation", "resize_mode")
Tokenizer = Callable[[list[str]], torch.Tensor]

# What torch, timm and open_clip raise for settings or weights that do not fit.
BUILD_FAILURES = (
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    OSError,
    AssertionError,
    ImportError,
    EOFError,
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class LoadedModel:
    """A model as built on the CPU in float32, before it is placed."""

    module: torch.nn.Module
    tokenizer: Tokenizer
    preprocessing: Preprocessing
    quick_gelu: bool


class OpenClipEncoder:
    """Both towers of one open_clip model on one device."""

    def __init__(self, name: str, loaded: LoadedModel, placement: Placement) -> None:
        self.preprocessing = loaded.preprocessing
        self.placement = placement
        settings = {**loaded.preprocessing.settings(), "quick_gelu": loaded.quick_gelu}
        revision = revision_of(loaded.module.state_dict(), settings)
        self._tokenizer = loaded.tokenizer
        self._module: Any = loaded.module.eval().to(placement.device, placement.dtype)
        self._module.visual.to(memory_format=torch.channels_last)
        self._space = Space(name, revision, self._dimension())

    @property
    def space(self) -> Space:
        return self._space

    @property
    def runs_on(self) -> str:
        return str(self.placement)

    def prepare(self, image: Image.Image) -> Pixels:
        return self.preprocessing.pixels(image)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        if not pixels:
            return np.empty((0, self._space.dimension), dtype=np.float32)
        batch = torch.from_numpy(np.stack(pixels)).to(self.placement.device)
        with torch.inference_mode():
            images = normalise(batch, self.preprocessing, self.placement.dtype)
            return _to_numpy(self._module.encode_image(images))

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        if not texts:
            return np.empty((0, self._space.dimension), dtype=np.float32)
        for text in texts:
            if not text.strip():
                raise InputError("text is empty, expected at least one word")
        tokens = self._tokenizer(list(texts)).to(self.placement.device)
        with torch.inference_mode():
            return _to_numpy(encode_tokens(self._module, tokens))

    def _dimension(self) -> int:
        tokens = self._tokenizer(["a"]).to(self.placement.device)
        with torch.inference_mode():
            return int(self._module.encode_text(tokens).shape[-1])


def _to_numpy(embeddings: torch.Tensor) -> Embeddings:
    result: Embeddings = embeddings.float().cpu().numpy()
    return result


def load_listed(architecture: str, pretrained: str | None, weights: Path) -> LoadedModel:
    """An architecture that open_clip lists, from a weights file, set up as its tag says."""
    tag = open_clip.pretrained.get_pretrained_cfg(architecture, pretrained) if pretrained else {}
    config = open_clip.get_model_config(architecture)
    if config is None:
        raise ModelError(f"{architecture}: open_clip lists no architecture of that name")
    # open_clip only warns where a tag was trained with QuickGELU and the architecture is not
    quick_gelu = bool(tag.get("quick_gelu", False) or config.get("quick_gelu", False))
    preprocessing = {name: tag[name] for name in PREPROCESSING_TAGS if tag.get(name) is not None}
    try:
        module = open_clip.create_model(
            architecture,
            pretrained=str(weights),
            force_quick_gelu=quick_gelu,
            force_preprocess_cfg=preprocessing,
        )
        tokenizer = open_clip.get_tokenizer(architecture)
    except BUILD_FAILURES as error:
        raise ModelError(f"{architecture} from {weights}: {_one_line(error)}") from error
    return LoadedModel(module, tokenizer, _preprocessing_of(module), quick_gelu)


def load_open_clip_folder(folder: Path) -> LoadedModel:
    """A folder in open_clip's layout; a BPE file that it names lies in the folder."""
    config = huggingface.read_json(folder / CONFIG_FILE)
    try:
        model_config = config["model_cfg"]
        module = open_clip.create_model(f"local-dir:{folder}", require_pretrained=True)
        tokenizer = _folder_tokenizer(folder, model_config["text_cfg"])
    except BUILD_FAILURES as error:
        raise ModelError(f"{folder}: {_one_line(error)}") from error
    quick_gelu = bool(model_config.get("quick_gelu", False))
    return LoadedModel(module, tokenizer, _preprocessing_of(module), quick_gelu)


def load_transformers_folder(folder: Path) -> LoadedModel:
    """A folder in the transformers layout of CLIPModel."""
    config = huggingface.read_config(folder)
    weights = huggingface.read_weights(folder)
    try:
        module = open_clip.CLIP(**config)
        module.load_state_dict(weights, strict=True)
    except BUILD_FAILURES as error:
        raise ModelError(f"{folder}: {_one_line(error)}") from error
    tokenizer = _clip_tokenizer(folder, config["text_cfg"])
    preprocessing = huggingface.read_preprocessing(folder, config["vision_cfg"]["image_size"])
    return LoadedModel(module, tokenizer, preprocessing, config["quick_gelu"])


def build(model_config: dict[str, Any]) -> torch.nn.Module:
    """A model of these settings with fresh weights, for training."""
    text = {k: v for k, v in model_config["text_cfg"].items() if k != "tokenizer_kwargs"}
    try:
        module: torch.nn.Module = open_clip.CLIP(**{**model_config, "text_cfg": text})
    except BUILD_FAILURES as error:
        raise ModelError(f"model settings: {_one_line(error)}") from error
    return module


def bpe_tokenizer(bpe_file: Path, context_length: int) -> SimpleTokenizer:
    """CLIP's byte-pair tokenizer over the merges of a gzip file (a header line, a merge a line)."""
    try:
        return SimpleTokenizer(str(bpe_file), context_length=context_length)
    except (OSError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ModelError(f"{bpe_file}: cannot be read as BPE merges: {error}") from error


@cache
def _clip_words() -> SimpleTokenizer:
    return SimpleTokenizer()


def byte_words(text: str) -> list[str]:
    """The words of a text as CLIP's tokenizer splits it, each a string of its byte symbols."""
    tokenizer = _clip_words()
    words = tokenizer.pat.findall(tokenizer.clean_fn(text))
    return ["".join(tokenizer.byte_encoder[b] for b in word.encode()) for word in words]


def encode_tokens(module: Any, tokens: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """Token ids (batch, context) -> raw text embeddings (batch, dim).

    Padding behind the longest text is cut off first: no position attends to a later one, so the
    pooled output is the same, and short texts cost what they are long.
    """
    if not isinstance(module, open_clip.CLIP) or module.text_pool_type != "argmax":
        embeddings: torch.Tensor = module.encode_text(tokens)
        return embeddings
    length = int(tokens.argmax(dim=-1).max()) + 1
    tokens = tokens[:, :length]
    dtype = module.transformer.get_cast_dtype()
    hidden = module.token_embedding(tokens).to(dtype)  # (batch, length, width)
    hidden = hidden + module.positional_embedding[:length].to(dtype)
    mask = module.attn_mask[:length, :length] if module.attn_mask is not None else None
    hidden = module.ln_final(module.transformer(hidden, attn_mask=mask))
    pooled = hidden[torch.arange(len(tokens), device=tokens.device), tokens.argmax(dim=-1)]
    if isinstance(module.text_projection, torch.nn.Linear):
        pooled = module.text_projection(pooled)
    elif module.text_projection is not None:
        pooled = pooled @ module.text_projection
    result: torch.Tensor = pooled
    return result


def listed_models() -> list[tuple[str, str]]:
    """(architecture, pretrained) of everything that open_clip lists."""
    pairs: list[tuple[str, str]] = open_clip.list_pretrained()
    return pairs


def hub_place(architecture: str, pretrained: str) -> tuple[str, str | None]:
    """The hub's ORG/NAME that a listed tag's weights lie in, and their file where it is named."""
    tag = open_clip.pretrained.get_pretrained_cfg(architecture, pretrained)
    organisation, name, *file = [*str(tag.get("hf_hub", "")).split("/", maxsplit=2), ""]
    return f"{organisation}/{name}", file[0] or None


def is_open_clip_folder(folder: Path) -> bool:
    return (folder / CONFIG_FILE).is_file()


def _folder_tokenizer(folder: Path, text_config: dict[str, Any]) -> Tokenizer:
    kwargs = dict(text_config.get("tokenizer_kwargs") or {})
    if "bpe_path" in kwargs:
        # inside the folder, whatever the file says: a checkpoint must not name other files
        name = Path(kwargs["bpe_path"]).name
        merges: Tokenizer = bpe_tokenizer(folder / name, text_config.get("context_length", 77))
        return merges
    tokenizer: Tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    return tokenizer


def _clip_tokenizer(folder: Path, text_config: dict[str, Any]) -> Tokenizer:
    tokenizer: Any = SimpleTokenizer(context_length=text_config["context_length"])
    vocabulary_file = folder / "vocab.json"
    if vocabulary_file.is_file():
        words = huggingface.read_json(vocabulary_file)
        known = {w: i for w, i in tokenizer.encoder.items() if w not in tokenizer.cache}
        if any(words.get(word, index) != index for word, index in known.items()):
            raise ModelError(
                f"{vocabulary_file}: not CLIP's vocabulary, which is the one supported"
            )
    checked: Tokenizer = tokenizer
    return checked


def _preprocessing_of(module: Any) -> Preprocessing:  # noqa: ANN401
    config: dict[str, Any] = module.visual.preprocess_cfg
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else size
    return Preprocessing(
        height=height,
        width=width,
        mean=tuple(config.get("mean") or CLIP_MEAN),
        std=tuple(config.get("std") or CLIP_STD),
        interpolation=config.get("interpolation", "bicubic"),
        resize_mode=config.get("resize_mode", "shortest"),
        fill=config.get("fill_color", 0),
    )


def _one_line(error: BaseException) -> str:
    if isinstance(error, pickle.UnpicklingError):
        return "holds more than weights, and nothing else of a checkpoint is read"
    return " ".join(str(error).split())[:MAX_REASON] or type(error).__name__
