"""A model whose forward passes run in a process of its own, forked from this one.

Python runs one thread at a time: in one of a busy server's threads a model would wait for its turn
after each of its hundreds of operations. The process shares the weights' memory; whatever needs no
forward pass (decoding, tokenising) is done here. One pass runs at a time, whoever asks. The thread
that starts it, and those started by that one, give way to it from then on.

A process that dies, of whatever it is, fails the pass that it was at with UnavailableError, and the
next pass finds another in its place. What the model raises comes out here as it was raised there.
"""

import contextlib
import gc
import logging
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any, ParamSpec, Protocol, TypeVar

from PIL import Image

from index.forked import Forked, answer_calls
from models.decode import DecodeLimits
from models.device import Placement, limit_torch_threads
from models.encoders import (
    DualEncoder,
    FusingEncoder,
    Prompt,
    PromptEncoder,
    TokenisingEncoder,
    Tokens,
)
from models.errors import PictorError
from models.heat import HeatAsked, HeatEncoder, Looks, Map
from models.preprocess import Pixels
from models.space import Space
from models.vectors import Embeddings
from service.errors import UnavailableError

P = ParamSpec("P")
T = TypeVar("T")

Call = tuple[str, tuple[Any, ...], dict[str, Any]]  # a method's name and arguments

DIED = "the model's process has died"
READY, READY_S = "ready", 60.0
TRIED = "a red square"  # the pass that a new process proves itself with

log = logging.getLogger(__name__)


class WholeEncoder(
    DualEncoder, PromptEncoder, TokenisingEncoder, FusingEncoder, HeatEncoder, Protocol
):
    """All that a model of models/load.py can do."""

    @property
    def placement(self) -> Placement: ...


EncoderT = TypeVar("EncoderT", bound=WholeEncoder)


class ModelProcess:
    def __init__(self, encoder: WholeEncoder, threads: int) -> None:
        """Nothing is forked before the start; the process computes in so many threads."""
        self._encoder = encoder
        self._threads = threads
        self._child: Forked | None = None
        self._passing = threading.Lock()
        self._started = False
        self._lost: Callable[[], None] = lambda: None

    def start(self, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called for every process that has died."""
        with self._passing:
            self._lost = lost
            self._started = True
            self._child = self._forked()
        # so that requests that come in do not push the model's threads from their cores, one of
        # which would wait for the other
        schedule(os.SCHED_BATCH)

    def stop(self) -> None:
        """A pass that runs fails."""
        self._started = False
        child = self._child
        if child is not None:
            child.kill()

    @property
    def space(self) -> Space:
        return self._encoder.space

    @property
    def spaces(self) -> tuple[Space, ...]:
        return self._encoder.spaces

    @property
    def fills_galleries(self) -> bool:
        return self._encoder.fills_galleries

    @property
    def runs_on(self) -> str:
        return self._encoder.runs_on

    @property
    def word_width(self) -> int | None:
        return self._encoder.word_width

    @property
    def fused_space(self) -> Space | None:
        return self._encoder.fused_space

    @property
    def has_heat(self) -> bool:
        return self._encoder.has_heat

    def decode(self, data: bytes, limits: DecodeLimits | None = None) -> Image.Image:
        return self._encoder.decode(data, limits)

    def prepare(self, image: Image.Image) -> Pixels:
        return self._encoder.prepare(image)

    def looks(self, image: Image.Image) -> Looks:
        return self._encoder.looks(image)

    def overlong(self, texts: Sequence[str]) -> list[bool]:
        return self._encoder.overlong(texts)

    def tokenise(self, prompts: Sequence[Prompt]) -> list[Tokens]:
        return self._encoder.tokenise(prompts)

    def encode_images(self, pixels: Sequence[Pixels]) -> Embeddings:
        return self._passed(self._encoder.encode_images, pixels)

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        return self._passed(self._encoder.encode_texts, texts)

    def encode_prompts(self, prompts: Sequence[Prompt]) -> Embeddings:
        return self._passed(self._encoder.encode_prompts, prompts)

    def encode_tokens(self, tokens: Sequence[Tokens]) -> Embeddings:
        return self._passed(self._encoder.encode_tokens, tokens)

    def fuse(self, images: Embeddings, texts: Embeddings) -> Embeddings:
        return self._passed(self._encoder.fuse, images, texts)

    def heat(self, asked: Sequence[HeatAsked]) -> list[Map]:
        return self._passed(self._encoder.heat, asked)

    def _passed(self, method: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What that method of the model gives, or raises, there."""
        call = (method.__name__, arguments, named)
        with self._passing:
            if not self._started:
                raise UnavailableError("the model's process is not started")
            outcome: T | Exception = self._answer(self._taken(call))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _taken(self, call: Call) -> Forked:
        """The process that has been sent it; one that died at rest is replaced."""
        if self._child is not None:
            try:
                self._child.pipe.send(call)
                return self._child
            except OSError:
                self._drop(self._child)
        child = self._child = self._forked()
        if not self._started:  # it was stopped meanwhile
            child.kill()
        try:
            child.pipe.send(call)
        except OSError as error:
            self._drop(child)
            raise UnavailableError(DIED) from error
        return child

    def _answer(self, child: Forked) -> Any:  # noqa: ANN401
        try:
            return child.pipe.recv()
        except (EOFError, OSError) as error:
            self._drop(child)
            raise UnavailableError(DIED) from error

    def _drop(self, child: Forked) -> None:
        if self._started:
            log.critical("the model's process %s has died, another will take its place", child.pid)
            self._lost()
        self._child = None
        child.release()

    def _forked(self) -> Forked:
        # by a thread of its own: a child of one that has computed would wait for the threads that
        # helped it
        try:
            with ThreadPoolExecutor(1) as forking:
                child = forking.submit(Forked, self._live).result()
        except OSError as error:
            raise UnavailableError("no process for the model can be started") from error
        try:
            if child.pipe.poll(READY_S) and child.pipe.recv() == READY:
                log.info("the model runs in process %s", child.pid)
                return child
        except (EOFError, OSError):
            pass
        child.release()
        raise UnavailableError("a process for the model did not start")

    def _live(self, pipe: Connection) -> None:
        """The child's whole life."""
        schedule(os.SCHED_OTHER)
        gc.freeze()  # what is shared with the parent is not looked through here
        limit_torch_threads(self._threads)
        self._encoder.encode_texts([TRIED])
        pipe.send(READY)
        answer_calls(pipe, self._outcome)

    def _outcome(self, call: Call) -> Any:  # noqa: ANN401
        method, arguments, named = call
        try:
            return getattr(self._encoder, method)(*arguments, **named)
        except Exception as error:  # noqa: BLE001  a process's boundary: whoever waits is told
            return _sendable(error)


def apart(encoder: EncoderT, threads: int) -> "EncoderT | ModelProcess":
    """The model in a process of so many threads, where that can be: a device is not shared with a
    forked process, and only on Linux is forking safe."""
    forkable = encoder.placement.device.type == "cpu" and sys.platform == "linux"
    return ModelProcess(encoder, threads) if forkable else encoder


def schedule(policy: int) -> None:
    """This thread, and those that it starts; where that is not allowed it stays as it was."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, policy, os.sched_param(0))


def _sendable(error: Exception) -> Exception:
    """With where it was raised, which would be lost on the way; of a library's own class, which may
    not survive it, what it says."""
    known = isinstance(error, PictorError) or type(error).__module__ == "builtins"
    told = error if known else RuntimeError(f"{type(error).__name__}: {error}")
    told.add_note(traceback.format_exc())
    return told
