"""What a job's machines say to each other about pictures.

The driver, which has the collection, asks for a content; a worker answers what it has made of it,
that it could not read it, or why it can do no work at all.
"""

from dataclasses import dataclass

from index.found import Content
from index.jobs.known import Lacks
from index.jobs.reading import Decoded
from index.segments import Segment
from models.errors import EngineError, ImageError, ImageTooLargeError, PictorError


@dataclass(frozen=True)
class HeldContent:
    """A picture that has come already, or why it has not."""

    data: bytes
    refused: ImageError | None = None

    def read(self, max_bytes: int) -> bytes:
        if self.refused is not None:
            raise self.refused
        if len(self.data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        return self.data


@dataclass(frozen=True)
class Question:
    content: Content
    lacks: Lacks  # what is to be made of it
    must: bool  # be made, although the worker thinks that the collection has it


@dataclass(frozen=True)
class Answer:
    id: str
    decoded: Decoded | None = None  # None where the collection has it, or it is refused
    refused: str | None = None  # why the content will not do
    row: Segment | None = None  # one row


@dataclass(frozen=True)
class Unread:
    """The worker cannot get at the bytes; another machine might."""

    reason: str


@dataclass(frozen=True)
class Fault:
    """The worker can do no work, and another one could not either."""

    error: PictorError


Reply = Answer | Unread | Fault


def fault_of(error: Exception) -> Fault:
    if isinstance(error, PictorError):
        return Fault(error)
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return Fault(EngineError(f"a worker failed: {text}"))
