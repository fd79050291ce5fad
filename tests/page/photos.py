"""A few photographs as cameras and people leave them: dates, places, captions, copies.

What they show is drawn by the scenes' renderer, in several shapes.
"""

from pathlib import Path

from PIL import Image

from evaluation.scenes import write_scenes

SHAPES = [(640, 400), (400, 600), (600, 600), (900, 380), (480, 640), (640, 480)]
CAMERA = "Kestrel X100"
TAKEN = "2023:07:14 18:30:05"
CAPTION = "The lighthouse, after the storm"
GPS_PLACE = ((48, 51, 29.6), (2, 17, 40.2))  # degrees, minutes, seconds north and east


def write_photographs(folder: Path, count: int = 18) -> None:
    """Of photo-00.jpg all is known; copies/photo-00.jpg is a smaller copy of it."""
    drawn = folder.parent / "drawn"
    write_scenes(drawn, seed=11, count=count)
    (folder / "copies").mkdir(parents=True)
    for place, scene in enumerate(sorted(drawn.glob("*.png"))[:count]):
        shape = SHAPES[place % len(SHAPES)]
        with Image.open(scene) as opened:
            photograph = _cut(opened.convert("RGB"), shape)
        photograph.save(folder / f"photo-{place:02}.jpg", quality=92, exif=_exif(place == 0))
    first = folder / "photo-00.jpg"
    first.with_suffix(".txt").write_text(CAPTION)
    with Image.open(first) as opened:
        opened.resize((480, 300)).save(folder / "copies" / "photo-00.jpg", quality=88)


def _cut(scene: Image.Image, shape: tuple[int, int]) -> Image.Image:
    """The middle of a scene in another shape, larger."""
    scale = max(shape[0] / scene.width, shape[1] / scene.height)
    large = scene.resize((round(scene.width * scale), round(scene.height * scale)))
    left, top = (large.width - shape[0]) // 2, (large.height - shape[1]) // 2
    return large.crop((left, top, left + shape[0], top + shape[1]))


def _exif(has_place: bool) -> bytes:
    exif = Image.Exif()
    exif[0x0110] = CAMERA
    exif.get_ifd(0x8769)[0x9003] = TAKEN
    if has_place:
        (north, east) = GPS_PLACE
        exif.get_ifd(0x8825).update({1: "N", 2: north, 3: "E", 4: east})
    return exif.tobytes()
