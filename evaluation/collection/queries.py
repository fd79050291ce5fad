"""Queries that a user asks of an own collection, in a file of JSON lines.

Each is {"text": ...} or {"image": FILE}, the file relative to that of the queries, and may name
what it should find: "relevant": [...] of ids, or of paths as the collection has them. Raises
InputError, naming file, line and key.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from evaluation.annotations import Entry, fields, listed
from evaluation.tables import read_json_lines
from index.items import item_id
from index.snapshot import Snapshot
from models.decode import decode
from models.encoders import DualEncoder, encode_texts_by, split_spaces
from models.errors import ImageError, InputError
from models.space import Space
from models.vectors import Embeddings, unit

KEYS = {"text", "image", "relevant"}
BATCH = 64


@dataclass(frozen=True)
class Asked:
    line: int
    text: str | None  # either this
    image: Path | None  # or that
    relevant: frozenset[str]  # ids; empty where nothing is expected

    @property
    def shown(self) -> str:
        return str(self.text if self.image is None else self.image)


@dataclass(frozen=True)
class Probes:
    """Queries of one kind as vectors: (n, dim) unit rows of one space."""

    space: Space
    asked: tuple[Asked, ...]
    vectors: Embeddings
    own: tuple[str, ...]  # of a picture its id, which may be the collection's

    def expecting(self) -> "Probes":
        """Those that say what they should find."""
        at = [row for row, each in enumerate(self.asked) if each.relevant]
        return Probes(
            self.space,
            tuple(self.asked[row] for row in at),
            self.vectors[at],
            tuple(self.own[row] for row in at),
        )


def text_probes(encoder: DualEncoder, asked: Sequence[Asked]) -> Probes:
    texts = tuple(each for each in asked if each.text is not None)
    vectors = embedded_texts(encoder, [str(each.text) for each in texts])
    return Probes(encoder.space, texts, vectors, ("",) * len(texts))


def picture_probes(encoder: DualEncoder, asked: Sequence[Asked]) -> Probes:
    """In the space in which pictures are compared; raises InputError, naming a file that cannot be
    read."""
    pictures = tuple(each for each in asked if each.image is not None)
    ids, rows = [], [encoder.encode_images([])]
    for at in range(0, len(pictures), BATCH):
        read = [_read(Path(str(each.image))) for each in pictures[at : at + BATCH]]
        ids += [id_ for id_, _ in read]
        rows.append(encoder.encode_images([encoder.prepare(image) for _, image in read]))
    *_, last = split_spaces(np.concatenate(rows), encoder.spaces)
    return Probes(encoder.spaces[-1], pictures, unit(last)[0], tuple(ids))


def embedded_texts(encoder: DualEncoder, texts: Sequence[str]) -> Embeddings:
    """(n, dim) unit rows."""
    return unit(encode_texts_by(encoder, texts, BATCH))[0]


def _read(file: Path) -> tuple[str, Image.Image]:
    try:
        data = file.read_bytes()
        return item_id(data), decode(data)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror}") from error
    except ImageError as error:
        raise InputError(f"{file}: {error}") from error


def read_queries(path: Path, snapshot: Snapshot) -> list[Asked]:
    lines = list(enumerate(read_json_lines(path, ()), start=1))
    by_path = _by_path(snapshot) if any("relevant" in entry for _, entry in lines) else {}
    return [_asked(path, line, entry, snapshot, by_path) for line, entry in lines]


def _asked(
    path: Path, line: int, entry: Entry, snapshot: Snapshot, by_path: Mapping[str, set[str]]
) -> Asked:
    where = f"{path}, line {line}"
    if unknown := entry.keys() - KEYS:
        raise InputError(f"{where}: has {min(unknown)!r}, expected text or image, and relevant")
    if len(entry.keys() & {"text", "image"}) != 1:
        raise InputError(f"{where}: expected either 'text' or 'image'")
    key = "text" if "text" in entry else "image"
    value = fields(where, entry, {key: str})[key]
    if not value.strip():
        raise InputError(f"{where}: {key!r} is empty")
    relevant: set[str] = set()
    if "relevant" in entry:
        names = listed(f"{where}: 'relevant'", entry["relevant"], str)
        relevant = {_id_of(f"{where}: 'relevant'", name, snapshot, by_path) for name in names}
    return Asked(
        line,
        text=value if key == "text" else None,
        image=path.parent / value if key == "image" else None,
        relevant=frozenset(relevant),
    )


def _id_of(where: str, name: str, snapshot: Snapshot, by_path: Mapping[str, set[str]]) -> str:
    if snapshot.gallery.row(name) is not None:
        return name
    ids = by_path.get(name, set())
    if not ids:
        raise InputError(f"{where}: the collection has no id and no path {name!r}")
    if len(ids) > 1:
        raise InputError(f"{where}: {name!r} is in several sources: write an id")
    return min(ids)


def _by_path(snapshot: Snapshot) -> dict[str, set[str]]:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for source in snapshot.recorded_roots():
        for path, id_ in snapshot.ids_by_path(source).items():
            ids[path].add(id_)
    return dict(ids)
