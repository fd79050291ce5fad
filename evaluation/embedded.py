"""A benchmark's pictures as a collection, embedded once for each space and kept.

The collection lies in the cache under a name of the benchmark, its folder, its pictures, the
spaces, device and dtype; beside it a digest of the files' sizes and times says whether it is still
theirs. A picture that cannot be read fails the run and is named: nothing drops out of a metric.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.benchmark import Benchmark, Picture
from evaluation.crops import cropped
from index.collection import Collection, Snapshot
from index.found import FileContent, FoundImage
from index.job import JobOptions, Progress, build_collection
from index.sources import Listener, Root, stop_at
from models.decode import DecodeLimits
from models.encoders import DualEncoder
from models.errors import CollectionError, InputError
from models.files import write_whole
from models.space import named

SOURCE = "gallery"
DIGEST_FILE = "pictures.sha256"


@dataclass(frozen=True)
class Embedding:
    """How and where pictures are embedded."""

    model: str  # the reference that loads the encoder
    cache: Path
    threads: int
    announce: Callable[[str], None]
    progress: Callable[[Progress], None] | None = None


@dataclass(frozen=True)
class Embedded:
    snapshot: Snapshot
    pictures: Mapping[str, Picture]  # by key
    ids: Mapping[str, str]  # key -> item id: pictures with the same bytes are one item


@dataclass(frozen=True)
class PictureContent:
    picture: Picture

    def read(self, max_bytes: int) -> bytes:
        return read_picture(self.picture, max_bytes)


@dataclass(frozen=True)
class PictureSource:
    """Exactly these pictures, in their order, by their keys."""

    root: Root
    pictures: Sequence[Picture]
    name: str = SOURCE

    def walk(self, failed: Listener = stop_at) -> Iterator[FoundImage]:
        for each in self.pictures:
            yield FoundImage(self.name, each.key, None, {}, PictureContent(each))


def read_picture(picture: Picture, max_bytes: int = DecodeLimits().max_bytes) -> bytes:
    """A picture file's bytes; of a part, those of a PNG file. Raises ImageError."""
    data = FileContent(picture.file).read(max_bytes)
    if picture.crop is None:
        return data
    return cropped(data, picture.crop, DecodeLimits(max_bytes=max_bytes))


@contextlib.contextmanager
def embedded(benchmark: Benchmark, encoder: DualEncoder, how: Embedding) -> Iterator[Embedded]:
    """The benchmark's pictures in the encoder's spaces, from the cache where they are there."""
    pictures = benchmark.pictures()
    place = how.cache / "evaluate" / _name_of(benchmark, pictures, encoder)
    current = _digest(pictures)
    if _kept_digest(place) != current:
        how.announce(f"embedding {len(pictures)} pictures")
        _build(benchmark.folder, pictures, encoder, place / "collection", how)
        write_whole(place / DIGEST_FILE, current.encode())
    else:
        how.announce(f"{len(pictures)} pictures, embedded before: {place}")
    collection = _opened(place)
    try:
        with collection.snapshot() as snapshot:
            by_key = {picture.key: picture for picture in pictures}
            ids = snapshot.ids_by_path(SOURCE)
            if snapshot.spaces != encoder.spaces or ids.keys() != by_key.keys():
                raise CollectionError(f"{place}: is not of these pictures; remove it")
            yield Embedded(snapshot, by_key, ids)
    finally:
        collection.close()


def _opened(place: Path) -> Collection:
    try:
        return Collection.open(place / "collection")
    except CollectionError as error:
        raise CollectionError(f"{error}; remove {place}, and it is embedded again") from error


def _build(
    folder: Path, pictures: Sequence[Picture], encoder: DualEncoder, out: Path, how: Embedding
) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    (out.parent / DIGEST_FILE).unlink(missing_ok=True)
    source = PictureSource(Root(SOURCE, folder), pictures)
    options = JobOptions(threads=how.threads, thumbnails=False)
    report = build_collection(
        out, [source], encoder, model=how.model, options=options, progress=how.progress
    )
    if not report.failed:
        return
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        failure = next(iter(snapshot.failures()))
    collection.close()
    file = next(picture.file for picture in pictures if picture.key == failure.path)
    raise InputError(f"{file}: {failure.reason}")


def _name_of(benchmark: Benchmark, pictures: Sequence[Picture], encoder: DualEncoder) -> str:
    lines = [named(encoder.spaces), encoder.runs_on, str(benchmark.folder.resolve())]
    lines += [f"{each.key}\t{each.file}\t{each.crop}" for each in pictures]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return f"{benchmark.name}-{digest[:16]}"


def _digest(pictures: Sequence[Picture]) -> str:
    content = hashlib.sha256()
    for each in pictures:
        facts = each.file.stat()
        content.update(f"{each.key}\t{facts.st_size}\t{facts.st_mtime_ns}\n".encode())
    return content.hexdigest()


def _kept_digest(place: Path) -> str | None:
    try:
        return (place / DIGEST_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
