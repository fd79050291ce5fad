"""The files in which captioned pictures come, and where their pictures lie.

read_captions(data, split) -> the split that was chosen, and its pictures with their captions, from
the first of these that `data` has:

- `captions.tsv`: file, split, caption.
- `dataset_*.json`, as Karpathy & Fei-Fei split Flickr8k, Flickr30k and COCO: images of filename,
  split, sentences of raw, and for COCO filepath; its `restval` counts as `train`.
- `Flickr8k.token.txt` with `Flickr_8k.SPLITImages.txt`, or `results_20130124.token` with
  `flickr30k_SPLIT.txt` or `SPLIT.txt`, SPLIT being train, dev, val or test. A caption of a file
  that the split does not list is passed over: Flickr8k's has some that never had a picture.

All captions count, also a sixth and a seventh, of which COCO has some. Raises InputError, naming
file, entry and key.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.annotations import Entry, Kinds, fields, read_json, refuse_twice
from evaluation.benchmark import chosen_split
from evaluation.tables import read_table
from models.errors import InputError

TABLE = "captions.tsv"
IMAGE: Kinds = {"filename": str, "split": str, "sentences": list}
TOKEN_FILES = {
    "Flickr8k.token.txt": ("Flickr_8k.{}Images.txt",),
    "results_20130124.token": ("flickr30k_{}.txt", "{}.txt"),
}
TOKEN_FOLDERS = ("", "Flickr8k_text/")
SPLITS = ("train", "dev", "val", "test")
TOKEN_LINE = re.compile(r"(?P<name>[^\t]+)#(?P<number>\d+)\t(?P<caption>.*)")
PICTURE_FOLDERS = ("images", ".", "Flicker8k_Dataset", "flickr30k-images")


@dataclass(frozen=True)
class Captioned:
    file: str
    captions: tuple[str, ...]
    places: tuple[str, ...]  # below one of the folders of pictures, the first that is there

    def picture(self, data: Path) -> Path:
        """Its file; where there is none, the one that was looked for first."""
        files = [data / folder / place for place in self.places for folder in PICTURE_FOLDERS]
        return next((file for file in files if file.is_file()), files[0])


def read_captions(data: Path, split: str | None) -> tuple[str, list[Captioned]]:
    if not data.is_dir():
        raise InputError(f"{data}: not an existing folder")
    if (data / TABLE).exists():
        return _of_table(data / TABLE, split)
    if published := sorted(data.glob("dataset_*.json")):
        return _of_karpathy(_only(published), split)
    names = [folder + name for name in TOKEN_FILES for folder in TOKEN_FOLDERS]
    if tokens := [data / name for name in names if (data / name).exists()]:
        return _of_tokens(_only(tokens), split)
    raise InputError(f"{data}: has none of {TABLE}, dataset_*.json, {', '.join(TOKEN_FILES)}")


def _only(files: Sequence[Path]) -> Path:
    if len(files) > 1:
        raise InputError(f"{files[0]}: {files[1].name} is there too, expected one of them")
    return files[0]


def _of_table(table: Path, split: str | None) -> tuple[str, list[Captioned]]:
    rows = list(read_table(table, ("file", "split", "caption")))
    chosen = chosen_split(split, sorted({row["split"] for row in rows}), table)
    captions: dict[str, list[str]] = {}
    for row in rows:
        if row["split"] == chosen:
            captions.setdefault(row["file"], []).append(row["caption"])
    return chosen, [Captioned(file, tuple(texts), (file,)) for file, texts in captions.items()]


def _of_karpathy(path: Path, split: str | None) -> tuple[str, list[Captioned]]:
    images = fields(str(path), read_json(path), {"images": list})["images"]
    read = [_image(f"{path}, entry {at}", image) for at, image in enumerate(images)]
    refuse_twice(f"{path}: 'filename'", (captioned.file for _, captioned in read))
    chosen = chosen_split(split, sorted({part for part, _ in read}), path)
    return chosen, [captioned for part, captioned in read if part == chosen]


def _image(where: str, entry: object) -> tuple[str, Captioned]:
    """With the split that it belongs to."""
    image: Entry = fields(where, entry, IMAGE)
    name, places = image["filename"], [image["filename"]]
    if "filepath" in image:
        places.insert(0, f"{fields(where, image, {'filepath': str})['filepath']}/{name}")
    if not image["sentences"]:
        raise InputError(f"{where}: 'sentences' is empty")
    captions = tuple(
        fields(f"{where}, 'sentences' {at}", sentence, {"raw": str})["raw"]
        for at, sentence in enumerate(image["sentences"])
    )
    part = "train" if image["split"] == "restval" else image["split"]
    return part, Captioned(name, captions, tuple(places))


def _of_tokens(path: Path, split: str | None) -> tuple[str, list[Captioned]]:
    lists = {part: file for part in SPLITS if (file := _split_list(path, part))}
    if not lists:
        expected = [name.format("SPLIT") for name in TOKEN_FILES[path.name]]
        raise InputError(f"{path}: has no list of a split beside it: {' or '.join(expected)}")
    chosen = chosen_split(split, tuple(lists), path)
    names = [
        line if line.endswith(".jpg") else f"{line}.jpg"
        for _, line in _lines(lists[chosen])
        if line.strip()
    ]
    if not names:
        raise InputError(f"{lists[chosen]}: names no picture")
    refuse_twice(str(lists[chosen]), names)
    captions = _captions(path)
    for name in names:
        if name not in captions:
            raise InputError(f"{path}: has no caption of {name}, which {lists[chosen].name} names")
    return chosen, [Captioned(name, tuple(captions[name]), (name,)) for name in names]


def _split_list(tokens: Path, part: str) -> Path | None:
    names = [name.format(part) for name in TOKEN_FILES[tokens.name]]
    return next((tokens.parent / n for n in names if (tokens.parent / n).exists()), None)


def _captions(path: Path) -> dict[str, list[str]]:
    """By picture, of lines `NAME#NUMBER<tab>CAPTION`."""
    captions: dict[str, list[str]] = {}
    seen: set[tuple[str, str]] = set()
    for number, line in _lines(path):
        if not line:
            continue
        found = TOKEN_LINE.fullmatch(line)
        if found is None:
            raise InputError(f"{path}, line {number}: expected NAME#NUMBER, a tab, a caption")
        key = found["name"], found["number"]
        if key in seen:
            raise InputError(f"{path}, line {number}: {'#'.join(key)} is there twice")
        seen.add(key)
        captions.setdefault(found["name"], []).append(found["caption"])
    return captions


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered from 1, without what ends them."""
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    yield from ((at, line.rstrip("\r")) for at, line in enumerate(content.split("\n"), start=1))
