"""Collections of pictures of one colour, and where their items lie."""

from contextlib import closing
from pathlib import Path
from typing import Any

from index.catalogue import connect, reading
from index.collection import Collection
from index.job import JobOptions, Report, build_collection
from index.overview.asking import Looking, Overview
from index.overview.layouts import LayoutRecord
from index.overview.making import MapOptions, Mapping
from models.encoders import ImageEncoder
from tests.fakes import ColourEncoder
from tests.index.album import save, source

FAMILIES = ((200, 20, 20), (20, 200, 20), (20, 20, 200))  # red, green, blue


def shades(folder: Path, count: int, first: int = 0) -> None:
    """Pictures of each family in turn, no two alike."""
    for number in range(first, first + count):
        red, green, blue = FAMILIES[number % 3]
        colour = (red + number % 50, green + number // 3 % 50, blue + number // 2 % 50)
        save(folder, f"{number:03}.png", colour, (8, 6))


def mapped(
    out: Path,
    folder: Path,
    method: str | None = None,
    *,
    told: list[Mapping] | None = None,
    encoder: ImageEncoder | None = None,
    **options: Any,  # noqa: ANN401
) -> Report:
    heard: list[Mapping] = [] if told is None else told
    return build_collection(
        out,
        [source(folder, "photos")],
        encoder or ColourEncoder(),
        model="colours",
        options=JobOptions(threads=2, batch_size=16),
        mapping=MapOptions(method, heard.append, **options),
    )


def seen(out: Path, looking: Looking | None = None) -> Overview:
    collection = Collection.open(out)
    with collection.snapshot() as snapshot:
        found = snapshot.overview(looking or Looking(limit=5000))
    collection.close()
    return found


def places(out: Path) -> dict[str, tuple[float, float]]:
    return {point.id: (point.x, point.y) for point in seen(out).points}


def layout_file(out: Path) -> Path:
    (file,) = (out / "layouts").iterdir()
    return file


def record(out: Path) -> LayoutRecord:
    file = out / "catalogue.sqlite"
    with closing(connect(file)) as connection, reading(connection, file) as catalogue:
        held = catalogue.layout()
    assert held is not None
    return held
