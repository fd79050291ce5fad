"""The decoder's boundary under random damage: a picture, or an ImageError, and nothing else.

Small files of every format, with what real ones carry (EXIF, a colour profile, several frames,
tiles, compression of all kinds), are cut, overwritten, doubled and joined. Pixels are bounded by
the limits, so that no damage can ask for more work than a small picture takes.
"""

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from models.decode import DecodeLimits, decode, open_header, upright_size
from models.errors import ImageError

LIMITS = DecodeLimits(max_bytes=200_000, max_pixels=1_000_000)
EXAMPLES = 300
# nothing here is slow but a machine that others use, too
PATIENT = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def drawn(mode: str = "RGB", size: tuple[int, int] = (41, 29)) -> Image.Image:
    """Neither flat nor even in its sides."""
    return Image.linear_gradient("L").resize(size).convert(mode)


def saved(image: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


@cache
def files() -> dict[str, bytes]:
    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x9286] = 6, "A camera", b"ASCII\0\0\0a comment"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    carried = {"exif": exif.tobytes(), "icc_profile": profile}
    several = {"save_all": True, "append_images": [drawn("P"), drawn("P")], "duration": 50}
    return {
        "JPEG": saved(drawn(), "JPEG", **carried),
        "JPEG progressive": saved(drawn(), "JPEG", progressive=True, restart_marker_rows=1),
        "JPEG CMYK": saved(drawn("CMYK"), "JPEG"),
        "PNG": saved(drawn("RGBA"), "PNG", **carried),
        "PNG palette": saved(drawn("P"), "PNG", transparency=3),
        "PNG 16 bits": saved(Image.new("I;16", (20, 20), 40_000), "PNG"),
        "WEBP": saved(drawn("RGBA"), "WEBP", **carried),
        "WEBP lossless": saved(drawn("RGBA"), "WEBP", lossless=True),
        "GIF": saved(drawn("P"), "GIF", **several),
        "TIFF": saved(drawn(), "TIFF", icc_profile=profile),
        "TIFF LZW": saved(drawn(), "TIFF", compression="tiff_lzw"),
        "TIFF deflate": saved(drawn("CMYK"), "TIFF", compression="tiff_adobe_deflate"),
        "TIFF JPEG": saved(drawn(), "TIFF", compression="jpeg"),
        "TIFF fax": saved(drawn("1"), "TIFF", compression="group4"),
        "TIFF float": saved(drawn("F"), "TIFF"),
        "BMP": saved(drawn(), "BMP"),
        "AVIF": saved(drawn(), "AVIF"),
        "HEIF": saved(drawn(), "HEIF"),
    }


Damage = Callable[[bytearray], None]
# fields of lengths, offsets and sizes, whose bounds are where decoders fail
TELLING = [0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    where = draw(st.floats(0, 1, exclude_max=True))
    kind = draw(
        st.sampled_from(["byte", "bit", "field", "cut", "drop", "double", "insert", "zero"])
    )
    length = draw(st.integers(1, 64))
    value = draw(st.sampled_from(TELLING))
    order = draw(st.sampled_from(["little", "big"]))
    width = draw(st.sampled_from([1, 2, 4]))
    filler = draw(st.binary(min_size=1, max_size=32))
    return lambda data: damage(
        data,
        kind,
        int(where * len(data)),
        length,
        filler,
        (value & (256**width - 1)).to_bytes(width, order),
    )


def damage(data: bytearray, kind: str, at: int, length: int, filler: bytes, field: bytes) -> None:
    if not data:
        return
    if kind == "byte":
        data[at] = filler[0]
    elif kind == "bit":
        data[at] ^= 1 << length % 8
    elif kind == "field":
        data[at : at + len(field)] = field
    elif kind == "cut":
        del data[at:]
    elif kind == "drop":
        del data[at : at + length]
    elif kind == "double":
        data[at:at] = data[at : at + length]
    elif kind == "insert":
        data[at:at] = filler
    else:
        data[at : at + length] = bytes(length)


def outcome(data: bytes, least_side: int | None = None) -> str:
    try:
        picture = decode(data, LIMITS, least_side=least_side)
    except ImageError as error:
        assert "\n" not in str(error) and len(str(error)) < 500
        return "refused"
    assert picture.mode == "RGB"
    assert 0 < picture.width * picture.height <= LIMITS.max_pixels
    picture.tobytes()  # all of its pixels are there
    return "read"


@pytest.mark.parametrize("name", sorted(files()))
def test_the_files_to_be_damaged_are_sound(name: str) -> None:
    assert outcome(files()[name]) == "read"


@PATIENT
@given(
    name=st.sampled_from(sorted(files())),
    done=st.lists(damages(), min_size=1, max_size=6),
    least_side=st.sampled_from([None, 8]),
)
def test_a_damaged_file_is_read_or_refused(
    name: str, done: list[Damage], least_side: int | None
) -> None:
    data = bytearray(files()[name])
    for each in done:
        each(data)
    outcome(bytes(data), least_side)


@PATIENT
@given(
    first=st.sampled_from(sorted(files())),
    second=st.sampled_from(sorted(files())),
    at=st.floats(0, 1),
    start=st.floats(0, 1),
)
def test_a_file_that_begins_as_one_kind_and_goes_on_as_another_is_read_or_refused(
    first: str, second: str, at: float, start: float
) -> None:
    head, tail = files()[first], files()[second]
    outcome(head[: int(at * len(head))] + tail[int(start * len(tail)) :])


@PATIENT
@given(
    name=st.sampled_from(sorted(files())), noise=st.binary(max_size=2000), kept=st.integers(2, 64)
)
def test_noise_behind_the_beginning_of_a_file_is_read_or_refused(
    name: str, noise: bytes, kept: int
) -> None:
    outcome(files()[name][:kept] + noise)


@PATIENT
@given(name=st.sampled_from(sorted(files())), done=st.lists(damages(), min_size=1, max_size=4))
def test_a_damaged_header_tells_a_size_or_is_refused(name: str, done: list[Damage]) -> None:
    data = bytearray(files()[name])
    for each in done:
        each(data)
    try:
        width, height = upright_size(open_header(bytes(data), LIMITS))
    except ImageError:
        return
    assert width * height <= LIMITS.max_pixels


def test_real_photographs_cut_anywhere_are_read_or_refused(test_data: Path) -> None:
    photographs = sorted(test_data.rglob("*.jpg"))[:2]
    if not photographs:
        pytest.skip(f"{test_data} has no photographs")
    for photograph in photographs:
        whole = photograph.read_bytes()
        for part in range(1, 20):
            outcome(whole[: len(whole) * part // 20])
