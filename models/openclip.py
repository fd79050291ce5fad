"""Any dual encoder that open_clip can build; the only file that imports it.

Three ways in, one LoadedModel out: an architecture that open_clip lists and a weights file, a
folder in open_clip's own layout (`open_clip_config.json` beside the weights), and a folder in the
transformers layout (see models/huggingface.py). Raises ModelError, one plain line, for whatever
cannot be built or loaded. No code that comes with a checkpoint is run.
"""

import importlib.util
import pickle
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip.tokenizer import SimpleTokenizer
from safetensors import SafetensorError

from models import huggingface
from models.errors import ModelError
from models.huggingface import CLIP_MEAN, CLIP_STD
from models.openclip_encoder import LoadedModel
from models.preprocess import Preprocessing
from models.tokens import Tokenizer

CONFIG_FILE = "open_clip_config.json"
MAX_REASON = 300
CLIP_CONTEXT = 77
PREPROCESSING_TAGS = ("mean", "std", "interpolation", "resize_mode")
TOKENIZER_SETTINGS = {"bpe_path", "clean", "reduction_mask", "strip_sep_token", "language"}
SOURCES_OF_TEXT = {"hf_tokenizer_name", "hf_model_pretrained", "tokenizer_kwargs"}
# What torch, timm and open_clip raise for settings or weights that do not fit.
BUILD_FAILURES = (
    RuntimeError,
    ValueError,
    TypeError,
    OSError,
    AssertionError,
    LookupError,
    AttributeError,
    ArithmeticError,
    StopIteration,
    EOFError,
    ImportError,
    pickle.UnpicklingError,
    SafetensorError,
)


def load_listed(architecture: str, pretrained: str | None, weights: Path) -> LoadedModel:
    """An architecture that open_clip lists, from a weights file, set up as its tag says."""
    tag = open_clip.pretrained.get_pretrained_cfg(architecture, pretrained) if pretrained else {}
    config = open_clip.get_model_config(architecture)
    if config is None:
        raise ModelError(f"{architecture}: open_clip lists no architecture of that name")
    # open_clip only warns where a tag was trained with QuickGELU and the architecture is not
    quick_gelu = bool(tag.get("quick_gelu", False) or config.get("quick_gelu", False))
    preprocessing = {name: tag[name] for name in PREPROCESSING_TAGS if tag.get(name) is not None}
    _check_transformers(architecture, config)
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
    settings = _settings_of({**config, "quick_gelu": quick_gelu})
    return LoadedModel(module, tokenizer, _preprocessing_of(module), settings)


def load_open_clip_folder(folder: Path) -> LoadedModel:
    """A folder in open_clip's layout; a BPE file that it names lies in the folder."""
    config = huggingface.read_json(folder / CONFIG_FILE)
    try:
        model_config = config["model_cfg"]
        _check_transformers(str(folder), model_config)
        tokenizer = _folder_tokenizer(folder, model_config["text_cfg"])
        module = open_clip.create_model(f"local-dir:{folder}", require_pretrained=True)
        preprocessing = _preprocessing_of(module)
    except BUILD_FAILURES as error:
        raise ModelError(f"{folder}: {_one_line(error)}") from error
    return LoadedModel(module, tokenizer, preprocessing, _settings_of(model_config))


def load_transformers_folder(folder: Path) -> LoadedModel:
    """A folder in the transformers layout of CLIPModel."""
    weights = huggingface.read_weights(folder)
    try:
        config = huggingface.read_config(folder)
        preprocessing = huggingface.read_preprocessing(folder, config["vision_cfg"]["image_size"])
        tokenizer = _clip_tokenizer(folder, config["text_cfg"])
        module = open_clip.CLIP(**config)
        module.load_state_dict(weights, strict=True)
    except BUILD_FAILURES as error:
        raise ModelError(f"{folder}: {_one_line(error)}") from error
    return LoadedModel(module, tokenizer, preprocessing, _settings_of(config))


def build(model_config: dict[str, Any]) -> torch.nn.Module:
    """A model of these settings with fresh weights, for training."""
    text = {k: v for k, v in model_config["text_cfg"].items() if k != "tokenizer_kwargs"}
    try:
        module: torch.nn.Module = open_clip.CLIP(**{**model_config, "text_cfg": text})
    except BUILD_FAILURES as error:
        raise ModelError(f"model settings: {_one_line(error)}") from error
    return module


def bpe_tokenizer(bpe_file: Path, context_length: int, **settings: str) -> SimpleTokenizer:
    """CLIP's byte-pair tokenizer over the merges of a gzip file (a header line, a merge a line)."""
    try:
        return SimpleTokenizer(str(bpe_file), context_length=context_length, **settings)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ModelError(f"{bpe_file}: cannot be read as BPE merges: {error}") from error


@cache
def _clip_words() -> SimpleTokenizer:
    return SimpleTokenizer()


def byte_words(text: str) -> list[str]:
    """The words of a text as CLIP's tokenizer splits it, each a string of its byte symbols."""
    tokenizer = _clip_words()
    words = tokenizer.pat.findall(tokenizer.clean_fn(text))
    return ["".join(tokenizer.byte_encoder[b] for b in word.encode()) for word in words]


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


def _settings_of(model_config: dict[str, Any]) -> dict[str, Any]:
    """What of a model's settings decides its vectors: all but where its parts came from."""
    text = {k: v for k, v in model_config["text_cfg"].items() if k not in SOURCES_OF_TEXT}
    return {**model_config, "text_cfg": text}


def _check_transformers(model: str, model_config: dict[str, Any]) -> None:
    text = model_config["text_cfg"]
    needed = text.get("hf_tokenizer_name") or text.get("hf_model_name")
    if needed and importlib.util.find_spec("transformers") is None:
        raise ModelError(
            f"{model}: its text tower needs {needed} of transformers: "
            "install Pictor with its extra, pip install '.[transformers]'"
        )


def _folder_tokenizer(folder: Path, text_config: dict[str, Any]) -> Tokenizer:
    kwargs = dict(text_config.get("tokenizer_kwargs") or {})
    if refused := set(kwargs) - TOKENIZER_SETTINGS:
        # open_clip would hand them to transformers, where some of them run a checkpoint's code
        raise ModelError(f"{folder}: tokenizer setting {sorted(refused)[0]!r} is not supported")
    if "bpe_path" in kwargs:
        # inside the folder, whatever the file says: a checkpoint must not name other files
        file = folder / Path(kwargs.pop("bpe_path")).name
        merges: Tokenizer = bpe_tokenizer(
            file, text_config.get("context_length", CLIP_CONTEXT), **kwargs
        )
        return merges
    tokenizer: Tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    return tokenizer


def clip_tokenizer(context_length: int) -> SimpleTokenizer:
    """CLIP's own, over its own 49,408 words."""
    return SimpleTokenizer(context_length=context_length)


def _clip_tokenizer(folder: Path, text_config: dict[str, Any]) -> Tokenizer:
    tokenizer: Any = clip_tokenizer(text_config["context_length"])
    words = huggingface.read_vocabulary(folder)
    known = {w: i for w, i in tokenizer.encoder.items() if w not in tokenizer.cache}
    if words is not None and any(words.get(word, index) != index for word, index in known.items()):
        raise ModelError(f"{folder}: not CLIP's vocabulary, which is the one supported")
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
