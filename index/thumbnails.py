"""A small picture to show in place of the original: WebP, at most 320 pixels on its long side.

It holds pixels and nothing else: no EXIF, no place, no profile.
"""

import io

from PIL import Image

LONG_SIDE = 320
QUALITY = 80
EFFORT = 2  # of 0 to 6: half the time of Pillow's 4 for a few percent of size


def thumbnail(image: Image.Image) -> bytes:
    """RGB picture -> WebP file."""
    small = image.copy()
    small.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.BICUBIC, reducing_gap=2.0)
    small.info.clear()
    written = io.BytesIO()
    small.save(written, "WEBP", quality=QUALITY, method=EFFORT, exif=b"", xmp=b"", icc_profile=b"")
    return written.getvalue()
