import pytest
from PIL import Image

from models.crop import Crop
from models.errors import InputError


@pytest.mark.parametrize(
    ("crop", "size"),
    [
        (Crop(0, 0, 1, 1), (10, 4)),
        (Crop(0.1, 0, 0.6, 0.5), (5, 2)),
        (Crop(0.11, 0, 0.59, 1), (5, 4)),  # all that it touches
        (Crop(0.999999, 0.999999, 1, 1), (1, 1)),
        (Crop(0, 0, 1e-9, 1e-9), (1, 1)),
    ],
)
def test_a_crop_is_the_pixels_that_its_box_touches(crop: Crop, size: tuple[int, int]) -> None:
    assert crop.of(Image.new("RGB", (10, 4))).size == size


def test_a_crop_is_where_its_box_is() -> None:
    image = Image.new("RGB", (10, 10))
    image.putpixel((7, 2), (255, 0, 0))
    assert Crop(0.7, 0.2, 0.8, 0.3).of(image).getpixel((0, 0)) == (255, 0, 0)


def test_a_picture_of_one_pixel_has_parts_too() -> None:
    assert Crop(0.4, 0.4, 0.6, 0.6).of(Image.new("RGB", (1, 1))).size == (1, 1)


@pytest.mark.parametrize(
    "box",
    [(0, 0, 0, 1), (0.5, 0, 0.4, 1), (-0.1, 0, 1, 1), (0, 0, 1, 1.1), (0, float("nan"), 1, 1)],
)
def test_an_empty_box_and_one_that_reaches_outside_are_refused(
    box: tuple[float, float, float, float],
) -> None:
    with pytest.raises(InputError, match="crop: expected"):
        Crop(*box)
