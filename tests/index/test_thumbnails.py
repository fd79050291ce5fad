import io

import pytest
from PIL import Image

from index.jobs.thumbnails import thumbnail
from tests.fakes import picture


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((640, 480), (320, 240)),
        ((480, 640), (240, 320)),
        ((100, 50), (100, 50)),
        ((5000, 1), (320, 1)),
        ((1, 5000), (1, 320)),
    ],
)
def test_a_thumbnail_fits_320_pixels_and_is_never_enlarged(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    small = Image.open(io.BytesIO(thumbnail(picture("red", size))))
    assert (small.format, small.size) == ("WEBP", expected)


def test_a_thumbnail_holds_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010F] = "NIKON"
    image = picture("red")
    image.info = {"exif": exif.tobytes(), "icc_profile": b"profile", "xmp": b"<x/>"}
    small = Image.open(io.BytesIO(thumbnail(image)))
    assert not set(small.info) & {"exif", "icc_profile", "xmp"}
    assert b"NIKON" not in thumbnail(image)


def test_making_a_thumbnail_leaves_the_picture_as_it_was() -> None:
    image = picture("red", (640, 480))
    image.info["exif"] = b"kept"
    thumbnail(image)
    assert (image.size, image.info) == ((640, 480), {"exif": b"kept"})
