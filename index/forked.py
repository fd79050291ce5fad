"""A process forked from this one, which answers at the other end of a pipe.

What it needs is there already. It keeps none of its parent's files open, leaves Ctrl-C and SIGTERM
to its parent, and ends with it, however that ends: a pipe without another end tells it.
"""

import contextlib
import multiprocessing
import os
import signal
import time
import warnings
import weakref
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

FIRST_FILE = 3  # after standard input, output and error
CLOSING_S = 2.0
POLLED_S = 0.002


class Forked:
    def __init__(self, live: Callable[[Connection], None]) -> None:
        """`live(pipe)` is the child's whole life, which should end when the pipe does."""
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_begin, args=(live, theirs), daemon=True)
        with warnings.catch_warnings():
            # of threads that the child does not have; it touches no lock of theirs
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        theirs.close()
        # or this process would wait at its end for one that SIGTERM does not end
        weakref.finalize(self, self._process.kill)

    @property
    def pid(self) -> int | None:
        return self._process.pid

    def kill(self) -> None:
        """A thread that waits for its answer learns of it by the pipe's end."""
        self._process.kill()
        # not join(CLOSING_S): what it would wait for, the child has let go of
        until = time.monotonic() + CLOSING_S
        while self._process.exitcode is None and time.monotonic() < until:
            time.sleep(POLLED_S)

    def release(self) -> None:
        """Ends it, and its pipe, for which nobody may wait any more."""
        self.kill()
        self.pipe.close()


def answer_calls(pipe: Connection, answer: Callable[[Any], Any]) -> None:
    """In the child: `answer(call)` for each that comes, until nobody is there any more."""
    while True:
        try:
            call = pipe.recv()
        except (EOFError, OSError):
            return
        answered = answer(call)
        with contextlib.suppress(BrokenPipeError):
            pipe.send(answered)


def _begin(live: Callable[[Connection], None], pipe: Connection) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _let_go_of_files(pipe.fileno())
    live(pipe)


def _let_go_of_files(kept: int) -> None:
    """Of the parent's open files, the job's lock among them, which would outlive it here, and the
    other processes' pipes, whose end would tell nobody that it has died."""
    os.closerange(FIRST_FILE, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
