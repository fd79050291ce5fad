"""Answers that have been paid for, in a file that only grows: a JSON line an answer.

{"key", "model", "text" or "reason", "tokens": [input, output]}; a line with neither text nor reason
only says what a request without an answer has used. A line is on the disk when `keep` returns. The
end of a line that a kill has cut off is dropped when the file is opened; InputError for any other
line that cannot be read, and while another run has the file open.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, BinaryIO, Self

from models.errors import InputError


@dataclass(frozen=True)
class Tokens:
    input: int = 0
    output: int = 0

    def __add__(self, other: "Tokens") -> "Tokens":
        return Tokens(self.input + other.input, self.output + other.output)


NO_TOKENS = Tokens()


@dataclass(frozen=True)
class Answer:
    """The model's text, or the reason why it gave none that will do."""

    text: str | None = None
    reason: str | None = None
    tokens: Tokens = NO_TOKENS

    @property
    def is_final(self) -> bool:
        return self.text is not None or self.reason is not None


class AnswerCache:
    """Open while it is entered; then any thread may keep answers. Entered again, it reads no more
    than what the file has gained."""

    def __init__(self, file: Path, model: str) -> None:
        self.file = file
        self.known: dict[str, Answer] = {}
        self.used = NO_TOKENS  # by this model, all that the file holds
        self._model = model
        self._lines = self._bytes = 0  # read or written so far
        self._lock = Lock()
        self._stream: BinaryIO | None = None

    def __enter__(self) -> Self:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            stream = self.file.open("a+b")
        except OSError as error:
            raise InputError(f"{self.file}: {error.strerror}") from error
        try:
            fcntl.flock(stream.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read(stream)
        except BlockingIOError as error:
            stream.close()
            raise InputError(f"{self.file}: in use by another run") from error
        except BaseException:
            stream.close()
            raise
        self._stream = stream
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream:
            self._stream.close()
        self._stream = None

    def keep(self, key: str, answer: Answer) -> None:
        tokens = [answer.tokens.input, answer.tokens.output]
        line = {"key": key, "model": self._model, "text": answer.text, "reason": answer.reason}
        content = json.dumps({**line, "tokens": tokens}).encode() + b"\n"
        with self._lock:
            if self._stream is None:
                raise RuntimeError(f"{self.file}: not open")
            self._stream.write(content)
            self._stream.flush()
            os.fsync(self._stream.fileno())
            self._lines, self._bytes = self._lines + 1, self._bytes + len(content)
            self._take(key, answer)

    def _take(self, key: str, answer: Answer) -> None:
        self.used += answer.tokens
        if answer.is_final:
            self.known[key] = answer

    def _read(self, stream: BinaryIO) -> None:
        if stream.seek(0, os.SEEK_END) < self._bytes:  # another file has taken its place
            self.known, self.used, self._lines, self._bytes = {}, NO_TOKENS, 0, 0
        stream.seek(self._bytes)
        for line in stream:
            if not line.endswith(b"\n"):
                stream.truncate(self._bytes)
                break
            self._lines, self._bytes = self._lines + 1, self._bytes + len(line)
            content = self._parsed(line)
            answer = Answer(content["text"], content["reason"], Tokens(*content["tokens"]))
            if content["model"] == self._model:
                self._take(content["key"], answer)

    def _parsed(self, line: bytes) -> dict[str, Any]:
        expected = {"key": str, "model": str, "text": str | None, "reason": str | None}
        try:
            content = json.loads(line)
            known = all(isinstance(content[name], kind) for name, kind in expected.items())
            counts = content["tokens"]
            if known and len(counts) == 2 and all(type(count) is int for count in counts):
                return dict(content)
        except (ValueError, TypeError, KeyError):
            pass
        raise InputError(
            f"{self.file}, line {self._lines}: expected an answer with key, text, tokens"
        )
