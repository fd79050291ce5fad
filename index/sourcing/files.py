"""A file that a source is read from: a Path on disk, or one like it in another file system."""

from typing import IO, Literal, Protocol


class File(Protocol):
    """What readers need of a Path; str() of it is what errors call it."""

    @property
    def name(self) -> str: ...

    @property
    def stem(self) -> str: ...

    @property
    def suffix(self) -> str: ...

    @property
    def parent(self) -> object:
        """Its folder, by str()."""
        ...

    def open(self, mode: Literal["rb"], buffering: int = -1) -> IO[bytes]: ...
