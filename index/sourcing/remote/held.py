"""Pictures that have come already, held until they are read, as far as there is room.

Room(bytes).take(size) -> whether so many more may be held. Held gives its bytes once, and makes
room; whoever reads it again has it read where it came from.
"""

import threading

from index.found import Content
from models.errors import ImageTooLargeError


class Room:
    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._counting = threading.Lock()

    def take(self, size: int) -> bool:
        with self._counting:
            there = size <= self._left
            if there:
                self._left -= size
        return there

    def give_back(self, size: int) -> None:
        with self._counting:
            self._left += size


class Held:
    """A content. Its room has been taken."""

    def __init__(self, data: bytes, later: Content, room: Room) -> None:
        self._data: bytes | None = data
        self._later = later
        self._room = room
        self._taking = threading.Lock()

    def read(self, max_bytes: int) -> bytes:
        data = self._taken()
        if data is None:
            return self._later.read(max_bytes)
        if len(data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        return data

    def _taken(self) -> bytes | None:
        with self._taking:
            data, self._data = self._data, None
        if data is not None:
            self._room.give_back(len(data))
        return data

    def __del__(self) -> None:
        self._taken()
