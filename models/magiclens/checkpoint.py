"""The published checkpoint's arrays, read as data: a pickle of one bytes object, in it msgpack.

read_checkpoint(path) -> float32 arrays by their names below the root `params`, levels joined by
"/", as in `clip/text/ln_final/scale`; they may be read-only. Nothing is unpickled: the opcodes are
looked through, any that could build more than one bytes object is refused (a global by its name),
and the msgpack is then read from its place in the file. So a hostile file can neither run code nor
fill the memory with what it does not hold, and a good one is held once.
Raises ModelError, which names the array where it is about one.
Source of the format: flax.serialization, `to_bytes` of a tree of arrays (extension 1 an array,
3 a scalar, each packed as shape, name of the type, bytes; large arrays in flat chunks).
"""

import math
import pickletools
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import msgpack
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

Array = NDArray[np.float32]

ROOT = "params"
ARRAY_CODES = (1, 3)  # flax's codes for an array and for a scalar
STORED_AS = {"float16": "<f2", "float32": "<f4", "float64": "<f8", "bfloat16": "<u2"}
MAX_DEPTH = 32
MAX_DIMENSIONS = 8
CHUNKED, CHUNKED_SHAPE, CHUNKS = "__msgpack_chunked_array__", "shape", "chunks"

# how many bytes of length follow the opcode of a bytes object
BYTES_OPCODES = {"SHORT_BINBYTES": 1, "BINBYTES": 4, "BINBYTES8": 8}
PLAIN_OPCODES = {"PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT", "STOP"}
STRING_OPCODES = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
PICKLE_FAILURES = (ValueError, OverflowError, MemoryError)

# msgpack's own limits would let a few bytes claim gigabytes; a tree holds no lists and no bytes
TREE_LIMITS: dict[str, int] = {
    "max_buffer_size": 2**31 - 1,
    "max_str_len": 1000,
    "max_map_len": 10_000,
    "max_array_len": 0,
    "max_bin_len": 0,
}
ARRAY_LIMITS = {"max_array_len": MAX_DIMENSIONS, "max_str_len": 100, "max_map_len": 0}
MSGPACK_FAILURES = (ValueError, msgpack.UnpackException, MemoryError)


def read_checkpoint(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            start, length = _place_of_bytes(path, file)
            tree = _tree(path, file, start, length)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if not isinstance(tree, dict) or tree.keys() != {ROOT} or not isinstance(tree[ROOT], dict):
        found = ", ".join(map(repr, tree)) if isinstance(tree, dict) else type(tree).__name__
        raise ModelError(f"{path}: expected a tree with the one root {ROOT!r}, found {found[:200]}")
    return dict(_arrays(str(path), tree.pop(ROOT), ()))


def _place_of_bytes(path: Path, file: IO[bytes]) -> tuple[int, int]:
    """Where in the file the one bytes object of its pickle starts, and its length."""
    words: list[str] = []  # what a STACK_GLOBAL would take its names from
    places: list[tuple[int, int]] = []
    try:
        for opcode, argument, position in pickletools.genops(file):
            if opcode.name in BYTES_OPCODES and isinstance(argument, bytes):
                start = (position or 0) + 1 + BYTES_OPCODES[opcode.name]
                places.append((start, len(argument)))
            elif opcode.name in STRING_OPCODES:
                words.append(str(argument))
            elif opcode.name not in PLAIN_OPCODES:
                raise ModelError(f"{path}: {_refusal(opcode.name, argument, words)}")
    except PICKLE_FAILURES as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(f"{path}: cannot be read as a pickle: {reason}") from error
    if file.read(1):
        raise ModelError(f"{path}: goes on after the end of its pickle")
    if words or len(places) != 1:
        raise ModelError(
            f"{path}: expected a pickle of one bytes object, found {len(places)} of them "
            f"and {len(words)} strings"
        )
    return places[0]


def _refusal(opcode: str, argument: Any, words: list[str]) -> str:  # noqa: ANN401
    if opcode in ("GLOBAL", "INST", "STACK_GLOBAL"):
        names = str(argument).split() if argument else words[-2:]
        return f"names {'.'.join(names)[:200]!r}, and nothing but data is read of a checkpoint"
    if opcode in ("PERSID", "BINPERSID"):
        return "refers to an object outside itself, and nothing but data is read of a checkpoint"
    return (
        "not a checkpoint as published: expected a pickle of one bytes object, "
        f"found the opcode {opcode}"
    )


def _tree(path: Path, file: IO[bytes], start: int, length: int) -> Any:  # noqa: ANN401
    """Maps by name, with the arrays still packed."""
    file.seek(start)
    unpacker = msgpack.Unpacker(file, raw=False, object_pairs_hook=_unique, **TREE_LIMITS)
    try:
        tree = unpacker.unpack()
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    except MSGPACK_FAILURES as error:
        raise ModelError(f"{path}: cannot be read as msgpack: {_reason(error)}") from error
    if unpacker.tell() != length:
        raise ModelError(
            f"{path}: its msgpack ends after {unpacker.tell()} bytes, expected {length}"
        )
    return tree


def _unique(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, value in pairs:
        # joined by "/" and put into lines of text
        if not isinstance(name, str) or "/" in name or not name.isprintable():
            raise ModelError(f"name {name!r}: expected a plain string without '/'")
        if name in names:
            raise ModelError(f"name {name!r} stands twice in one map")
        names[name] = value
    return names


def _arrays(
    where: str, tree: dict[str, Any], above: tuple[str, ...]
) -> Iterator[tuple[str, Array]]:
    """Every array by its name; it leaves the tree, so that none is held packed and unpacked."""
    if len(above) > MAX_DEPTH:
        raise ModelError(f"{where}: {'/'.join(above)[:200]}...: nested over {MAX_DEPTH} levels")
    for name in list(tree):
        levels = (*above, name)
        full = "/".join(levels)
        value = tree.pop(name)
        if isinstance(value, dict) and CHUNKED not in value:
            yield from _arrays(where, value, levels)
            continue
        array = (_joined if isinstance(value, dict) else _unpacked)(f"{where}: {full}", value)
        if not np.isfinite(array).all():
            raise ModelError(f"{where}: {full}: holds NaN or infinity, expected numbers")
        yield full, array


def _unpacked(where: str, value: Any) -> Array:  # noqa: ANN401
    if not isinstance(value, msgpack.ExtType) or value.code not in ARRAY_CODES:
        found = f"extension {value.code}" if isinstance(value, msgpack.ExtType) else repr(value)
        raise ModelError(f"{where}: expected an array, found {found[:100]}")
    shape, stored, data = _parts(where, value.data)
    size = math.prod(shape) * np.dtype(STORED_AS[stored]).itemsize
    if len(data) != size:
        raise ModelError(
            f"{where}: {len(data)} bytes, expected {size} for {stored} of shape {shape}"
        )
    array = np.frombuffer(data, STORED_AS[stored])
    if stored == "bfloat16":  # the upper half of a float32
        array = (array.astype("<u4") << 16).view("<f4")
    with np.errstate(over="ignore"):  # becomes an infinity, which is refused
        return array.astype(np.float32, copy=False).reshape(shape)


def _parts(where: str, packed: bytes) -> tuple[tuple[int, ...], str, bytes]:
    """Shape, name of the type, and bytes."""
    try:
        parts = msgpack.unpackb(packed, raw=False, **ARRAY_LIMITS)
    except MSGPACK_FAILURES as error:
        raise ModelError(f"{where}: cannot be read as an array: {_reason(error)}") from error
    if not isinstance(parts, list) or len(parts) != 3 or not isinstance(parts[2], bytes):
        raise ModelError(f"{where}: expected shape, type and bytes, found something else")
    shape, stored, data = parts
    if not isinstance(shape, list) or not all(_is_count(side) for side in shape):
        raise ModelError(f"{where}: shape {str(shape)[:100]}, expected whole numbers from 0")
    if not isinstance(stored, str) or stored not in STORED_AS:
        raise ModelError(f"{where}: type {stored!r}, expected one of {', '.join(STORED_AS)}")
    return tuple(shape), stored, data


def _joined(where: str, chunked: dict[str, Any]) -> Array:
    """An array that was cut into flat chunks."""
    if chunked.keys() != {CHUNKED, CHUNKED_SHAPE, CHUNKS}:
        raise ModelError(f"{where}: a chunked array of {', '.join(chunked)[:200]}")
    shape = _numbered(where, chunked[CHUNKED_SHAPE])
    if len(shape) > MAX_DIMENSIONS or not all(_is_count(side) for side in shape):
        raise ModelError(f"{where}: shape {str(shape)[:100]}, expected whole numbers from 0")
    chunks = [_unpacked(where, chunk) for chunk in _numbered(where, chunked.pop(CHUNKS))]
    if any(chunk.ndim != 1 for chunk in chunks) or sum(map(len, chunks)) != math.prod(shape):
        found = [chunk.shape for chunk in chunks][:10]
        raise ModelError(f"{where}: chunks {found} do not make up the shape {tuple(shape)}")
    return np.concatenate([np.empty(0, np.float32), *chunks]).reshape(shape)


def _numbered(where: str, parts: Any) -> list[Any]:  # noqa: ANN401
    """The parts of a map "0", "1", ... in their order."""
    names = [str(number) for number in range(len(parts))] if isinstance(parts, dict) else None
    if names is None or parts.keys() != set(names):
        raise ModelError(f"{where}: expected parts numbered from 0, found {str(parts)[:100]}")
    return [parts.pop(name) for name in names]


def _is_count(number: Any) -> bool:  # noqa: ANN401
    return type(number) is int and number >= 0


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
