"""The files of a zip, read where they lie.

read_directory(file) -> its members in the order of its directory, streamed: a directory of any
length costs no memory. What a member says of itself is checked when it is read: its size, its
checksum, and that it unpacks to no more than it claims. Raises ZipError for what is no zip, or is
damaged. Format: APPNOTE.TXT 6.3, https://support.pkware.com/pkzip/appnote.
"""

import io
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from index.sourcing.files import File
from models.errors import ImageError, ImageTooLargeError, InputError

END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
ENTRY, LOCAL = b"PK\x01\x02", b"PK\x03\x04"
END_FORM = struct.Struct("<4s4H2LH")
LOCATOR_FORM = struct.Struct("<4sLQL")
END_64_FORM = struct.Struct("<4sQ2H2L4Q")
ENTRY_FORM = struct.Struct("<4s6H3L5H2L")
LOCAL_FORM = struct.Struct("<4s5H3L2H")
MAX_COMMENT = 0xFFFF
HEADER = 512  # bytes of a member's own header, with its name, of most
IN_EXTRA = 0xFFFFFFFF  # of a number that stands in the entry's 64-bit field
SIZES_64 = 1  # that field's number
ENCRYPTED, UTF8 = 0x2041, 0x800  # flags
STORED, DEFLATED = 0, 8
UNIX = 3


class ZipError(InputError):
    """What is no zip, or damaged."""


@dataclass(frozen=True)
class ZipMember:
    """A file in a zip, as its directory has it; its name is as it stands there."""

    file: File
    name: str
    start: int  # of its own header
    packed: int  # bytes in the zip
    size: int
    method: int
    flags: int
    checksum: int
    mode: int  # Unix's, 0 where another system packed it
    length: int  # of the zip

    @property
    def is_folder(self) -> bool:
        return self.name.endswith("/")

    @property
    def is_plain(self) -> bool:
        return stat.S_IFMT(self.mode) in (0, stat.S_IFREG, stat.S_IFDIR)

    @property
    def lies_inside(self) -> bool:
        return self.end <= self.length

    @property
    def end(self) -> int:
        """Before which it does not end."""
        return self.start + LOCAL_FORM.size + len(self.name) + self.packed

    def read(self, max_bytes: int) -> bytes:
        """Raises ImageError for what is not as the directory says."""
        if self.size > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        if not self.lies_inside:
            raise ImageError(f"{self.file}: lies outside of its zip")
        try:
            data = _unpacked(self, self._packed_bytes())
        except (OSError, zlib.error, struct.error, ZipError) as error:
            raise ImageError(f"{self.file}: cannot be read: {error}") from error
        if len(data) != self.size or zlib.crc32(data) != self.checksum:
            raise ImageError(f"{self.file}: damaged: not the bytes that its directory tells of")
        return data

    def _packed_bytes(self) -> bytes:
        # what is packed is hardly longer than what it unpacks to
        packed = min(self.packed, self.size + self.size // 100 + 1024)
        # in one read where its header is of ordinary length: elsewhere each one is a request
        with self.file.open("rb", buffering=0) as opened:
            opened.seek(self.start)
            data = opened.read(HEADER + packed)
            local = LOCAL_FORM.unpack_from(data)
            if local[0] != LOCAL:
                raise ZipError("no file where its directory says")
            start = LOCAL_FORM.size + sum(local[-2:])  # its name and extra field
            missing = start + packed - len(data)
            return (data + opened.read(missing) if missing > 0 else data)[start : start + packed]


def read_directory(file: File) -> Iterator[ZipMember]:
    try:
        with file.open("rb") as opened:
            directory = _directory(opened)
            opened.seek(directory.start)
            while opened.tell() < directory.start + directory.size:
                yield _entry(file, opened, directory)
    except (OSError, struct.error) as error:
        raise ZipError(f"cannot be read as a zip: {error}") from error


def _unpacked(member: ZipMember, packed: bytes) -> bytes:
    if member.method == STORED:
        return packed
    # one byte more, by which a member that unpacks to more than it claims is found out
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, member.size + 1)


@dataclass(frozen=True)
class _Directory:
    start: int
    size: int
    shift: int  # by which everything stands later than the zip says: something was put before it
    length: int  # of the zip


def _directory(opened: IO[bytes]) -> _Directory:
    length = opened.seek(0, io.SEEK_END)
    tail_start = max(0, length - END_FORM.size - MAX_COMMENT)
    opened.seek(tail_start)
    tail = opened.read()
    at = _end_record(tail)
    size, start = END_FORM.unpack_from(tail, at)[5:7]
    end = tail_start + at
    located = end - LOCATOR_FORM.size
    if located >= 0:
        opened.seek(located)
        locator = LOCATOR_FORM.unpack(opened.read(LOCATOR_FORM.size))
        if locator[0] == LOCATOR_64:
            end = located - END_64_FORM.size
            opened.seek(max(end, 0))
            record = END_64_FORM.unpack(opened.read(END_64_FORM.size))
            if record[0] != END_64:
                raise ZipError("cannot be read as a zip: its directory is damaged")
            size, start = record[-2:]
    shift = end - size - start
    if shift < 0:
        raise ZipError("cannot be read as a zip: its directory is damaged")
    return _Directory(start + shift, size, shift, length)


def _end_record(tail: bytes) -> int:
    """Where it begins: the last mark whose comment fills the rest, since a comment may hold marks;
    else the last one, for a zip that something was put behind."""
    last = at = tail.rfind(END)
    if last < 0:
        raise ZipError("cannot be read as a zip: it has no directory, or is cut off")
    while at >= 0:
        if len(tail) - at >= END_FORM.size:
            comment = END_FORM.unpack_from(tail, at)[-1]
            if at + END_FORM.size + comment == len(tail):
                return at
        at = tail.rfind(END, 0, at)
    return last


def _entry(file: File, opened: IO[bytes], directory: _Directory) -> ZipMember:
    fields = ENTRY_FORM.unpack(opened.read(ENTRY_FORM.size))
    if fields[0] != ENTRY:
        raise ZipError("cannot be read as a zip: its directory is damaged")
    made_by, _, flags, method, _, _, checksum, packed, size = fields[1:10]
    name_length, extra_length, comment_length = fields[10:13]
    attributes, start = fields[15:17]
    name = opened.read(name_length).decode("utf-8" if flags & UTF8 else "cp437", "surrogateescape")
    extra = opened.read(extra_length)
    opened.seek(comment_length, io.SEEK_CUR)
    size, packed, start = _in_64_bits(extra, (size, packed, start))
    return ZipMember(
        file=file,
        name=name,
        start=start + directory.shift,
        packed=packed,
        size=size,
        method=method,
        flags=flags,
        checksum=checksum,
        mode=attributes >> 16 if made_by >> 8 == UNIX else 0,
        length=directory.length,
    )


def _in_64_bits(extra: bytes, numbers: tuple[int, int, int]) -> tuple[int, ...]:
    """The numbers, of which those that have no room in their entry stand in its extra field."""
    at, wide = 0, b""
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == SIZES_64:
            wide = extra[at + 4 : at + 4 + length]
            break
        at += 4 + length
    held = iter(struct.iter_unpack("<Q", wide[: len(wide) // 8 * 8]))
    return tuple(next(held, (n,))[0] if n == IN_EXTRA else n for n in numbers)
