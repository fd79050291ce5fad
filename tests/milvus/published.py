"""Folders' collections in Milvus Lite, a file of this process's, each under a name of its own."""

import itertools
from pathlib import Path

from index.milvus.address import parse_address
from index.milvus.publishing import publish


class Lite:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._published: dict[Path, str] = {}
        self._numbers = itertools.count()

    def new_address(self) -> str:
        return f"milvus://{self._file}/c{next(self._numbers)}"

    def address(self, folder: Path) -> str:
        """Where the collection is that this folder held when it was first asked for."""
        if folder not in self._published:
            address = self.new_address()
            publish(folder, parse_address(address))
            self._published[folder] = address
        return self._published[folder]
