"""XMP without what tells a latitude or a longitude, as long as before.

without_gps(packet): attributes and elements whose names speak of GPS, latitude or longitude are
spaces. Where any of these words is left, in whatever encoding, the whole packet is.
"""

import re

NAME = rb"[\w.:-]*(?:gps|latitude|longitude)\w*"
ATTRIBUTE = re.compile(NAME + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.IGNORECASE)
ELEMENT = re.compile(rb"<(" + NAME + rb")(?=[\s/>])[^>]*?(?:/>|>.*?</\1\s*>)", re.I | re.S)
WORDS = re.compile(rb"gps|latitude|longitude", re.IGNORECASE)


def tells_a_place(data: bytes) -> bool:
    return WORDS.search(data.replace(b"\0", b"")) is not None


def without_gps(packet: bytes) -> bytes:
    held = ELEMENT.sub(_spaces, ATTRIBUTE.sub(_spaces, packet))
    return b" " * len(packet) if tells_a_place(held) else held


def _spaces(found: re.Match[bytes]) -> bytes:
    return b" " * len(found.group())
