"""Other file systems for tests: one in memory, and one that does what the test says."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index.sources import ImageSource, SourceOptions, VectorSource, open_source


@dataclass(frozen=True)
class Bucket:
    files: Any  # an fsspec file system
    folder: str

    @property
    def address(self) -> str:
        return f"memory:/{self.folder}"

    def put(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            self.files.pipe(f"{self.folder}/{name}", data)

    def put_folder(self, folder: Path) -> None:
        """What a folder on disk holds."""
        for file in folder.rglob("*"):
            if file.is_file():
                self.put({file.relative_to(folder).as_posix(): file.read_bytes()})


class Store:
    """A file system that lists and gives what the test says, or raises it."""

    def __init__(self, listed: dict[str, Any], given: object = b"") -> None:
        self.listed = listed
        self.given = given

    def ls(self, folder: str, detail: bool) -> Any:  # noqa: ANN401
        assert detail
        if isinstance(self.listed[folder], Exception):
            raise self.listed[folder]
        return self.listed[folder]

    def info(self, place: str) -> Any:  # noqa: ANN401
        for each in self.ls(place.rpartition("/")[0], detail=True):
            if each["name"] == place:
                return each
        raise FileNotFoundError(place)

    def open(self, place: str, mode: str, **options: object) -> Any:  # noqa: ANN401
        return self._given()

    def cat_file(self, place: str, start: int, end: int) -> Any:  # noqa: ANN401
        return self._given()

    def _given(self) -> object:
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


def file(name: str, **facts: object) -> dict[str, object]:
    return {"name": name, "type": "file", "size": 5, **facts}


def folder(name: str) -> dict[str, object]:
    return {"name": name, "type": "directory", "size": 0}


def opened(text: str) -> ImageSource:
    source = open_source(text)
    assert not isinstance(source, VectorSource)
    return source


def opened_vectors(text: str, options: SourceOptions | None = None) -> VectorSource:
    source = open_source(text, options)
    assert isinstance(source, VectorSource)
    return source
