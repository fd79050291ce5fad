"""The word that a user gives for a model, to the model.

`starter` (ships with Pictor), NAME/PRETRAINED as open_clip lists them, NAME/FILE for a checkpoint
file of a listed architecture, hf-hub:ORG/NAME, or a folder in open_clip's or the transformers
layout. With `+fast-decode` behind it the same model reads large JPEGs at a fraction of their size:
a space of its own. Raises ModelError, one plain line, for anything else.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from models import hub, openclip
from models.device import Placement
from models.errors import ModelError
from models.fusion_head import read_head
from models.huggingface import is_clip_folder
from models.magiclens.encoder import MagicLensEncoder
from models.magiclens.folder import is_magiclens_folder, read_folder
from models.openclip_encoder import LoadedModel, OpenClipEncoder
from models.pinned import read_pin
from models.preprocess import Decoding

STARTER = "starter"
STARTER_FOLDER = Path(__file__).parent / "starter"
HUB_PREFIX = "hf-hub:"
FAST_DECODE = "+fast-decode"

# (name, what it is good for); shown by `pictor models` and by `index` without --model
RECOMMENDED = (
    ("ViT-B-32/laion2b_s34b_b79k", "text and image search, quick on a CPU"),
    ("ViT-L-14/datacomp_xl_s13b_b90k", "text and image search, better; wants a GPU"),
    ("hf-hub:BAAI/BGE-VL-base", "composed search (picture + instruction), quick on a CPU"),
    ("hf-hub:BAAI/BGE-VL-large", "composed search, better; wants a GPU"),
)


Encoder = OpenClipEncoder | MagicLensEncoder


def load_encoder(reference: str, placement: Placement, announce: Callable[[str], None]) -> Encoder:
    """The model of that reference, on that device; `announce` hears of a download before it
    starts."""
    # open_clip narrates its loading on the root logger
    logging.getLogger().addFilter(_is_not_open_clip)
    reference, suffix = _split_suffix(reference)
    decoding: Decoding = "scaled" if suffix else "exact"
    folder = expanded(reference)
    if is_magiclens_folder(folder):
        module, card = read_folder(folder)
        card = replace(card, preprocessing=replace(card.preprocessing, decoding=decoding))
        return MagicLensEncoder(folder.resolve().name + suffix, module, card, placement)
    name, loaded = load_parts(reference, announce)
    loaded = replace(loaded, preprocessing=replace(loaded.preprocessing, decoding=decoding))
    if folder.is_dir():
        loaded = replace(loaded, pinned=read_pin(folder))
    return OpenClipEncoder(name + suffix, loaded, placement)


def fast_decoding(reference: str) -> str:
    """The reference of the same model with `--fast-decode`."""
    return "".join((_split_suffix(reference)[0], FAST_DECODE))


def _split_suffix(reference: str) -> tuple[str, str]:
    """The model, and FAST_DECODE where that stands behind it; a path that is there is a model."""
    if not reference.endswith(FAST_DECODE) or expanded(reference).exists():
        return reference, ""
    return reference.removesuffix(FAST_DECODE), FAST_DECODE


def _is_not_open_clip(record: logging.LogRecord) -> bool:
    return "open_clip" not in record.pathname


def load_parts(reference: str, announce: Callable[[str], None]) -> tuple[str, LoadedModel]:
    """The model of that reference as built, with its name; for training."""
    if reference == STARTER:
        return STARTER, load_folder(STARTER_FOLDER)
    if reference.startswith(HUB_PREFIX):
        repository = reference.removeprefix(HUB_PREFIX)
        return repository, load_folder(hub.fetch_model(repository, announce))
    path = expanded(reference)
    if path.is_dir():
        return path.resolve().name, load_folder(path.resolve())
    if path.is_file():
        raise ModelError(
            f"{reference}: a weights file does not say its architecture: "
            f"write it as NAME/{reference}, as in ViT-B-32/{reference}"
        )
    architecture, slash, pretrained = reference.partition("/")
    file = expanded(pretrained)
    if slash and file.is_file():
        return f"{architecture}/{file.name}", openclip.load_listed(architecture, None, file)
    return reference, _load_listed(reference, announce)


def expanded(path: str) -> Path:
    """With `~` as a shell takes it; a name that no user has stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def portable(reference: str) -> str:
    """The reference, to be read later from another folder: paths in it made absolute."""
    reference, suffix = _split_suffix(reference)
    architecture, slash, file = reference.partition("/")
    if reference != STARTER and expanded(reference).is_dir():
        return f"{expanded(reference).resolve()}{suffix}"
    if slash and expanded(file).is_file():
        return f"{architecture}/{expanded(file).resolve()}{suffix}"
    return reference + suffix


def load_folder(folder: Path) -> LoadedModel:
    """A model folder of either layout."""
    if openclip.is_open_clip_folder(folder):
        return replace(openclip.load_open_clip_folder(folder), head=read_head(folder))
    if is_clip_folder(folder):
        return openclip.load_transformers_folder(folder)
    raise ModelError(
        f"{folder}: no model there: expected {openclip.CONFIG_FILE} and weights, "
        "or config.json and model.safetensors"
    )


def _load_listed(reference: str, announce: Callable[[str], None]) -> LoadedModel:
    listed = {"/".join(pair): pair for pair in openclip.listed_models()}
    if reference not in listed:
        near = get_close_matches(reference, [STARTER, *listed], n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "`pictor models` lists them"
        raise ModelError(f"model {reference!r} is neither a listed name nor a path; {hint}")
    architecture, pretrained = listed[reference]
    repository, file = openclip.hub_place(architecture, pretrained)
    weights = hub.fetch_weights(repository, file, reference, announce)
    return openclip.load_listed(architecture, pretrained, weights)
