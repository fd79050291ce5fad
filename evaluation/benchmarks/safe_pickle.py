"""A pickle of plain data, read without running anything in it.

read_plain_pickle(path) -> dicts, lists, tuples, strings, numbers, booleans and None; numpy's
numbers and rows of numbers, in the form in which numpy pickles them up to protocol 4, come out as
numbers and lists. Nothing is imported and nothing called: the opcodes are interpreted here, and
whatever else a pickle may name or do is refused by its name. So is a file over 64 MiB, data that is
nested over 16 levels deep or within itself, and an integer of more than 8 bytes. Raises InputError.
"""

import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.errors import InputError

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 16
MAX_INTEGER = 2**63

CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
VALUES = frozenset(
    [
        *("INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
        *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
        *("STRING", "SHORT_BINSTRING", "BINSTRING"),  # Python 2's, read as Latin-1
        *("SHORT_BINBYTES", "BINBYTES", "BINBYTES8"),
    ]
)
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
NUMBER_TYPES = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
PLAIN = (str, int, float, type(None))
FAILURES = (ValueError, LookupError, TypeError, OverflowError, MemoryError)


class _Refused(Exception):
    """What is wrong with a pickle, before its file is named."""


def read_plain_pickle(path: Path) -> Any:  # noqa: ANN401
    try:
        with path.open("rb") as file:
            if path.stat().st_size > MAX_BYTES:
                raise _Refused(f"over {MAX_BYTES} bytes")
            machine = _Machine()
            for opcode, argument, _ in pickletools.genops(file):
                machine.do(opcode.name, argument)
            if file.read(1):
                raise _Refused("goes on after the end of its pickle")
        return _plain(machine.result())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except _Refused as error:
        raise InputError(f"{path}: {error}") from error
    except FAILURES as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: cannot be read as a pickle of plain data: {reason}") from error


def _plain(value: Any) -> Any:  # noqa: ANN401
    """The value, once it is known to hold only plain data, not too deep."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: dict[int, Any] = {}  # what is there twice is looked at once
        for each in level:
            if isinstance(each, (list, tuple)):
                below.update((id(inner), inner) for inner in each)
            elif isinstance(each, dict):
                below.update((id(inner), inner) for inner in each.values())
            elif not isinstance(each, PLAIN):
                raise _Refused(f"holds a {type(each).__name__.strip('_')}, expected plain data")
        level = list(below.values())
        if not level:
            return value
    raise _Refused(f"nested over {MAX_DEPTH} levels")


class _Machine:
    """A pickle's stack and memo, for the opcodes that plain data needs."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks that wait below the marks
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:  # noqa: ANN401
        if self._below or len(self._stack) != 1:
            raise _Refused("a pickle that does not end with one value")
        return self._stack[0]

    def do(self, name: str, argument: Any) -> None:  # noqa: ANN401
        known = (
            name in ("PROTO", "FRAME", "STOP")
            or self._value(name, argument)
            or self._remembered(name, argument)
            or self._gathered(name)
            or self._put_in(name)
            or self._formed(name, argument)
        )
        if not known:
            raise _Refused(f"holds the opcode {name}, and only plain data is read of it")

    def _value(self, name: str, argument: Any) -> bool:  # noqa: ANN401
        if name in VALUES:
            if isinstance(argument, int) and not -MAX_INTEGER <= argument < MAX_INTEGER:
                raise _Refused("holds an integer of more than 8 bytes")
            self._stack.append(argument)
        elif name in CONSTANTS:
            self._stack.append(CONSTANTS[name])
        return name in VALUES or name in CONSTANTS

    def _remembered(self, name: str, argument: Any) -> bool:  # noqa: ANN401
        match name:
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = self._stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                self._stack.append(self._memo[argument])
            case _:
                return False
        return True

    def _gathered(self, name: str) -> bool:
        match name:
            case "MARK":
                self._below.append(self._stack)
                self._stack = []
            case "EMPTY_LIST":
                self._stack.append([])
            case "EMPTY_DICT":
                self._stack.append({})
            case "EMPTY_TUPLE":
                self._stack.append(())
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                self._stack.append(tuple(self._taken(TUPLES[name])))
            case "LIST":
                values = self._marked()
                self._stack.append(values)
            case "TUPLE":
                values = self._marked()
                self._stack.append(tuple(values))
            case "DICT":
                values = self._marked()
                self._stack.append({})
                self._set(values)
            case _:
                return False
        return True

    def _put_in(self, name: str) -> bool:
        match name:
            case "APPEND":
                self._extend(self._taken(1))
            case "APPENDS":
                self._extend(self._marked())
            case "SETITEM":
                self._set(self._taken(2))
            case "SETITEMS":
                self._set(self._marked())
            case _:
                return False
        return True

    def _formed(self, name: str, argument: Any) -> bool:  # noqa: ANN401
        """What numpy's numbers are made with."""
        match name:
            case "GLOBAL":
                self._stack.append(_Name(*argument.split(" ")))
            case "STACK_GLOBAL":
                self._stack.append(_Name(*self._taken(2)))
            case "REDUCE":
                called, arguments = self._taken(2)
                if not isinstance(called, _Name):
                    raise _Refused(f"calls a {type(called).__name__}")
                self._stack.append(called.form(arguments))
            case "BUILD":
                (state,) = self._taken(1)
                if not isinstance(self._stack[-1], (_Array, _Kind)):
                    raise _Refused(f"sets the state of a {type(self._stack[-1]).__name__}")
                self._stack[-1].fill(state)
            case _:
                return False
        return True

    def _taken(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise _Refused("takes more than it holds")
        taken = self._stack[-count:]
        del self._stack[-count:]
        return taken

    def _marked(self) -> list[Any]:
        taken, self._stack = self._stack, self._below.pop()
        return taken

    def _extend(self, values: list[Any]) -> None:
        if type(self._stack[-1]) is not list:
            raise _Refused(f"appends to a {type(self._stack[-1]).__name__}")
        self._stack[-1].extend(values)

    def _set(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if type(target) is not dict:
            raise _Refused(f"sets a key of a {type(target).__name__}")
        for key, value in zip(values[::2], values[1::2], strict=True):
            if not isinstance(key, str):  # looked at before it is hashed
                raise _Refused(f"a key is a {type(key).__name__}, expected a string")
            if key in target:
                raise _Refused(f"the key {key[:100]!r} is there twice in one dict")
            target[key] = value


class _Name:
    """A global that numpy's numbers are pickled with; it stands for one of the forms below."""

    def __init__(self, module: object, name: object) -> None:
        self.full = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""
        if self.full not in FORMS:
            raise _Refused(f"names {self.full[:200]!r}, and only plain data is read of it")

    def form(self, arguments: object) -> Any:  # noqa: ANN401
        form = FORMS[self.full]
        if form is None or not isinstance(arguments, tuple):
            raise _Refused(f"calls {self.full}")
        return form(*arguments)


class _Kind:
    """numpy's type of a number."""

    def __init__(self, code: object, *_flags: object) -> None:
        if not isinstance(code, str) or code not in NUMBER_TYPES:
            raise _Refused("holds an array of what is not a number")
        self._code = code
        self._order = "="

    def fill(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in ("<", ">", "|", "="):
            raise _Refused("holds a number without its byte order")
        self._order = str(order)

    def numbers(self, data: object) -> list[Any]:
        if not isinstance(data, bytes):
            raise _Refused(f"holds an array whose data is a {type(data).__name__}")
        numbers: list[Any] = np.frombuffer(data, np.dtype(self._order + self._code)).tolist()
        return numbers


class _Array(list[Any]):
    """numpy's array, whose numbers come as its state."""

    def fill(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise _Refused("holds an array in a form that is not known")
        _, shape, kind, _, data = state
        numbers = kind.numbers(data) if isinstance(kind, _Kind) else []
        if type(shape) is not tuple or len(shape) != 1 or shape[0] != len(numbers):
            raise _Refused("holds an array that is not one row of numbers")
        self[:] = numbers


def _array(*_arguments: object) -> _Array:
    return _Array()


def _scalar(kind: object, data: object) -> Any:  # noqa: ANN401
    numbers = kind.numbers(data) if isinstance(kind, _Kind) else []
    if len(numbers) != 1:
        raise _Refused("holds a number in a form that is not known")
    return numbers[0]


def _encoded(text: object, encoding: object) -> bytes:
    """How older protocols write bytes."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _Refused("holds bytes in a form that is not known")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    return b""


FORMS: dict[str, Callable[..., Any] | None] = {
    "numpy.ndarray": None,  # named, never called
    "numpy.dtype": _Kind,
    "numpy.core.multiarray._reconstruct": _array,
    "numpy._core.multiarray._reconstruct": _array,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "_codecs.encode": _encoded,
    "__builtin__.bytes": _no_bytes,
}
