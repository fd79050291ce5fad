"""Requests that nobody should send, each with the status and the code that it must get.

Pictures: bombs, cut off, of other kinds, of two kinds at once, with headers that promise too much;
and those that a decoder hangs or dies on (tests/service/faulty.py). Bodies: no JSON, no form, no
query.
"""

import base64
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.fakes import picture_bytes
from tests.service.faulty import CRASHING, GREEDY, HANGING, form_of

JSON = "application/json"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<html><script>alert(1)</script></html>"


@dataclass(frozen=True)
class Hostile:
    name: str
    path: str
    content_type: str
    body: bytes
    status: int
    codes: frozenset[str]


def hostile_requests() -> list[Hostile]:
    return [*_pictures(), *_bodies()]


def deadly_pictures() -> list[Hostile]:
    """For the encoder that fails as it is told to."""
    widths = {"hangs": HANGING, "crashes": CRASHING, "takes all memory": GREEDY}
    return [
        _upload(name, picture_bytes("red", (width, 8)), 422, "invalid_image")
        for name, width in widths.items()
    ]


def _pictures() -> Iterator[Hostile]:
    jpeg = picture_bytes((255, 128, 0), (64, 64), "JPEG")
    png = picture_bytes("red", (64, 64))
    webp = picture_bytes("red", (64, 64), "WEBP")
    bad = (422, "invalid_image")
    large = (413, "image_too_large")
    yield _upload("nothing", b"", *bad)
    yield _upload("a text", b"hello", *bad)
    yield _upload("zeros", bytes(4096), *bad)
    yield _upload("a web page", HTML, *bad)
    yield _upload("SVG", SVG, *bad)
    yield _upload("a PDF", b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n", *bad)
    yield _upload("a PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", *bad)
    yield _upload("a page that begins as a GIF", b"GIF89a/*" + HTML, *bad)
    yield _upload("an archive behind a JPEG's first bytes", b"\xff\xd8\xff\xe0PK\x03\x04", *bad)
    yield _upload("half a JPEG", jpeg[: len(jpeg) // 2], *bad)
    yield _upload("a JPEG without its end", jpeg[:-40], *bad)
    yield _upload("half a PNG", png[: len(png) // 2], *bad)
    yield _upload("half a WebP", webp[: len(webp) // 2], *bad)
    yield _upload("a PNG with a wrong byte", png[:60] + b"\x00\xff" + png[62:], *bad)
    yield _upload("a PNG of 50,000 x 50,000", png_of(50_000, 50_000), *large)
    yield _upload("a PNG of 2^31 - 1 rows", png_of(1, 2**31 - 1), *large)
    yield _upload("a GIF of 65,535 x 65,535", gif_of(65_535, 65_535), *large)
    yield _upload("a PNG whose data never comes", png_of(800, 800, data=b""), *bad)
    yield _upload("a PNG whose data goes on for ever", png_of(800, 800, chunk=2**31 - 1), *bad)
    yield _upload("a BMP that promises more", b"BM" + struct.pack("<IHHI", 99, 0, 0, 54), *bad)


def _bodies() -> Iterator[Hostile]:
    for name, body in {
        "no JSON": b"{",
        "deep JSON": b'{"text": ' + b"[" * 50_000 + b"}",
        "a lone surrogate": b'{"text": "\\ud800"}',
        "bytes that are no text": b'{"text": "\xff"}',
        "a number for a text": b'{"text": 1}',
        "a field that nobody knows": b'{"text": "red", "nprobe": 9}',
        "no end of hits": b'{"text": "red", "limit": 1000000}',
        "no number": b'{"text": "red", "min_score": NaN}',
        "no words": b'{"text": "   "}',
        "a text without end": json.dumps({"text": "red " * 5000}).encode(),
        "a cursor of nobody's": b'{"text": "red", "cursor": "AAAA"}',
        "base64 that is none": b'{"image": {"base64": "!!!"}}',
        "a picture that is none": json.dumps(
            {"image": {"base64": base64.b64encode(SVG).decode()}}
        ).encode(),
        "a path for an id": b'{"image": {"id": "../../etc/passwd"}}',
    }.items():
        yield Hostile(name, "/v1/search", JSON, body, 422, frozenset())
    unknown = json.dumps({"image": {"id": "0" * 32}}).encode()
    yield Hostile("an unknown id", "/v1/search", JSON, unknown, 404, frozenset({"unknown_item"}))
    yield Hostile("a wrong type", "/v1/search", "text/plain", b"red", 415, frozenset())
    form = "multipart/form-data; boundary=b"
    yield Hostile("no form", "/v1/search/upload", form, b"\x00" * 99, 422, frozenset())


def _upload(name: str, picture: bytes, status: int, code: str) -> Hostile:
    body, boundary = form_of(picture)
    kind = f"multipart/form-data; boundary={boundary}"
    return Hostile(name, "/v1/search/upload", kind, body, status, frozenset({code}))


def png_of(
    width: int, height: int, *, data: bytes | None = None, chunk: int | None = None
) -> bytes:
    """A header that says so, and a little data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1024)) if data is None else data
    body = _chunk(b"IHDR", header) + _chunk(b"IDAT", pixels, chunk)
    return b"\x89PNG\r\n\x1a\n" + body + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes, length: int | None = None) -> bytes:
    told = len(data) if length is None else length
    return struct.pack(">I", told) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gif_of(width: int, height: int) -> bytes:
    screen = struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    return b"GIF89a" + screen + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x00;"
