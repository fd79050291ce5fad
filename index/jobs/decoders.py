"""Decoding in processes of its own: a picture that hangs or crashes a decoder costs itself alone.

Decoders(decode, count=, limits=).decode(job) -> what `decode(job)` returns in one of the processes;
safe to call from many threads, which wait for a free one. Raises the ImageError that `decode`
raised, and an ImageError where the process died, ran over its time or out of its memory; another
takes its place. The processes are forked, so what they need is there already; they end with their
parent, however that ends.
"""

import contextlib
import queue
import resource
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from index.forked import Forked, answer_calls
from models.errors import ImageError

Job = TypeVar("Job")
Decoded = TypeVar("Decoded")

KIB = 1024


@dataclass(frozen=True)
class DecoderLimits:
    """Of one picture."""

    time_s: float = 60.0
    memory_bytes: int = 3 * 1024**3  # beside what the process was forked with


class Decoders(Generic[Job, Decoded]):
    def __init__(
        self, decode: Callable[[Job], Decoded], *, count: int, limits: DecoderLimits | None = None
    ) -> None:
        self._decode = decode
        self._limits = limits or DecoderLimits()
        self._free: queue.SimpleQueue[_Process[Job, Decoded]] = queue.SimpleQueue()
        self._running: set[_Process[Job, Decoded]] = set()
        self._starting = threading.Lock()
        self._closed = False
        for _ in range(count):
            self._free.put(self._started())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def decode(self, job: Job) -> Decoded:
        process = self._free.get()
        try:
            if not process.takes(job):  # it died at rest
                process = self._replacement(process)
                process.takes(job)
            return process.answer(self._limits.time_s)
        except _LostError as error:
            process = self._replacement(process)
            raise ImageError(str(error)) from error
        finally:
            self._free.put(process)

    def close(self) -> None:
        """Ends the processes, also those that are at work: their callers get an ImageError."""
        with self._starting:
            self._closed = True
            for process in self._running:
                process.kill()

    def _started(self) -> "_Process[Job, Decoded]":
        process = _Process(self._decode, self._limits)
        self._running.add(process)
        return process

    def _replacement(self, lost: "_Process[Job, Decoded]") -> "_Process[Job, Decoded]":
        with self._starting:
            if self._closed:
                return lost
            lost.release()
            try:
                fresh = self._started()
            except OSError as error:  # what is lost stays, and is replaced when it is next asked
                raise ImageError(f"no decoder can be started: {error.strerror}") from error
            self._running.discard(lost)
            return fresh


class _LostError(Exception):
    """A process will not answer any more; its text says why."""


class _Process(Generic[Job, Decoded]):
    def __init__(self, decode: Callable[[Job], Decoded], limits: DecoderLimits) -> None:
        self._child = Forked(partial(_serve, decode, limits.memory_bytes))

    def takes(self, job: Job) -> bool:
        try:
            self._child.pipe.send(job)
        except OSError:
            return False
        return True

    def answer(self, time_s: float) -> Decoded:
        pipe = self._child.pipe
        try:
            if not pipe.poll(time_s):
                raise _LostError(f"decoding took longer than {time_s:g} s")
            answer: Decoded | ImageError = pipe.recv()
        except (EOFError, OSError) as error:
            raise _LostError("the decoder crashed on it") from error
        if isinstance(answer, ImageError):
            raise answer
        return answer

    def kill(self) -> None:
        self._child.kill()

    def release(self) -> None:
        self._child.release()


def _serve(decode: Callable[[Job], Decoded], memory_bytes: int, pipe: Connection) -> None:
    """The child's whole life."""
    _limit_memory(memory_bytes)
    answer_calls(pipe, partial(_answer, decode))


def _answer(decode: Callable[[Job], Decoded], job: Job) -> Decoded | ImageError:
    try:
        return decode(job)
    except ImageError as error:
        return error
    except MemoryError:
        return ImageError("decoding needs more memory than one picture may take")
    except Exception as error:  # noqa: BLE001 - a worker's boundary: whoever waits is told
        return ImageError(f"the decoder failed on it: {type(error).__name__}: {error}")


def _limit_memory(memory_bytes: int) -> None:
    """Of the process's own data beside what it has; a system that cannot say how much has none."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        held = next(int(line.split()[1]) * KIB for line in lines if line.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (held + memory_bytes, resource.RLIM_INFINITY))
