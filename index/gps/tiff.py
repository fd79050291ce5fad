"""EXIF without its GPS directory, as long as before.

without_gps(exif): the directory, its values, and the entry that leads there are zeros; all else
stays where it was. EXIF that is damaged becomes zeros altogether. TIFF 6.0, and CIPA DC-008 (Exif
2.32) for the tags; what makers write into their own notes is not looked into.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

GPS, XMP = 0x8825, 0x02BC
LEADING_ON = frozenset({0x8769, 0xA005, 0x014A})  # to EXIF, interoperability, further pictures
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
MOST_DIRECTORIES = 64
HEADERS = {b"II*\0": "<", b"MM\0*": ">"}


@dataclass(frozen=True)
class Entry:
    tag: int
    kind: int
    count: int
    at: int  # its twelve bytes
    value: int  # or where that lies

    @property
    def outside(self) -> int:
        """Bytes of its values that lie elsewhere."""
        size = SIZES.get(self.kind, 8) * self.count
        return size if size > 4 else 0


def without_gps(exif: bytes) -> bytes:
    try:
        return bytes(_Tiff(exif).cleaned())
    except (struct.error, ValueError):
        return bytes(len(exif))


class _Tiff:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._held = bytearray(data)
        self._order = HEADERS.get(data[:4], "")
        self._seen: set[int] = set()
        if not self._order:
            raise ValueError("not EXIF")

    def cleaned(self) -> bytearray:
        (first,) = self._numbers("I", 4)
        self._visit(first)
        return self._held

    def _numbers(self, kinds: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(self._order + kinds, self._data, at)

    def _visit(self, at: int) -> None:
        """A directory, those that it leads to, and the next."""
        while at:
            if at in self._seen:
                return
            self._seen.add(at)
            if len(self._seen) > MOST_DIRECTORIES:
                raise ValueError("directories without end")
            entries = list(self._entries(at))
            for entry in entries:
                if entry.tag in LEADING_ON and not entry.outside:
                    self._visit(entry.value)
                elif entry.tag in LEADING_ON:
                    raise ValueError("several directories in one entry")
                elif entry.tag == XMP:
                    self._wipe(entry.value, entry.outside)
            self._drop(at, [entry for entry in entries if entry.tag == GPS])
            (at,) = self._numbers("I", at + 2 + 12 * len(entries))

    def _entries(self, at: int) -> Iterator[Entry]:
        (count,) = self._numbers("H", at)
        for number in range(count):
            place = at + 2 + 12 * number
            tag, kind, values, value = self._numbers("HHII", place)
            yield Entry(tag, kind, values, place, value)

    def _drop(self, at: int, entries: list[Entry]) -> None:
        """Close up over these entries of a directory, and wipe what they lead to."""
        if not entries:
            return
        (count,) = self._numbers("H", at)
        end = at + 2 + 12 * count + 4  # and where the next directory lies
        gone = {entry.at for entry in entries}
        places = [at + 2 + 12 * n for n in range(count)]
        kept = [self._data[place : place + 12] for place in places if place not in gone]
        closed = b"".join(kept) + self._data[end - 4 : end]
        self._held[at:end] = struct.pack(self._order + "H", len(kept)) + closed.ljust(
            end - at - 2, b"\0"
        )
        for entry in entries:
            for each in self._entries(entry.value):
                self._wipe(each.value, each.outside)
            (inner,) = self._numbers("H", entry.value)
            self._wipe(entry.value, 2 + 12 * inner + 4)

    def _wipe(self, first: int, count: int) -> None:
        end = min(first + count, len(self._held))
        if first < end:
            self._held[first:end] = bytes(end - first)
